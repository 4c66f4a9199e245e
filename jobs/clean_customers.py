"""spark-submit entry point of cleaning alone.

Reads input.path for the run date; replaces that date in clean_customers and rejected_customers
below output.path and adds a run record. Exit codes as in jobs/nightly.py.
"""

import sys

from seg_spark.cli.main import run_job

if __name__ == "__main__":
    sys.exit(run_job("clean", sys.argv[1:]))
