"""What is proposed for a table: features, what is left out and why, and what a person should look at."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from seg_spark.cleaning.one_value import is_missing
from seg_spark.errors import InputError, SettingsError, did_you_mean
from seg_spark.onboarding.exclusions import exclusion_of
from seg_spark.onboarding.facts import ColumnFacts, Verdict, column_facts, null_values_of
from seg_spark.onboarding.names import feature_names, hints_at, unit_of
from seg_spark.onboarding.sample import Sample
from seg_spark.onboarding.verdicts import Judged, judge
from seg_spark.onboarding.vocabulary import VERSION_WORDS
from seg_spark.settings.feature import MAX_FEATURES, TextForm
from seg_spark.settings.raw_table import DEFAULT_NULL_VALUES

_NEVER: Final = (Verdict.DATE, Verdict.UNUSABLE, Verdict.ID)
"""What no wish can make a feature of."""
_NOT_ASKED_FOR: Final = "not among --features"


@dataclass(frozen=True)
class IdFacts:
    """What the customer ids are like."""

    distinct: int
    blank_rows: int
    repeated: int
    """Ids that stand in more than one row."""
    repeated_rows: int


@dataclass(frozen=True)
class ProposedFeature:
    """A column as a feature, or as it would be one."""

    name: str
    header: str
    kind: str
    unit: str | None
    form: TextForm | None
    facts: ColumnFacts


@dataclass(frozen=True)
class LeftOut:
    """A column that is no feature, why, and how it would be one (None where it cannot)."""

    header: str
    reason: str
    otherwise: ProposedFeature | None


@dataclass(frozen=True)
class Proposal:
    """All that goes into a conf."""

    sample: Sample
    customer_id: str
    ids: IdFacts
    null_values: Mapping[str, Sequence[str]]
    """Texts that mean missing, beyond the default ones, with the headers in which they stand."""
    features: tuple[ProposedFeature, ...]
    left_out: tuple[LeftOut, ...]
    order_by: tuple[str, ...]
    """Columns that could settle which row of a customer counts; empty unless ids are repeated."""
    exclusions: tuple[Mapping[str, Any], ...]
    """Rules that might apply, as entries of cleaning.exclude."""


def propose(sample: Sample, customer_id: str | None, wished: Sequence[str], this_year: int) -> Proposal:
    """Choose the features of a table.

    `wished` are texts of headers or proposed names, separated by commas; none means whatever suits.
    Raises SettingsError for an id or a wish that is no column, InputError if no feature is left.
    """
    marks = null_values_of(sample)
    null_values = (*DEFAULT_NULL_VALUES, *marks)
    all_facts = column_facts(sample, null_values, this_year)
    id_header = _checked_id(customer_id, all_facts)
    judged = [judge(facts, id_header) for facts in all_facts]
    names = feature_names(one.facts.header for one in judged if one.verdict is not Verdict.ID)
    chosen = _wished(wished, judged, names) if wished else [one for one in judged if one.is_feature][:MAX_FEATURES]
    if not chosen:
        raise InputError(_no_feature(judged))
    picked = {one.facts.header for one in chosen}
    ids = _id_facts(sample.columns[id_header], null_values)
    return Proposal(
        sample=sample,
        customer_id=id_header,
        ids=ids,
        null_values=marks,
        features=tuple(_feature(one, names) for one in chosen),
        left_out=tuple(_left_out(judged, picked, names)),
        order_by=tuple(_order_columns(judged)) if ids.repeated else (),
        exclusions=tuple(rule for one in judged if (rule := exclusion_of(one.facts)) is not None),
    )


def _checked_id(customer_id: str | None, columns: Sequence[ColumnFacts]) -> str:
    headers = [facts.header for facts in columns]
    if customer_id in headers:
        return customer_id
    candidates = [facts.header for facts in columns if _may_be_id(facts)]
    listed = ", ".join(map(repr, candidates[:8]))
    hint = f"; the values all differ in {listed}" if candidates else "; there is no column whose values all differ"
    if customer_id is None:
        raise SettingsError(f"--id: name the column that identifies a customer{hint}")
    nearest = did_you_mean(customer_id, headers)
    raise SettingsError(f"--id: the table has no column {customer_id!r}{nearest or hint}")


def _may_be_id(facts: ColumnFacts) -> bool:
    whole = facts.numbers is None or facts.numbers.whole
    return facts.missing == 0 and facts.levels.distinct == facts.rows and facts.kind in ("text", "number") and whole


def _wished(wished: Sequence[str], judged: Sequence[Judged], names: Mapping[str, str]) -> list[Judged]:
    by_word = {names[one.facts.header]: one for one in judged if one.facts.header in names}
    by_word |= {one.facts.header: one for one in judged}
    chosen: dict[str, Judged] = {}
    for text in wished:
        for word in _words(text, by_word):
            one = by_word[word]
            if one.verdict in _NEVER:
                raise SettingsError(f"--features {word!r}: cannot be a feature: {one.reason}")
            chosen[one.facts.header] = one
    return list(chosen.values())


def _words(text: str, known: Mapping[str, Judged]) -> Iterator[str]:
    """The columns that a text names; a header may hold commas itself, so the longest one that fits counts."""
    parts = text.split(",")
    start = 0
    while start < len(parts):
        for end in range(len(parts), start, -1):
            word = ",".join(parts[start:end]).strip()
            if word in known:
                yield word
                start = end
                break
        else:
            word = parts[start].strip()
            if word:
                raise SettingsError(f"--features: the table has no column {word!r}{did_you_mean(word, known)}")
            start += 1


def _feature(one: Judged, names: Mapping[str, str]) -> ProposedFeature:
    facts = one.facts
    kind = one.otherwise or "category"
    form = facts.numbers.form if facts.numbers is not None and kind == "number" else None
    unit = unit_of(facts.header) if kind == "number" else None
    if unit is None and form is not None and len(form.symbols) == 1:
        unit = form.symbols[0]
    return ProposedFeature(names[facts.header], facts.header, kind, unit, form, facts)


def _left_out(judged: Sequence[Judged], picked: set[str], names: Mapping[str, str]) -> Iterator[LeftOut]:
    for one in judged:
        if one.facts.header in picked or one.verdict is Verdict.ID:
            continue
        otherwise = _feature(one, names) if one.otherwise is not None and one.verdict is not Verdict.EMPTY else None
        yield LeftOut(one.facts.header, one.reason or _NOT_ASKED_FOR, otherwise)


def _order_columns(judged: Sequence[Judged]) -> Iterator[str]:
    """Dates, then numbers that count versions by their name: they are what tells the latest row."""
    able = [one for one in judged if one.can_order and one.verdict is not Verdict.ID]
    for one in sorted(able, key=lambda one: one.verdict is not Verdict.DATE):
        number = one.facts.numbers
        is_version = number is not None and number.form is None and hints_at(one.facts.header, VERSION_WORDS)
        if one.verdict is Verdict.DATE or is_version:
            yield one.facts.header


def _id_facts(values: Sequence[Any], null_values: Sequence[str]) -> IdFacts:
    present = [value for value in values if value is not None and not _is_blank(value, null_values)]
    repeated = [count for count in Counter(present).values() if count > 1]
    return IdFacts(len(set(present)), len(values) - len(present), len(repeated), sum(repeated))


def _is_blank(value: Any, null_values: Sequence[str]) -> bool:
    if isinstance(value, float) and math.isnan(value):
        return True
    return isinstance(value, str) and is_missing(value, null_values)


def _no_feature(judged: Sequence[Judged]) -> str:
    lines = [f"  {one.facts.header!r}: {one.reason}" for one in judged[:50]]
    more = [f"  and {len(judged) - 50} more"] if len(judged) > 50 else []
    return "\n".join(["no column suits as a feature; --features can name one all the same", *lines, *more])
