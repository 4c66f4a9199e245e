"""What each section of the report page shows, as values for its template."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from seg_spark.features.fitted import FittedCategory, FittedFeature, FittedNumber
from seg_spark.reporting import charts
from seg_spark.reporting.suggestions import suggestion, verdict
from seg_spark.segments.model import Model
from seg_spark.segments.movement import SegmentSizes, Transition
from seg_spark.segments.profiles import Profile, telling_traits
from seg_spark.segments.wording import (
    NOTABLE,
    against,
    readable_number,
    shown_level,
    typical,
    with_unit,
)
from seg_spark.settings.schema import STABLE

MOST_COLUMNS: Final = 10
MOST_CARDS: Final = 12
_MANY_UNKNOWN: Final = 0.1
_HEBREW_OR_ARABIC: Final = r"[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]+"
_RIGHT_TO_LEFT: Final = re.compile(f"{_HEBREW_OR_ARABIC}(?: {_HEBREW_OR_ARABIC})*")
_LIKE_EVERYBODY: Final = 0.05
_SCORES: Final = (
    ("within_ss", "Within sum of squares", "lower is better; always falls with k"),
    ("silhouette", "Silhouette (squared distances)", "higher is better"),
    ("silhouette_euclidean", "Silhouette (Euclidean)", "higher is better"),
    ("davies_bouldin", "Davies-Bouldin", "lower is better"),
    ("calinski_harabasz", "Calinski-Harabasz", "higher is better"),
    ("prediction_strength", "Prediction strength (stability)", f"{STABLE} and more is stable"),
)


@dataclass(frozen=True)
class ReportData:
    """What a page is made from: the run record, the model, its scores.json, the published profiles, the figures, who
    moved since the date before, and the sizes on the last dates up to this one."""

    record: Mapping[str, Any]
    model: Model
    scores: Mapping[str, Any]
    profiles: Sequence[Profile]
    figures: Mapping[str, Any]
    transitions: Sequence[Transition] = ()
    sizes: Sequence[SegmentSizes] = ()

    @cached_property
    def profiles_of(self) -> Mapping[int, Sequence[Profile]]:
        """The profile rows of each segment that has customers."""
        rows: dict[int, list[Profile]] = {segment.segment_id: [] for segment in self.model.segments}
        for row in self.profiles:
            rows[row.segment_id].append(row)
        return {segment: own for segment, own in rows.items() if own}

    @cached_property
    def names(self) -> Mapping[int, str]:
        """The names of the segments that have customers, by id."""
        return {segment: rows[0].segment_name for segment, rows in self.profiles_of.items()}

    @cached_property
    def features(self) -> Sequence[FittedFeature]:
        """The features of the model, those first that set a segment apart the most."""
        highest = {feature.name: 0.0 for feature in self.model.features}
        for row in self.profiles:
            highest[row.feature] = max(highest.get(row.feature, 0.0), abs(row.z_score or 0.0))
        return sorted(self.model.features, key=lambda feature: -highest[feature.name])

    @cached_property
    def scores_of(self) -> Mapping[int, Mapping[str, Any]]:
        """The scores of every k that was fitted."""
        return {int(scores["k"]): scores for scores in self.scores["scores"]}


def verdict_of(data: ReportData) -> str:
    """How far the segments may be trusted."""
    return verdict(data.scores_of.get(len(data.model.segments), {}), data.model.training_customers)


def segments(data: ReportData) -> dict[str, Any]:
    """The cards of the segments."""
    return {
        "cards": [_card(rows, data) for rows in data.profiles_of.values()],
        "largest_share": max(rows[0].share for rows in data.profiles_of.values()),
    }


def choice(data: ReportData) -> dict[str, Any]:
    """How k was chosen."""
    chosen = len(data.model.segments)
    excluded = data.scores.get("excluded") or {}
    every = data.scores_of

    def chart(name: str) -> Any:
        of_mllib = {k: scores.get("mllib_within_ss") for k, scores in every.items()} if name == "within_ss" else {}
        limit = STABLE if name == "prediction_strength" else None
        return charts.line_chart({k: scores.get(name) for k, scores in every.items()}, chosen, of_mllib, limit)

    return {
        "because": data.scores["chosen_because"],
        "k": chosen,
        "excluded": excluded,
        "unscored": {k: reason for k, reason in excluded.items() if int(k) not in every},
        "has_hollow": any(str(k) in excluded for k in every),
        "charts": [(title, hint, chart(name)) for name, title, hint in _SCORES],
        "scores": sorted(every.items()),
        "names": _SCORES,
    }


def separation(data: ReportData) -> dict[str, Any]:
    """How well the segments separate: a map of customers, and their silhouettes."""
    silhouettes = data.figures["silhouettes"]
    return {
        "map": charts.scatter(data.figures["map"], [segment.segment_id for segment in data.model.segments]),
        "silhouettes": charts.silhouettes(silhouettes),
        "silhouette_customers": silhouettes.get("customers", 0),
    }


def profiles(data: ReportData) -> dict[str, Any]:
    """Every segment by every feature."""
    names = [feature.name for feature in data.features]
    return {
        "heat": {segment: {row.feature: _heat(row) for row in rows} for segment, rows in data.profiles_of.items()},
        "first": names[:MOST_COLUMNS],
        "others": names[MOST_COLUMNS:],
    }


def distributions(data: ReportData) -> list[dict[str, Any]]:
    """The distribution of each feature."""
    by_name = {figures["feature"]: figures for figures in data.figures["distributions"]}
    return [_distribution(by_name[feature.name], feature) for feature in data.features if feature.name in by_name]


def quality(data: ReportData) -> dict[str, Any]:
    """What became of the rows and values of the input."""
    record, model = data.record, data.model
    rejected = (record["rows"] or {}).get("rejected_by_reason") or {}
    return {
        "missing": _some(record["missing"]),
        "taken_as": {
            feature.name: "a level of its own" if feature.fill is None else _shown(feature.fill, feature)
            for feature in model.features
        },
        "bounds": {
            feature.name: " to ".join(_shown(bound, feature) for bound in feature.clip)
            for feature in model.features
            if isinstance(feature, FittedNumber) and feature.clip is not None
        },
        "rejected": {_reason(reason, model): rows for reason, rows in rejected.items()},
        "clipped": _some(record["clipped"]),
        "outliers": _some({segment["segment_id"]: segment["outliers"] for segment in record["segments"]}),
    }


def form(data: ReportData) -> dict[str, Any]:
    """The form that labels one customer."""
    return {
        "usual": {one["feature"]: f"{one['low']} to {one['high']}" for one in distributions(data) if one["low"]},
        "is_category": {feature.name: isinstance(feature, FittedCategory) for feature in data.model.features},
    }


def _card(rows: Sequence[Profile], data: ReportData) -> dict[str, Any]:
    first = rows[0]
    features = {feature.name: feature for feature in data.model.features}
    ranked = sorted(rows, key=lambda row: row.trait_rank or len(rows) + 1)
    traits = telling_traits(rows)
    examples = data.figures["examples"].get(str(first.segment_id), {})
    levels = {name: feature.levels for name, feature in features.items() if isinstance(feature, FittedCategory)}
    return {
        "id": first.segment_id,
        "name": _isolated(first.segment_name),
        "customers": first.customers,
        "share": first.share,
        "colour": charts.segment_class(first.segment_id),
        "traits": [_isolated(_sentence(trait) + _unknown(trait, data)) for trait in traits],
        "suggestion": _isolated(suggestion(_notable(traits), levels)),
        "rule": first.rule,
        "precision": first.rule_precision,
        "coverage": first.rule_coverage,
        "nearest": (first.nearest_segment_id, data.names.get(first.nearest_segment_id or 0)),
        "columns": [profile.feature for profile in ranked[:6]],
        "examples": [
            (kind, [{name: _shown(value, features[name]) for name, value in row["values"].items()} for row in rows])
            for kind, rows in ((kind, examples.get(kind, [])) for kind in ("typical", "borderline"))
        ],
    }


def _notable(traits: Sequence[Profile]) -> list[Profile]:
    return [trait for trait in traits if abs(trait.z_score or 0.0) >= NOTABLE]


def _isolated(text: str) -> str:
    """A sentence whose words that are written from right to left leave the numbers beside them in place."""
    return _RIGHT_TO_LEFT.sub("\u2068\\g<0>\u2069", text)


def _sentence(one: Profile) -> str:
    if one.kind == "category":
        return (
            f"{one.shown_name}: {shown_level(one.level)} for {one.level_share or 0:.0%} "
            f"(everybody: {one.overall_level_share or 0:.0%})"
        )
    if one.mean is None or one.overall_mean is None:
        return f"{one.shown_name}: mostly missing"
    deviation = one.z_score or 0.0
    value, overall, of = typical(one.mean, one.median, one.overall_mean, one.overall_median, deviation)
    difference = against(value, overall, one.unit, of, deviation)
    everybody = "" if difference.startswith(f"{of} ") else f" (everybody: {with_unit(overall, one.unit)})"
    shown = with_unit(value, one.unit) + (f" ({of})" if of == "median" else "")
    return f"{one.shown_name} {shown}, {difference}{everybody}"


def _unknown(one: Profile, data: ReportData) -> str:
    """Of how many of a segment's customers a feature is not known, where that may mislead."""
    figures = next(own for own in data.figures["distributions"] if own["feature"] == one.feature)
    share = figures.get("missing", {}).get(str(one.segment_id), 0.0)  # older figures do not tell
    return f"; unknown for {share:.0%}" if share >= _MANY_UNKNOWN else ""


def _heat(row: Profile) -> dict[str, str]:
    """The text of a cell, and a class from h-6 to h6 by the z-score, in steps of half a standard deviation."""
    step = max(-6, min(6, round(2 * (row.z_score or 0.0))))
    if row.kind == "category":
        text = f"{shown_level(row.level)} {row.level_share:.0%}" if row.level_share is not None else ""
        if abs(row.z_score or 0.0) < _LIKE_EVERYBODY:
            text = "like everybody"
    else:
        text = readable_number(row.mean, row.unit) if row.mean is not None else "missing"
    z = f"{row.z_score or 0.0:+.1f}"
    return {"text": text, "class": f"h{step}".replace("-", "m"), "z": "0.0" if z in ("+0.0", "-0.0") else z}


def _distribution(figures: Mapping[str, Any], feature: FittedFeature) -> dict[str, Any]:
    every = [*figures["all"], *(share for own in figures["segments"].values() for share in own)]
    edges = figures.get("edges") or []
    return {
        "feature": feature.name,
        "label": feature.shown_name,
        "unit": feature.unit,
        "bars": charts.bars(figures["all"], max(every, default=0.0)),
        "low": readable_number(edges[0], feature.unit) if edges else "",
        "high": readable_number(edges[-1], feature.unit) if edges else "",
        "levels": [shown_level(one) for one in figures.get("levels", [])],
    }


def _reason(reason: str, model: Model) -> str:
    """A reject reason for people: `total charges: out of range`."""
    kind, _, column = reason.partition(":")
    name = next((feature.shown_name for feature in model.features if feature.name == column), column)
    return f"{name}: {kind.replace('_', ' ')}" if name else kind.replace("_", " ")


def _some(counts: Mapping[Any, int]) -> dict[Any, int]:
    return {key: count for key, count in counts.items() if count}


def _shown(value: Any, feature: FittedFeature) -> str:
    if value is None:
        return "missing"
    return shown_level(value) if isinstance(value, str) else with_unit(float(value), feature.unit)
