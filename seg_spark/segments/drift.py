"""How far the customers of a run are from those that the active model was fitted on. No Spark here."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError
from scipy.special import gammaincinv

from seg_spark.clustering.points import Matrix, SegmentIds
from seg_spark.errors import FIT_AGAIN, InputError
from seg_spark.features.fitted import FittedCategory, FittedFeature

BINS: Final = 10
CHANCE: Final = 0.999
_SMOOTHING: Final = 0.5
_ROUNDING: Final = 1e-9


@dataclass(frozen=True)
class FeatureDistribution:
    """How many training customers had which value of a feature.

    Of a number `edges` are the inner bounds of its bins; of a category `levels` are the names of its bins, after which
    one more holds all others. `counts` are those of the bins, without the `missing`.
    """

    feature: str
    edges: tuple[float, ...]
    levels: tuple[str, ...]
    counts: tuple[int, ...]
    missing: int

    @property
    def customers(self) -> int:
        """All training customers."""
        return sum(self.counts) + self.missing


@dataclass(frozen=True)
class Reference:
    """The training set that a model was fitted on, as far as drift is measured against it.

    `shares` are the segments' shares by id, `mean_distance` the mean Euclidean distance to the own centre.
    """

    features: tuple[FeatureDistribution, ...]
    shares: Mapping[int, float]
    mean_distance: float
    customers: int


@dataclass(frozen=True)
class FitReference:
    """The run date of a fit, the settings that affected it (as JSON values), and the distribution of its customers."""

    fitted_on: date
    settings: Mapping[str, Any]
    customers: Reference


_REFERENCE: Final = TypeAdapter(FitReference)


@dataclass(frozen=True)
class FeatureDrift:
    """Population stability index of a feature, the index that chance alone exceeds once in a thousand times, and by how
    much the share of missing values has grown."""

    feature: str
    psi: float
    by_chance: float
    missing_rise: float


@dataclass(frozen=True)
class Drift:
    """What has changed since the fit: features, the segments' shares by id, the mean distance over that of the fit."""

    features: tuple[FeatureDrift, ...]
    shares: Mapping[int, float]
    shares_before: Mapping[int, float]
    distance_ratio: float
    customers: int
    customers_before: int


def distribution_of(feature: FittedFeature, column: pa.ChunkedArray) -> FeatureDistribution:
    """The distribution of a feature among the training customers: deciles of a number, the levels of a category."""
    if isinstance(feature, FittedCategory):
        levels = tuple(level for level in feature.levels if level is not None)
        return _counted(feature.name, (), levels, column)
    known = _known(column)
    edges = np.unique(np.quantile(known, np.arange(1, BINS) / BINS)) if len(known) else np.empty(0)
    if len(known) and edges[0] == known.min():  # a tenth has the lowest value: what falls below it has a bin of its own
        edges = np.concatenate([[np.nextafter(edges[0], -np.inf)], edges])
    return _counted(feature.name, tuple(map(float, edges)), (), column)


def drift_of_feature(before: FeatureDistribution, column: pa.ChunkedArray) -> FeatureDrift:
    """Compare a feature of today's training customers with its distribution at the fit, in the bins of then.

    PSI = sum (p - q) ln(p / q) over the bins and the missing values, each bin with half a customer more, so that none
    is empty (Siddiqi 2006). Without drift it is distributed as chi-square with B - 1 degrees of freedom times
    1 / n + 1 / m (Yurdakul & Naranjo 2020).
    """
    now = _counted(before.feature, before.edges, before.levels, column)
    old, new = (np.array([*one.counts, one.missing], dtype=np.float64) for one in (before, now))
    return FeatureDrift(
        before.feature,
        stability_index(old, new),
        index_by_chance(len(old), float(old.sum()), float(new.sum())),
        now.missing / max(now.customers, 1) - before.missing / max(before.customers, 1),
    )


def stability_index(old: NDArray[np.float64], new: NDArray[np.float64]) -> float:
    """Population stability index of two counts over the same bins."""
    p, q = ((one + _SMOOTHING) / (one.sum() + _SMOOTHING * len(one)) for one in (old, new))
    return float(((q - p) * np.log(q / p)).sum())


def index_by_chance(bins: int, old: float, new: float) -> float:
    """The index that chance exceeds once in a thousand times, of so many customers before and now."""
    # chi2.ppf(CHANCE, bins - 1) of scipy.stats, whose import takes half a second
    chi_square = 2 * gammaincinv((bins - 1) / 2, CHANCE)
    return float(chi_square * (1 / max(old, 1.0) + 1 / max(new, 1.0)))


def reference_of(
    features: Sequence[FittedFeature], training: pa.Table, segment_ids: SegmentIds, distances: Matrix
) -> Reference:
    """What drift will be measured against, from the training customers with their segments and distances."""
    return Reference(
        tuple(distribution_of(feature, training[feature.name]) for feature in features),
        shares_of(segment_ids),
        float(distances.mean()),
        len(training),
    )


def measure_drift(reference: Reference, training: pa.Table, segment_ids: SegmentIds, distances: Matrix) -> Drift:
    """Compare today's training customers, as the active model labels them, with those of its fit."""
    shares = shares_of(segment_ids)
    mean = float(distances.mean())  # where all customers of the fit lay on their centres nothing but rounding is left
    ratio = mean / reference.mean_distance if reference.mean_distance > _ROUNDING * mean else 1.0
    return Drift(
        tuple(drift_of_feature(feature, training[feature.feature]) for feature in reference.features),
        {one: shares.get(one, 0.0) for one in reference.shares},
        dict(reference.shares),
        ratio,
        len(training),
        reference.customers,
    )


def shares_of(segment_ids: SegmentIds) -> dict[int, float]:
    """The share of each segment id."""
    ids, counts = np.unique(segment_ids, return_counts=True)
    return {int(one): float(count / len(segment_ids)) for one, count in zip(ids, counts, strict=True)}


def _counted(
    name: str, edges: tuple[float, ...], levels: tuple[str, ...], column: pa.ChunkedArray
) -> FeatureDistribution:
    missing = column.null_count
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        found: dict[Any, int] = {
            one["values"]: one["counts"] for one in pc.value_counts(column.drop_null()).to_pylist()
        }
        counts = [found.pop(level, 0) for level in levels]
        return FeatureDistribution(name, edges, levels, (*counts, sum(found.values())), missing)
    counted = np.bincount(np.searchsorted(np.array(edges), _known(column), side="left"), minlength=len(edges) + 1)
    return FeatureDistribution(name, edges, levels, tuple(map(int, counted)), missing)


def _known(column: pa.ChunkedArray) -> NDArray[np.float64]:
    return np.asarray(column.drop_null().to_numpy(), dtype=np.float64)


def reference_to_json(reference: FitReference) -> str:
    """The text of reference.json."""
    return json.dumps(_REFERENCE.dump_python(reference, mode="json"), indent=1, ensure_ascii=False) + "\n"


def reference_from_json(text: str, where: str) -> FitReference:
    """Read `reference_to_json`'s text. Raises InputError if it is damaged."""
    try:
        return _REFERENCE.validate_json(text)
    except (ValidationError, ValueError):
        raise InputError(f"{where}: is damaged; {FIT_AGAIN}") from None
