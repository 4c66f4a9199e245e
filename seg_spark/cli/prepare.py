"""Run a command of seg-spark so that it leaves an archive of Java's classes: later runs start sooner.

    python -m seg_spark.cli.prepare nightly --run-date 2026-11-23 --conf-dir conf

The command runs as it always does; Java then takes some 20 seconds to write the archive. Where there is one already,
or where none can be made, this is the command alone.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pyspark import SparkContext

from seg_spark.class_archive import is_first_run, lacks_archive, new_archive, publish_archive, recording_options
from seg_spark.cli.main import main
from seg_spark.errors import PlatformError
from seg_spark.machine import find_java

_LONGEST_SECONDS: Final = 180


def run_and_prepare(words: Sequence[str]) -> int:
    """Run the command `words` in this process, then make the archive if there is none; returns its exit code."""
    try:
        java, version = find_java()
    except PlatformError:
        return main(words)  # which says what is missing
    file = new_archive() if lacks_archive(java, version) else None
    if file is None:
        return main(words)
    is_first_run()  # nobody needs the tip to make what is being made
    inherited = os.environ.get("SPARK_SUBMIT_OPTS", "")
    options = " ".join(f'"{option}"' for option in recording_options(file))
    os.environ["SPARK_SUBMIT_OPTS"] = f"{inherited} {options}".strip()
    code = None
    try:
        code = main(words)
    finally:
        _end_java(file, java, is_wanted=code == 0)
    return code


def _end_java(file: Path, java: str, *, is_wanted: bool) -> None:
    """End the Java behind this process, and publish what it recorded in `file`, or drop that if it is not wanted."""
    process = getattr(SparkContext._gateway, "proc", None)
    if not isinstance(process, subprocess.Popen) or process.stdin is None:
        return
    try:
        if is_wanted:
            sys.stderr.write("Making later runs start faster: once, about 20 seconds ...\n")
            SparkContext.getOrCreate().stop()
            process.stdin.close()  # Spark's Java ends where its standard input does
            if process.wait(_LONGEST_SECONDS) == 0:
                publish_archive(file, java)
    except (OSError, subprocess.TimeoutExpired) as error:
        sys.stderr.write(f"no archive of Java's classes was made ({type(error).__name__}); runs work without one\n")
    finally:
        process.kill()  # else it would still record
        process.wait()
        file.unlink(missing_ok=True)
        file.with_suffix(".json").unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(run_and_prepare(sys.argv[1:]))
