"""One raw value, typed or text, as the clean value it means, and what can be wrong with it.

Spark's own casts are too generous for raw text (`1d`, `NaN` and `1e400` become numbers), and ANSI
casts stop the whole job at the first bad value. So each parser reads a raw column in two layers. The
first, `drafts`, holds what is expensive: each draft is selected once, under an alias. The second, `value`
and `faults`, are cheap expressions over those aliases.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql.types import BooleanType, DataType, DateType, NumericType, StringType, TimestampNTZType, TimestampType

from seg_spark.cleaning.one_value import (
    BLANKS,
    CONTROL_CHARACTERS,
    JAVA_ONLY_ENDINGS,
    LARGEST_NUMBER,
    MAX_TEXT_LENGTH,
    NOT_TEXT,
    digit_translation,
    minus_pattern,
    null_numbers,
    number_pattern,
    valid_bounds,
)
from seg_spark.cleaning.outcomes import Reason
from seg_spark.errors import InputError
from seg_spark.settings.feature import Feature, TextForm

_LOWEST: Final = float("-inf")


@dataclass(frozen=True)
class Parsed:
    """How a raw column is read: `drafts` over the raw columns; the clean `value` (null where missing)
    and the `faults` (each a reject reason, or null) over the drafts."""

    drafts: Mapping[str, Column]
    value: Column
    faults: tuple[Column, ...]


def customer_id(raw: Column, kind: DataType, missing: Column) -> Parsed:
    """The id as text, and whether it can be used."""
    drafts, text = _draft("_id_text", customer_id_text(raw, kind))
    return Parsed(drafts, text, (F.when(missing, Reason.MISSING_ID.value), *_text_faults(text, kind, "customer_id")))


def customer_id_text(raw: Column, kind: DataType) -> Column:
    """The id as text, unchanged; a whole number stored as a float loses its `.0`. Raises InputError for other types."""
    if isinstance(kind, StringType):
        return raw
    if isinstance(kind, NumericType):
        return number_as_text(raw, kind)
    if isinstance(kind, DateType):
        return raw.cast("string")
    raise InputError(f"customer_id: is of type {kind.simpleString()}; expected text or a whole number")


def number_as_text(raw: Column, kind: DataType) -> Column:
    """A typed number as text; a whole one stored as a float loses its `.0`, and NaN is missing."""
    if kind.simpleString() not in ("float", "double"):
        return raw.cast("string")
    small = F.abs(raw) < 2**53  # larger ones do not fit a bigint, and a cast would stop the job
    whole = F.when(small, raw == F.rint(raw))
    return F.when(whole, F.when(small, raw).cast("bigint").cast("string")).when(_is_finite(raw), raw.cast("string"))


def number(raw: Column, kind: DataType, name: str, feature: Feature, null_values: Sequence[str]) -> Parsed:
    """A feature of kind number as a double."""
    if isinstance(kind, StringType):
        written = trimmed(raw)
        text_draft, text = _draft(f"_text_{name}", written)
        tokens = ("", *null_values)
        plain = written if feature.text_form is None else _plain_digits(written, feature.text_form)
        # a text that is no number costs Java an exception, twenty times a number's time
        known = F.when(~written.isin(*tokens), plain.try_cast("double"))
        parsed_draft, parsed = _draft(f"_number_{name}", known)
        drafts = text_draft | parsed_draft
        missing = text.isNull() | text.isin(*tokens)
        java = F.lit(False) if feature.text_form is not None else _looks_like_java(text)
        unparseable = parsed.isNull() | (java & _is_usable(parsed))
    elif isinstance(kind, NumericType | BooleanType):
        drafts, parsed = _draft(f"_number_{name}", raw.cast("double"))
        missing = parsed.isNull() | _is_null_number(parsed, null_values, kind)
        unparseable = F.lit(False)
    else:
        raise InputError(f"features.columns.{name}: is of type {kind.simpleString()}; expected a number or text")
    low, high = (feature.valid or (None, None)) if isinstance(kind, StringType) else valid_bounds(feature.valid)
    beyond = F.lit(False)
    if low is not None:
        beyond = beyond | (parsed < F.lit(low))
    if high is not None:
        beyond = beyond | (parsed > F.lit(high))
    fault = (
        F.when(missing, Reason.MISSING.of(name) if feature.missing_rule == "reject" else F.lit(None))
        .when(unparseable, Reason.UNPARSEABLE.of(name))
        .when(~_is_usable(parsed), Reason.NOT_FINITE.of(name))
        .when(beyond, Reason.OUT_OF_RANGE.of(name))
    )
    # + 0.0 turns -0.0 into 0.0, so that equal numbers are equal bits
    value = F.when(~missing & ~unparseable & _is_usable(parsed), parsed + F.lit(0.0))
    return Parsed(drafts, value, (fault,))


def category(raw: Column, kind: DataType, name: str, feature: Feature, null_values: Sequence[str]) -> Parsed:
    """A feature of kind category as text, unchanged; a whole number stored as a float loses its `.0`."""
    if not isinstance(kind, StringType | NumericType | BooleanType | DateType):
        raise InputError(f"features.columns.{name}: is of type {kind.simpleString()}; expected text for a category")
    # a column of whole numbers in which one is missing comes as floats from pandas: 1.0 is still 1
    written = number_as_text(raw, kind) if isinstance(kind, NumericType) else raw.cast("string")
    drafts, text = _draft(f"_text_{name}", written)
    missing = is_missing(text, null_values)
    faults = list(_text_faults(text, kind, name))
    if feature.missing_rule == "reject":
        faults.append(F.when(missing, Reason.MISSING.of(name)))
    return Parsed(drafts, F.when(~missing, text), tuple(faults))


def order_value(raw: Column, kind: DataType, name: str, null_values: Sequence[str]) -> Parsed:
    """What decides between rows of one customer, as a double; a missing one is the lowest.

    Text is a number if it reads as one, else an ISO date or timestamp (UTC unless it names a zone).
    """
    impossible = F.lit(False)
    if isinstance(kind, StringType):
        text = trimmed(raw)
        # a time without a day would mean today, and another day's run would decide otherwise
        day = F.when(text.rlike(r"^\d{4}-\d{1,2}-\d{1,2}"), text)
        moment = F.unix_micros(F.try_to_timestamp(day)).cast("double")
        drafts, found = _draft("_order_found", F.coalesce(plain_number(text), moment))
        missing_draft, missing = _draft("_order_missing", is_missing(raw, null_values))
        drafts = drafts | missing_draft
        impossible = ~missing & (found.isNull() | ~_is_usable(found))
    elif isinstance(kind, DateType | TimestampType | TimestampNTZType):
        drafts, found = _draft("_order_found", F.unix_micros(raw.cast("timestamp")).cast("double"))
    elif isinstance(kind, NumericType):
        number_ = raw.cast("double")
        known = F.when(~_is_null_number(number_, null_values, kind), number_)
        drafts, found = _draft("_order_found", known)
        impossible = found.isNotNull() & ~F.isnan(found) & ~_is_usable(found)
    else:
        raise InputError(
            f"input.order_by: {name} is of type {kind.simpleString()}; expected a number, date or timestamp"
        )
    usable = found.isNotNull() & ~F.isnan(found) & ~impossible
    fault = F.when(impossible, Reason.IMPOSSIBLE_DATE.of(name))
    return Parsed(drafts, F.when(usable, found).otherwise(F.lit(_LOWEST)), (fault,))


def _is_null_number(number_: Column, null_values: Sequence[str], kind: DataType) -> Column:
    """Whether a typed number is one of the texts that mean missing; a truth value is none."""
    numbers = () if isinstance(kind, BooleanType) else null_numbers(tuple(null_values))
    return number_.isin(*numbers) if numbers else F.lit(False)


def plain_number(text: Column) -> Column:
    """A trimmed text as a double, null where people would not read a number."""
    return F.when(~_looks_like_java(text), text.try_cast("double"))


def _plain_digits(text: Column, form: TextForm) -> Column:
    """A text in the declared form as 1234.5; the empty text for any other."""
    pattern = number_pattern(form) + r"\z"
    digits = F.translate(F.regexp_extract(text, pattern, 3), *digit_translation(form))
    signs = F.concat(F.regexp_extract(text, pattern, 1), F.regexp_extract(text, pattern, 2))
    one_sign = F.length(signs) <= 1
    return F.when(one_sign, F.concat(F.when(signs.rlike(minus_pattern()), "-").otherwise(""), digits)).otherwise("")


def _draft(alias: str, column: Column) -> tuple[dict[str, Column], Column]:
    """A draft and the column by which the second layer refers to it."""
    return {alias: column}, F.col("`" + alias + "`")


def is_missing(text: Column, null_values: Sequence[str]) -> Column:
    """Whether a text means missing: null, blank, or one of the declared texts."""
    # trimming is expensive: the beginning decides for nearly every text
    may_be = _begins_with_blank(text)
    for token in filter(None, null_values):
        may_be = may_be | text.startswith(token)
    is_token = F.btrim(text, F.lit(BLANKS)).isin("", *null_values)
    return text.isNull() | F.when(may_be, is_token).otherwise(F.lit(False))


def trimmed(text: Column) -> Column:
    """A text without the blanks around it."""
    has_blanks = _begins_with_blank(text)
    for blank in BLANKS:
        has_blanks = has_blanks | text.endswith(blank)
    return F.when(has_blanks, F.btrim(text, F.lit(BLANKS))).otherwise(text)


def _begins_with_blank(text: Column) -> Column:
    """True for every text that begins with one of BLANKS (and for the empty one and a few others)."""
    return (text < F.lit("!")) | text.startswith("\u00a0")


def _is_usable(value: Column) -> Column:
    """False for NaN too, which Spark takes for the largest number."""
    return F.abs(value) < F.lit(LARGEST_NUMBER)


def _is_finite(value: Column) -> Column:
    return ~F.isnan(value) & (F.abs(value) != F.lit(float("inf")))


def _looks_like_java(text: Column) -> Column:
    found = text.contains("x") | text.contains("X")  # hexadecimal floating point
    for ending in JAVA_ONLY_ENDINGS:
        found = found | text.endswith(ending)
    return found


def _text_faults(text: Column, kind: DataType, name: str) -> tuple[Column, ...]:
    if not isinstance(kind, StringType):
        return ()  # numbers and dates are written in short and in plain characters
    return (
        F.when(text.rlike(CONTROL_CHARACTERS), Reason.CONTROL_CHARACTERS.of(name)),
        F.when(F.length(text) > MAX_TEXT_LENGTH, Reason.TOO_LONG.of(name)),
        F.when(text.contains(NOT_TEXT), Reason.NOT_UTF8.of(name)),
    )
