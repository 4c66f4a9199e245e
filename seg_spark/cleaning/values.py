"""One raw value, typed or text, as the clean value it means, and what can be wrong with it.

Spark's own casts are too generous for raw text (`1d`, `NaN` and `1e400` become numbers), and ANSI
casts stop the whole job at the first bad value, so each parser returns the value beside its faults.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql.types import BooleanType, DataType, DateType, NumericType, StringType, TimestampNTZType, TimestampType

from seg_spark.cleaning.reasons import Reason
from seg_spark.errors import InputError
from seg_spark.settings.schema import Feature

MAX_TEXT_LENGTH: Final = 256
_BLANKS: Final = " \t\r\n\u00a0"
_JAVA_ONLY_ENDINGS: Final = ("d", "D", "f", "F")  # 1d and 1f are numbers to Java, not to people


@dataclass(frozen=True)
class Parsed:
    """A clean value (null where missing) and its faults as (condition, reason)."""

    value: Column
    faults: tuple[tuple[Column, str], ...]


def customer_id(raw: Column, kind: DataType, null_values: Sequence[str]) -> Parsed:
    """The id as text, unchanged; a whole number stored as a float loses its `.0`."""
    if isinstance(kind, StringType):
        text = raw
    elif kind.simpleString() in ("float", "double"):
        whole = (raw == F.floor(raw)) & (F.abs(raw) < 2**53)
        text = F.when(whole, raw.cast("bigint").cast("string")).when(~F.isnan(raw), raw.cast("string"))
    elif isinstance(kind, NumericType | DateType):
        text = raw.cast("string")
    else:
        raise InputError(f"the customer id is of type {kind.simpleString()}; expected text or a whole number")
    return Parsed(text, ((_is_missing(text, null_values), Reason.MISSING_ID), *_text_faults(text, "customer_id")))


def number(raw: Column, kind: DataType, name: str, feature: Feature, null_values: Sequence[str]) -> Parsed:
    """A feature of kind number as a double."""
    if isinstance(kind, StringType):
        text = F.btrim(raw, F.lit(_BLANKS))
        missing = _is_missing(raw, null_values)
        parsed = text.try_cast("double")
        foreign = F.lit(False)
        for ending in _JAVA_ONLY_ENDINGS:
            foreign = foreign | text.endswith(ending)
        foreign = foreign | text.contains("x") | text.contains("X")
        unparseable = ~missing & (parsed.isNull() | (foreign & _is_finite(parsed)))
    elif isinstance(kind, NumericType | BooleanType):
        parsed = raw.cast("double")
        missing = raw.isNull()
        unparseable = F.lit(False)
    else:
        raise InputError(f"{name}: is of type {kind.simpleString()}; expected a number or text")
    not_finite = ~missing & ~unparseable & ~_is_finite(parsed)
    usable = ~missing & ~unparseable & ~not_finite
    low, high = feature.valid or (None, None)
    beyond = F.lit(False)
    if low is not None:
        beyond = beyond | (parsed < F.lit(low))
    if high is not None:
        beyond = beyond | (parsed > F.lit(high))
    faults = [
        (unparseable, Reason.UNPARSEABLE.of(name)),
        (not_finite, Reason.NOT_FINITE.of(name)),
        (usable & beyond, Reason.OUT_OF_RANGE.of(name)),
    ]
    if feature.missing_rule == "reject":
        faults.append((missing, Reason.MISSING.of(name)))
    # + 0.0 turns -0.0 into 0.0, so that equal numbers are equal bits
    return Parsed(F.when(usable, parsed + F.lit(0.0)), tuple(faults))


def category(raw: Column, kind: DataType, name: str, feature: Feature, null_values: Sequence[str]) -> Parsed:
    """A feature of kind category as text, unchanged."""
    if not isinstance(kind, StringType | NumericType | BooleanType | DateType):
        raise InputError(f"{name}: is of type {kind.simpleString()}; expected text for a category")
    text = raw.cast("string")
    missing = _is_missing(text, null_values)
    faults = list(_text_faults(text, name))
    if feature.missing_rule == "reject":
        faults.append((missing, Reason.MISSING.of(name)))
    return Parsed(F.when(~missing, text), tuple(faults))


def order_value(raw: Column, kind: DataType, name: str, null_values: Sequence[str]) -> Parsed:
    """What decides between rows of one customer, as a double; a missing one is the lowest.

    Text is a number if it reads as one, else an ISO date or timestamp (UTC unless it names a zone).
    """
    lowest = F.lit(float("-inf"))
    if isinstance(kind, StringType):
        text = F.btrim(raw, F.lit(_BLANKS))
        missing = _is_missing(raw, null_values)
        moment = F.unix_micros(F.try_to_timestamp(text)).cast("double")
        found = F.coalesce(text.try_cast("double"), moment)
        impossible = ~missing & (found.isNull() | ~_is_finite(found))
        return Parsed(
            F.when(missing | impossible, lowest).otherwise(found), ((impossible, Reason.IMPOSSIBLE_DATE.of(name)),)
        )
    if isinstance(kind, DateType | TimestampType | TimestampNTZType):
        found = F.unix_micros(raw.cast("timestamp")).cast("double")
    elif isinstance(kind, NumericType):
        found = raw.cast("double")
    else:
        raise InputError(f"{name}: is of type {kind.simpleString()}; expected a number, a date or a timestamp to order by")
    return Parsed(F.coalesce(F.nanvl(found, lowest), lowest), ())


def _is_missing(text: Column, null_values: Sequence[str]) -> Column:
    trimmed = F.btrim(text, F.lit(_BLANKS))
    return text.isNull() | trimmed.isin("", *null_values)


def _is_finite(value: Column) -> Column:
    return ~F.isnan(value) & (F.abs(value) != F.lit(float("inf")))


def _text_faults(text: Column, name: str) -> tuple[tuple[Column, str], ...]:
    return (
        (text.rlike(r"[\x00-\x1f\x7f]"), Reason.CONTROL_CHARACTERS.of(name)),
        (F.length(text) > MAX_TEXT_LENGTH, Reason.TOO_LONG.of(name)),
        (text.contains("\ufffd"), Reason.NOT_UTF8.of(name)),
    )
