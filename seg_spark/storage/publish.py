"""Publishing: what was staged is made durable and swapped in, folder by folder, labels last.

Staged folders lie outside the tables, on the same filesystem; a reader of a table never meets a
folder that is being written. Replaced versions stay until the next run, for readers still at them.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seg_spark.errors import PublishError
from seg_spark.settings.paths import spark_path
from seg_spark.storage.layout import PORTABLE, SCORES, Layout
from seg_spark.storage.local_files import remove_tree, swap_in, sync_tree
from seg_spark.storage.manifests import Manifest, read_manifest, write_manifest
from seg_spark.storage.tables import data_files
from seg_spark.storage.trials import remove_abandoned

if TYPE_CHECKING:
    from pyspark.ml import PipelineModel


@dataclass(frozen=True)
class StagedTable:
    """A table of one run that is written and counted, and not yet published."""

    table: str
    folder: Path
    rows: int


@contextmanager
def staging_area(layout: Layout, run_id: str) -> Iterator[Path]:
    """A folder for what this run writes; removed at the end, with the leftovers of dead runs.

    Call it under the lock, so that no other run is active.
    """
    remove_tree(layout.replaced)
    remove_tree(layout.staging(run_id).parent)
    remove_abandoned(layout)
    folder = layout.staging(run_id)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        remove_tree(folder)


def publish_tables(
    layout: Layout, run_date: date, run_id: str, staged: Sequence[StagedTable], model_id: str | None
) -> None:
    """Swap the staged tables in, in the order given, then the manifest. `model_id` None keeps the date's model.

    Raises PublishError if the filesystem refuses; tables already swapped in stay (a re-run converges).
    """
    try:
        for one in staged:
            sync_tree(one.folder)
        before = read_manifest(layout, run_date)
        tables = dict(before.tables) | {one.table: _entry(one, run_id) for one in staged}
        for one in staged:
            old = swap_in(one.folder, layout.partition(one.table, run_date))
            if old is not None:
                _keep_for_readers(old, layout.replaced / run_id / one.table)
        write_manifest(layout, Manifest(run_date, model_id or before.model_id, tables))
    except OSError as error:
        raise PublishError(f"publishing {run_date} failed: {error.strerror} ({error.filename})") from error


def stage_model(folder: Path, pipeline: "PipelineModel", portable: str, scores: str) -> None:
    """Write a model into the new folder `folder`: the pipeline in Spark's own format, model.json and scores.json."""
    folder.mkdir(parents=True)
    pipeline.write().save(spark_path(folder / "pipeline"))
    (folder / PORTABLE).write_text(portable, encoding="utf-8")
    (folder / SCORES).write_text(scores, encoding="utf-8")


def publish_model(layout: Layout, staged: Path, model_id: str) -> None:
    """Put a staged model in its place. One that is there already says the same and stays, unless it is damaged."""
    target = layout.model(model_id)
    try:
        if not _same_portable_form(staged, target):
            sync_tree(staged)
            swap_in(staged, target)
    except OSError as error:
        raise PublishError(f"publishing model {model_id} failed: {error.strerror} ({error.filename})") from error


def _entry(one: StagedTable, run_id: str) -> dict[str, Any]:
    files = [{"name": file.name, "bytes": file.stat().st_size} for file in data_files(one.folder)]
    return {"run_id": run_id, "rows": one.rows, "files": files}


def _same_portable_form(staged: Path, target: Path) -> bool:
    published = target / PORTABLE
    return published.is_file() and published.read_bytes() == (staged / PORTABLE).read_bytes()


def _keep_for_readers(old: Path, kept: Path) -> None:
    kept.parent.mkdir(parents=True, exist_ok=True)
    old.rename(kept)
