"""What a run has published stays a success, whoever reads its summary."""

import subprocess
import sys

import pytest

PROGRAM = """
import sys
from seg_spark.cli.options import out, printing_what_is_done
with printing_what_is_done():
    for _ in range(20_000):
        out().print("a line that is long enough to fill the buffer of a pipe some day")
"""


@pytest.mark.parametrize("reader", ["head -1 >/dev/null", "true"])
def test_a_summary_that_nobody_reads_is_no_failure(reader: str) -> None:
    command = ["bash", "-c", f'"$0" -c "$1" | {reader}; exit "${{PIPESTATUS[0]}}"', sys.executable, PROGRAM]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    assert "the run is done, but its summary could not be printed" in done.stderr
