"""What needs no Spark starts none, and does not even import it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from builders import conf_dir, grouped_customers, write_csv
from processes import PROJECT

RUN = """
import sys
from seg_spark.cli.main import main
code = main(sys.argv[1:])
imported = {"pyspark", "py4j"} & {name.partition(".")[0] for name in sys.modules}
sys.exit(code or (f"imported {imported}" if imported else 0))
"""


@pytest.mark.parametrize(
    "words",
    [
        ["init", "--input", "input", "--id", "id", "--conf-dir", "new", "--output-path", "out"],
        ["validate", "--conf-dir", "conf"],
        ["doctor", "--conf-dir", "conf", "--run-date", "2026-11-23"],
        ["nightly", "--dry-run", "--conf-dir", "conf", "--run-date", "2026-11-23"],
        ["print-config", "--conf-dir", "conf"],
        ["nightly", "--help"],
    ],
    ids=lambda words: words[0],
)
def test_a_command_that_needs_no_spark_does_not_import_it(tmp_path: Path, words: list[str]) -> None:
    write_csv(tmp_path, grouped_customers())
    conf_dir(tmp_path)
    command = [sys.executable, "-c", RUN, *words]
    done = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
