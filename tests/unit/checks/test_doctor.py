"""The doctor finds every fault before a run, and changes nothing."""

import fcntl
import json
import os
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from builders import conf_dir, customer, write_csv
from processes import PROJECT
from stores import commit

from seg_spark import machine
from seg_spark.checks import doctor, machine_checks
from seg_spark.checks.doctor import exit_code_of
from seg_spark.cli.main import main
from seg_spark.errors import InputError, PlatformError, PublishError, SettingsError
from seg_spark.reporting.summary import Finding, readable_bytes
from seg_spark.storage.commits import DataFile, TableVersion
from seg_spark.storage.layout import LOCK
from seg_spark.storage.local_store import LocalStore, exclusive_lock, lock_holder

VARIABLES = ("JAVA_HOME", "SPARK_HOME", "PYSPARK_PYTHON", "PYSPARK_DRIVER_PYTHON", "SPARK_LOCAL_DIRS")


@pytest.fixture(autouse=True)
def _clean_shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A shell without stale variables, and a Java that answers at once."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", f"{java(tmp_path / 'java', 17).parent}:{os.environ['PATH']}")


def java(home: Path, version: int) -> Path:
    """A java that says it has this version."""
    program = home / "bin" / "java"
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}.0.1\"' >&2\n", encoding="utf-8")
    program.chmod(0o755)
    return program


def ready(root: Path, **sections: Any) -> Path:
    """A conf whose input is there."""
    write_csv(root, [customer(1)])
    return conf_dir(root, **sections)


def store(root: Path) -> LocalStore:
    return LocalStore(root / "output")


@pytest.fixture
def examine(capsys: pytest.CaptureFixture[str]) -> Any:
    """Run the command; gives its exit code and its lines by what they are about (status first)."""

    def run(*arguments: str) -> tuple[int, dict[str, str]]:
        code = main(["doctor", *arguments])
        lines: dict[str, str] = {}
        for line in capsys.readouterr().out.splitlines()[:-1]:
            status, rest = line[:8].strip(), line[9:]
            what, _, found = rest.partition("  ")
            lines[what] = "\n".join(filter(None, [lines.get(what), f"{status}: {found.strip()}"]))
        return code, lines

    return run


def test_a_machine_and_a_conf_that_are_ready_have_no_fault(tmp_path: Path, examine: Any) -> None:
    code, lines = examine("--conf-dir", str(ready(tmp_path)))
    assert code == 0
    assert [line for line in lines.values() if line.startswith("fault")] == []
    assert lines["Python"].startswith(f"ok: {sys.version.split()[0]}")
    assert lines["Java"] == f"ok: 17 ({tmp_path}/java/bin/java)"
    assert lines["class archive"] == "ok: none, so Spark starts some seconds later; doctor --prepare makes one"
    assert lines["conf"].endswith("base.yml is valid, 2 features")
    assert lines["input"] == f"ok: {tmp_path}/input: 1 csv file, 30 bytes"
    assert lines["output"] == f"ok: {tmp_path}/output does not exist yet; it can be created"
    assert (lines["lock"], lines["leftovers"], lines["published"]) == ("ok: free", "ok: none", "ok: nothing yet")
    assert {"seg-spark", "pyspark", "pandas", "pyarrow", "numpy", "memory", "Spark's disk", "output's disk"} <= set(
        lines
    )


def test_no_class_archive_is_made_for_a_java_that_cannot_use_one(
    tmp_path: Path, examine: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(java(tmp_path / "newer", 21).parent.parent))
    folder = str(ready(tmp_path))

    _, lines = examine("--conf-dir", folder)
    assert lines["class archive"] == "ok: none, Java 21 cannot use one; Java 17 and 25 start faster"

    assert main(["doctor", "--prepare", "--conf-dir", folder]) == PlatformError.exit_code
    assert "cannot use a class archive; Java 17 and 25 can" in capsys.readouterr().err


def test_looking_leaves_nothing_behind(tmp_path: Path, examine: Any) -> None:
    folder = ready(tmp_path)
    store(tmp_path).path("_seg_spark").mkdir(parents=True)
    before = sorted(tmp_path.rglob("*"))
    examine("--conf-dir", str(folder))
    assert sorted(tmp_path.rglob("*")) == before


def test_without_a_conf_folder_only_the_machine_is_checked_and_that_is_said(
    tmp_path: Path, examine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, lines = examine()
    assert code == 0
    assert "only the machine was checked" in lines["conf"]
    assert lines["Java"].startswith("ok")
    assert "input" not in lines


def test_a_conf_folder_that_was_named_and_is_not_there_is_a_fault(tmp_path: Path, examine: Any) -> None:
    code, lines = examine("--conf-dir", str(tmp_path / "nowhere"))
    assert code == SettingsError.exit_code
    assert "the configuration folder does not exist" in lines["conf"]
    assert lines["Java"].startswith("ok")


def test_every_fault_of_the_conf_has_its_line_and_the_machine_is_checked_all_the_same(
    tmp_path: Path, examine: Any
) -> None:
    folder = ready(tmp_path, training={"sed": 1}, selection={"rule": "elbo"})
    code, lines = examine("--conf-dir", str(folder))
    assert code == SettingsError.exit_code
    faults = [line for line in lines["conf"].splitlines() if line.startswith("fault")]
    assert len(faults) == 2
    assert "did you mean 'seed'?" in lines["conf"]
    assert lines["Java"].startswith("ok")
    assert "input and output were not checked" in lines["conf"]


def test_an_input_that_is_not_there_is_a_fault_and_the_output_is_checked_all_the_same(
    tmp_path: Path, examine: Any
) -> None:
    code, lines = examine("--conf-dir", str(conf_dir(tmp_path)))
    assert code == InputError.exit_code
    assert lines["input"].startswith(f"fault: input.path: {tmp_path}/input does not exist")
    assert "put it there, or correct input.path" in lines["input"]
    assert lines["output"].startswith("ok")


def test_an_input_of_another_format_is_a_fault(tmp_path: Path, examine: Any) -> None:
    folder = ready(tmp_path, input={"path": str(tmp_path / "input"), "format": "parquet"})
    code, lines = examine("--conf-dir", str(folder))
    assert code == InputError.exit_code
    assert "is not a Parquet file" in lines["input"]


def test_a_dated_input_is_a_fault_only_for_a_run_that_was_named(tmp_path: Path, examine: Any) -> None:
    folder = conf_dir(tmp_path, input={"path": str(tmp_path / "day-{run_date}.csv")})
    (tmp_path / "day-2026-11-20.csv").write_text("id,income,score\n1,2,3\n", encoding="utf-8")
    where = ("--conf-dir", str(folder))
    assert examine(*where, "--run-date", "2026-11-20")[0] == 0
    assert examine(*where, "--run-date", "2026-11-21")[0] == InputError.exit_code
    code, lines = examine(*where)
    assert code == 0
    assert lines["input"].startswith("warning")
    assert lines["input"].endswith("--run-date")


def test_a_catalog_table_has_no_files_to_list(tmp_path: Path, examine: Any) -> None:
    code, lines = examine("--conf-dir", str(conf_dir(tmp_path, input={"path": "crm.customers", "format": "table"})))
    assert code == 0
    assert lines["input"].startswith("ok: crm.customers is a table of the catalog")


def test_an_output_that_is_a_file_is_a_fault(tmp_path: Path, examine: Any) -> None:
    folder = ready(tmp_path)
    (tmp_path / "output").write_text("", encoding="utf-8")
    code, lines = examine("--conf-dir", str(folder))
    assert code == PlatformError.exit_code
    assert lines["output"].startswith(f"fault: {tmp_path}/output is not a folder")
    assert lines["input"].startswith("ok")


def test_an_output_below_a_file_cannot_be_created(tmp_path: Path, examine: Any) -> None:
    (tmp_path / "file").touch(mode=0o777)
    folder = ready(tmp_path, output={"path": str(tmp_path / "file" / "output")})
    code, lines = examine("--conf-dir", str(folder))
    assert code == PlatformError.exit_code
    assert f"{tmp_path}/file/output cannot be created: {tmp_path}/file is not a folder" in lines["output"]


@pytest.mark.skipif(os.geteuid() == 0, reason="everything may be written")
def test_a_table_that_somebody_else_owns_is_a_fault(tmp_path: Path, examine: Any) -> None:
    folder = ready(tmp_path)
    table = store(tmp_path).path("clean_customers")
    table.mkdir(parents=True)
    table.chmod(0o555)
    code, lines = examine("--conf-dir", str(folder))
    assert code == PlatformError.exit_code
    assert f"{table} cannot be read and written" in lines["output"]


def test_the_holder_of_the_lock_is_named_and_not_disturbed(tmp_path: Path, examine: Any) -> None:
    folder = ready(tmp_path)
    with exclusive_lock(store(tmp_path).path(LOCK), "run 7 (nightly)"):
        code, lines = examine("--conf-dir", str(folder))
        assert lock_holder(store(tmp_path).path(LOCK)) == f"run 7 (nightly), process {os.getpid()}"
    assert code == 0
    assert lines["lock"].startswith(f"warning: held by run 7 (nightly), process {os.getpid()}")


def test_a_lock_that_was_left_by_a_dead_run_is_free(tmp_path: Path) -> None:
    lock = store(tmp_path).path(LOCK)
    assert lock_holder(lock) is None
    assert not lock.parent.exists()
    with exclusive_lock(lock, "run 7"):
        pass
    assert "run 7" in lock.read_text(encoding="utf-8")
    assert lock_holder(lock) is None
    with exclusive_lock(lock, "run 8"):
        pass


def test_a_look_at_the_lock_does_not_refuse_a_run_that_starts_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = store(tmp_path).path(LOCK)
    lock.parent.mkdir(parents=True)
    lock.touch()
    with lock.open(encoding="utf-8") as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)
        monkeypatch.setattr("time.sleep", lambda seconds: fcntl.flock(looking, fcntl.LOCK_UN))
        with exclusive_lock(lock, "run 8"):
            assert lock.read_text(encoding="utf-8").startswith("run 8")


def test_leftovers_of_dead_runs_are_counted_with_their_size(tmp_path: Path, examine: Any) -> None:
    folder = ready(tmp_path)
    own = store(tmp_path)
    for name in ("a", "b"):
        own.write(f"_seg_spark/staging/{name}/run", b"")
        own.write(f"_seg_spark/versions/{name}/labels/part", b"x" * 1536)
    own.path("_seg_spark/trials/t").mkdir(parents=True)
    for files in ("a", "b"):
        version = TableVersion(files, 1, (DataFile(f"_seg_spark/versions/{files}/labels/part", 1536),))
        commit(own, date(2026, 11, 23), tables={"labels": version})
    code, lines = examine("--conf-dir", str(folder))
    assert code == 0
    staging, trials = lines["leftovers"].splitlines()
    assert staging.startswith("warning: staging of 2 runs, 3.0 KiB")
    assert trials.startswith("warning: trials of 1 run, 0 bytes")
    assert lines["replaced"].startswith("ok: 1 replaced version, 1.5 KiB")


def test_what_a_run_at_work_has_staged_is_no_leftover_of_a_dead_one(tmp_path: Path, examine: Any) -> None:
    folder = ready(tmp_path)
    store(tmp_path).write("_seg_spark/staging/a/run", b"")
    with exclusive_lock(store(tmp_path).path(LOCK), "run a"):
        _, lines = examine("--conf-dir", str(folder))
    assert lines["leftovers"].startswith("ok: staging of 1 run")


def test_the_last_published_run_is_told(tmp_path: Path, examine: Any) -> None:
    folder = ready(tmp_path)
    for day in (20, 23):
        commit(store(tmp_path), date(2026, 11, day))
    _, lines = examine("--conf-dir", str(folder))
    assert lines["published"] == "ok: 2 dates, the last one 2026-11-23; active model: none yet"


def test_a_published_model_that_is_gone_is_a_fault_of_the_output(tmp_path: Path, examine: Any) -> None:
    folder = ready(tmp_path)
    commit(store(tmp_path), date(2026, 11, 23), "abc")
    code, lines = examine("--conf-dir", str(folder))
    assert code == PlatformError.exit_code
    assert "the published model is not there" in lines["published"]


def test_what_a_commit_lists_and_is_not_there_is_a_fault_as_is_a_damaged_commit(tmp_path: Path, examine: Any) -> None:
    folder = ready(tmp_path)
    own = store(tmp_path)
    version = TableVersion("r", 1, (DataFile("_seg_spark/versions/r/customer_segments/part", 1000),))
    for day in (22, 23, 24):
        commit(own, date(2026, 11, day), tables={"customer_segments": version} if day == 23 else {})
    own.write("_seg_spark/commits/00000001.json", b"{")
    code, lines = examine("--conf-dir", str(folder))
    assert code == PublishError.exit_code
    damaged, missing = lines["published"].splitlines()[1:]
    assert "fault: 2026-11-22: " in damaged and "00000001.json: is missing or damaged" in damaged
    assert missing.startswith("fault: 2026-11-23: files that its commit lists are missing; run seg-spark nightly --run")


def test_a_java_that_is_too_old_is_a_fault_and_nothing_else_is_left_out(
    tmp_path: Path, examine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(java(tmp_path / "java", 11).parent))
    code, lines = examine("--conf-dir", str(ready(tmp_path)))
    assert code == PlatformError.exit_code
    assert lines["Java"].startswith("fault: no Java 17 or newer was found")
    assert {"memory", "input", "published"} <= set(lines)


def test_a_java_that_spark_does_not_know_is_a_warning(
    tmp_path: Path, examine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(java(tmp_path / "new", 99).parents[1]))
    code, lines = examine("--conf-dir", str(ready(tmp_path)))
    assert code == 0
    assert lines["Java"].startswith("warning: 99")


def test_stale_variables_are_named(tmp_path: Path, examine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    jar = tmp_path / "old-spark" / "jars" / "spark-core_2.12-3.5.1.jar"
    jar.parent.mkdir(parents=True)
    jar.touch()
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "gone"))
    monkeypatch.setenv("SPARK_HOME", str(tmp_path / "old-spark"))
    monkeypatch.setenv("PYSPARK_PYTHON", "/no/such/python")
    monkeypatch.setenv("PYSPARK_DRIVER_PYTHON", sys.executable)
    code, lines = examine("--conf-dir", str(ready(tmp_path)))
    assert code == 0
    assert lines["JAVA_HOME"].startswith(f"warning: {tmp_path}/gone")
    assert lines["SPARK_HOME"].startswith(f"warning: {tmp_path}/old-spark is Spark 3.5.1, which is not supported")
    assert lines["PYSPARK_PYTHON"].startswith("warning: /no/such/python does not run")
    assert lines["PYSPARK_DRIVER_PYTHON"].startswith("ok")


@pytest.mark.parametrize(
    ("package", "version", "status"),
    [
        ("pyspark", "3.5.4", "fault"),
        ("pyspark", "4.0.0", "ok"),
        ("pyspark", "5.0.0.dev1", "fault"),
        ("pandas", "3.0.1", "fault"),
        ("pandas", "2.2", "ok"),
        ("pyarrow", "9.0.0", "fault"),
        ("numpy", "1.26.4", "ok"),
    ],
)
def test_versions_outside_the_supported_ones_are_faults(
    package: str, version: str, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = machine.installed
    monkeypatch.setattr(machine_checks, "installed", lambda name: version if name == package else installed(name))
    found = {one.what: one for one in machine_checks.check_packages()}
    assert found[package].status == status
    assert version in found[package].found


def test_the_supported_versions_are_those_of_the_project_file() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    for name, (oldest, too_new) in machine_checks.PACKAGES.items():
        wanted = f"{name}>={'.'.join(map(str, oldest))}" + (f",<{'.'.join(map(str, too_new))}" if too_new else "")
        assert wanted in project["project"]["dependencies"]
    assert project["project"]["requires-python"] == f">={'.'.join(map(str, machine.OLDEST_PYTHON))}"


@pytest.mark.parametrize(("gib", "driver", "status"), [(64, 8, "ok"), (10, 4, "ok"), (3, 1, "ok"), (1.2, 1, "fault")])
def test_the_driver_takes_two_fifths_of_the_memory_and_must_fit(
    gib: float, driver: int, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (machine, machine_checks):
        monkeypatch.setattr(module, "memory_bytes", lambda: int(gib * machine.GIB))
    monkeypatch.setattr(machine_checks, "_available_bytes", lambda: None)
    assert machine.driver_memory_gib() == driver
    (found,) = machine_checks.check_memory()
    assert found.status == status
    assert f"up to {driver} GiB" in found.found


def test_memory_that_others_hold_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "memory_bytes", lambda: 16 * machine.GIB)
    monkeypatch.setattr(machine_checks, "memory_bytes", lambda: 16 * machine.GIB)
    monkeypatch.setattr(machine_checks, "_available_bytes", lambda: machine.GIB)
    (found,) = machine_checks.check_memory()
    assert (found.status, "1.0 GiB are free now" in found.found) == ("warning", True)


@pytest.mark.parametrize(
    ("own", "limits", "expected"),
    [
        ("0::/\n", {"memory.max": "max"}, None),
        ("0::/\n", {"memory.max": "2147483648"}, 2147483648),
        ("0::/a/b\n", {"memory.max": "max", "a/memory.max": "1000", "a/b/memory.max": "2000"}, 1000),
        ("0::/not/mounted/here\n", {"memory.max": "3000"}, 3000),
        ("4:memory:/a\n0::/\n", {"memory/memory.limit_in_bytes": "9223372036854771712"}, None),
        ("4:memory:/a\n0::/\n", {"memory/a/memory.limit_in_bytes": "5000"}, 5000),
        ("", {"memory.max": "1000"}, None),
    ],
)
def test_the_limit_of_a_container_is_the_lowest_on_the_way_up(
    own: str, limits: dict[str, str], expected: int | None, tmp_path: Path
) -> None:
    for name, text in limits.items():
        (tmp_path / "groups" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "groups" / name).write_text(f"{text}\n", encoding="utf-8")
    (tmp_path / "own").write_text(own, encoding="utf-8")
    assert machine.memory_limit_bytes(tmp_path / "groups", tmp_path / "own") == expected


@contextmanager
def free_space(monkeypatch: pytest.MonkeyPatch, size: int) -> Iterator[None]:
    usage = type(machine_checks.shutil.disk_usage("/"))
    with monkeypatch.context() as patch:
        patch.setattr(machine_checks.shutil, "disk_usage", lambda path: usage(10**12, 0, size))
        yield


def test_a_disk_is_measured_against_the_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def status(free: int, input_bytes: int | None) -> str:
        with free_space(monkeypatch, free):
            return machine_checks.check_disk("disk", tmp_path / "not" / "yet", input_bytes, "free some").status

    gib = machine.GIB
    assert (status(5 * gib, None), status(5 * gib, 2 * gib)) == ("ok", "ok")
    assert (status(5 * gib, 3 * gib), status(gib // 2, None)) == ("warning", "warning")
    assert status(1000, None) == "fault"


def test_every_folder_of_spark_is_looked_at(tmp_path: Path, examine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("SPARK_LOCAL_DIRS", f"{tmp_path}/later, {tmp_path}/file")
    code, lines = examine("--conf-dir", str(ready(tmp_path)))
    assert code == PlatformError.exit_code
    first, second = lines["Spark's disk"].splitlines()
    assert f"{tmp_path}/later" in first
    assert second.startswith(f"fault: {tmp_path}/file cannot be written")


def test_a_check_that_breaks_is_told_and_the_others_run(
    tmp_path: Path, examine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> Iterator[Finding]:
        raise ZeroDivisionError("by nought")

    monkeypatch.setattr(doctor, "check_memory", broken)
    code, lines = examine("--conf-dir", str(ready(tmp_path)))
    assert code == PlatformError.exit_code
    assert lines["memory"] == "fault: could not be checked: ZeroDivisionError: by nought"
    assert {"input", "published"} <= set(lines)


@pytest.mark.parametrize(
    ("kinds", "code"),
    [
        ((), 0),
        ((InputError,), 3),
        ((InputError, PlatformError), 4),
        ((PlatformError, InputError, SettingsError), 2),
    ],
)
def test_the_exit_code_is_that_of_what_must_be_mended_first(kinds: tuple[Any, ...], code: int) -> None:
    fine = [Finding("ok", "a", "b", kind=SettingsError), Finding("warning", "a", "b", kind=SettingsError)]
    assert exit_code_of(fine + [Finding("fault", "a", "b", kind=kind) for kind in kinds]) == code


def test_sizes_are_readable() -> None:
    shown = [readable_bytes(size) for size in (0, 1023, 1536, 123 * 1024, 5 * 1024**3, 3 * 1024**5)]
    assert shown == ["0 bytes", "1023 bytes", "1.5 KiB", "123 KiB", "5.0 GiB", "3072 TiB"]


def test_a_damaged_commit_is_told(tmp_path: Path, examine: Any) -> None:
    folder = ready(tmp_path)
    path = store(tmp_path).path("_seg_spark/commits/00000001.json")
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps([]), encoding="utf-8")
    code, lines = examine("--conf-dir", str(folder))
    assert code == PlatformError.exit_code
    assert f"fault: {path}: is missing or damaged; restore it" in lines["published"]


def test_repair_puts_the_output_in_order_first(tmp_path: Path, examine: Any) -> None:
    folder = ready(tmp_path)
    store(tmp_path).write("_seg_spark/versions/dead/labels/part-0.parquet", b"x")
    code, lines = examine("--conf-dir", str(folder), "--repair")
    assert code == 0
    assert not store(tmp_path).path("_seg_spark/versions/dead").exists()
    assert any("0 folders brought in line with the commits, 1 version of dead runs removed" in one for one in lines)
