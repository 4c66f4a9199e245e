"""Rows that the settings leave out: staff, closed accounts, tests. They are counted apart from rejected ones."""

from collections.abc import Mapping, Sequence

from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql.types import BooleanType, DataType, DateType, DoubleType, FloatType, NumericType, StringType

from seg_spark.cleaning.one_value import BLANKS, FALSE_TEXTS, TRUE_TEXTS
from seg_spark.cleaning.values import plain_number, trimmed
from seg_spark.errors import InputError
from seg_spark.settings.raw_table import Exclusion


def first_rule_met(columns: Mapping[str, tuple[Column, DataType]], rules: Sequence[Exclusion]) -> Column:
    """The position of the first rule that leaves a row out, or null where none does.

    `columns` maps a header to its raw column and type. A missing value meets no rule. Raises InputError
    for a column whose type has no single value.
    """
    if not rules:
        return F.lit(None).cast("int")
    return F.coalesce(
        *(F.when(_is_met(*columns[rule.column], rule), F.lit(position)) for position, rule in enumerate(rules))
    )


def _is_met(column: Column, kind: DataType, rule: Exclusion) -> Column:
    if not isinstance(kind, StringType | NumericType | BooleanType | DateType):
        raise InputError(f"cleaning.exclude: {rule.column} is of type {kind.simpleString()}; expected text or a number")
    met = F.lit(False)
    for value in rule.values:
        met = met | _equals(column, kind, value, rule.column)
    return F.coalesce(met, F.lit(False))


def _equals(column: Column, kind: DataType, value: str | float | bool, name: str) -> Column:
    text = trimmed(column.cast("string"))
    if isinstance(value, str):
        return text == F.lit(value.strip(BLANKS))
    if isinstance(value, bool):
        if isinstance(kind, NumericType):
            return column == F.lit(int(value))
        return F.lower(text).isin(*(TRUE_TEXTS if value else FALSE_TEXTS)) | (plain_number(text) == F.lit(float(value)))
    if isinstance(kind, DateType | BooleanType):
        raise InputError(
            f"cleaning.exclude: {name} is of type {kind.simpleString()}, and {value} is a number; "
            "expected a text like 2026-11-23, or true"
        )
    number = plain_number(text) if isinstance(kind, StringType) else column.cast("double")
    if isinstance(value, int) and not isinstance(kind, FloatType | DoubleType):
        # digit by digit, since a double confuses whole numbers of more than 15 digits
        digits = F.regexp_extract(text, r"^([+-]?)0*([0-9]+)\z", 2)
        sign = F.regexp_extract(text, r"^([+-]?)0*([0-9]+)\z", 1)
        same = (digits == F.lit(str(abs(value)))) & ((sign == "-") == F.lit(value < 0))
        return F.when(digits != "", same).otherwise(number == F.lit(float(value)))
    return number == F.lit(float(value))
