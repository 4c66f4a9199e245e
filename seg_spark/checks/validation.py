"""A check of the input against the settings, without Spark: the outcomes of its first rows."""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

from seg_spark.cleaning.one_value import (
    CONTROL_CHARACTERS,
    LARGEST_NUMBER,
    MAX_TEXT_LENGTH,
    NOT_TEXT,
    Value,
    category_value,
    is_excluded,
    is_missing,
    is_order_text,
    null_numbers,
    number_value,
)
from seg_spark.cleaning.outcomes import Reason, RowCounts
from seg_spark.errors import InputError, did_you_mean
from seg_spark.features.learning import MAX_FOLDED_LEVELS
from seg_spark.input.sample import Sample, read_sample
from seg_spark.settings.feature import Feature
from seg_spark.settings.schema import Settings

_USABLE: Final = {"number": ("text", "number", "boolean"), "category": ("text", "number", "boolean", "date")}


@dataclass(frozen=True)
class FeatureSummary:
    """A feature in the rows that were read: how many values are missing, how many reject their row, and
    how many different ones there are."""

    name: str
    source: str
    kind: str
    missing: int
    rejected: int
    distinct: int


@dataclass(frozen=True)
class Validation:
    """The outcomes of the rows that were read, before several rows of one customer are merged."""

    sample: Sample
    features: tuple[FeatureSummary, ...]
    rows: RowCounts
    repeated_ids: int
    """Accepted rows whose id an earlier row has too."""
    warnings: tuple[str, ...]


def validate_input(settings: Settings, run_date: date | None) -> Validation:
    """Check up to 100,000 rows of the input (of the latest date for a path with {run_date}, unless one is given).

    Raises InputError for what a run would refuse before it reads rows.
    """
    sample = read_sample(settings.input, run_date)
    if settings.input.format == "json":  # a run reads all of JSON as text
        texts = {name: [_json_text(value) for value in values] for name, values in sample.columns.items()}
        sample = replace(sample, columns=texts)
    _check_columns(sample, settings)
    nulls = settings.input.null_values
    excluded = [
        any(is_excluded(sample.columns[rule.column][row], rule) for rule in settings.cleaning.exclude)
        for row in range(sample.rows)
    ]
    ids = sample.columns[settings.customer_id]
    reasons: list[list[str]] = [
        [] if gone else _id_reasons(value, nulls) for value, gone in zip(ids, excluded, strict=True)
    ]
    summaries = []
    for name, feature in settings.features.columns.items():
        source = settings.features.source_of(name)
        values = sample.columns[source]
        summaries.append(_summarise(name, source, feature, list(zip(values, excluded, reasons, strict=True)), nulls))
    if settings.input.order_by is not None:
        _check_order(settings.input.order_by, sample.columns[settings.input.order_by], excluded, nulls, reasons)
    by_reason = Counter(reason for own in reasons for reason in own)
    if sample.malformed_rows:
        by_reason[Reason.MALFORMED_ROW.value] = sample.malformed_rows
    rejected = sum(map(bool, reasons)) + sample.malformed_rows
    rows, out = sample.rows + sample.malformed_rows, sum(excluded)
    good = Counter(str(ids[row]) for row in range(sample.rows) if not excluded[row] and not reasons[row])
    return Validation(
        sample=sample,
        features=tuple(summaries),
        rows=RowCounts(rows, rows - out - rejected, 0, rejected, out, dict(by_reason.most_common()), {}),
        repeated_ids=sum(count - 1 for count in good.values()),
        warnings=(
            *_rule_warnings(sample, settings),
            *_warnings(settings, summaries, sum(good.values()), sum(good.values()) - len(good)),
        ),
    )


def _check_order(
    header: str, values: Sequence[Any], excluded: Sequence[bool], nulls: Sequence[str], reasons: Sequence[list[str]]
) -> None:
    for raw, out, own in zip(values, excluded, reasons, strict=True):
        impossible = isinstance(raw, float) and abs(raw) >= LARGEST_NUMBER and raw not in null_numbers(tuple(nulls))
        if not out and (impossible or (isinstance(raw, str) and not is_order_text(raw, nulls))):
            own.append(Reason.IMPOSSIBLE_DATE.of(header))


def _json_text(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


def _rule_warnings(sample: Sample, settings: Settings) -> Iterator[str]:
    for rule in settings.cleaning.exclude:
        values = sample.columns[rule.column]
        if not any(is_excluded(value, rule) for value in set(values)):
            known = sorted({str(value) for value in values if value is not None})
            shown = f"; its values are {', '.join(known[:10])}" if len(known) <= 10 else ""
            yield f"cleaning.exclude: none of the rows checked matches the rule on {rule.column!r}{shown}"


def _check_columns(sample: Sample, settings: Settings) -> None:
    for used in settings.used_columns():
        if used in sample.partial:
            raise InputError(
                f"input.path: {sample.partial[used]} lacks {used!r}, which other files have; "
                "give every file the same columns"
            )
    absent = [
        f"{setting}: the input has no column {header!r}{did_you_mean(header, sample.columns)}"
        for header, setting in settings.used_columns().items()
        if header not in sample.columns
    ]
    if absent:
        known = list(sample.columns)
        absent.append(f"The input's columns are: {', '.join(map(repr, known[:50]))}{' ...' if len(known) > 50 else ''}")
        raise InputError("\n".join(absent))
    for setting, header, usable in (
        ("customer_id", settings.customer_id, ("text", "number", "date")),
        ("input.order_by", settings.input.order_by, ("text", "number", "date", "timestamp")),
        *(
            ("cleaning.exclude", rule.column, ("text", "number", "date", "boolean"))
            for rule in settings.cleaning.exclude
        ),
    ):
        if header is not None and sample.types[header] not in usable:
            called = sample.other_types.get(header, sample.types[header])
            raise InputError(f"{setting}: {header!r} is of type {called}; expected {' or '.join(usable)}")
    for rule in settings.cleaning.exclude:
        kind, numbers = sample.types[rule.column], [one for one in rule.values if not isinstance(one, str | bool)]
        if numbers and kind in ("boolean", "date") and settings.input.format != "json":
            raise InputError(
                f"cleaning.exclude: {rule.column} is of type {kind}, and {numbers[0]} is a number; "
                "expected a text like 2026-11-23, or true"
            )
    for name, feature in settings.features.columns.items():
        kind = sample.types[settings.features.source_of(name)]
        if kind not in _USABLE[feature.kind]:
            called = sample.other_types.get(settings.features.source_of(name), kind)
            expected = "a number or text" if feature.kind == "number" else "text for a category"
            raise InputError(f"features.columns.{name}: is of type {called}; expected {expected}")


def _summarise(
    name: str,
    source: str,
    feature: Feature,
    rows: Sequence[tuple[Any, bool, list[str]]],
    nulls: Sequence[str],
) -> FeatureSummary:
    """Validate a column, given as (value, whether the row is excluded, its reasons), which are added to."""
    known: dict[Any, Value] = {}
    missing = rejected = 0
    distinct = set()
    for raw, out, own in rows:
        if out:
            continue
        if raw not in known:
            known[raw] = _read(name, feature, raw, nulls)
        value = known[raw]
        if value.reason is not None:
            rejected += 1
            own.extend(value.reasons)
        elif value.value is None:
            missing += 1
        else:
            distinct.add(value.value)
    return FeatureSummary(name, source, feature.kind, missing, rejected, len(distinct))


def _read(name: str, feature: Feature, raw: Any, nulls: Sequence[str]) -> Value:
    reject = feature.missing_rule == "reject"
    if feature.kind == "category":
        text = str(raw).lower() if isinstance(raw, bool) else raw
        return category_value(text, name, nulls, reject_missing=reject)
    return number_value(raw, name, nulls, reject_missing=reject, valid=feature.valid, form=feature.text_form)


def _id_reasons(raw: Any, nulls: Sequence[str]) -> list[str]:
    text = "" if raw is None or (isinstance(raw, float) and math.isnan(raw)) else str(raw)
    if is_missing(text, nulls):
        return [Reason.MISSING_ID.value]
    faults = (
        (Reason.CONTROL_CHARACTERS, re.search(CONTROL_CHARACTERS, text) is not None),
        (Reason.TOO_LONG, len(text) > MAX_TEXT_LENGTH),
        (Reason.NOT_UTF8, NOT_TEXT in text),
    )
    return [reason.of("customer_id") for reason, holds in faults if holds]


def _warnings(settings: Settings, summaries: Sequence[FeatureSummary], good: int, repeated: int) -> list[str]:
    texts = []
    for summary in summaries:
        if summary.distinct == 0:
            texts.append(f"{summary.name}: none of the rows checked has a usable value")
        elif summary.distinct == 1 and not (summary.kind == "category" and summary.missing):  # missing is a level too
            texts.append(f"{summary.name}: has one value throughout, so it weighs nothing")
        levels = settings.features.columns[summary.name].max_categories
        if summary.kind == "category" and summary.distinct > levels + MAX_FOLDED_LEVELS:
            texts.append(
                f"{summary.name}: has {summary.distinct:,} levels, which looks like an identifier or free text; a run "
                f"that finds more than {levels + MAX_FOLDED_LEVELS:,} among its training customers stops"
            )
        elif summary.kind == "category" and summary.distinct > levels:
            texts.append(
                f"{summary.name}: has {summary.distinct:,} levels; all but the {levels} most frequent become 'other'"
            )
    if repeated and settings.input.order_by is None:
        texts.append(
            f"{repeated:,} {'row repeats' if repeated == 1 else 'rows repeat'} the id of another one; "
            "where they differ they are rejected, "
            "unless input.order_by names the column whose highest value wins"
        )
    if good < settings.clustering.k.min:
        rows = "row" if good == 1 else "rows"
        texts.append(f"only {good} {rows} could take part, fewer than clustering.k.min ({settings.clustering.k.min})")
    return texts
