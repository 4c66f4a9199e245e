"""The real job on a standalone Spark cluster, packed by scripts/pack, with input and output on HDFS and S3."""

import os
import re
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

import psutil
import pytest
from builders import grouped_customers
from on_stores.conftest import RUN_DATE, Bench, Place
from processes import PROJECT
from servers import SparkCluster, spark_cluster, spark_submit, spark_variables

from seg_spark.storage.readers import files_at

Job: TypeAlias = "subprocess.Popen[str]"
pytestmark = [pytest.mark.process, pytest.mark.timeout(900)]

FILES = 12
"""More than the workers have cores: some tasks are done, some run and some wait when a worker dies."""


@pytest.fixture(scope="module")
def large(bench: Bench) -> str:
    """An input whose tasks take long enough for a worker to die in them."""
    rows = [{**row, "score": row["score"] + number % 7} for number, row in enumerate(grouped_customers(20000))]
    bench.add("large", rows, FILES)
    return "large"


@pytest.fixture(scope="module")
def driver(bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The environment that the lines of the docs make from the archive, in a folder that has nothing else."""
    [commands] = re.findall(r"```console\n(\$ \./scripts/pack\n.*?)```", page(), re.DOTALL)
    pack, unpack = (line.removeprefix("$ ") for line in commands.splitlines()[:2])
    subprocess.run(pack, cwd=PROJECT, shell=True, check=True)
    unpack = unpack.replace("dist/", f"{shlex.quote(str(PROJECT))}/dist/")
    folder = tmp_path_factory.mktemp("driver")
    subprocess.run(unpack, cwd=folder, shell=True, check=True)
    return folder / "environment"


def page() -> str:
    return (PROJECT / "docs/operations.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def cluster(bench: Bench) -> Iterator[SparkCluster]:
    """A cluster of one worker; a second one is started, and killed, by a test."""
    with spark_cluster() as made:
        made.start_worker()
        yield made


def start(bench: Bench, driver: Path, cluster: SparkCluster, before: Sequence[str], words: Sequence[str]) -> Job:
    """Start the line of the docs, with what a store and loopback need before the script and the arguments after it."""
    [master, job] = re.findall(r"^\$ spark-submit --master (\S+) (\S+) --run-date", page(), re.MULTILINE)[0]
    assert master == "spark://master:7077"
    variables = spark_variables() | {"PYSPARK_PYTHON": str(driver / "bin" / "python")}
    del variables["PYTHONPATH"]  # the package comes from the archive
    bench.jobs.append(bench.folder / f"job-{len(bench.jobs)}.log")
    with bench.jobs[-1].open("w", encoding="utf-8") as log:
        command = [*before, "--master", cluster.url, job, *words]
        return subprocess.Popen(command, cwd=PROJECT, env=variables, stdout=log, stderr=subprocess.STDOUT, text=True)


def said(bench: Bench) -> str:
    return bench.jobs[-1].read_text(encoding="utf-8")[-4000:]


def test_the_archive_has_all_the_driver_needs_but_pyspark(driver: Path) -> None:
    def run(program: str) -> subprocess.CompletedProcess[str]:
        command = [driver / "bin/python", "-c", program]
        return subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)

    shown = run("import seg_spark.clustering.search, numpy, hdfs_native as h; print(seg_spark.__file__, h.__file__)")
    assert [Path(path).is_relative_to(driver) for path in shown.stdout.split()] == [True, True], shown.stderr
    assert "No module named 'pyspark'" in run("import seg_spark.runner").stderr


def test_an_output_on_the_disk_of_the_driver_is_refused(bench: Bench, driver: Path, cluster: SparkCluster) -> None:
    output = bench.folder / "of-the-driver"
    assert start(bench, driver, cluster, spark_submit(bench.folder / "ivy"), bench.words("A", str(output))).wait() == 4
    assert "if all machines share the folder, set output.shared_filesystem: true" in said(bench)
    assert not list(output.rglob("*.parquet"))


@pytest.mark.parametrize(
    ("place", "table"),
    [("hdfs", "clean_customers"), ("s3", "clean_customers"), ("s3", "customer_segments")],
    indirect=["place"],
)
def test_a_worker_dies_while_it_writes_and_the_labels_are_those_of_local_mode(
    bench: Bench, driver: Path, cluster: SparkCluster, large: str, place: Place, table: str
) -> None:
    source, output = f"{place.url}/input-{table}", f"{place.url}/output-{table}"
    for part in (bench.folder / large / "input").iterdir():
        files_at(source).write(part.name, part.read_bytes())
    worker = cluster.start_worker()
    job = start(bench, driver, cluster, place.submit, [*bench.words(large, output), "--set", f"input.path={source}"])
    deadline = time.monotonic() + 300
    while not files_at(output).entries(f"{table}/run_date={RUN_DATE}"):
        assert job.poll() is None, said(bench)
        assert time.monotonic() < deadline, said(bench)
        time.sleep(0.05)
    assert psutil.Process(worker.pid).children(recursive=True), "the worker has no executor"
    os.killpg(worker.pid, signal.SIGKILL)
    worker.wait()
    assert job.wait() == 0, said(bench)
    assert bench.published_in(output) == large
