"""Stores on loopback for the real job. Only scripts/test-all, which installs their programs, runs these tests."""

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from builders import conf_dir, customer, grouped_customers, write_csv
from servers import Proxy, hdfs_jars, hdfs_server, proxy, s3_server, s3_submit, s3_variables, spark_submit

from seg_spark import published_files
from seg_spark.cli.main import run_job
from seg_spark.storage.readers import files_at

RUN_DATE = "2026-11-23"
COLUMNS = ["customer_id", "segment_id", "segment_name", "distance", "margin"]


@dataclass
class Bench:
    """Inputs (A and B, and what tests add) with the labels each must give; a folder for libraries and what jobs say."""

    folder: Path
    expected: dict[str, list[Any]] = field(default_factory=dict)
    jobs: list[Path] = field(default_factory=list)

    def add(self, name: str, rows: list[dict[str, Any]], files: int = 1) -> None:
        """One more input; this process publishes it to a local disk."""
        write_csv(self.folder / name, rows, files=files)
        output = str(self.folder / f"reference-{name}")
        assert run_job("nightly", self.words(name, output)) == 0
        self.expected[name] = labels_in(output)

    def words(self, variant: str, output: str) -> list[str]:
        """The arguments of a job that publishes one of the inputs."""
        sets = [f"input.path={self.folder / variant / 'input'}", f"output.path={output}"]
        conf = ["--run-date", RUN_DATE, "--conf-dir", str(self.folder / "conf")]
        return [*conf, *(word for one in sets for word in ("--set", one))]

    def published_in(self, output: str) -> str:
        """The variant whose labels readers of the commits find."""
        found = labels_in(output)
        return next((name for name, labels in self.expected.items() if labels == found), f"neither: {found[:3]}")


def labels_in(output: str) -> list[Any]:
    """The labels that are published for the date."""
    files = files_at(output)
    tables = []
    for path in published_files(output, "customer_segments", RUN_DATE):
        with closing(files.open_input(path.removeprefix(f"{output}/"))) as file:
            tables.append(pq.ParquetFile(file).read(columns=COLUMNS, use_threads=False))
    return sorted(tuple(row[name] for name in COLUMNS) for row in pa.concat_tables(tables).to_pylist())


@pytest.fixture(scope="session")
def bench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """Both inputs, published once each to a local disk by this process."""
    if not os.environ.get("REQUIRE_STORES"):
        pytest.skip("only scripts/test-all runs jobs on S3 and HDFS")
    request.getfixturevalue("spark")
    made = Bench(tmp_path_factory.mktemp("stores"))
    conf_dir(made.folder, clustering={"k": {"min": 2, "max": 3}})
    for name, shift in (("A", 0), ("B", 3)):
        rows = [{**row, "score": row["score"] + shift} for row in grouped_customers(60 + shift)]
        made.add(name, [*rows, customer(9001, income="x")])
    assert made.expected["A"] != made.expected["B"]
    return made


@pytest.fixture(scope="session")
def s3(bench: Bench) -> Iterator[Proxy]:
    """An S3 that fails as a test says; the environment has what users of it set."""
    with s3_server() as endpoint, proxy(endpoint) as between, pytest.MonkeyPatch.context() as patch:
        for name, value in s3_variables(endpoint).items():
            patch.setenv(name, value)
        yield between


@pytest.fixture(scope="session")
def hdfs(bench: Bench) -> Iterator[str]:
    """The URL of an HDFS."""
    with hdfs_server(bench.folder / "hdfs", hdfs_jars(bench.folder / "ivy-hdfs")) as url:
        yield url


@dataclass(frozen=True)
class Place:
    """Where a job publishes, and the words before its script that this takes."""

    url: str
    submit: list[str]


@pytest.fixture(params=["s3", "hdfs"])
def place(request: pytest.FixtureRequest, bench: Bench) -> Place:
    """S3 without faults, or HDFS."""
    if request.param == "hdfs":
        return Place(request.getfixturevalue("hdfs"), spark_submit(bench.folder / "ivy"))
    s3: Proxy = request.getfixturevalue("s3")
    return Place("s3a://bucket", s3_submit(bench.folder / "ivy", s3.url))
