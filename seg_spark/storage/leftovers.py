"""What runs have left in the internal folder, listed without touching it."""

import os
from dataclasses import dataclass
from pathlib import Path

from seg_spark.storage.layout import Layout


@dataclass(frozen=True)
class Leftover:
    """The leftovers of one kind: how many runs left something, and its size."""

    what: str
    folder: Path
    runs: int
    size_bytes: int


def find_leftovers(layout: Layout) -> tuple[Leftover, ...]:
    """Files left in staging, among the replaced versions and among trials; kinds without any are left out.

    Staging and trials of an active run are among them. The next run removes
    them all, trials once they are a day old.
    """
    kinds = (
        ("staging", layout.internal / "staging"),
        ("trials", layout.trials),
        ("replaced versions", layout.replaced),
    )
    found = (_leftover(what, folder) for what, folder in kinds if folder.is_dir())
    return tuple(one for one in found if one.runs)


def _leftover(what: str, folder: Path) -> Leftover:
    size = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                size += (Path(parent) / name).lstat().st_size
            except FileNotFoundError:
                continue  # an active run moves its files while they are counted
    try:
        runs = sum(1 for _ in folder.iterdir())
    except FileNotFoundError:
        runs = 0
    return Leftover(what, folder, runs, size)
