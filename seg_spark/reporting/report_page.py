"""The report of a run as one HTML page: no network, no inline styles, scripts named by their hash."""

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from seg_spark.features.fitted import FittedCategory, FittedNumber
from seg_spark.reporting import charts
from seg_spark.reporting.changes import changes, warnings_of
from seg_spark.reporting.separation import verdict
from seg_spark.reporting.suggestions import suggestion
from seg_spark.segments.model import Model, model_to_json
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

_TEMPLATES: Final = Path(__file__).with_name("templates")
_MOST_COLUMNS: Final = 10
_MOST_CARDS: Final = 12
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


def render_report(data: ReportData) -> str:
    """The page as HTML text."""
    style, script = _file("report.css"), _file("report.js")
    by_segment: dict[int, list[Profile]] = {one.segment_id: [] for one in data.model.segments}
    for row in data.profiles:
        by_segment[row.segment_id].append(row)
    shown = {segment: rows for segment, rows in by_segment.items() if rows}
    names = {segment: rows[0].segment_name for segment, rows in shown.items()}
    highest = {one.name: 0.0 for one in data.model.features}
    for row in data.profiles:
        highest[row.feature] = max(highest.get(row.feature, 0.0), abs(row.z_score or 0.0))
    ordered = sorted(data.model.features, key=lambda one: -highest[one.name])
    chosen = len(data.model.segments)
    told = changes(data.record, data.transitions, data.sizes)
    scores = {int(one["k"]): one for one in data.scores["scores"]}
    excluded = data.scores.get("excluded") or {}
    distributions = [_distribution(one, data) for one in _by_order(data.figures["distributions"], ordered)]
    page_data = {"model": json.loads(model_to_json(data.model)), "distributions": data.figures["distributions"]}
    return _environment().get_template("report.html.j2").render(
        style=Markup(style),  # our own files
        script=Markup(script),
        policy="; ".join(
            ["default-src 'none'", f"style-src '{_hash(style)}'", f"script-src '{_hash(script)}'", "base-uri 'none'",
             "form-action 'none'"]
        ),
        data=_json(page_data),
        record=data.record,
        because=data.scores["chosen_because"],
        warnings=warnings_of(data.record),
        verdict=verdict(scores.get(chosen, {}), data.model.training_customers),
        excluded_k=excluded,
        unscored_k={k: reason for k, reason in excluded.items() if int(k) not in scores},
        has_hollow=any(str(k) in excluded for k in scores),
        model=data.model,
        k=chosen,
        names=names,
        cards=[_card(rows, data, names) for rows in shown.values()],
        score_charts=[
            (title, hint, charts.line_chart(
                {k: one.get(name) for k, one in scores.items()}, chosen,
                {k: one.get("mllib_within_ss") for k, one in scores.items()} if name == "within_ss" else {},
                STABLE if name == "prediction_strength" else None))
            for name, title, hint in _SCORES
        ],
        scores=sorted(scores.items()),
        score_names=_SCORES,
        map=charts.scatter(data.figures["map"], [one.segment_id for one in data.model.segments]),
        silhouettes=charts.silhouettes(data.figures["silhouettes"]),
        silhouette_customers=data.figures["silhouettes"].get("customers", 0),
        heat_features=[one.name for one in ordered[:_MOST_COLUMNS]],
        other_features=[one.name for one in ordered[_MOST_COLUMNS:]],
        heat={segment: {row.feature: _heat(row) for row in rows} for segment, rows in shown.items()},
        features={one.name: one for one in data.model.features},
        is_category={one.name: isinstance(one, FittedCategory) for one in data.model.features},
        distributions=distributions,
        most_columns=_MOST_COLUMNS,
        most_cards=_MOST_CARDS,
        largest_share=max(rows[0].share for rows in shown.values()),
        sampled=data.figures["customers"],
        missing=_some(data.record["missing"]),
        taken_as={
            one.name: "a level of its own" if one.fill is None else _shown(one.fill, one.name, data.model)
            for one in data.model.features
        },
        bounds={
            one.name: " to ".join(_shown(bound, one.name, data.model) for bound in one.clip)
            for one in data.model.features
            if isinstance(one, FittedNumber) and one.clip is not None
        },
        rejected={_reason(one, data.model): number for one, number in _rejected(data.record).items()},
        usual={one["feature"]: f"{one['low']} to {one['high']}" for one in distributions if one["low"]},
        clipped=_some(data.record["clipped"]),
        outliers=_some({one["segment_id"]: one["outliers"] for one in data.record["segments"]}),
        changes=told,
        has_changes=any(told[name] for name in ("moves", "sizes", "drift")),
        colour=charts.segment_class,
        level=shown_level,
    )  # fmt: skip


def _card(rows: Sequence[Profile], data: ReportData, names: Mapping[int, str]) -> dict[str, Any]:
    first = rows[0]
    ranked = sorted(rows, key=lambda one: one.trait_rank or len(rows) + 1)
    traits = telling_traits(rows)
    examples = data.figures["examples"].get(str(first.segment_id), {})
    return {
        "id": first.segment_id,
        "name": _isolated(first.segment_name),
        "customers": first.customers,
        "share": first.share,
        "colour": charts.segment_class(first.segment_id),
        "traits": [_isolated(_sentence(one) + _unknown(one, data)) for one in traits],
        "suggestion": _isolated(suggestion([one for one in traits if abs(one.z_score or 0.0) >= NOTABLE])),
        "rule": first.rule,
        "precision": first.rule_precision,
        "coverage": first.rule_coverage,
        "nearest": (first.nearest_segment_id, names.get(first.nearest_segment_id or 0)),
        "columns": [one.feature for one in ranked[:6]],
        "examples": [
            (kind, [_shown_values(row["values"], data.model) for row in examples.get(key, [])])
            for kind, key in (("typical", "typical"), ("borderline", "borderline"))
        ],
    }


def _isolated(text: str) -> str:
    """A sentence whose words that are written from right to left leave the numbers beside them in place."""
    return _RIGHT_TO_LEFT.sub("\u2068\\g<0>\u2069", text)


def _shown_values(values: Mapping[str, Any], model: Model) -> dict[str, str]:
    return {name: _shown(value, name, model) for name, value in values.items()}


def _sentence(one: Profile) -> str:
    if one.kind == "category":
        return (
            f"{one.shown_name}: {shown_level(one.level)} for {one.level_share or 0:.0%} "
            f"(everybody: {one.overall_level_share or 0:.0%})"
        )
    if one.mean is None or one.overall_mean is None:
        return f"{one.shown_name}: mostly missing"
    value, overall, of = typical(one.mean, one.median, one.overall_mean, one.overall_median)
    difference = against(value, overall, one.unit, of)
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


def _distribution(figures: Mapping[str, Any], data: ReportData) -> dict[str, Any]:
    feature = next(one for one in data.model.features if one.name == figures["feature"])
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


def _by_order(distributions: Sequence[Mapping[str, Any]], ordered: Sequence[Any]) -> list[Mapping[str, Any]]:
    by_name = {one["feature"]: one for one in distributions}
    return [by_name[one.name] for one in ordered if one.name in by_name]


def _rejected(record: Mapping[str, Any]) -> Mapping[str, int]:
    return (record["rows"] or {}).get("rejected_by_reason") or {}


def _reason(reason: str, model: Model) -> str:
    """A reject reason for people: `total charges: out of range`."""
    kind, _, column = reason.partition(":")
    name = next((one.shown_name for one in model.features if one.name == column), column)
    return f"{name}: {kind.replace('_', ' ')}" if name else kind.replace("_", " ")


def _some(counts: Mapping[Any, int]) -> dict[Any, int]:
    return {key: count for key, count in counts.items() if count}


def _shown(value: Any, name: str, model: Model) -> str:
    feature = next(one for one in model.features if one.name == name)
    if value is None:
        return "missing"
    return shown_level(value) if isinstance(value, str) else with_unit(float(value), feature.unit)


def _json(value: Any) -> Markup:
    """JSON that no text in it can break out of: `</script>` and `<!--` cannot occur."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _file(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8").replace("\r\n", "\n").strip()


def _score(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = lambda share: f"{share:.1%}"
    environment.filters["count"] = lambda number: f"{number:,}"
    environment.filters["score"] = _score
    return environment
