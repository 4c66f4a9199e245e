"""The facts of every column of a sample: its values, numbers, levels and missing ones."""

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

import numpy as np

from seg_spark.cleaning.one_value import category_value, is_missing
from seg_spark.input.sample import Sample
from seg_spark.proposal.sentinels import SuspiciousValue, suspicions
from seg_spark.proposal.text_forms import ENOUGH, decimal_sign, missing_marks, parsed, read_form
from seg_spark.settings.feature import TextForm
from seg_spark.settings.raw_table import DEFAULT_NULL_VALUES

_SHOWN_LEVELS: Final = 5


class ColumnRole(StrEnum):
    """The proposed role of a column."""

    NUMBER = "number"
    CATEGORY = "category"
    CONSTANT = "constant"
    IDENTIFIER = "identifier"
    DATE = "date"
    FREE_TEXT = "free text"
    EMPTY = "empty"
    UNUSABLE = "unusable"
    ID = "customer id"


@dataclass(frozen=True)
class NumberFacts:
    """The numbers of a column."""

    lowest: float
    median: float
    highest: float
    skewness: float
    """Of the values that are not suspicious."""
    log_skewness: float
    """Of ln(1 + x) of those values; NaN where any value is negative."""
    whole: bool
    """Whether all are whole numbers."""
    distinct: int
    as_text: bool
    form: TextForm | None
    form_by: str | None
    """What decided the form, where the column itself left a doubt."""
    unusable_rows: int
    """Rows whose value is neither missing nor a finite number: a run rejects them."""
    suspicions: tuple[SuspiciousValue, ...]
    usual_lowest: float
    """Lowest value that is not suspicious."""
    usual_highest: float
    """Highest value that is not suspicious."""


@dataclass(frozen=True)
class LevelFacts:
    """The levels of a column."""

    distinct: int
    top: tuple[tuple[Any, int], ...]
    """The most frequent ones, with their rows."""
    alike: tuple[tuple[str, str], ...]
    """Levels that differ only in upper and lower case or in spaces around them."""
    mean_length: float
    all_levels: tuple[Any, ...]
    """Every level, where there are no more than 200."""


@dataclass(frozen=True)
class ColumnFacts:
    """A column: its values as they were found, without any judgement."""

    header: str
    kind: str
    """What the file says: text, number, boolean, date, timestamp or other."""
    called: str
    """The name of the type in the file, where it is other."""
    rows: int
    missing: int
    counts: Mapping[Any, int]
    """The values that are not missing, with their rows."""
    levels: LevelFacts
    numbers: NumberFacts | None
    unusable_texts: int
    """Rows whose text no category can be, for control characters or damaged letters: a run rejects them."""

    @property
    def present(self) -> int:
        """Rows with a value."""
        return self.rows - self.missing

    @property
    def missing_share(self) -> float:
        """Share of the rows without a value."""
        return self.missing / self.rows


def null_values_of(sample: Sample) -> dict[str, list[str]]:
    """Texts that mean missing here, beyond the default ones: each with the headers of the columns that hold it."""
    found: dict[str, list[str]] = {}
    for header, values in sample.columns.items():
        if sample.types[header] == "number" and any(map(_is_nan, values)):
            found.setdefault("NaN", []).append(header)
    for header, counts in _text_counts(sample).items():
        for mark in sorted(missing_marks(counts) - set(DEFAULT_NULL_VALUES)):
            found.setdefault(mark, []).append(header)
    return found


def column_facts(sample: Sample, null_values: Collection[str], this_year: int) -> list[ColumnFacts]:
    """The facts of every column, in the order of the table."""
    comma = _writes_decimal_comma(sample, null_values)
    return [_facts(sample, header, null_values, comma, this_year) for header in sample.columns]


def _facts(
    sample: Sample, header: str, null_values: Collection[str], decimal_comma: tuple[bool, str], this_year: int
) -> ColumnFacts:
    kind = sample.types[header]
    values = sample.columns[header]
    counts = Counter(value for value in values if not _is_missing(value, null_values))
    numbers = _number_facts(header, kind, counts, decimal_comma, this_year)
    return ColumnFacts(
        header=header,
        kind=kind,
        called=sample.other_types.get(header, ""),
        rows=sample.rows,
        missing=sample.rows - sum(counts.values()),
        counts=counts,
        levels=_level_facts(counts),
        numbers=numbers,
        unusable_texts=sum(
            count for value, count in counts.items() if category_value(value, header, null_values).reason is not None
        )
        if kind == "text"
        else 0,
    )


def _number_facts(
    header: str, kind: str, counts: Mapping[Any, int], decimal_comma: tuple[bool, str], this_year: int
) -> NumberFacts | None:
    form: TextForm | None = None
    form_by: str | None = None
    if kind == "text":
        found = read_form(counts, decimal_comma[0])
        if found.share < ENOUGH:
            return None
        form, form_by = found.form, decimal_comma[1] if found.ambiguous else None
        meant: Mapping[Any, float] = parsed(counts, form)
    elif kind == "number":
        meant = {value: float(value) for value in counts if math.isfinite(value)}
    else:
        return None
    if not meant:
        return None
    values = np.repeat(np.array([*meant.values()]), [counts[raw] for raw in meant])
    suspicious = tuple(
        replace(
            suspicion,
            texts=tuple(sorted(raw for raw in meant if meant[raw] == suspicion.value and isinstance(raw, str))),
        )
        for suspicion in suspicions(values, header, this_year)
    )
    usual = values[~np.isin(values, [one.value for one in suspicious])] if suspicious else values
    usual = usual if len(usual) else values
    return NumberFacts(
        lowest=float(values.min()),
        median=float(np.median(values)),
        highest=float(values.max()),
        skewness=_skewness(usual),
        log_skewness=_skewness(np.log1p(usual)) if values.min() >= 0 else math.nan,
        whole=bool(np.all(values == np.floor(values))),
        distinct=len(set(meant.values())),
        as_text=kind == "text",
        form=form,
        form_by=form_by,
        unusable_rows=sum(counts.values()) - len(values),
        suspicions=suspicious,
        usual_lowest=float(usual.min()),
        usual_highest=float(usual.max()),
    )


def _level_facts(counts: Mapping[Any, int]) -> LevelFacts:
    top = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))
    few = len(counts) <= 200
    return LevelFacts(
        distinct=len(counts),
        top=tuple(top[:_SHOWN_LEVELS]),
        alike=_alike([str(level) for level in counts]) if few else (),
        mean_length=sum(len(str(level)) * count for level, count in top) / max(1, sum(counts.values())),
        all_levels=tuple(level for level, _ in top) if few else (),
    )


def _alike(levels: Sequence[str]) -> tuple[tuple[str, str], ...]:
    first: dict[str, str] = {}
    pairs = []
    for level in sorted(levels):
        plain = " ".join(level.casefold().split())
        if plain in first:
            pairs.append((first[plain], level))
        first.setdefault(plain, level)
    return tuple(pairs)


def _skewness(values: "np.typing.NDArray[np.float64]") -> float:
    deviation = values.std()
    if not math.isfinite(deviation) or deviation == 0:
        return 0.0
    return float(np.mean(((values - values.mean()) / deviation) ** 3))


def _writes_decimal_comma(sample: Sample, null_values: Collection[str]) -> tuple[bool, str]:
    """Whether numbers have a decimal comma, and what says so: the columns that leave no doubt, else the delimiter."""
    signs = Counter(
        decimal_sign({text: count for text, count in counts.items() if not is_missing(text, null_values)})
        for counts in _text_counts(sample).values()
    )
    if signs[","] != signs["."]:
        return signs[","] > signs["."], "other columns say"
    if sample.settings.format == "csv" and sample.settings.options.delimiter == ";":
        return True, "only the ';' between fields says"
    return False, "other columns do not settle it, so it is assumed"


def _text_counts(sample: Sample) -> dict[str, Counter[str]]:
    return {
        header: Counter(value for value in values if value is not None and not is_missing(value, ()))
        for header, values in sample.columns.items()
        if sample.types[header] == "text"
    }


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _is_missing(value: Any, null_values: Collection[str]) -> bool:
    return (
        value is None
        or (_is_nan(value) and "NaN" in null_values)
        or (isinstance(value, str) and is_missing(value, null_values))
    )
