"""On a local disk alone: the folders that plain globs read, `TABLE/run_date=D` and `models/MODEL_ID`.

They hold links to the files of the versions that the last commits list. A folder is swapped in one step,
so that a glob never sees a partial date.
"""

from collections.abc import Iterator
from datetime import date
from pathlib import PurePosixPath

from seg_spark import columns as c
from seg_spark.storage import layout
from seg_spark.storage.commits import Commit
from seg_spark.storage.local_files import link, link_tree, remove_tree, swap_in
from seg_spark.storage.local_store import LocalStore
from seg_spark.storage.store import Store


def prepare_folders(store: Store, commit: Commit, staging: str) -> None:
    """Make the new folders of a commit beside the old ones, so that little is left to fail after it.

    Raises OSError where the store refuses.
    """
    if not isinstance(store, LocalStore):
        return
    for published, prepared in _outdated(store, commit, staging):
        _prepare(store, commit, published, prepared)


def swap_folders(store: Store, commit: Commit, staging: str) -> int:
    """Bring the folders of a commit's date in line with it: first the model, then the tables, labels last.

    A table that the commit does not have loses its folder. Returns how many were not in line; elsewhere than on a
    local disk there are none.
    """
    if not isinstance(store, LocalStore):
        return 0
    swapped = 0
    for table in c.TABLES:
        folder = layout.partition(table, commit.run_date)
        if table not in commit.tables and store.path(folder).is_dir():
            _remove_in_one_step(store, folder, staging)
            swapped += 1
    for published, prepared in _outdated(store, commit, staging):
        if not store.path(prepared).is_dir():
            _prepare(store, commit, published, prepared)
        replaced = swap_in(store.path(prepared), store.path(published))
        if replaced is not None:
            remove_tree(replaced)
        swapped += 1
    return swapped


def shown_dates(store: Store) -> list[str]:
    """The folders of dates that plain globs read; elsewhere than on a local disk there are none."""
    return [
        f"{table}/{entry.name}"
        for table in (c.TABLES if isinstance(store, LocalStore) else ())
        for entry in store.entries(table)
        if entry.is_folder and entry.name.startswith(f"{c.RUN_DATE}=")
    ]


def remove_date_folders(store: Store, run_date: date, staging: str) -> None:
    """Remove all tables of a date; on a local disk each goes in one step, so that a glob never sees a part of one."""
    for table in c.TABLES:
        folder = layout.partition(table, run_date)
        if isinstance(store, LocalStore) and store.path(folder).is_dir():
            _remove_in_one_step(store, folder, staging)
        else:
            store.remove(folder)


def remove_model_folder(store: Store, model_id: str) -> None:
    """Remove the folder of a model that no date has any more."""
    if isinstance(store, LocalStore):
        store.remove(layout.model(model_id))


def _outdated(store: LocalStore, commit: Commit, staging: str) -> Iterator[tuple[str, str]]:
    """Folders that are not what a commit says, each with the place where its successor is made.

    A version that has lost files puts nothing in line: the folder may hold the last copies.
    """
    if commit.model is not None:
        folder = layout.model(commit.model.model_id)
        if not _is_model(store, commit.model.folder, folder):
            yield folder, f"{staging}/shown/{layout.MODELS}"
    for table in sorted(commit.tables, key=lambda name: name == c.CUSTOMER_SEGMENTS):
        folder = layout.partition(table, commit.run_date)
        files = commit.tables[table].files
        names = {PurePosixPath(file.path).name for file in files}
        is_whole = all(store.path(file.path).is_file() for file in files)
        if is_whole and {entry.name for entry in store.entries(folder)} != names:
            yield folder, f"{staging}/shown/{table}"


def _prepare(store: LocalStore, commit: Commit, published: str, prepared: str) -> None:
    store.path(published).parent.mkdir(parents=True, exist_ok=True)
    remove_tree(store.path(prepared))
    table = published.partition("/")[0]
    if table == layout.MODELS and commit.model is not None:
        link_tree(store.path(commit.model.folder), store.path(prepared))
        return
    store.path(prepared).mkdir(parents=True)
    for file in commit.tables[table].files:
        source = store.path(file.path)
        link(source, store.path(prepared) / source.name)


def _remove_in_one_step(store: LocalStore, folder: str, staging: str) -> None:
    aside = store.path(f"{staging}/ended/{folder}")
    remove_tree(aside)
    aside.parent.mkdir(parents=True, exist_ok=True)
    store.path(folder).rename(aside)
    remove_tree(aside)


def _is_model(store: LocalStore, version: str, folder: str) -> bool:
    """Whether a folder has all files of a model's version, and the same model.json.

    A version that has lost files puts nothing in line: the folder may hold the last copies.
    """
    ours, theirs = store.path(version), store.path(folder)
    names = [{one.relative_to(top) for one in top.rglob("*")} for top in (ours, theirs)]
    if names[0] < names[1]:
        return True
    if names[0] != names[1]:
        return False
    first, second = ours / layout.PORTABLE, theirs / layout.PORTABLE
    return second.is_file() and (first.samefile(second) or first.read_bytes() == second.read_bytes())
