"""Two segmentations of the same customers, matched by the customers they share. No Spark here.

Side by side, and for a new fit: which of its clusters carry on which segments.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from math import comb
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from seg_spark.cleaning.outcomes import RowCounts
from seg_spark.clustering.points import Labels, Matrix, SegmentIds
from seg_spark.clustering.scores import Scores
from seg_spark.segments.movement import CrossTable
from seg_spark.settings.differences import Change

_MOST_OF_A_PART: Final = 0.7
_LEAST_PART: Final = 0.1
_PARTS_TOGETHER: Final = 0.8
_TIE: Final = 1e-6


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


@dataclass(frozen=True)
class Succession:
    """What became of the segments before.

    `kept` maps clusters to the segments they carry on, one to one. A segment is split into the clusters of `splits`, a
    cluster merged from the segments of `merges`. `agreement` is the share of the customers with both labels who are in
    kept segments, `labelling` the position of the labelling before that it was found by.
    """

    kept: Mapping[int, int]
    splits: Mapping[int, tuple[int, ...]]
    merges: Mapping[int, tuple[int, ...]]
    agreement: float
    labelling: int = 0


NOTHING_BEFORE: Final = Succession({}, {}, {}, 0.0)


def follow_segments(
    before: Sequence[SegmentIds], clusters: Labels, matrix: Matrix, min_similarity: float
) -> Succession:
    """Follow the segments of each of several labellings `before` into the clusters, and return what agrees most.

    All are of the same n customers, in the same order; a segment id of 0 means that a customer had none. Segment and
    cluster go on as one where their Jaccard similarity (Jaccard 1912) is at least `min_similarity`, in the assignment
    with the highest sum of similarities (Kuhn 1955); of equal ones the centres in `matrix` (n x axes) decide. A
    labelling that knows less than half as many customers as another says too little to be compared with it.
    """
    known = [int((labels > 0).sum()) for labels in before]
    found = [
        replace(_follow(labels, clusters, matrix, min_similarity), labelling=position)
        for position, labels in enumerate(before)
        if 2 * known[position] >= max(known) > 0
    ]
    return max(found, key=lambda one: one.agreement, default=NOTHING_BEFORE)


def _follow(before: SegmentIds, clusters: Labels, matrix: Matrix, min_similarity: float) -> Succession:
    k = int(clusters.max()) + 1
    ids = np.unique(before[before > 0])
    counts = np.array([np.bincount(clusters[before == id_], minlength=k) for id_ in ids], dtype=np.float64)
    old, new = counts.sum(axis=1, keepdims=True), counts.sum(axis=0, keepdims=True)
    similarity = counts / np.maximum(old + new - counts, 1.0)
    preference = _TIE * _distances(before, ids, clusters, matrix, k)
    rows, columns = linear_sum_assignment(similarity - preference, maximize=True)
    kept = {
        int(column): int(ids[row])
        for row, column in zip(rows, columns, strict=True)
        if similarity[row, column] >= min_similarity
    }
    position = {int(one): row for row, one in enumerate(ids)}
    together = sum(counts[position[segment], cluster] for cluster, segment in kept.items())
    splits = _parts(counts / np.maximum(new, 1.0), counts / np.maximum(old, 1.0))
    merges = _parts((counts / np.maximum(old, 1.0)).T, (counts / np.maximum(new, 1.0)).T)
    return Succession(
        kept=kept,
        splits={int(ids[whole]): parts for whole, parts in splits.items()},
        merges={whole: tuple(int(ids[part]) for part in parts) for whole, parts in merges.items()},
        agreement=float(together / counts.sum()),
    )


def _distances(before: SegmentIds, ids: NDArray[np.int64], clusters: Labels, matrix: Matrix, k: int) -> Matrix:
    """What speaks against each pair of equal similarity, from 0 to about 1: the distance of their means among today's
    customers; and where that is equal too the order of the means, which no index of a cluster changes."""
    old = np.array([matrix[before == id_].mean(axis=0) for id_ in ids])
    new = np.array([matrix[clusters == one].mean(axis=0) for one in range(k)])
    gaps = np.linalg.norm(old[:, None, :] - new[None, :, :], axis=2)
    rank = np.argsort(np.lexsort(new.T[::-1]))
    distances: Matrix = gaps / max(float(gaps.max()), 1e-300) + _TIE * rank / k
    return distances


def _parts(of_part: NDArray[np.float64], of_whole: NDArray[np.float64]) -> dict[int, tuple[int, ...]]:
    """Rows that fell apart into columns: at least two of them, each mostly from the row and no small part of it,
    which together make up most of it.

    `of_part` are the shares of each column that came from the row, `of_whole` the shares of each row.
    """
    is_part = (of_part >= _MOST_OF_A_PART) & (of_whole >= _LEAST_PART)
    found = {}
    for row, columns in enumerate(is_part):
        if columns.sum() >= 2 and of_whole[row, columns].sum() >= _PARTS_TOGETHER:
            found[row] = tuple(map(int, np.flatnonzero(columns)))
    return found
