"""The figures that a report draws, from the sampled customers of a run: no more than a page can show.

They hold the ids of the customers they show one by one, so that these can be removed; the page does not show ids.
"""

import math
from collections.abc import Collection, Mapping
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from seg_spark import columns as c
from seg_spark.clustering.points import Matrix, SegmentIds
from seg_spark.clustering.scores import customer_silhouettes
from seg_spark.features.fitted import FittedCategory, FittedFeature, FittedNumber
from seg_spark.segments.model import Model, Segment

MOST_POINTS: Final = 1_500
MOST_SILHOUETTES: Final = 2_000
MOST_SHOWN: Final = 20_000
_BARS_PER_SEGMENT: Final = 60
_BINS: Final = 24
_MOST_LEVELS: Final = 12
_EXAMPLES: Final = 3
_NAMED: Final = 3
_DIGITS: Final = 4
_WHOLE_FROM: Final = 1e5
"""Six digits are not enough for the whole numbers from here on."""


def report_figures(model: Model, customers: pa.Table, points: Matrix, segment_ids: SegmentIds) -> dict[str, Any]:
    """The map, silhouettes, distributions and examples of sampled customers, as JSON-ready values.

    `customers` are their ids and clean values (one column per feature), `points` their coordinates (n x axes) and
    `segment_ids` their segments, row for row; the customers are in the order of a hash of their ids, so the first
    ones are a fair sample.
    """
    shown = slice(0, MOST_SHOWN)
    customers, points, segment_ids = customers.slice(0, MOST_SHOWN), points[shown], segment_ids[shown]
    few = min(len(points), MOST_SILHOUETTES)
    centres = np.array([segment.centre for segment in model.segments])
    distances = cdist(points[:few], centres)
    return {
        "customers": len(points),
        "map": _map(model, points, segment_ids) | {"ids": customers[c.CUSTOMER_ID][:MOST_POINTS].to_pylist()},
        "silhouettes": _silhouettes(points[:few], segment_ids[:few]),
        "distributions": [_distribution(feature, customers[feature.name], segment_ids) for feature in model.features],
        "examples": {
            str(segment.segment_id): _examples(model, segment, customers, distances) for segment in model.segments
        },
    }


def without_customers(figures: Mapping[str, Any], ids: Collection[str]) -> dict[str, Any]:
    """The figures without the points and examples of some customers; shares and curves of many stay."""
    shown = figures["map"]
    kept = [position for position, id_ in enumerate(shown["ids"]) if id_ not in ids]
    examples = {
        segment: {kind: [row for row in rows if row["id"] not in ids] for kind, rows in kinds.items()}
        for segment, kinds in figures["examples"].items()
    }
    rows = {name: [shown[name][position] for position in kept] for name in ("points", "segments", "ids")}
    return {**figures, "map": {**shown, **rows}, "examples": examples}


def _map(model: Model, points: Matrix, segment_ids: SegmentIds) -> dict[str, Any]:
    """Two features as they are, else the first two principal components of feature space."""
    centres = np.array([segment.centre for segment in model.segments])
    shown = slice(0, MOST_POINTS)
    if points.shape[1] == 2 and all(isinstance(feature, FittedNumber) and feature.scale for feature in model.features):
        numbers = [feature for feature in model.features if isinstance(feature, FittedNumber)]
        original = np.column_stack([_original(one, points[:, axis]) for axis, one in enumerate(numbers)])
        centre_values = np.column_stack([_original(one, centres[:, axis]) for axis, one in enumerate(numbers)])
        labels = [f"{number.shown_name} ({number.unit})" if number.unit else number.shown_name for number in numbers]
        digits = max(_digits(axis) for axis in original.T)
        return {
            "axes": labels,
            "points": _rounded(original[shown], digits),
            "segments": segment_ids[shown].tolist(),
            "centres": _rounded(centre_values, digits),
        }
    mean = points.mean(axis=0)
    centred = points - mean
    variances, vectors = np.linalg.eigh(centred.T @ centred / len(points))
    order = np.argsort(-variances, kind="stable")[:2]
    base = vectors[:, order] * np.sign(vectors[np.abs(vectors[:, order]).argmax(axis=0), order])  # no arbitrary sign
    shares = variances[order] / variances.sum() if variances.sum() > 0 else np.zeros(len(order))
    owners = np.repeat(np.arange(len(model.features)), [len(feature.axes_sql()) for feature in model.features])
    loadings = [np.bincount(owners, vectors[:, axis] ** 2) for axis in order]
    return {
        "axes": [f"component {i + 1} ({share:.0%} of the variance)" for i, share in enumerate(shares)],
        "features": [
            [model.features[i].shown_name for i in np.argsort(-own, kind="stable")[:_NAMED]] for own in loadings
        ],
        "points": _rounded(_two(centred[shown] @ base)),
        "segments": segment_ids[shown].tolist(),
        "centres": _rounded(_two((centres - mean) @ base)),
    }


def _original(feature: FittedNumber, coordinates: Matrix) -> Matrix:
    values: Matrix = coordinates / feature.scale + feature.shift
    return np.expm1(values) if feature.transform == "log1p" else values


def _silhouettes(points: Matrix, segment_ids: SegmentIds) -> dict[str, Any]:
    """Euclidean silhouettes, by segment in descending order and thinned out, and their means."""
    segments, labels = np.unique(segment_ids, return_inverse=True)
    if len(segments) < 2:
        return {}
    values = customer_silhouettes(points, labels, len(segments))
    found = {}
    for position, segment in enumerate(segments):
        own = np.sort(values[labels == position])[::-1]
        thinned = own[np.linspace(0, len(own) - 1, min(len(own), _BARS_PER_SEGMENT)).round().astype(int)]
        found[str(segment)] = {"values": _rounded(thinned), "mean": round(float(own.mean()), 4), "size": len(own)}
    return {"mean": round(float(values.mean()), 4), "customers": len(points), "segments": found}


def _distribution(feature: FittedFeature, column: pa.ChunkedArray, segment_ids: SegmentIds) -> dict[str, Any]:
    segments = [int(one) for one in np.unique(segment_ids)]
    if isinstance(feature, FittedCategory):
        positions = {level: position for position, level in enumerate(feature.levels)}
        held = np.array([positions.get(feature.level_of(value), -1) for value in column.to_pylist()])
        shares = _level_shares(held, len(positions))
        shown = [int(one) for one in np.argsort([-share for share in shares], kind="stable")[:_MOST_LEVELS]]
        by_segment = {str(segment): _level_shares(held[segment_ids == segment], len(positions)) for segment in segments}
        return {
            "feature": feature.name,
            "levels": [feature.levels[one] for one in shown],
            "all": [shares[one] for one in shown],
            "segments": {segment: [own[one] for one in shown] for segment, own in by_segment.items()},
        }
    values = column.to_numpy(zero_copy_only=False).astype(float)
    known = values[~np.isnan(values)]
    if not len(known):
        return {"feature": feature.name, "edges": [], "all": [], "segments": {}}
    low, high = np.quantile(known, [0.005, 0.995])  # a few extremes would squeeze all others into one bar
    edges = np.linspace(low, high if high > low else low + 1, _BINS + 1)
    return {
        "feature": feature.name,
        "edges": _rounded(edges, _digits(edges) + 2),
        "all": _bins(known, edges),
        "segments": {str(segment): _bins(values[segment_ids == segment], edges) for segment in segments},
        "missing": {
            str(segment): round(float(np.isnan(values[segment_ids == segment]).mean()), 4) for segment in segments
        },
    }


def _examples(model: Model, segment: Segment, customers: pa.Table, distances: Matrix) -> dict[str, Any]:
    """Ids and values of typical customers (nearest to the centre) and of borderline ones (lowest margin), from the
    distances of the first customers to all centres."""
    own = [one.segment_id for one in model.segments].index(segment.segment_id)
    members = np.flatnonzero(distances.argmin(axis=1) == own)
    others = (
        np.delete(distances, own, axis=1).min(axis=1) if distances.shape[1] > 1 else np.full(len(distances), np.inf)
    )
    typical = members[np.argsort(distances[members, own], kind="stable")[:_EXAMPLES]]
    ratio = distances[members, own] / np.maximum(others[members], 1e-300)
    borderline = members[np.argsort(-ratio, kind="stable")[:_EXAMPLES]]
    names = [feature.name for feature in model.features]

    def example(row: int) -> dict[str, Any]:
        values = {name: _plain(customers[name][row].as_py()) for name in names}
        return {"id": customers[c.CUSTOMER_ID][row].as_py(), "values": values}

    return {
        kind: [example(int(row)) for row in rows] for kind, rows in (("typical", typical), ("borderline", borderline))
    }


def _bins(values: NDArray[np.float64], edges: NDArray[np.float64]) -> list[float]:
    """The share of the values in each bin; what lies beyond the ends counts in the last ones."""
    known = np.clip(values[~np.isnan(values)], edges[0], edges[-1])
    counts, _ = np.histogram(known, edges)
    return list(_rounded(counts / max(1, len(known))))


def _level_shares(held: NDArray[np.int_], levels: int) -> list[float]:
    counts = np.bincount(held[held >= 0], minlength=levels)
    return list(_rounded(counts / max(1, len(held))))


def _two(values: Matrix) -> Matrix:
    """Two columns, also of a space of one axis."""
    return values if values.shape[1] == 2 else np.column_stack([values[:, 0], np.zeros(len(values))])


def _digits(values: NDArray[np.float64]) -> int:
    """How many digits tell values apart: more where they differ little for their size, as seconds since 1970 do."""
    spread, largest = float(np.ptp(values)), float(np.abs(values).max())
    return _DIGITS + (max(0, math.ceil(math.log10(largest / spread))) if 0 < spread < math.inf else 0)


def _rounded(values: NDArray[np.float64], digits: int = _DIGITS) -> Any:
    """Values with few digits: a page needs no more."""
    flat = [float(f"{value:.{digits}g}") for value in np.asarray(values, dtype=float).ravel()]
    return np.array(flat).reshape(np.shape(values)).tolist()


def _plain(value: Any) -> Any:
    return float(f"{value:.6g}" if abs(value) < _WHOLE_FROM else f"{value:.15g}") if isinstance(value, float) else value
