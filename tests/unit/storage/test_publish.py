"""Publishing small Parquet tables: what readers and the next run find afterwards, and after a failure."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from processes import PROJECT

from seg_spark import published_files
from seg_spark.errors import InputError, LockedError, PlatformError, PublishError
from seg_spark.segments.model import SegmentEvent, SegmentState
from seg_spark.storage.commits import Commit, PublishedModel, TableVersion, commit_of
from seg_spark.storage.layout import LOCK
from seg_spark.storage.local_store import LocalStore, exclusive_lock
from seg_spark.storage.publish import ModelForms, RunArea, publish, run_area, stage_model
from seg_spark.storage.repair import RepairResult, repair
from seg_spark.storage.retention import Retention
from seg_spark.storage.tables import StagedTable, staged_table

RUN_DATE, NEXT_DATE = date(2026, 11, 23), date(2026, 11, 24)
KEEP_ONE = Retention(versions=1, grace_seconds=0.0)
LABELS = "customer_segments"


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "output")


def stage(store: LocalStore, area: RunArea, table: str, *customers: str, files: int = 1) -> StagedTable:
    """Write a table of customer ids, as many to a file as there are files."""
    folder = store.version_folder(table, area.run_date, area.run_id)
    store.path(folder).mkdir(parents=True)
    for number in range(files):
        ids = pa.table({"customer_id": pa.array(customers[number::files], pa.string())})
        pq.write_table(ids, store.path(folder) / f"part-{number}-{area.run_id}.parquet")
    return staged_table(store, table, folder)


def run(
    store: LocalStore,
    run_id: str,
    *customers: str,
    tables: tuple[str, ...] = (LABELS,),
    run_date: date = RUN_DATE,
    model: PublishedModel | None = None,
    retention: Retention = KEEP_ONE,
) -> Commit:
    """A whole run that publishes the same customers in each table."""
    with run_area(store, run_date, run_id) as area:
        staged = [stage(store, area, table, *customers) for table in tables]
        return publish(store, area, staged, model, retention)


def in_folder(store: LocalStore, table: str = LABELS, run_date: date = RUN_DATE) -> list[str]:
    """What a plain glob reads."""
    files = sorted(store.path(f"{table}/run_date={run_date}").iterdir())
    return [value for file in files for value in pq.ParquetFile(file).read()["customer_id"].to_pylist()]


def in_commit(store: LocalStore, table: str = LABELS, run_date: date = RUN_DATE) -> list[str]:
    """What a reader of the commits reads."""
    return in_version(store, commit_of(store, run_date).tables[table])


def in_version(store: LocalStore, version: TableVersion) -> list[str]:
    found = [pq.ParquetFile(store.path(one.path)).read()["customer_id"].to_pylist() for one in version.files]
    return [value for values in found for value in values]


def files_below(store: LocalStore, folder: str = "") -> set[str]:
    return {str(path.relative_to(store.folder)) for path in store.path(folder).rglob("*") if path.is_file()}


def test_a_published_date_holds_what_was_staged_and_nothing_else(store: LocalStore) -> None:
    with run_area(store, RUN_DATE, "r1") as area:
        staged = [stage(store, area, "clean", "a", "b", "c", files=2), stage(store, area, LABELS, "a", "b", "c")]
        publish(store, area, staged, None, KEEP_ONE)
    assert in_folder(store, "clean") == in_commit(store, "clean") == ["a", "c", "b"]
    assert in_folder(store) == in_commit(store) == ["a", "b", "c"]
    assert files_below(store) == {
        "clean/run_date=2026-11-23/part-0-r1.parquet",
        "clean/run_date=2026-11-23/part-1-r1.parquet",
        f"{LABELS}/run_date=2026-11-23/part-0-r1.parquet",
        "_seg_spark/versions/r1/clean/part-0-r1.parquet",
        "_seg_spark/versions/r1/clean/part-1-r1.parquet",
        f"_seg_spark/versions/r1/{LABELS}/part-0-r1.parquet",
        "_seg_spark/commits/00000001.json",
    }


def test_the_folder_of_a_date_takes_no_second_copy_of_the_data(store: LocalStore) -> None:
    commit = run(store, "r1", "a")
    [file] = commit.tables[LABELS].files
    [shown] = store.path(f"{LABELS}/run_date=2026-11-23").iterdir()
    assert store.path(file.path).samefile(shown)
    assert file.size_bytes == shown.stat().st_size


def test_a_filesystem_without_hard_links_gets_copies(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*paths: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("os.link", refuse)
    run(store, "r1", "a")
    run(store, "r2", "b")
    assert in_folder(store) == in_commit(store) == ["b"]


def test_other_engines_read_every_run_with_its_date(store: LocalStore) -> None:
    run(store, "r1", "a", "b")
    run(store, "r2", "c", run_date=NEXT_DATE)
    query = f"SELECT * FROM read_parquet('{store.root}/{LABELS}/**/*.parquet', hive_partitioning = true) ORDER BY 1"
    assert duckdb.sql(query).fetchall() == [("a", RUN_DATE), ("b", RUN_DATE), ("c", NEXT_DATE)]


def test_other_tables_and_other_dates_stay_as_they_are(store: LocalStore) -> None:
    model = PublishedModel("model-1", "models/model-1")
    store.write("models/model-1/model.json", b"{}")
    run(store, "r1", "a", tables=("clean",), model=model)
    run(store, "r2", "b", tables=("clean",), run_date=NEXT_DATE)
    run(store, "r3", "c")
    assert (in_folder(store, "clean"), in_folder(store, "clean", NEXT_DATE)) == (["a"], ["b"])
    commit = commit_of(store, RUN_DATE)
    assert {table: version.run_id for table, version in commit.tables.items()} == {"clean": "r1", LABELS: "r3"}
    assert commit.model == model  # no model given: the date's own stays


def test_moves_go_with_the_labels_they_were_counted_for(store: LocalStore) -> None:
    moves = "segment_transitions"
    run(store, "r1", "a", tables=("clean_customers", moves, LABELS))
    run(store, "r2", "b", tables=("clean_customers",))
    assert (in_folder(store, moves), in_commit(store, moves)) == (["a"], ["a"])
    run(store, "r3", "b")
    assert set(commit_of(store, RUN_DATE).tables) == {"clean_customers", LABELS}
    assert not store.path(f"{moves}/run_date={RUN_DATE}").exists()
    assert in_folder(store, "clean_customers") == ["b"]


def test_a_folder_of_a_table_that_the_date_does_not_have_is_removed_by_repair(store: LocalStore) -> None:
    run(store, "r1", "a")
    shutil.copytree(store.path(f"{LABELS}/run_date={RUN_DATE}"), store.path(f"segment_profiles/run_date={RUN_DATE}"))
    assert repair(store).folders == 1
    assert not store.path(f"segment_profiles/run_date={RUN_DATE}").exists()
    assert in_folder(store) == ["a"]


def test_a_replaced_version_stays_for_its_readers_as_the_rules_say(store: LocalStore) -> None:
    commits = [run(store, f"r{number}", f"c{number}") for number in range(1, 5)]
    assert in_folder(store) == in_commit(store) == ["c4"]
    assert in_version(store, commits[2].tables[LABELS]) == ["c3"]  # keep_versions: 1
    assert {path.split("/")[2] for path in files_below(store, "_seg_spark/versions")} == {"r3", "r4"}
    assert files_below(store, "_seg_spark/commits") == {f"_seg_spark/commits/0000000{n}.json" for n in (3, 4)}
    within_grace = Retention(versions=0, grace_seconds=3600.0)
    run(store, "r5", "c5", retention=within_grace)
    assert in_version(store, commits[2].tables[LABELS]) == ["c3"]
    run(store, "r6", "c6", retention=Retention(versions=0, grace_seconds=0.0))
    assert {path.split("/")[2] for path in files_below(store, "_seg_spark/versions")} == {"r6"}


def test_a_table_that_a_kept_commit_still_lists_is_not_removed(store: LocalStore) -> None:
    run(store, "r1", "a", tables=("clean", LABELS))
    for number in range(2, 6):
        run(store, f"r{number}", f"c{number}")
    assert in_commit(store, "clean") == in_folder(store, "clean") == ["a"]
    assert files_below(store, "_seg_spark/versions/r1") == {"_seg_spark/versions/r1/clean/part-0-r1.parquet"}


def test_replaced_versions_of_one_date_do_not_age_with_the_commits_of_others(store: LocalStore) -> None:
    first = run(store, "r1", "a")
    run(store, "r2", "b")
    for number in range(3, 8):
        run(store, f"r{number}", "x", run_date=NEXT_DATE)
    assert in_version(store, first.tables[LABELS]) == ["a"]


def test_what_a_run_has_not_published_is_gone_when_it_ends(store: LocalStore) -> None:
    with pytest.raises(ZeroDivisionError), run_area(store, RUN_DATE, "r1") as area:
        stage(store, area, LABELS, "a")
        _ = 1 / 0
    assert files_below(store) == set()
    run(store, "r2", "b")
    with run_area(store, RUN_DATE, "r3") as area:
        stage(store, area, LABELS, "c")
    assert in_folder(store) == in_commit(store) == ["b"]
    assert not store.path("_seg_spark/versions/r3").exists()


def test_a_staging_folder_that_could_not_be_removed_costs_no_published_version(store: LocalStore) -> None:
    run(store, "r1", "a")
    run(store, "r2", "b", run_date=NEXT_DATE)
    store.write("_seg_spark/staging/r1/run", b"")  # as a filesystem leaves it that refuses to remove it
    run(store, "r3", "c", run_date=NEXT_DATE)
    assert in_folder(store) == in_commit(store) == ["a"]


def test_replaced_versions_that_cannot_be_removed_do_not_fail_a_run_that_has_published(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    run(store, "r1", "a")
    run(store, "r2", "b")

    def refuse(store: LocalStore, path: str) -> None:
        if path.startswith("_seg_spark/versions/r1"):
            raise PermissionError(13, "Permission denied", path)
        remove(store, path)

    remove = LocalStore.remove
    monkeypatch.setattr(LocalStore, "remove", refuse)
    run(store, "r3", "c")
    assert in_folder(store) == in_commit(store) == ["c"]
    assert "not all replaced versions were removed" in caplog.text


def test_internal_folders_are_hidden_from_hive(store: LocalStore) -> None:
    with run_area(store, RUN_DATE, "r1") as area:
        assert area.staging.startswith("_")
        assert store.version_folder(LABELS, RUN_DATE, "r1").startswith("_")


def test_a_damaged_last_commit_stops_a_run_before_anything_changes(store: LocalStore) -> None:
    run(store, "r1", "a")
    store.write("_seg_spark/commits/00000001.json", b"{")
    with pytest.raises(PublishError, match="is missing or damaged"):
        run(store, "r2", "b")
    assert in_folder(store) == ["a"]


def test_a_filesystem_that_refuses_is_named_and_nothing_has_changed(store: LocalStore) -> None:
    run(store, "r1", "a", tables=("clean",))
    store.path(LABELS).write_text("a file where the table should be", encoding="utf-8")
    with pytest.raises(
        PublishError, match=rf"publishing 2026-11-23 failed, nothing has changed; correct .* and run again: .*{LABELS}"
    ):
        run(store, "r2", "b", tables=("clean", LABELS))
    assert commit_of(store, RUN_DATE).run_id == "r1"
    assert in_folder(store, "clean") == in_commit(store, "clean") == ["a"]
    store.path(LABELS).unlink()
    run(store, "r3", "c", tables=("clean", LABELS))
    assert in_folder(store, "clean") == in_folder(store) == ["c"]


def test_a_run_that_another_one_overtook_on_its_date_changes_nothing(store: LocalStore) -> None:
    run(store, "r1", "a")
    with (
        pytest.raises(LockedError, match="run r3 has published 2026-11-23 since this run began"),
        overtaken(store) as area,
    ):
        publish(store, area, [stage(store, area, LABELS, "b")], None, KEEP_ONE)
    assert in_folder(store) == in_commit(store) == ["c"]
    assert not store.path("_seg_spark/versions/r2").exists()


def test_a_run_goes_on_from_a_commit_of_a_later_date(store: LocalStore) -> None:
    with overtaken(store, NEXT_DATE) as area:
        commit = publish(store, area, [stage(store, area, LABELS, "b")], None, KEEP_ONE)
    assert commit.number == 2
    assert (in_commit(store), in_commit(store, run_date=NEXT_DATE)) == (["b"], ["c"])


@contextmanager
def overtaken(store: LocalStore, run_date: date = RUN_DATE) -> Iterator[RunArea]:
    """The area of run r2, during which r3 has published: as where no lock holds for both."""
    with run_area(store, RUN_DATE, "r2") as area:
        version = RunArea(run_date, "r3", "_seg_spark/staging/r3", area.base)
        store.write(f"{version.staging}/run", b"")
        publish(store, version, [stage(store, version, LABELS, "c")], None, KEEP_ONE)
        store.remove(version.staging)
        yield area


class Pipeline:
    """Stands where a Spark ML pipeline is written: pipelines themselves are written in tests/spark."""

    def write(self) -> "Pipeline":
        return self

    def save(self, url: str) -> None:
        folder = Path(url.removeprefix("file://")) / "stages"
        folder.mkdir(parents=True)
        (folder / "part-0").write_text("a stage", encoding="utf-8")


def run_with_model(store: LocalStore, run_id: str, portable: str) -> Commit:
    with run_area(store, RUN_DATE, run_id) as area:
        forms = ModelForms("abc", Pipeline(), portable, "{}", "{}")  # type: ignore[arg-type]
        return publish(store, area, [], stage_model(store, run_id, forms), Retention(0, 0.0))


def test_a_model_is_published_whole(store: LocalStore) -> None:
    run_with_model(store, "r1", "whole")
    assert files_below(store, "models") == {
        "models/abc/model.json", "models/abc/scores.json", "models/abc/reference.json",
        "models/abc/pipeline/stages/part-0",
    }  # fmt: skip


def test_a_model_that_is_published_already_is_not_written_again(store: LocalStore) -> None:
    first, second = run_with_model(store, "r1", "whole"), run_with_model(store, "r2", "whole")
    assert first.model == second.model
    assert store.read("models/abc/model.json") == b"whole"
    assert not store.path("_seg_spark/versions/r2").exists()


@pytest.mark.parametrize("absent", ["scores.json", "pipeline"])
def test_an_incomplete_model_is_repaired_by_fitting_it_again(store: LocalStore, absent: str) -> None:
    first = run_with_model(store, "r1", "whole")
    assert first.model is not None
    for folder in (first.model.folder, "models/abc"):
        store.remove(f"{folder}/{absent}")
    whole = run_with_model(store, "r2", "whole").model
    assert whole is not None and whole != first.model
    assert files_below(store, whole.folder) == {
        f"{whole.folder}/{one}" for one in ("model.json", "scores.json", "reference.json", "pipeline/stages/part-0")
    }
    assert len(files_below(store, "models")) == 4


def test_a_damaged_model_is_repaired_by_fitting_it_again(store: LocalStore) -> None:
    first = run_with_model(store, "r1", "whole")
    store.path("models/abc/model.json").write_text("dam", encoding="utf-8")  # the same file as in the version
    second = run_with_model(store, "r2", "whole")
    assert first.model != second.model
    assert store.read("models/abc/model.json") == b"whole"


def test_a_model_that_no_kept_commit_names_is_removed(store: LocalStore) -> None:
    run_with_model(store, "r1", "whole")
    other = PublishedModel("other", "_seg_spark/versions/r2/models")
    with run_area(store, RUN_DATE, "r2") as area:
        store.write(f"{other.folder}/model.json", b"{}")
        publish(store, area, [], other, Retention(0, 0.0))
    assert files_below(store, "models") == {"models/other/model.json"}
    assert not store.path("_seg_spark/versions/r1").exists()


def test_repair_brings_every_date_in_line_and_removes_what_no_commit_lists(store: LocalStore) -> None:
    assert repair(store) == RepairResult(0, 0)
    assert not store.folder.exists()
    run(store, "r1", "a")
    run(store, "r2", "b", run_date=NEXT_DATE)
    run_with_model(store, "r3", "whole")
    assert repair(store) == RepairResult(0, 0)
    shutil.rmtree(store.path(f"{LABELS}/run_date={RUN_DATE}"))
    next(store.path(f"{LABELS}/run_date={NEXT_DATE}").iterdir()).rename(store.folder / "moved away by hand")
    shutil.rmtree(store.path("models/abc"))
    store.write("_seg_spark/versions/dead/clean/part-0.parquet", b"")
    assert repair(store) == RepairResult(3, 1)
    assert (in_folder(store), in_folder(store, run_date=NEXT_DATE)) == (["a"], ["b"])
    assert store.read("models/abc/model.json") == b"whole"
    assert repair(store) == RepairResult(0, 0)


def test_repair_waits_for_no_run(store: LocalStore) -> None:
    run(store, "r1", "a")
    with exclusive_lock(store.path(LOCK), "run 7"), pytest.raises(LockedError, match="locked by run 7"):
        repair(store)


def test_a_run_killed_anywhere_leaves_the_old_date_or_the_new_and_the_next_run_converges(tmp_path: Path) -> None:
    script = PROJECT / "tests/faults/publish_kills.py"
    options = ["--trials", "60", "--seed", "21", "--readers", "1"]
    command = [sys.executable, str(script), str(tmp_path / "output"), *options]
    environment = os.environ | {"PYTHONPATH": str(PROJECT)}
    done = subprocess.run(command, check=False, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    counts = json.loads(done.stdout)
    assert min(counts["trials"][outcome] for outcome in ("old", "new", "converged")) > 5
    assert counts["reads"]["commit whole"] > 100
    assert counts["reads"]["glob whole"] > 100


def test_a_disk_that_a_dead_run_has_filled_is_freed_before_anything_is_written(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(store, "r1", "a")
    store.write("_seg_spark/versions/dead/clean/part-0.parquet", b"much")
    store.write("_seg_spark/staging/dead/started.json", b"damaged")

    def no_space(*arguments: object) -> None:
        raise OSError(28, "No space left on device", "started.json")

    monkeypatch.setattr(LocalStore, "write", no_space)
    with pytest.raises(PlatformError, match="No space left on device"), run_area(store, RUN_DATE, "r2"):
        pass
    assert not store.path("_seg_spark/versions/dead").exists()
    assert in_commit(store) == ["a"]


def test_a_model_that_was_fitted_on_another_date_or_with_other_settings_is_written_anew(store: LocalStore) -> None:
    folders = []
    for number, reference in enumerate(("fitted on Monday", "fitted on Monday", "fitted on Tuesday")):
        with run_area(store, RUN_DATE, f"r{number}") as area:
            forms = ModelForms("abc", Pipeline(), "whole", "{}", reference)  # type: ignore[arg-type]
            model = stage_model(store, area.run_id, forms)
            publish(store, area, [], model, Retention(0, 0.0))
            folders.append(model.folder)
    assert folders[0] == folders[1] != folders[2]


def test_dates_without_any_commit_are_not_taken_for_an_empty_output(store: LocalStore) -> None:
    run(store, "r1", "a")
    store.remove("_seg_spark")
    with pytest.raises(PublishError, match=r"customer_segments/run_date=2026-11-23 is there, but _seg_spark/commits"):
        run(store, "r2", "b")
    assert in_folder(store) == ["a"]


def test_a_version_of_a_model_that_has_lost_files_spoils_no_folder(store: LocalStore) -> None:
    made = run_with_model(store, "r1", "whole").model
    assert made is not None
    store.remove(f"{made.folder}/model.json")
    repair(store)
    assert store.read("models/abc/model.json") == b"whole"


def test_a_date_that_has_lost_its_files_stops_no_later_run(store: LocalStore) -> None:
    run(store, "r1", "a")
    for file in commit_of(store, RUN_DATE).tables[LABELS].files:
        store.remove(file.path)
    repair(store)
    assert in_folder(store) == ["a"], "the last copies stay"
    store.remove(f"{LABELS}/run_date={RUN_DATE}")
    repair(store)
    run(store, "r2", "b")
    assert in_folder(store) == ["b"]


def test_a_table_that_is_none_is_answered_with_the_nearest(store: LocalStore) -> None:
    run(store, "r1", "a")
    with pytest.raises(InputError, match=r"is no published table \(did you mean 'customer_segments'\?"):
        published_files(store.root, "customer_segment")


def test_two_dates_that_run_at_once_never_give_one_id_twice(store: LocalStore) -> None:
    def born(run_date: date, segment_id: int) -> SegmentState:
        return SegmentState((SegmentEvent(run_date, segment_id, "born", "new"),))

    later = RUN_DATE + timedelta(1)
    with run_area(store, RUN_DATE, "r1") as earlier_run:
        with run_area(store, later, "r2") as later_run:
            publish(store, later_run, [], None, KEEP_ONE, segment_state=born(later, 6))
        with pytest.raises(LockedError, match="run again"):
            publish(store, earlier_run, [], None, KEEP_ONE, segment_state=born(RUN_DATE, 6))
        made = publish(store, earlier_run, [], None, KEEP_ONE, segment_state=born(RUN_DATE, 7))
    assert made.issued == {RUN_DATE: (7,), later: (6,)}


@pytest.mark.parametrize("path", ["s3://KEY:hunter2@bucket/x", "s3a://KEY:hun/ter2@bucket/x", "hdfs://me:ter2@host/x"])
def test_a_password_in_the_path_of_published_files_is_refused_and_not_shown(path: str) -> None:
    with pytest.raises(InputError, match="output: contains credentials") as caught:
        published_files(path, LABELS)
    assert "ter2" not in str(caught.value)
