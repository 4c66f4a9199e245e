"""One Spark session per test run; nothing is shared between tests but that."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).parent))

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

DATA = Path(os.environ.get("REAL_TABLES") or Path(__file__).resolve().parent.parent.parent / "shared" / "data")
"""Real tables, which are not part of the project: Mall_Customers.csv and Telco-Customer-Churn.csv, as on Kaggle."""


@pytest.fixture(scope="session")
def spark() -> "Iterator[SparkSession]":
    """The session of the whole run, started as the jobs start it, but for the compiling of queries.

    That takes longer than tables of tests repay: without it, tests of Spark take a fifth less. scripts/test-all sets
    COMPILE_QUERIES, and what the tests start as processes compiles always.
    """
    from seg_spark.session import start_session

    session = start_session("seg_spark tests", is_small=True)
    session.conf.set("spark.sql.shuffle.partitions", "4")
    if not os.environ.get("COMPILE_QUERIES"):
        session.conf.set("spark.sql.codegen.wholeStage", "false")
        session.conf.set("spark.sql.codegen.factoryMode", "NO_CODEGEN")
    yield session
    session.stop()


@pytest.fixture(scope="session", autouse=True)
def _cache_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep runs, also those of fixtures, out of the user's own cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("empty cache")))
        yield


@pytest.fixture(scope="session")
def mall_customers() -> Path:
    """The classic table of 200 mall customers, where it is at hand."""
    return _real_table("Mall_Customers.csv")


@pytest.fixture(scope="session")
def telco_customers() -> Path:
    """The 7,043 customers of a telephone company, where they are at hand."""
    return _real_table("Telco-Customer-Churn.csv")


@pytest.fixture(scope="session")
def reference_figures() -> Path:
    """The best known figures of both tables, where they are at hand."""
    return _real_table("reference.json")


def _real_table(name: str) -> Path:
    path = DATA / name
    if not path.is_file():
        pytest.skip(f"{name} is not at hand")
    return path
