"""Making the archive of Java's classes with which later runs start sooner, by a command or by a run over made-up rows.

    python -m seg_spark.cli.prepare nightly --run-date 2026-11-23 --conf-dir conf

Run like this, the command does what it always does; Java then takes some 20 seconds to write the archive. Where there
is one already, or where none can be made, this is the command alone.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from pyspark import SparkContext

from seg_spark.cli.main import main
from seg_spark.errors import PlatformError
from seg_spark.machine import (
    JAVAS_WITHOUT_ARCHIVE,
    find_archive,
    find_java,
    is_first_run,
    lacks_archive,
    new_archive,
    publish_archive,
    recording_options,
)

_LONGEST_WRITING_SECONDS: Final = 180
_LONGEST_RUN_SECONDS: Final = 600
_CUSTOMERS: Final = 200


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
            if process.wait(_LONGEST_WRITING_SECONDS) == 0:
                publish_archive(file, java)
    except (OSError, subprocess.TimeoutExpired) as error:
        sys.stderr.write(f"no archive of Java's classes was made ({type(error).__name__}); runs work without one\n")
    finally:
        process.kill()  # else it would still record
        process.wait()
        file.unlink(missing_ok=True)
        file.with_suffix(".json").unlink(missing_ok=True)


def prepare_archive() -> Path:
    """The archive for this machine's Java and this environment's Spark, made if it is not there; about a minute.

    Raises PlatformError if there is no Java, or none could be made.
    """
    java, version = find_java()
    if version in JAVAS_WITHOUT_ARCHIVE:
        raise PlatformError(f"Java {version} ({java}) cannot use a class archive; Java 17 and 25 can: set JAVA_HOME")
    if find_archive(java) is None:
        _run()
    archive = find_archive(java)
    if archive is None:
        raise PlatformError(
            f"no class archive could be made: {java} does not record classes, or neither this environment nor the "
            "user's cache can be written; runs work without one and start some seconds later"
        )
    return archive


def _run() -> None:
    with TemporaryDirectory(prefix="seg-spark-prepare-") as name:
        folder = Path(name)
        _write_run(folder)
        words = ["nightly", "--run-date", "2026-01-01", "--conf-dir", str(folder / "conf")]
        command = [sys.executable, "-m", "seg_spark.cli.prepare", *words]
        try:
            done = subprocess.run(
                command, cwd=folder, capture_output=True, text=True, timeout=_LONGEST_RUN_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            raise PlatformError(f"no class archive was made within {_LONGEST_RUN_SECONDS} seconds") from None
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise PlatformError(f"the run that makes the class archive failed: {last}")


def _write_run(folder: Path) -> None:
    """A table with some of every dirt, so that the run loads what real ones load, and its conf (JSON is YAML)."""
    rows = ["id,income,score,plan"]
    for number in range(_CUSTOMERS):
        group = number % 4
        income = "" if number % 50 == 7 else "n/a" if number % 90 == 8 else str(20 + 30 * (group // 2) + number % 7)
        rows.append(f"c{number},{income},{20 + 60 * (group % 2) + number % 5},{('basic', 'plus', '')[number % 3]}")
    rows += [rows[1], "c1,1,1,plus", ",5,5,basic"]
    (folder / "customers.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (folder / "conf").mkdir()
    conf = {
        "input": {"path": str(folder / "customers.csv")},
        "customer_id": "id",
        "output": {"path": str(folder / "output")},
        "features": {"columns": {"income": {}, "score": {}, "plan": {"kind": "category"}}},
        "cleaning": {"max_rejected_share": 1.0},
    }
    (folder / "conf" / "base.yml").write_text(json.dumps(conf), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(run_and_prepare(sys.argv[1:]))
