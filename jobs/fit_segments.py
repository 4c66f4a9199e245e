"""spark-submit entry point of fitting alone.

Reads clean_customers of the run date; adds a model and makes it that of the date, or keeps the one
of the date before where the fit is refused; adds a run record. No table is changed. Exit codes as
in jobs/nightly.py.
"""

import sys

from seg_spark.cli.main import run_job

if __name__ == "__main__":
    sys.exit(run_job("fit", sys.argv[1:]))
