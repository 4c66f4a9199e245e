"""Run a command of seg-spark so that it leaves an archive of Java's classes: later runs start sooner.

    python -m seg_spark.cli.prepare nightly --run-date 2026-11-23 --conf-dir conf

The command runs as it always does; Java then takes some 20 seconds to write the archive. Where there is one already,
or where none can be made, this is the command alone.
"""

import os
import subprocess
import sys
from collections.abc import Sequence

from pyspark import SparkContext

from seg_spark.class_archive import find_archive, new_archive, publish_archive, recording_options
from seg_spark.cli.main import main
from seg_spark.errors import PlatformError
from seg_spark.machine import find_java

_LONGEST_SECONDS = 180


def run_and_prepare(words: Sequence[str]) -> int:
    """Run the command `words` in this process, then make the archive if there is none; returns its exit code."""
    try:
        java, _ = find_java()
    except PlatformError:
        return main(words)  # which says what is missing
    file = new_archive()
    if find_archive(java) is not None or file is None:
        return main(words)
    inherited = os.environ.get("SPARK_SUBMIT_OPTS", "")
    options = " ".join(f'"{option}"' for option in recording_options(file))
    os.environ["SPARK_SUBMIT_OPTS"] = f"{inherited} {options}".strip()
    code = main(words)
    try:
        if code == 0 and _java_ends():
            publish_archive(file, java)
    finally:
        file.unlink(missing_ok=True)
    return code


def _java_ends() -> bool:
    """Let the Java behind this process end in good order, and wait for it; False if there is none or it hangs."""
    process = getattr(SparkContext._gateway, "proc", None)
    if not isinstance(process, subprocess.Popen) or process.stdin is None:
        return False
    sys.stderr.write("Making later runs start faster: once, about 20 seconds ...\n")
    SparkContext.getOrCreate().stop()
    process.stdin.close()  # Spark's Java ends where its standard input does
    try:
        return process.wait(_LONGEST_SECONDS) == 0
    except subprocess.TimeoutExpired:
        process.kill()
        return False


if __name__ == "__main__":
    sys.exit(run_and_prepare(sys.argv[1:]))
