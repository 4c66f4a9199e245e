"""Publishing small Parquet tables: what readers and the next run find afterwards, and after a failure."""

import signal
import subprocess
import sys
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from processes import PROJECT

from seg_spark.errors import PublishError
from seg_spark.storage.layout import Layout
from seg_spark.storage.manifests import read_manifest
from seg_spark.storage.publish import StagedTable, publish_model, publish_tables, staging_area

RUN_DATE, NEXT_DATE = date(2026, 11, 23), date(2026, 11, 24)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "output")


def stage(staging: Path, table: str, *customers: str, files: int = 1) -> StagedTable:
    """Write a table of customer ids, as many to a file as there are files, and call it staged."""
    folder = staging / table
    folder.mkdir(parents=True)
    for number in range(files):
        ids = pa.table({"customer_id": pa.array(customers[number::files], pa.string())})
        pq.write_table(ids, folder / f"part-{number}-{staging.name}.parquet")
    return StagedTable(table, folder, len(customers))


def publish(
    layout: Layout,
    run_id: str,
    *customers: str,
    table: str = "labels",
    run_date: date = RUN_DATE,
    model_id: str | None = None,
) -> None:
    with staging_area(layout, run_id) as staging:
        publish_tables(layout, run_date, run_id, [stage(staging, table, *customers)], model_id)


def customers(layout: Layout, table: str = "labels", run_date: date = RUN_DATE) -> list[str]:
    files = sorted(layout.partition(table, run_date).iterdir())
    return [value for file in files for value in pq.ParquetFile(file).read()["customer_id"].to_pylist()]


def test_published_tables_hold_what_was_staged_and_nothing_else(layout: Layout) -> None:
    with staging_area(layout, "r1") as staging:
        tables = [stage(staging, "clean", "a", "b", "c", files=2), stage(staging, "labels", "a", "b", "c")]
        publish_tables(layout, RUN_DATE, "r1", tables, "model-1")
    assert customers(layout, "clean") == ["a", "c", "b"]
    assert customers(layout, "labels") == ["a", "b", "c"]
    published = {str(path.relative_to(layout.root)) for path in layout.root.rglob("*") if path.is_file()}
    assert published == {
        "clean/run_date=2026-11-23/part-0-r1.parquet",
        "clean/run_date=2026-11-23/part-1-r1.parquet",
        "labels/run_date=2026-11-23/part-0-r1.parquet",
        "_seg_spark/manifests/run_date=2026-11-23.json",
    }


def test_other_engines_read_every_run_with_its_date(layout: Layout) -> None:
    publish(layout, "r1", "a", "b")
    publish(layout, "r2", "c", run_date=NEXT_DATE)
    query = f"SELECT * FROM read_parquet('{layout.table('labels')}/**/*.parquet', hive_partitioning = true) ORDER BY 1"
    assert duckdb.sql(query).fetchall() == [("a", RUN_DATE), ("b", RUN_DATE), ("c", NEXT_DATE)]


def test_the_manifest_tells_run_rows_and_files_of_every_table(layout: Layout) -> None:
    publish(layout, "r1", "a", "b", model_id="model-1")
    manifest = read_manifest(layout, RUN_DATE)
    file = layout.partition("labels", RUN_DATE) / "part-0-r1.parquet"
    assert manifest.model_id == "model-1"
    assert manifest.tables == {
        "labels": {"run_id": "r1", "rows": 2, "files": [{"name": file.name, "bytes": file.stat().st_size}]}
    }


def test_a_date_published_again_holds_the_new_version_only(layout: Layout) -> None:
    publish(layout, "r1", "a", "b", model_id="old")
    publish(layout, "r2", "c", model_id="new")
    assert customers(layout) == ["c"]
    manifest = read_manifest(layout, RUN_DATE)
    assert (manifest.model_id, manifest.tables["labels"]["run_id"]) == ("new", "r2")


def test_other_tables_and_other_dates_stay_as_they_are(layout: Layout) -> None:
    publish(layout, "r1", "a", table="clean", model_id="model-1")
    publish(layout, "r2", "b", table="clean", run_date=NEXT_DATE)
    publish(layout, "r3", "c", table="labels")
    assert customers(layout, "clean") == ["a"]
    assert customers(layout, "clean", NEXT_DATE) == ["b"]
    manifest = read_manifest(layout, RUN_DATE)
    assert {table: entry["run_id"] for table, entry in manifest.tables.items()} == {"clean": "r1", "labels": "r3"}
    assert manifest.model_id == "model-1"  # no model given: the date's own stays


def test_a_replaced_version_can_be_read_until_the_next_run(layout: Layout) -> None:
    publish(layout, "r1", "a", "b")
    opened = pq.ParquetFile(layout.partition("labels", RUN_DATE) / "part-0-r1.parquet")
    publish(layout, "r2", "c")
    assert opened.read()["customer_id"].to_pylist() == ["a", "b"]
    kept = layout.replaced / "r2/labels/part-0-r1.parquet"
    assert pq.ParquetFile(kept).read()["customer_id"].to_pylist() == ["a", "b"]
    publish(layout, "r3", "d")
    assert not kept.exists()
    assert customers(layout) == ["d"]


def test_the_staging_area_is_gone_after_the_run_and_so_are_leftovers_of_dead_ones(layout: Layout) -> None:
    leftover = stage(layout.staging("dead"), "labels", "x").folder
    with staging_area(layout, "r1") as staging:
        assert list(staging.iterdir()) == []
        assert not leftover.exists()
        stage(staging, "labels", "a")
    assert [path.name for path in layout.internal.rglob("*")] == ["staging"]


def test_the_staging_area_of_a_run_that_fails_is_gone_and_nothing_is_published(layout: Layout) -> None:
    with pytest.raises(ZeroDivisionError), staging_area(layout, "r1") as staging:
        stage(staging, "labels", "a")
        _ = 1 / 0
    assert not layout.table("labels").exists()
    assert not layout.staging("r1").exists()


def test_staged_tables_lie_outside_the_tables_and_hidden_from_hive(layout: Layout) -> None:
    with staging_area(layout, "r1") as staging:
        assert staging.relative_to(layout.root).parts[0].startswith("_")


def test_a_damaged_manifest_stops_publishing_before_anything_changes(layout: Layout) -> None:
    publish(layout, "r1", "a")
    layout.manifest(RUN_DATE).write_text("{", encoding="utf-8")
    with pytest.raises(PublishError, match="is damaged"):
        publish(layout, "r2", "b")
    assert customers(layout) == ["a"]


def test_a_filesystem_that_refuses_is_named_and_leaves_the_manifest_as_it_was(layout: Layout) -> None:
    publish(layout, "r1", "a", table="clean", model_id="old")
    layout.table("labels").write_text("a file where the table should be", encoding="utf-8")
    with pytest.raises(PublishError) as caught:
        publish(layout, "r2", "b", table="labels", model_id="new")
    assert str(RUN_DATE) in str(caught.value)
    assert str(layout.table("labels")) in str(caught.value)
    assert read_manifest(layout, RUN_DATE).model_id == "old"
    assert customers(layout, "clean") == ["a"]


def test_a_run_after_one_that_failed_half_way_publishes_everything(layout: Layout) -> None:
    blocked = layout.table("labels")

    def publish_all(run_id: str) -> None:
        with staging_area(layout, run_id) as staging:
            tables = [stage(staging, "clean", run_id), stage(staging, "labels", run_id)]
            publish_tables(layout, RUN_DATE, run_id, tables, run_id)

    blocked.parent.mkdir(parents=True)
    blocked.write_text("in the way", encoding="utf-8")
    with pytest.raises(PublishError):
        publish_all("r1")
    blocked.unlink()
    publish_all("r2")
    assert customers(layout, "clean") == customers(layout, "labels") == ["r2"]
    assert {entry["run_id"] for entry in read_manifest(layout, RUN_DATE).tables.values()} == {"r2"}


def test_tables_are_swapped_in_in_the_order_given(layout: Layout) -> None:
    layout.table("middle").parent.mkdir(parents=True)
    layout.table("middle").write_text("in the way", encoding="utf-8")
    with pytest.raises(PublishError), staging_area(layout, "r1") as staging:
        tables = [stage(staging, name, "a") for name in ("first", "middle", "labels")]
        publish_tables(layout, RUN_DATE, "r1", tables, None)
    assert layout.partition("first", RUN_DATE).is_dir()
    assert not layout.table("labels").exists()


def model_folder(staging: Path, text: str) -> Path:
    (staging / "model/pipeline/stages").mkdir(parents=True)
    (staging / "model/model.json").write_text(text, encoding="utf-8")
    return staging / "model"


def test_a_model_is_put_in_its_place_whole(layout: Layout) -> None:
    with staging_area(layout, "r1") as staging:
        publish_model(layout, model_folder(staging, "{}"), "abc")
    assert (layout.root / "models/abc/model.json").read_text(encoding="utf-8") == "{}"
    assert (layout.root / "models/abc/pipeline/stages").is_dir()


def test_a_model_that_is_published_already_is_not_touched(layout: Layout) -> None:
    with staging_area(layout, "r1") as staging:
        publish_model(layout, model_folder(staging, "{}"), "abc")
    before = (layout.model("abc") / "model.json").stat().st_ino
    with staging_area(layout, "r2") as staging:
        publish_model(layout, model_folder(staging, "{}"), "abc")
    assert (layout.model("abc") / "model.json").stat().st_ino == before


def test_a_damaged_model_is_mended_by_fitting_it_again(layout: Layout) -> None:
    with staging_area(layout, "r1") as staging:
        publish_model(layout, model_folder(staging, "whole"), "abc")
    (layout.model("abc") / "model.json").write_text("dam", encoding="utf-8")
    with staging_area(layout, "r2") as staging:
        publish_model(layout, model_folder(staging, "whole"), "abc")
    assert (layout.model("abc") / "model.json").read_text(encoding="utf-8") == "whole"


def test_a_table_that_was_not_staged_stops_the_publishing_before_anything_is_swapped(layout: Layout) -> None:
    publish(layout, "r1", "a", table="clean", model_id="old")
    with staging_area(layout, "r2") as staging:
        good, absent = stage(staging, "clean", "b"), StagedTable("labels", staging / "absent", 1)
        with pytest.raises(PublishError):
            publish_tables(layout, RUN_DATE, "r2", [good, absent], "new")
    assert read_manifest(layout, RUN_DATE).tables["clean"]["run_id"] == "r1"
    [file] = layout.partition("clean", RUN_DATE).glob("*.parquet")
    assert pq.read_table(file)["customer_id"].to_pylist() == ["a"]


def test_a_model_that_cannot_be_moved_is_named(layout: Layout, tmp_path: Path) -> None:
    layout.root.mkdir()
    (layout.root / "models").write_text("in the way", encoding="utf-8")
    with pytest.raises(PublishError, match="publishing model abc failed"):
        publish_model(layout, model_folder(tmp_path, "{}"), "abc")


KILLED_AFTER = """
import os, signal, sys
from datetime import date
from pathlib import Path
from seg_spark.storage import publish
from seg_spark.storage.layout import Layout

root, staging, swaps = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
swap_in = publish.swap_in

def killed_after(*folders):
    global swaps
    if swaps == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    swaps -= 1
    return swap_in(*folders)

publish.swap_in = killed_after
tables = [publish.StagedTable(name, staging / name, 2) for name in ("clean", "labels")]
publish.publish_tables(Layout(root), date(2026, 11, 23), "r2", tables, "model-2")
"""


@pytest.mark.parametrize("swaps", [0, 1])
def test_a_run_killed_between_two_swaps_leaves_whole_tables_and_the_next_one_converges(
    layout: Layout, swaps: int
) -> None:
    with staging_area(layout, "r1") as staging:
        tables = [stage(staging, "clean", "a"), stage(staging, "labels", "a")]
        publish_tables(layout, RUN_DATE, "r1", tables, "model-1")
    staging = layout.staging("r2")
    for table in ("clean", "labels"):
        stage(staging, table, "b", "c")
    command = [sys.executable, "-c", KILLED_AFTER, str(layout.root), str(staging), str(swaps)]
    assert subprocess.run(command, check=False, cwd=PROJECT).returncode == -signal.SIGKILL
    assert customers(layout, "clean") == (["b", "c"] if swaps else ["a"])
    assert customers(layout, "labels") == ["a"]  # labels come last
    assert read_manifest(layout, RUN_DATE).model_id == "model-1"
    with staging_area(layout, "r3") as staging:
        tables = [stage(staging, "clean", "b", "c"), stage(staging, "labels", "b", "c")]
        publish_tables(layout, RUN_DATE, "r3", tables, "model-2")
    assert customers(layout, "clean") == customers(layout, "labels") == ["b", "c"]
    assert read_manifest(layout, RUN_DATE).model_id == "model-2"
    assert list(layout.staging("r2").parent.iterdir()) == []
