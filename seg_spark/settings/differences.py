"""What differs between two settings, and what such a difference bears on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from seg_spark.settings.feature import Feature
from seg_spark.settings.schema import Settings


@dataclass(frozen=True)
class Change:
    """One setting (path joined by dots) with its value on both sides, as JSON values; an absent feature is null."""

    setting: str
    before: Any
    after: Any


def changes_between(before: Settings, after: Settings) -> tuple[Change, ...]:
    """Every setting that differs, in the order of the schema. A dropped or added feature is one change."""
    return tuple(_changes(_document(before), _document(after), ""))


def cleans_alike(one: Settings, other: Settings) -> bool:
    """Whether both settings give the same outcome to every raw row, and the same clean values."""
    return _cleaning_rules(one) == _cleaning_rules(other)


def measures_alike(one: Settings, other: Settings) -> bool:
    """Whether distances mean the same under both settings: same features, scaling, weights and transforms."""
    return _space(one) == _space(other)


def fit_settings(settings: Settings) -> dict[str, Any]:
    """The settings that affect a fit, as JSON values: two fits of the same customers with equal ones are equal."""
    document = _document(settings)
    # what only people read is no reason to fit anew
    features = {
        name: {key: value for key, value in feature.items() if key not in ("label", "unit")}
        for name, feature in document["features"]["columns"].items()
    }
    clustering = {name: value for name, value in document["clustering"].items() if name != "parallel_fits"}
    if settings.clustering.refine:  # the search finds the centres, whatever MLlib's fits beside it do
        clustering = {"k": clustering["k"], "refine": True}
    return {
        "input": {"null_values": document["input"]["null_values"], "order_by": document["input"]["order_by"]},
        "customer_id": settings.customer_id,
        "features": document["features"] | {"columns": features},
        "cleaning": {"exclude": document["cleaning"]["exclude"]},
        "training": document["training"],
        "clustering": clustering,
        "selection": document["selection"],
    }


def changed_settings(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the settings that differ between two results of `fit_settings`."""
    return tuple(one.setting for one in _changes(before, after, ""))


def _changes(before: Any, after: Any, path: str) -> list[Change]:
    if isinstance(before, dict) and isinstance(after, dict):
        keys = [*before, *(key for key in after if key not in before)]
        return [
            change
            for key in keys
            for change in _changes(before.get(key), after.get(key), f"{path}.{key}" if path else key)
        ]
    return [] if before == after else [Change(path, _trimmed(before, path), _trimmed(after, path))]


def _trimmed(value: Any, path: str) -> Any:
    """A whole feature without its defaults, as one would write it in the conf."""
    if not isinstance(value, dict) or not path.startswith("features.columns.") or path.count(".") != 2:
        return value
    defaults = Feature().model_dump(mode="json")
    return {key: inner for key, inner in value.items() if inner != defaults[key]}


def _document(settings: Settings) -> dict[str, Any]:
    return settings.model_dump(mode="json")


def _cleaning_rules(settings: Settings) -> Mapping[str, Any]:
    document = _document(settings)
    features = {
        name: {
            "source": settings.features.source_of(name),
            "kind": feature.kind,
            "text_form": feature.text_form,
            "valid": feature.valid,
            "reject_missing": feature.missing_rule == "reject",
        }
        for name, feature in settings.features.columns.items()
    }
    return {
        "input": document["input"],
        "customer_id": settings.customer_id,
        "exclude": document["cleaning"]["exclude"],
        "features": features,
    }


def _space(settings: Settings) -> Mapping[str, Any]:
    features = {
        name: (
            settings.features.source_of(name),
            feature.kind,
            feature.transform,
            feature.weight,
            feature.clip,
            feature.max_categories if feature.kind == "category" else None,
        )
        for name, feature in settings.features.columns.items()
    }
    return {"scaling": settings.features.scaling, "features": features}
