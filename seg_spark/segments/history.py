"""What happened to each segment id: the events that the commits carry from date to date. No Spark here."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

What = Literal["born", "renamed", "split", "merged", "retired"]


@dataclass(frozen=True)
class SegmentEvent:
    """One event of one segment id.

    `others` are: of a birth the segments it came from by a split or a merge; of a split its parts (with its own id if
    that goes on); of a merge the segment that the id went into.
    """

    run_date: date
    segment_id: int
    what: What
    name: str
    others: tuple[int, ...] = ()


@dataclass(frozen=True)
class PendingK:
    """A k that has won so many fits in a row, and not enough to be published."""

    k: int
    runs: int


History = tuple[SegmentEvent, ...]


@dataclass(frozen=True)
class SegmentState:
    """What the commit of a date carries of segments: all that has happened to them, and a k that waits."""

    history: History = ()
    pending: PendingK | None = None


def born_on(history: Iterable[SegmentEvent], run_date: date) -> tuple[int, ...]:
    """The ids first given on a date, in the order in which they were given."""
    return tuple(one.segment_id for one in history if one.what == "born" and one.run_date == run_date)


def unused_ids(count: int, reserved: Sequence[int], used: Iterable[int]) -> tuple[int, ...]:
    """Ids for new segments: first those `reserved` for them, then numbers above all that were ever used."""
    first = max((0, *used, *reserved)) + 1
    return (*reserved[:count], *range(first, first + max(0, count - len(reserved))))
