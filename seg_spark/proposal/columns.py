"""The proposal for a table: features, omitted columns with the reason, and rules a person may want."""

import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from seg_spark.cleaning.one_value import is_missing
from seg_spark.errors import InputError, SettingsError, did_you_mean
from seg_spark.input.sample import Sample
from seg_spark.proposal.facts import ColumnFacts, ColumnRole, column_facts, null_values_of
from seg_spark.proposal.names import (
    ID_WORDS,
    VERSION_WORDS,
    YEAR_WORDS,
    feature_labels,
    feature_names,
    hints_at,
    unit_of,
)
from seg_spark.proposal.roles import ProposedRole, exclusion_of, propose_role
from seg_spark.settings.feature import CALENDAR_YEAR, MAX_FEATURES, TextForm
from seg_spark.settings.raw_table import DEFAULT_NULL_VALUES

_NEVER: Final = (ColumnRole.DATE, ColumnRole.UNUSABLE, ColumnRole.ID)
"""Roles that cannot be a feature, also when requested."""
_YEARS: Final = (1850, 2150)
_MOST_WITHOUT_ID: Final = 0.05
"""Share of rows, such as one of totals, in which a column may be blank and still be offered as the customer id."""
_NOT_REQUESTED: Final = "not among --features"


@dataclass(frozen=True)
class IdFacts:
    """The customer ids."""

    distinct: int
    blank_rows: int
    repeated: int
    """Ids that occur in more than one row."""
    repeated_rows: int


@dataclass(frozen=True)
class ProposedFeature:
    """A column as a feature, or as it would be one."""

    name: str
    header: str
    kind: str
    unit: str | None
    form: TextForm | None
    label: str | None
    facts: ColumnFacts


@dataclass(frozen=True)
class OmittedColumn:
    """A column that is not proposed as a feature, why, and how it would be one (None where it cannot)."""

    header: str
    reason: str
    as_feature: ProposedFeature | None


@dataclass(frozen=True)
class Proposal:
    """All that goes into a conf."""

    sample: Sample
    customer_id: str
    ids: IdFacts
    null_values: Mapping[str, Sequence[str]]
    """Texts that mean missing, beyond the default ones, with the headers of the columns that hold them."""
    features: tuple[ProposedFeature, ...]
    omitted: tuple[OmittedColumn, ...]
    order_by: tuple[str, ...]
    """Columns that could settle which row of a customer counts; empty unless ids are repeated."""
    exclusions: tuple[Mapping[str, Any], ...]
    """Rules that might apply, as entries of cleaning.exclude."""


def propose(sample: Sample, customer_id: str | None, requested: Sequence[str], this_year: int) -> Proposal:
    """Choose the features of a table.

    `requested` are texts of headers or proposed names, separated by commas; none means whatever suits.
    Raises SettingsError for an id or a request that is not a column, InputError if no feature is left.
    """
    marks = null_values_of(sample)
    null_values = (*DEFAULT_NULL_VALUES, *marks)
    all_facts = column_facts(sample, null_values, this_year)
    id_header = _checked_id(customer_id, all_facts, sample.partial)
    roles = [propose_role(facts, id_header) for facts in all_facts]
    names = feature_names(role.facts.header for role in roles if role.role is not ColumnRole.ID)
    labels = feature_labels(names.values())
    chosen = (
        _requested(requested, roles, names, sample.partial)
        if requested
        else [role for role in roles if role.is_feature][:MAX_FEATURES]
    )
    if not chosen:
        raise InputError(_no_feature(roles))
    picked = {column.facts.header for column in chosen}
    ids = _id_facts(sample.columns[id_header], null_values)
    return Proposal(
        sample=sample,
        customer_id=id_header,
        ids=ids,
        null_values=marks,
        features=tuple(_feature(column, names, labels) for column in chosen),
        omitted=(
            *_omitted(roles, picked, names, labels),
            *(OmittedColumn(name, _not_everywhere(file), None) for name, file in sample.partial.items()),
        ),
        order_by=tuple(_order_columns(roles)) if ids.repeated else (),
        exclusions=tuple(rule for role in roles if (rule := exclusion_of(role.facts)) is not None),
    )


def _not_everywhere(file: str) -> str:
    return f"not in every file: {file} lacks it"


def _checked_id(customer_id: str | None, columns: Sequence[ColumnFacts], partial: Mapping[str, str]) -> str:
    headers = [facts.header for facts in columns]
    if customer_id in headers:
        return customer_id
    if customer_id is not None and customer_id in partial:
        raise SettingsError(f"--id {customer_id!r}: {_not_everywhere(partial[customer_id])}")
    able = sorted(filter(_may_be_id, columns), key=lambda facts: (not hints_at(facts.header, ID_WORDS), facts.missing))
    candidates = [facts.header for facts in able]
    listed = ", ".join(map(repr, candidates[:8]))
    hint = f"; the values all differ in {listed}" if candidates else "; no column has values that all differ"
    if customer_id is None:
        raise SettingsError(f"--id: name the column that identifies a customer{hint}")
    nearest = did_you_mean(customer_id, headers)
    raise SettingsError(f"--id: the table has no column {customer_id!r}{nearest or hint}")


def _may_be_id(facts: ColumnFacts) -> bool:
    whole = facts.numbers is None or facts.numbers.whole
    differ = facts.levels.distinct == facts.present > 0
    return differ and facts.missing_share <= _MOST_WITHOUT_ID and facts.kind in ("text", "number") and whole


def _requested(
    requested: Sequence[str], roles: Sequence[ProposedRole], names: Mapping[str, str], partial: Mapping[str, str]
) -> list[ProposedRole]:
    by_word = {names[role.facts.header]: role for role in roles if role.facts.header in names}
    by_word |= {role.facts.header: role for role in roles}
    chosen: dict[str, ProposedRole] = {}
    for text in requested:
        for word in _words(text, by_word.keys() | partial.keys()):
            if word in partial:
                raise SettingsError(f"--features {word!r}: cannot be a feature: {_not_everywhere(partial[word])}")
            one = by_word[word]
            if one.role in _NEVER:
                raise SettingsError(f"--features {word!r}: cannot be a feature: {one.reason}")
            chosen[one.facts.header] = one
    if not chosen:
        raise SettingsError("--features: names no column; give headers with commas between, or leave it out")
    return list(chosen.values())


def _words(text: str, known: Collection[str]) -> Iterator[str]:
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


def _feature(one: ProposedRole, names: Mapping[str, str], labels: Mapping[str, str]) -> ProposedFeature:
    facts = one.facts
    kind = one.feature_kind or "category"
    form = facts.numbers.form if facts.numbers is not None and kind == "number" else None
    unit = None
    if kind == "number":
        unit = CALENDAR_YEAR if _are_years(facts) else unit_of(facts.header)
    if unit is None and form is not None and len(form.symbols) == 1:
        unit = form.symbols[0]
    name = names[facts.header]
    return ProposedFeature(name, facts.header, kind, unit, form, labels.get(name), facts)


def _are_years(facts: ColumnFacts) -> bool:
    """Whether numbers are years of a calendar, by the header and the values: years of birth, say."""
    number = facts.numbers
    if number is None or not number.whole or not hints_at(facts.header, YEAR_WORDS):
        return False
    return _YEARS[0] <= number.usual_lowest and number.usual_highest <= _YEARS[1]


def _omitted(
    roles: Sequence[ProposedRole], picked: set[str], names: Mapping[str, str], labels: Mapping[str, str]
) -> Iterator[OmittedColumn]:
    for role in roles:
        if role.facts.header in picked or role.role is ColumnRole.ID:
            continue
        as_feature = (
            _feature(role, names, labels)
            if role.feature_kind is not None and role.role is not ColumnRole.EMPTY
            else None
        )
        yield OmittedColumn(role.facts.header, role.reason or _NOT_REQUESTED, as_feature)


def _order_columns(roles: Sequence[ProposedRole]) -> Iterator[str]:
    """Dates, then numbers that count versions by their name: they can decide which row is the latest."""
    able = [role for role in roles if role.can_order and role.role is not ColumnRole.ID]
    for column in sorted(able, key=lambda column: column.role is not ColumnRole.DATE):
        number = column.facts.numbers
        is_version = number is not None and number.form is None and hints_at(column.facts.header, VERSION_WORDS)
        if column.role is ColumnRole.DATE or is_version:
            yield column.facts.header


def _id_facts(values: Sequence[Any], null_values: Sequence[str]) -> IdFacts:
    present = [value for value in values if value is not None and not _is_blank(value, null_values)]
    repeated = [count for count in Counter(present).values() if count > 1]
    return IdFacts(len(set(present)), len(values) - len(present), len(repeated), sum(repeated))


def _is_blank(value: Any, null_values: Sequence[str]) -> bool:
    if isinstance(value, float) and math.isnan(value):
        return True
    return isinstance(value, str) and is_missing(value, null_values)


def _no_feature(roles: Sequence[ProposedRole]) -> str:
    lines = [f"  {role.facts.header!r}: {role.reason}" for role in roles[:50]]
    more = [f"  and {len(roles) - 50} more"] if len(roles) > 50 else []
    advice = "; --features can name one anyway" if any(role.feature_kind is not None for role in roles) else ""
    return "\n".join([f"no column is suitable as a feature{advice}", *lines, *more])
