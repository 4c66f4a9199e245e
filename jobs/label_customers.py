"""spark-submit entry point of labelling alone.

Reads clean_customers of the run date and its model (its own, or the last one
before); replaces that date in segment_profiles, segment_transitions (where a date is before it) and
customer_segments; adds a run record.
Exit codes as in jobs/nightly.py.
"""

import sys

from seg_spark.cli.main import run_job

if __name__ == "__main__":
    sys.exit(run_job("label", sys.argv[1:]))
