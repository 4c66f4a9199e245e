"""One class archive for all processes that tests start."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from processes import SEG_SPARK, run_python

from seg_spark.class_archive import JAVAS_WITHOUT
from seg_spark.machine import find_java


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


@pytest.fixture(autouse=True)
def _processes_start_sooner(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the runs that a test starts use one class archive, as those of a prepared machine do."""
    if request.node.get_closest_marker("process") and find_java()[1] not in JAVAS_WITHOUT:
        monkeypatch.setenv("XDG_CACHE_HOME", str(request.getfixturevalue("user_cache")))
