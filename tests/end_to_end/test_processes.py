"""The jobs as a scheduler starts them: real processes, real spark-submit, real signals."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import duckdb
import pyspark
import pytest
from builders import conf_dir, grouped_customers, write_csv
from processes import PROJECT

from seg_spark.cli.main import run_job
from seg_spark.machine import find_java, local_java_options

pytestmark = pytest.mark.process

SPARK_HOME = Path(pyspark.__file__).parent


def environment(**changes: str) -> dict[str, str]:
    """Where executors find no Python: none of ours runs there."""
    python = {"PYSPARK_DRIVER_PYTHON": sys.executable, "PYSPARK_PYTHON": "/no/such/python"}
    return {**os.environ, "SPARK_HOME": str(SPARK_HOME), **python, **changes}


def submit(root: Path, job: str, master: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """One job through spark-submit, from a folder that is not the project's.

    spark-submit sends the standard error of a Python job to its own standard output.
    """
    options = local_java_options(find_java()[0])
    command = [str(SPARK_HOME / "bin" / "spark-submit"), "--master", master, "--driver-java-options", options]
    command += [str(PROJECT / "jobs" / job)]
    command += ["--run-date", "2026-11-23", "--conf-dir", str(root / "conf"), *arguments]
    return subprocess.run(
        command, cwd=root, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300,
        check=False,
    )  # fmt: skip


def labels(root: Path) -> list[tuple[Any, ...]]:
    source = f"read_parquet('{root}/output/customer_segments/**/*.parquet', hive_partitioning = true)"
    return duckdb.sql(f"SELECT customer_id, segment_id, distance, run_date FROM {source} ORDER BY 1").fetchall()


def record(root: Path) -> dict[str, Any]:
    path = max((root / "output" / "runs").rglob("*.json"), key=lambda path: path.stat().st_mtime)
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def wiggled_customers() -> list[dict[str, Any]]:
    rows = grouped_customers(60)
    return [{**row, "income": row["income"] + i % 11, "score": row["score"] + i % 7} for i, row in enumerate(rows)]


@pytest.mark.long
def test_executors_started_by_spark_submit_give_the_labels_of_this_process(spark: object, tmp_path: Path) -> None:
    words = ["--set", "clustering.k.max=3", "--set", "clustering.starts=2"]
    for name in ("here", "executors"):
        write_csv(tmp_path / name, wiggled_customers(), files=5)
        conf_dir(tmp_path / name)
    here, executors = tmp_path / "here", tmp_path / "executors"
    assert run_job("nightly", ["--run-date", "2026-11-23", "--conf-dir", str(here / "conf"), *words]) == 0
    done = submit(executors, "nightly.py", "local-cluster[2,1,1024]", *words)
    assert done.returncode == 0, done.stdout
    assert "Segments of 2026-11-23" in done.stdout
    assert record(executors)["chosen_k"] == 3
    assert len(labels(here)) == 195
    assert labels(executors) == labels(here)


@pytest.mark.long
def test_the_steps_are_jobs_of_their_own_and_a_failing_one_returns_its_code(spark: object, tmp_path: Path) -> None:
    write_csv(tmp_path, grouped_customers())
    folder = conf_dir(tmp_path)
    refused = submit(tmp_path, "fit_segments.py", "local[2]")
    assert refused.returncode == 3
    assert "for 2026-11-23; run seg-spark clean --run-date 2026-11-23 first" in refused.stdout
    assert "Traceback" not in refused.stdout
    cleaned = submit(tmp_path, "clean_customers.py", "local[2]")
    assert cleaned.returncode == 0, cleaned.stdout
    for step in ("fit", "label"):
        assert run_job(step, ["--run-date", "2026-11-23", "--conf-dir", str(folder)]) == 0
    assert len(labels(tmp_path)) == 75


@pytest.mark.parametrize("job", ["nightly", "clean_customers", "fit_segments", "label_customers"])
def test_every_job_is_the_command_of_its_name(tmp_path: Path, job: str) -> None:
    write_csv(tmp_path, grouped_customers())
    arguments = ["--run-date", "2026-11-23", "--conf-dir", str(conf_dir(tmp_path)), "--dry-run"]
    done = subprocess.run(
        [sys.executable, str(PROJECT / "jobs" / f"{job}.py"), *arguments],
        env=environment(PYTHONPATH=str(PROJECT)), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if job in ("fit_segments", "label_customers"):
        assert done.returncode == 3
        assert "no clean customers are published" in done.stderr
    else:
        assert done.returncode == 0, done.stderr
        assert f"What {job.partition('_')[0]} would do for 2026-11-23" in done.stdout


@pytest.mark.long
def test_a_second_run_leaves_at_once_and_a_terminated_one_says_so(tmp_path: Path) -> None:
    write_csv(tmp_path, grouped_customers())
    folder = conf_dir(tmp_path, clustering={"refine": False, "starts": 40})
    command = [str(Path(sys.executable).with_name("seg-spark")), "nightly", "--run-date", "2026-11-23"]
    command += ["--conf-dir", str(folder)]
    with subprocess.Popen(
        command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as first:
        lock = tmp_path / "output" / "_seg_spark" / "lock"
        wait_until(lambda: lock.is_file() and "process" in lock.read_text(encoding="utf-8"))
        second = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=60, check=False)
        assert second.returncode == 75
        assert f"process {first.pid}" in second.stderr
        assert first.stderr is not None
        for line in first.stderr:
            if "fit: started" in line:
                break
        time.sleep(1)
        first.send_signal(signal.SIGTERM)
        _, stderr = first.communicate(timeout=60)
    assert first.returncode == 143, stderr
    assert "terminated" in stderr
    assert "Traceback" not in stderr
    assert (record(tmp_path)["status"], record(tmp_path)["exit_code"]) == ("failed", 143)
    assert not (tmp_path / "output" / "customer_segments").exists()


def test_a_run_that_is_stopped_while_spark_starts_leaves_no_java_behind(tmp_path: Path) -> None:
    write_csv(tmp_path, grouped_customers())
    folder = conf_dir(tmp_path)
    command = [str(Path(sys.executable).with_name("seg-spark")), "nightly", "--run-date", "2026-11-23"]
    with subprocess.Popen(
        [*command, "--conf-dir", str(folder)],
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as run:
        assert run.stderr is not None
        for line in run.stderr:
            if "start Spark: started" in line:
                break
        time.sleep(1)
        run.send_signal(signal.SIGTERM)
        _, stderr = run.communicate(timeout=90)
    assert run.returncode == 143, stderr
    assert "Exception" not in stderr
    wait_until(lambda: not is_alive(run.pid))


def is_alive(group: int) -> bool:
    """Whether a process group has any process left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_without_java_the_message_says_what_to_install(tmp_path: Path) -> None:
    write_csv(tmp_path, grouped_customers())
    folder = conf_dir(tmp_path)
    command = [
        sys.executable,
        "-c",
        "import sys; sys.prefix = '/nowhere'; from seg_spark.cli.main import main; sys.exit(main())",
    ]
    done = subprocess.run(
        [*command, "nightly", "--run-date", "2026-11-23", "--conf-dir", str(folder)],
        env={"PATH": "/nowhere", "JAVA_HOME": "/opt/old-java"},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 4, done.stderr
    assert "no Java 17 or newer was found (JAVA_HOME=/opt/old-java" in done.stderr
    assert record(tmp_path)["exit_code"] == 4


@pytest.mark.long
def test_tables_of_the_catalog_in_the_current_folder_are_read(tmp_path: Path) -> None:
    """The catalog lies on disk, so this needs a process whose Spark knows it."""
    code = """
import sys
from pathlib import Path
from seg_spark.cli.main import main
from seg_spark.session import start_session
spark = start_session("catalog", with_catalog=True)
spark.sql("CREATE DATABASE crm")
rows = [(f"{i:03}", 10.5 * (i % 3), i % 4) for i in range(12)]
spark.createDataFrame(rows, "id string, income double, score int").write.saveAsTable("crm.customers")
words = ["--input", "crm.customers", "--format", "table", "--id", "id", "--output-path", "out", "--conf-dir", "conf"]
codes = [main(["init", *words]), main(["validate", "--conf-dir", "conf"])]
arguments = ["clean", "--run-date", "2026-11-23", "--conf-dir", "conf"]
print(*codes, main(arguments), main([*arguments, "--set", "input.path=crm.custmers"]))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines()[-1] == "0 0 0 3", done.stderr
    assert "rows: 12 input = 12 accepted" in done.stdout
    assert "the catalog has no table 'crm.custmers' (did you mean 'customers'?)" in done.stderr
    assert (tmp_path / "metastore_db").is_dir()


def wait_until(condition: Any, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)
