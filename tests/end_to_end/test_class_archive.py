"""The archive of Java's classes: used only where it fits, and never in the way."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pyspark
import pytest
from processes import SEG_SPARK, run_python

from seg_spark.machine import (
    JAVAS_WITHOUT_ARCHIVE,
    archive_options,
    find_archive,
    find_java,
    is_first_run,
    new_archive,
    publish_archive,
)


@pytest.fixture
def java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Java's files, and an environment and a cache of the test's own."""
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "environment"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    home = tmp_path / "java"
    for name in ("bin/java", "release", "lib/server/libjvm.so"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text("17.0.15")
    return home / "bin" / "java"


def _publish(java: Path, content: bytes = b"classes" * 1000) -> Path:
    recorded = new_archive()
    assert recorded is not None
    recorded.write_bytes(content)
    archive = publish_archive(recorded, str(java))
    assert archive is not None
    return archive


def test_an_archive_is_found_by_the_java_that_it_was_made_for(java: Path, tmp_path: Path) -> None:
    assert archive_options(str(java)) == ()

    archive = _publish(java)

    assert archive == tmp_path / "environment" / "share" / "seg_spark" / "classes.jsa"
    assert find_archive(str(java)) == archive
    assert archive_options(str(java))[0] == f"-XX:SharedArchiveFile={archive}"
    assert sorted(path.name for path in archive.parent.iterdir()) == ["classes.jsa", "classes.json"]


@pytest.mark.parametrize("file", ["release", "lib/server/libjvm.so"])
def test_another_java_in_the_same_place_does_not_get_it(java: Path, file: str) -> None:
    _publish(java)
    (java.parent.parent / file).write_text("17.0.15 and more")

    assert archive_options(str(java)) == ()


def test_a_java_elsewhere_does_not_get_it(java: Path, tmp_path: Path) -> None:
    _publish(java)
    other = java.parent.parent.rename(tmp_path / "other") / "bin" / "java"

    assert archive_options(str(other)) == ()


def test_other_jars_of_spark_do_not_get_it(java: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "packages" / "pyspark"
    (package / "jars").mkdir(parents=True)
    (package / "__init__.py").touch()
    monkeypatch.delitem(sys.modules, "pyspark", raising=False)
    monkeypatch.syspath_prepend(package.parent)
    (package / "jars" / "spark-core.jar").write_text("4.3.0")
    archive = _publish(java)
    assert find_archive(str(java)) == archive

    os.utime(package / "jars" / "spark-core.jar", (1, 1))

    assert find_archive(str(java)) is None


@pytest.mark.parametrize(
    "damage", ["gone", "empty", "truncated", "one byte", "other archive", "undescribed", "garbled"]
)
def test_a_damaged_archive_is_passed_over(java: Path, damage: str) -> None:
    archive = _publish(java)
    content, state = archive.read_bytes(), archive.stat()
    match damage:
        case "gone":
            archive.unlink()
        case "empty":
            archive.write_bytes(b"")
        case "truncated":
            archive.write_bytes(content[: len(content) // 2])
        case "one byte":
            archive.write_bytes(content[:100] + b"X" + content[101:])
        case "other archive":
            archive.write_bytes(b"another")
        case "undescribed":
            archive.with_suffix(".json").unlink()
        case "garbled":
            archive.with_suffix(".json").write_text(json.dumps(["crc32"])[:-1])
    if archive.exists():
        os.utime(archive, (state.st_atime, state.st_mtime))

    assert archive_options(str(java)) == ()

    assert find_archive(str(java)) is None
    assert _publish(java) == find_archive(str(java)), "a new one takes its place"


def test_the_cache_serves_where_the_environment_cannot_be_written(java: Path, tmp_path: Path) -> None:
    (tmp_path / "environment").write_text("no folder")

    assert _publish(java).parent == tmp_path / "cache" / "seg_spark"
    assert find_archive(str(java)) is not None


def test_no_archive_lies_where_java_would_split_its_path(
    java: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "a:b"))

    assert _publish(java).parent == tmp_path / "cache" / "seg_spark"


def test_a_java_that_records_nothing_leaves_everything_as_it_was(java: Path) -> None:
    recorded = new_archive()
    assert recorded is not None
    assert publish_archive(recorded, str(java)) is None
    recorded.touch()
    assert publish_archive(recorded, str(java)) is None
    assert archive_options(str(java)) == ()


def test_what_killed_recordings_left_is_removed_but_not_what_is_being_recorded(java: Path) -> None:
    old, recent = new_archive(), new_archive()
    assert old is not None
    assert recent is not None
    for file in (old, recent):
        file.write_bytes(b"half")
    os.utime(old, (1, 1))

    new_archive()

    assert (old.exists(), recent.exists()) == (False, True)


def test_a_user_without_a_home_has_no_cache(java: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # as it answers where there is no home
    monkeypatch.setattr(sys, "prefix", "a:b")

    assert new_archive() is None
    assert archive_options(str(java)) == ()


def test_a_first_run_is_known_from_the_later_ones(java: Path) -> None:
    assert [is_first_run() for _ in range(3)] == [True, False, False]


def test_no_run_counts_as_the_first_where_that_cannot_be_kept(java: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("no folder")
    assert not is_first_run()


_PROBE = """
from pathlib import Path
from pyspark import SparkContext
from seg_spark.session import start_session
assert start_session("probe", is_small=True).range(10).count() == 10
maps = Path(f"/proc/{SparkContext._gateway.proc.pid}/maps").read_text().splitlines()
print(*sorted({line.split(maxsplit=5)[-1] for line in maps if line.endswith("/classes.jsa")}), sep="\\n")
"""


_SUBMITTED_PROBE = """
import os
from pathlib import Path
print(Path(f"/proc/{os.getppid()}/maps").read_text())  # spark-submit's Java is the parent of its Python
"""


@pytest.fixture
def prepared_environment(tmp_path: Path) -> Path:
    """A Python environment with these packages, in which `seg-spark doctor --prepare` has made the class archive."""
    if find_java()[1] in JAVAS_WITHOUT_ARCHIVE:
        pytest.skip("this Java cannot use a class archive")
    environment = tmp_path / "an environment"  # a space needs care on the way through Spark's launcher
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    made = run_python(environment, tmp_path, "-c", SEG_SPARK, "doctor", "--prepare")
    assert made.returncode == 0, made.stdout + made.stderr
    return environment


@pytest.mark.long
@pytest.mark.process
@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="what a process has loaded is read from Linux' /proc")
def test_the_doctor_makes_an_archive_that_runs_use_while_it_is_whole(
    prepared_environment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = prepared_environment / "share" / "seg_spark"
    assert sorted(path.name for path in folder.iterdir()) == ["classes.jsa", "classes.json"]

    used = run_python(prepared_environment, tmp_path, "-c", _PROBE)
    assert str(folder / "classes.jsa") in used.stdout.splitlines(), used.stderr
    assert "[warning]" not in used.stdout + used.stderr

    (tmp_path / "probe.py").write_text(_SUBMITTED_PROBE)
    options = run_python(prepared_environment, tmp_path, "-c", SEG_SPARK, "java-options").stdout.strip()
    submit = [str(Path(pyspark.__file__).parent / "bin" / "spark-submit"), "--driver-java-options", options, "probe.py"]
    submitted = subprocess.run(submit, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert str(folder / "classes.jsa") in submitted.stdout, submitted.stderr

    archive = folder / "classes.jsa"
    archive.chmod(0o644)
    with archive.open("r+b") as file:
        file.truncate(100_000_000)
    passed_over = run_python(prepared_environment, tmp_path, "-c", _PROBE)
    assert passed_over.returncode == 0, passed_over.stderr
    assert str(folder / "classes.jsa") not in passed_over.stdout.splitlines()
    assert "[warning]" not in passed_over.stdout + passed_over.stderr
