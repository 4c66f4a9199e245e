"""What a raw text means (missing, a number, a usable text), stated once; and one raw value in plain Python.

The patterns are in the part of the language that Java and Python share: `values` reads by them with Spark. Here the
same rules judge one customer without it.
"""

import math
import re
import struct
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Final

from seg_spark.cleaning.outcomes import Reason
from seg_spark.settings.feature import TextForm
from seg_spark.settings.raw_table import Exclusion

BLANKS: Final = " \t\r\n\u00a0"
"""Characters that do not count around a value."""
LARGEST_NUMBER: Final = 1e150
"""Numbers from here on count as not finite: their squares, which distances are made of, are."""
MAX_TEXT_LENGTH: Final = 256
"""Characters an id or a category may have."""
CONTROL_CHARACTERS: Final = r"[\x00-\x1f\x7f]"
NOT_TEXT: Final = "\ufffd"
"""What a decoder leaves where bytes are not of the declared character set."""
JAVA_ONLY_ENDINGS: Final = ("d", "D", "f", "F")
"""1d and 1f are numbers to Java, not to people."""

TRUE_TEXTS: Final = ("true", "t", "yes", "y", "1", "ja", "j", "oui", "si", "sí", "sì", "sim", "tak", "да", "はい", "是")
FALSE_TEXTS: Final = ("false", "f", "no", "n", "0", "nein", "non", "nee", "nej", "não", "nie", "нет", "いいえ", "否")
"""What people write for true and false, in lower case."""


_MINUS_SIGNS: Final = "-\u2212"
_VARIANTS: Final = {" ": " \u00a0\u202f", "'": "'\u2019"}
"""Grouping signs that look alike and are meant alike."""
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


def number_pattern(form: TextForm) -> str:
    """A regular expression for a trimmed text in this form, up to its end; its third group holds the digits.

    Before the digits a sign and a symbol are allowed in either order, after them a symbol. The sign for the
    very end is left to the caller: \\z in Java, \\Z in Python ($ would pass over a line break).
    """
    decimal = re.escape(form.decimal)
    whole = r"[0-9]+"
    if form.grouping:
        sign = f"[{_VARIANTS.get(form.grouping, form.grouping)}]"
        whole = rf"(?:[0-9]{{1,3}}(?:{sign}[0-9]{{2,3}})*{sign}[0-9]{{3}}|[0-9]+)"
    digits = rf"(?:{whole}(?:{decimal}[0-9]*)?|{decimal}[0-9]+)(?:[eE][+-]?[0-9]+)?"
    blank = f"[{BLANKS}\u202f]*"
    symbol = f"(?:(?:{'|'.join(_literal(one) for one in form.symbols)}){blank})?" if form.symbols else ""
    after = f"(?:{blank}(?:{'|'.join(_literal(one) for one in form.symbols)}))?" if form.symbols else ""
    signs = f"[{_MINUS_SIGNS}+]?"  # a - in the middle would mean a range
    return f"^({signs}){blank}{symbol}({signs}){blank}({digits}){after}"


def digit_translation(form: TextForm) -> tuple[str, str]:
    """(characters, their replacements): brings the digits to 1234.5; those without a replacement are removed."""
    return form.decimal + _VARIANTS.get(form.grouping, form.grouping), "."


def is_minus(sign: str) -> bool:
    """Whether a sign that `number_pattern` found means minus."""
    return sign != "" and sign in _MINUS_SIGNS


def minus_pattern() -> str:
    """A regular expression for a minus sign."""
    return f"[{_MINUS_SIGNS}]"


def _literal(text: str) -> str:
    return "".join(f"\\{char}" if char in r"\.^$|?*+()[]{}/" else char for char in text)


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
    numbers = [number for number in map(parse_number, null_values) if number is not None]
    return tuple(dict.fromkeys([*numbers, *map(as_single, numbers)]))


def as_single(number: float) -> float:
    """A fraction as a column of 32-bit floats holds it: 0.1 as 0.10000000149. A whole number stays what it is, since
    99999999 would become another one, 100000000; so does one that is too large."""
    try:
        single = float(struct.unpack("f", struct.pack("f", number))[0])
    except OverflowError:
        return number
    return number if single.is_integer() else single


def valid_bounds(valid: tuple[float | None, float | None] | None) -> tuple[float | None, float | None]:
    """The limits for a typed number: one that is a limit as a 32-bit float is not beyond it."""
    low, high = valid or (None, None)
    return None if low is None else min(low, as_single(low)), None if high is None else max(high, as_single(high))


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
    low, high = (valid or (None, None)) if isinstance(raw, str) else valid_bounds(valid)
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
    if isinstance(raw, str):
        return parse_number(text) == value
    return float(raw) in (value, as_single(value))


@lru_cache(maxsize=512)
def _compiled(form: TextForm) -> re.Pattern[str]:
    return re.compile(number_pattern(form) + r"\Z")
