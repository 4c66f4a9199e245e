"""spark-submit entry point of fitting alone.

Reads clean_customers of the run date; adds a model, puts it in charge of the date, adds a run
record. No table is touched. Exit codes as in jobs/nightly.py.
"""

import sys

from seg_spark.cli.main import run_job

if __name__ == "__main__":
    sys.exit(run_job("fit", sys.argv[1:]))
