"""spark-submit entry point of any command of seg-spark that needs Spark's settings, for example of an output on S3.

    spark-submit --properties-file conf/spark-s3.conf jobs/command.py rollback --run-date 2026-11-23 --env prod

So do backfill, forget, try and doctor --repair. Exit codes are those of the command.
"""

import sys

from seg_spark.cli.main import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
