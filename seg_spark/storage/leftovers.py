"""What runs have left in the internal folder, listed without touching it."""

from dataclasses import dataclass

from seg_spark.storage.commits import commit_of
from seg_spark.storage.layout import STAGING, TRIALS, VERSIONS
from seg_spark.storage.retention import replaced_commits
from seg_spark.storage.store import Files


@dataclass(frozen=True)
class Leftover:
    """The leftovers of one kind: how many runs left something, and its size."""

    what: str
    folder: str
    runs: int
    size_bytes: int


def find_leftovers(store: Files) -> tuple[Leftover, ...]:
    """Files of runs and trials that have not ended; kinds without any are left out.

    Those of an active run are among them. The next run removes them all, trials once they are a day old.
    """
    staged = [f"{VERSIONS}/{one.name}" for one in store.entries(STAGING)]
    found = (
        _leftover(store, "staging", STAGING, staged),
        _leftover(store, "trials", TRIALS, [f"{TRIALS}/{one.name}" for one in store.entries(TRIALS)]),
    )
    return tuple(one for one in found if one.runs)


def replaced_versions(store: Files) -> Leftover | None:
    """Versions that a later run has replaced, kept for readers and for rollback; None if there are none."""
    replaced = replaced_commits(store)
    if not replaced:
        return None
    in_use = {
        file.path
        for run_date in {one.run_date for one in replaced}
        for table in commit_of(store, run_date).tables.values()
        for file in table.files
    }
    files = {file.path: file.size_bytes for one in replaced for table in one.tables.values() for file in table.files}
    size = sum(size for path, size in files.items() if path not in in_use)
    return Leftover("replaced versions", f"{store.root}/{VERSIONS}", len(replaced), size)


def _leftover(store: Files, what: str, folder: str, places: list[str]) -> Leftover:
    return Leftover(what, f"{store.root}/{folder}", len(places), sum(_size_of(store, place) for place in places))


def _size_of(store: Files, folder: str) -> int:
    """Bytes of all files below a folder; an active run may move some while they are counted."""
    return sum(
        _size_of(store, f"{folder}/{one.name}") if one.is_folder else one.size_bytes for one in store.entries(folder)
    )
