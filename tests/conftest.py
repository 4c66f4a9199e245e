"""One Spark session per test run; nothing is shared between tests but that."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from seg_spark.class_archive import JAVAS_WITHOUT
from seg_spark.machine import find_java

sys.path.insert(0, str(Path(__file__).parent))

from processes import SEG_SPARK, run_python

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"


@pytest.fixture(scope="session")
def spark() -> "Iterator[SparkSession]":
    """The session of the whole run, started as the jobs start it."""
    from seg_spark.session import start_session

    session = start_session("seg_spark tests", is_small=True)
    session.conf.set("spark.sql.shuffle.partitions", "4")
    yield session
    session.stop()


@pytest.fixture(scope="session")
def prepared_environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python environment with these packages, in which `seg-spark doctor --prepare` has made the class archive."""
    if find_java()[1] in JAVAS_WITHOUT:
        pytest.skip("this Java cannot use a class archive")
    folder = tmp_path_factory.mktemp("prepared")
    environment = folder / "an environment"  # a space needs care on the way through Spark's launcher
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    made = run_python(environment, folder, "-c", SEG_SPARK, "doctor", "--prepare")
    assert made.returncode == 0, made.stdout + made.stderr
    return environment


@pytest.fixture(scope="session")
def user_cache(prepared_environment: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's cache with the class archive in it."""
    cache = tmp_path_factory.mktemp("cache")
    shutil.copytree(prepared_environment / "share" / "seg_spark", cache / "seg_spark")
    return cache


@pytest.fixture(scope="session", autouse=True)
def _cache_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep runs, also those of fixtures, out of the user's own cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("empty cache")))
        yield


@pytest.fixture(autouse=True)
def _processes_start_sooner(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the runs that a test starts use one class archive, as those of a prepared machine do."""
    if request.node.get_closest_marker("process") and find_java()[1] not in JAVAS_WITHOUT:
        monkeypatch.setenv("XDG_CACHE_HOME", str(request.getfixturevalue("user_cache")))


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
