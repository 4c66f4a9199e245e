"""Who moved between segments from one date to another. No Spark here."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from seg_spark.errors import PublishError

if TYPE_CHECKING:
    from seg_spark.segments.drift import FeatureDrift

CrossTable = Mapping[tuple[int | None, int | None], int]
"""Customers by (segment id on one side, segment id on the other); None where that side has no such customer."""


@dataclass(frozen=True)
class Transition:
    """How many customers were in one segment on the earlier date and are in one on the later.

    `from_segment_id` is None for those who entered the table, `to_segment_id` for those who left it.
    """

    from_segment_id: int | None
    to_segment_id: int | None
    customers: int


@dataclass(frozen=True)
class Movement:
    """Customers with the same segment on both dates, with another one, on the later date only, on the earlier only."""

    stayed: int
    moved: int
    entered: int
    left: int

    @classmethod
    def of(cls, transitions: Iterable[Transition]) -> "Movement":
        """The sums of all transitions."""
        sums = {"stayed": 0, "moved": 0, "entered": 0, "left": 0}
        for transition in transitions:
            before, now = transition.from_segment_id, transition.to_segment_id
            kind = "entered" if before is None else "left" if now is None else "stayed" if before == now else "moved"
            sums[kind] += transition.customers
        return cls(**sums)

    @property
    def before(self) -> int:
        """How many customers the earlier date had."""
        return self.stayed + self.moved + self.left

    @property
    def lost_most(self) -> bool:
        """Whether most customers of the earlier date left: rather a fault of the table than their will."""
        return 2 * self.left > self.before

    def __str__(self) -> str:
        return f"{self.stayed:,} stayed, {self.moved:,} moved, {self.entered:,} entered, {self.left:,} left"


@dataclass(frozen=True)
class SegmentSizes:
    """The customers of each segment on a date, and its name then, both by id."""

    run_date: date
    customers: Mapping[int, int]
    names: Mapping[int, str]


@dataclass(frozen=True)
class DateComparison:
    """Two published dates: the names of their segments by id, who moved, and the drift of the features."""

    before: date
    now: date
    names_before: Mapping[int, str]
    names_now: Mapping[int, str]
    transitions: tuple[Transition, ...]
    drift: "tuple[FeatureDrift, ...]"


def transitions_of(counts: CrossTable, sizes_before: Mapping[int, int]) -> tuple[Transition, ...]:
    """Every transition, from the customers of today by (segment before, segment now) and the sizes before.

    The customers from a segment add up to its size before, those to a segment to its size now. Raises PublishError if
    more customers come from a segment than it had.
    """
    found = dict(counts)
    for segment_id, size in sizes_before.items():
        left = size - sum(count for (before, _), count in counts.items() if before == segment_id)
        if left < 0:
            raise PublishError(
                f"{-left:,} more customers come from segment {segment_id} than it had on the preceding date; "
                "nothing was published"
            )
        if left:
            found[segment_id, None] = left
    ordered = sorted(found.items(), key=lambda item: [(one is None, one or 0) for one in item[0]])
    return tuple(Transition(before, now, customers) for (before, now), customers in ordered)
