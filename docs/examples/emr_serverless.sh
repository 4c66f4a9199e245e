#!/usr/bin/env bash
# Submits the job to an EMR Serverless application of a release with Spark 4 (emr-spark-8.0 or newer).
# NOT EXECUTED by this project's tests: there is no EMR here. Please tell us how it went.
#
#   APPLICATION_ID=... JOB_ROLE_ARN=... BUCKET=... docs/examples/emr_serverless.sh 2026-11-23
#
# Before: scripts/pack on the application's own Linux and Python, then
#   aws s3 cp dist/seg_spark.tar.gz "s3://$BUCKET/seg_spark/"
#   aws s3 cp jobs/nightly.py "s3://$BUCKET/seg_spark/" && aws s3 cp --recursive conf "s3://$BUCKET/seg_spark/conf/"
# conf/prod.yml has input.path and output.path on S3. EMR brings its own libraries for S3: no conf/spark-s3.conf here.
set -euo pipefail
run_date=$1
home="s3://$BUCKET/seg_spark"
python=./environment/bin/python
aws emr-serverless start-job-run --application-id "$APPLICATION_ID" --execution-role-arn "$JOB_ROLE_ARN" \
  --name "customer segments $run_date" --job-driver '{"sparkSubmit": {
    "entryPoint": "'"$home"'/nightly.py",
    "entryPointArguments": ["--run-date", "'"$run_date"'", "--env", "prod", "--conf-dir", "."],
    "sparkSubmitParameters": "--archives '"$home"'/seg_spark.tar.gz#environment --files '"$home"'/conf/base.yml,'"$home"'/conf/prod.yml --conf spark.emr-serverless.driverEnv.PYSPARK_DRIVER_PYTHON='"$python"' --conf spark.emr-serverless.driverEnv.PYSPARK_PYTHON='"$python"'"
  }}'
