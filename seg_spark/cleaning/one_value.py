"""One raw value in plain Python: the same rules as `values`, for one customer, without Spark."""

import math
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Final

from seg_spark.cleaning.outcomes import Reason
from seg_spark.cleaning.text_rules import (
    BLANKS,
    CONTROL_CHARACTERS,
    FALSE_TEXTS,
    LARGEST_NUMBER,
    MAX_TEXT_LENGTH,
    NOT_TEXT,
    TRUE_TEXTS,
    digit_translation,
    is_minus,
    number_pattern,
)
from seg_spark.settings.feature import TextForm
from seg_spark.settings.raw_table import Exclusion

_PLAIN_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_NOT_FINITE: Final = re.compile(r"(?ai:[+-]?(?:inf|infinity)|nan)|[+-]NaN")
_OFFSET: Final = r"[+-](?:(?:0?[0-9]|1[0-7])(?::?[0-5][0-9])?|18(?::?00)?)"
_SHORT_ZONES: Final = (
    "ACT|AET|AGT|ART|AST|BET|BST|CAT|CET|CNT|CST|CTT|EAT|ECT|EET|EST|HST|IET|IST|JST|MET|MIT|MST|NET|NST|PLT|PNT|PRT|"
    "PST|SST|VST|WET"
)
_ISO_MOMENT: Final = re.compile(
    r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})"
    r"(?:[T ](?:[01]?[0-9]|2[0-3])(?::[0-5]?[0-9](?::[0-5]?[0-9](?:\.[0-9]+)?"
    rf"(?: ?(?:Z|(?:UTC|GMT|UT)?{_OFFSET}|UTC|GMT|UT|{_SHORT_ZONES}|[A-Z][A-Za-z]+(?:/[A-Z][A-Za-z_]+)+))?)?)?)?"
)
"""As Spark reads them: only a time with seconds has a zone."""
_SPARK_TRIMS: Final = "".join(map(chr, range(33)))
"""What Spark's cast from text to double passes over around a number."""


@dataclass(frozen=True)
class Value:
    """A clean value (None where missing), or the reason why the row is rejected, with the others if there are more."""

    value: float | str | None = None
    reason: str | None = None
    others: tuple[str, ...] = ()

    @property
    def reasons(self) -> tuple[str, ...]:
        """Every reason."""
        return () if self.reason is None else (self.reason, *self.others)


def is_missing(text: str, null_values: Collection[str]) -> bool:
    """Whether a text means missing."""
    trimmed = text.strip(BLANKS)
    return trimmed == "" or trimmed in null_values


@lru_cache(maxsize=8)
def null_numbers(null_values: tuple[str, ...]) -> tuple[float, ...]:
    """The texts that mean missing as numbers, for columns that hold numbers; NaN is one of them if it is declared."""
    return tuple(number for number in map(parse_number, null_values) if number is not None)


def number_value(
    raw: float | str | None,
    name: str,
    null_values: Collection[str],
    *,
    reject_missing: bool = False,
    valid: tuple[float | None, float | None] | None = None,
    form: TextForm | None = None,
) -> Value:
    """A feature of kind number, from text or a number (NaN counts as no finite number)."""
    if raw is None or (isinstance(raw, str) and is_missing(raw, null_values)):
        return Value(reason=Reason.MISSING.of(name) if reject_missing else None)
    number = parse_number(raw, form) if isinstance(raw, str) else float(raw)
    if number is None:
        return Value(reason=Reason.UNPARSEABLE.of(name))
    if not isinstance(raw, str | bool) and _is_among(number, null_numbers(tuple(null_values))):
        return Value(reason=Reason.MISSING.of(name) if reject_missing else None)
    if not abs(number) < LARGEST_NUMBER:  # NaN is not below it either
        return Value(reason=Reason.NOT_FINITE.of(name))
    low, high = valid or (None, None)
    if (low is not None and number < low) or (high is not None and number > high):
        return Value(reason=Reason.OUT_OF_RANGE.of(name))
    return Value(number + 0.0)


def category_value(
    raw: float | str | None, name: str, null_values: Collection[str], *, reject_missing: bool = False
) -> Value:
    """A feature of kind category: its text, unchanged; a whole number loses its `.0`, and NaN is missing."""
    if isinstance(raw, float):
        raw = None if not math.isfinite(raw) else str(int(raw)) if raw.is_integer() and abs(raw) < 2**53 else str(raw)
    if raw is None:
        return Value(reason=Reason.MISSING.of(name) if reject_missing else None)
    text = raw if isinstance(raw, str) else str(raw)
    missing = is_missing(text, null_values)
    faults = (
        (Reason.CONTROL_CHARACTERS, re.search(CONTROL_CHARACTERS, text) is not None),
        (Reason.TOO_LONG, len(text) > MAX_TEXT_LENGTH),
        (Reason.NOT_UTF8, NOT_TEXT in text),
        (Reason.MISSING, missing and reject_missing),
    )
    reasons = [reason.of(name) for reason, holds in faults if holds]
    if reasons:
        return Value(reason=reasons[0], others=tuple(reasons[1:]))
    return Value(None if missing else text)


def is_excluded(raw: float | str | bool | None, rule: Exclusion) -> bool:
    """Whether a raw value meets a rule of cleaning.exclude."""
    return raw is not None and any(_means(raw, value) for value in rule.values)


def is_order_text(text: str, null_values: Collection[str]) -> bool:
    """Whether a text can decide between rows of one customer: missing, a number, or an ISO date or timestamp."""
    if is_missing(text, null_values):
        return True
    trimmed = text.strip(BLANKS)
    number = parse_number(trimmed)
    if number is not None and abs(number) < LARGEST_NUMBER:
        return True
    found = _ISO_MOMENT.fullmatch(trimmed)
    if found is None:
        return False
    try:
        date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        return False
    return True


def parse_number(text: str, form: TextForm | None = None) -> float | None:
    """The number a text means, or None. Texts like NaN and 1e400 give a number that is not finite."""
    trimmed = text.strip(BLANKS)
    if form is None:
        plain = trimmed.strip(_SPARK_TRIMS)
        if _PLAIN_NUMBER.fullmatch(plain) or _NOT_FINITE.fullmatch(plain):
            return float(plain)
        return None
    found = _compiled(form).match(trimmed)
    if found is None or (found[1] and found[2]):
        return None
    characters, replacement = digit_translation(form)
    table = {ord(one): replacement[i] if i < len(replacement) else None for i, one in enumerate(characters)}
    number = float(found[3].translate(table))
    return -number if is_minus(found[1] + found[2]) else number


def _is_among(number: float, numbers: Collection[float]) -> bool:
    return number in numbers or (math.isnan(number) and any(map(math.isnan, numbers)))


def _means(raw: float | str | bool, value: str | float | bool) -> bool:
    text = (str(raw).lower() if isinstance(raw, bool) else str(raw)).strip(BLANKS)
    if isinstance(value, bool):
        if isinstance(raw, int | float) and not isinstance(raw, bool):
            return raw == int(value)
        return text.lower() in (TRUE_TEXTS if value else FALSE_TEXTS) or parse_number(text) == int(value)
    if isinstance(value, str):
        return text == value.strip(BLANKS)
    if isinstance(value, int) and re.fullmatch(r"[+-]?[0-9]{1,400}", text):
        return int(text) == value
    return (parse_number(text) if isinstance(raw, str) else float(raw)) == value


@lru_cache(maxsize=512)
def _compiled(form: TextForm) -> re.Pattern[str]:
    return re.compile(number_pattern(form) + r"\Z")
