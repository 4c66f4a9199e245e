#!/usr/bin/env bash
# Submits the job to Kubernetes; the driver is a pod of its own.
# NOT EXECUTED by this project's tests: there is no Kubernetes here. Please tell us how it went.
#
#   docs/examples/kubernetes/submit.sh 2026-11-23
#
# conf/prod.yml in the image must name an input and an output that all pods reach, such as s3a://bucket/path.
# The service account `spark` may create pods, services and config maps in the namespace; the secret `s3` has the keys.
set -euo pipefail
spark-submit --master k8s://https://kubernetes.example.com:6443 --deploy-mode cluster --name customer-segments \
  --properties-file conf/spark-s3.conf \
  --conf spark.jars.ivy=/tmp/ivy \
  --conf spark.executor.instances=2 \
  --conf spark.kubernetes.namespace=segments \
  --conf spark.kubernetes.authenticate.driver.serviceAccountName=spark \
  --conf spark.kubernetes.container.image=registry.example.com/seg_spark:0.1.0 \
  --conf spark.kubernetes.driver.secretKeyRef.AWS_ACCESS_KEY_ID=s3:access-key \
  --conf spark.kubernetes.driver.secretKeyRef.AWS_SECRET_ACCESS_KEY=s3:secret-key \
  --conf spark.pyspark.python=/opt/environment/bin/python \
  local:///opt/seg_spark/jobs/nightly.py --run-date "$1" --env prod --conf-dir /opt/seg_spark/conf
