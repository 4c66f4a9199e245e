"""Making the archive of Java's classes ahead of the first real run, by a run over a made-up table."""

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from seg_spark.class_archive import JAVAS_WITHOUT, find_archive
from seg_spark.errors import PlatformError
from seg_spark.machine import find_java

_CUSTOMERS: Final = 200
_LONGEST_SECONDS: Final = 600


def prepare_archive() -> Path:
    """The archive for this machine's Java and this environment's Spark, made if it is not there; about a minute.

    Raises PlatformError if there is no Java, or none could be made.
    """
    java, version = find_java()
    if version in JAVAS_WITHOUT:
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
                command, cwd=folder, capture_output=True, text=True, timeout=_LONGEST_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            raise PlatformError(f"no class archive was made within {_LONGEST_SECONDS} seconds") from None
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
