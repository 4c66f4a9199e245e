"""Two segmentations of the same customers: matched by the customers they share, and side by side. No Spark here."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from math import comb

import numpy as np
from scipy.optimize import linear_sum_assignment

from seg_spark.cleaning.outcomes import RowCounts
from seg_spark.clustering.scores import Scores
from seg_spark.segments.movement import CrossTable
from seg_spark.settings.differences import Change


@dataclass(frozen=True)
class Matching:
    """Two segmentations laid on one another.

    `partner` maps segment ids of the second side to those of the first, one to one; a segment that shares no
    customer with its match has none. Of the `in_both` customers, those who `moved` are not in matched
    segments; `entered` are on the second side only, `left` on the first only. The adjusted Rand index
    (1: the same segments, near 0: no better than chance) is None for fewer than two customers in both.
    """

    partner: Mapping[int, int]
    in_both: int
    moved: int
    entered: int
    left: int
    adjusted_rand_index: float | None

    @property
    def moved_share(self) -> float:
        """The share of the customers in both who moved."""
        return self.moved / self.in_both if self.in_both else 0.0


def match_segments(table: CrossTable) -> Matching:
    """Match one to one so that as many customers as possible are in matched segments (Kuhn 1955)."""
    both = {(one, other): count for (one, other), count in table.items() if one is not None and other is not None}
    rows, columns = sorted({one for one, _ in both}), sorted({other for _, other in both})
    counts = np.zeros((len(rows), len(columns)), dtype=np.int64)
    for (one, other), count in both.items():
        counts[rows.index(one), columns.index(other)] = count
    matched = zip(*linear_sum_assignment(counts, maximize=True), strict=True)
    partner = {columns[column]: rows[row] for row, column in matched if counts[row, column] > 0}
    in_both = sum(both.values())
    return Matching(
        partner=dict(sorted(partner.items())),
        in_both=in_both,
        moved=in_both - sum(both[one, other] for other, one in partner.items()),
        entered=sum(count for (one, _), count in table.items() if one is None),
        left=sum(count for (_, other), count in table.items() if other is None),
        adjusted_rand_index=adjusted_rand_index(both),
    )


def adjusted_rand_index(table: Mapping[tuple[int, int], int]) -> float | None:
    """Agreement of two segmentations, corrected for chance (Hubert & Arabie 1985): -0.5 to 1.

    None for fewer than two customers, who form no pair.
    """
    pairs = comb(sum(table.values()), 2)
    if pairs == 0:
        return None
    together = sum(comb(count, 2) for count in table.values())
    on_one, on_other = _pairs_within(table, 0), _pairs_within(table, 1)
    if on_one == on_other and on_one in (0, pairs):
        return 1.0  # both put everybody together, or everybody apart
    by_chance = on_one * on_other / pairs
    return (together - by_chance) / ((on_one + on_other) / 2 - by_chance)


def _pairs_within(table: Mapping[tuple[int, int], int], side: int) -> int:
    """Pairs of customers that one side keeps together."""
    sizes: dict[int, int] = {}
    for ids, count in table.items():
        sizes[ids[side]] = sizes.get(ids[side], 0) + count
    return sum(comb(size, 2) for size in sizes.values())


@dataclass(frozen=True)
class Segmentation:
    """A chosen model: its k and why, its scores and those of the other ks (all over its training set), and
    the names of its segments by id."""

    model_id: str
    chosen_because: str
    rows: RowCounts
    scores: Scores
    scores_by_k: tuple[Scores, ...]
    names: Mapping[int, str]

    @property
    def k(self) -> int:
        """The number of segments."""
        return self.scores.k


@dataclass(frozen=True)
class ComparedSegment:
    """A segment of one side, and the one it is matched with on the other (None if with none): its id and how
    many customers are in both."""

    segment_id: int
    name: str
    customers: int
    share: float
    matched_segment_id: int | None
    shared_customers: int


@dataclass(frozen=True)
class Comparison:
    """The published segmentation of a date beside a tried one.

    `changes` are the settings that differ, `cleaned_again` says whether the raw input was cleaned with them,
    `comparable_scores` whether both spaces measure alike, `remarks` are whole sentences for people.
    """

    run_date: date
    changes: tuple[Change, ...]
    cleaned_again: bool
    comparable_scores: bool
    remarks: tuple[str, ...]
    published: Segmentation
    tried: Segmentation
    published_segments: tuple[ComparedSegment, ...]
    tried_segments: tuple[ComparedSegment, ...]
    matching: Matching
    seconds: Mapping[str, float]


def compared_segments(
    published: Mapping[int, str], tried: Mapping[int, str], table: CrossTable
) -> tuple[tuple[ComparedSegment, ...], tuple[ComparedSegment, ...], Matching]:
    """The segments of both sides (names by id) with their sizes and partners, and how they were matched.

    `table` counts the customers by (published segment id, tried segment id).
    """
    matching = match_segments(table)
    back = {one: other for other, one in matching.partner.items()}
    turned = {(other, one): count for (one, other), count in table.items()}
    return (
        _segments(published, back, table),
        _segments(tried, matching.partner, turned),
        matching,
    )


def _segments(names: Mapping[int, str], partner: Mapping[int, int], table: CrossTable) -> tuple[ComparedSegment, ...]:
    sizes = {segment_id: sum(n for (own, _), n in table.items() if own == segment_id) for segment_id in names}
    everybody = sum(sizes.values())
    return tuple(
        ComparedSegment(
            segment_id=segment_id,
            name=names[segment_id],
            customers=customers,
            share=customers / everybody if everybody else 0.0,
            matched_segment_id=partner.get(segment_id),
            shared_customers=table[segment_id, partner[segment_id]] if segment_id in partner else 0,
        )
        for segment_id, customers in sorted(sizes.items())
    )
