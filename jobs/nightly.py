"""spark-submit entry point of the whole job.

Reads input.path for the run date; replaces that date in clean_customers, rejected_customers,
segment_profiles, segment_transitions (where a date is before it) and customer_segments below
output.path; adds a run record, and a model if one was fitted and accepted.
Exit codes: 0 done, 2 usage or settings, 3 input, 4 environment, 5 quality gate, 6 degenerate
model, 7 publish, 75 another run holds the output, 130 interrupted, 143 terminated, 1 unexpected.

    spark-submit --master 'local[2]' jobs/nightly.py --run-date 2026-11-23 --conf-dir conf
"""

import sys

from seg_spark.cli.main import run_job

if __name__ == "__main__":
    sys.exit(run_job("nightly", sys.argv[1:]))
