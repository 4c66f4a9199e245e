"""Which clusters of a new fit carry on which segments, by the customers they share. No Spark here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from seg_spark.clustering.points import Labels, Matrix, SegmentIds

_MOST_OF_A_PART: Final = 0.7
_LEAST_PART: Final = 0.1
_PARTS_TOGETHER: Final = 0.8
_TIE: Final = 1e-6


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
