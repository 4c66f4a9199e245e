"""The nightly job under Airflow 3, by spark-submit. Needs the package apache-airflow-providers-apache-spark.

The connection `spark_default` names the master (its host is spark://master:7077, local[*] or yarn); spark-submit is on
the worker's PATH. `{{ ds }}` is the day of the start. Executed by scripts/test-all.
"""

from datetime import datetime, timedelta

from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.sdk import DAG

PROJECT = "/opt/seg_spark"

with DAG(
    dag_id="customer_segments",
    schedule="0 3 * * *",
    start_date=datetime(2026, 11, 1),
    catchup=False,  # for dates of the past: seg-spark backfill, with one start of Spark
    max_active_runs=1,  # a date goes on from the segments of the date before
):
    SparkSubmitOperator(
        task_id="nightly",
        conn_id="spark_default",
        application=f"{PROJECT}/jobs/nightly.py",
        application_args=["--run-date", "{{ ds }}", "--env", "prod", "--conf-dir", f"{PROJECT}/conf"],
        env_vars={"PYSPARK_PYTHON": f"{PROJECT}/.venv/bin/python"},  # or that of the archive of scripts/pack
        retries=2,  # a run that is done again replaces its date, or sees that there is nothing to do
        retry_delay=timedelta(minutes=15),
    )
