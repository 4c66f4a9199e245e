"""The examples that can be executed here. Only scripts/test-all, which installs Airflow, runs these tests."""

import json
import os
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from builders import conf_dir, grouped_customers, write_csv
from processes import PROJECT
from servers import SPARK_JARS

from seg_spark import published_files
from seg_spark.errors import InputError

pytestmark = [
    pytest.mark.process,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not os.environ.get("REQUIRE_EXAMPLES"), reason="only scripts/test-all executes the examples"),
]

EXAMPLES = PROJECT / "docs" / "examples"
PROGRAMS = Path(sys.executable).parent


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    """A conf folder with an environment `prod`."""
    write_csv(tmp_path, grouped_customers())
    folder = conf_dir(tmp_path)
    (folder / "prod.yml").write_text("{}\n", encoding="utf-8")
    return folder


def test_cron_runs_the_job(conf: Path) -> None:
    [line] = [one for one in (EXAMPLES / "crontab").read_text(encoding="utf-8").splitlines() if not one.startswith("#")]
    command = line.split(maxsplit=5)[5].replace(r"\%", "%")
    for promised, here in {
        "/opt/seg_spark": str(PROJECT),
        ".venv/bin/": f"{PROGRAMS}/",
        "--env prod": f"--env prod --conf-dir {conf}",
    }.items():
        assert promised in command
        command = command.replace(promised, here)
    variables = {"PATH": "/usr/bin:/bin", "HOME": str(conf.parent), "SHELL": "/bin/sh"}
    if java := shutil.which("java"):
        variables["PATH"] += f":{Path(java).parent}"
    before = date.today()
    done = subprocess.run(
        ["/bin/sh", "-c", command], env=variables, cwd="/", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert f"Segments of {before}" in done.stdout or f"Segments of {date.today()}" in done.stdout  # at midnight


def airflow(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run Airflow with a home of its own, the DAGs of a folder and a Spark of this machine."""
    program = shutil.which("airflow")
    assert program is not None, "scripts/test-all puts the Airflow of .venv-airflow on PATH"
    variables = os.environ | {
        "AIRFLOW_HOME": str(folder / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW_CONN_SPARK_DEFAULT": json.dumps({"conn_type": "spark", "host": "local[2]"}),
        "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
        "SPARK_HOME": str(SPARK_JARS.parent),
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    return subprocess.run([program, *words], env=variables, capture_output=True, text=True, check=False)


def test_airflow_runs_the_job_for_the_date_of_the_dag_and_fails_as_the_job_does(conf: Path, tmp_path: Path) -> None:
    dag = (EXAMPLES / "airflow_dag.py").read_text(encoding="utf-8")
    for promised, here in {
        'PROJECT = "/opt/seg_spark"': f'PROJECT = "{PROJECT}"',
        'f"{PROJECT}/conf"': f'"{conf}"',
        'f"{PROJECT}/.venv/bin/python"': f'"{sys.executable}"',
        "retries=2": "retries=0",
    }.items():
        assert promised in dag
        dag = dag.replace(promised, here)
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "airflow_dag.py").write_text(dag, encoding="utf-8")
    migrated = airflow(tmp_path, "db", "migrate")
    assert migrated.returncode == 0, migrated.stderr
    done = airflow(tmp_path, "dags", "test", "customer_segments", "2026-11-23")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    output = str(tmp_path / "output")
    assert published_files(output, "customer_segments", "2026-11-23")
    for part in (tmp_path / "input").iterdir():
        part.unlink()
    failed = airflow(tmp_path, "dags", "test", "customer_segments", "2026-11-24")
    assert failed.returncode != 0
    with pytest.raises(InputError):
        published_files(output, "customer_segments", "2026-11-24")
