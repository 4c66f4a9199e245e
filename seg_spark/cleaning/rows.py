"""From raw rows to validated rows: clean values, every reason to reject the row, and the rule that excludes it.

Excluded rows (staff, closed accounts, tests) are counted apart from rejected ones.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import reduce
from operator import or_
from typing import Final

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import (
    BooleanType,
    DataType,
    DateType,
    DoubleType,
    FloatType,
    NumericType,
    StringType,
    StructType,
)

from seg_spark import columns as c
from seg_spark.cleaning import values
from seg_spark.cleaning.one_value import BLANKS, FALSE_TEXTS, TRUE_TEXTS, as_single
from seg_spark.cleaning.outcomes import Reason
from seg_spark.cleaning.values import plain_number, trimmed
from seg_spark.errors import InputError, did_you_mean
from seg_spark.nested_fields import find_field, leaf_fields
from seg_spark.settings.raw_table import Exclusion
from seg_spark.settings.schema import Settings

MALFORMED_ROW: Final = "_seg_spark_malformed_row"
"""Column of a raw frame that holds the whole text of a row that does not fit the header; null for good rows."""
EXCLUSION: Final = "_exclusion"
"""Position of the first rule of `cleaning.exclude` that the row meets; null where it meets none."""
IS_FAULTY: Final = "_is_faulty"
"""Whether the row is rejected, and so has reject_reasons and a raw_row."""
ORDER_VALUE: Final = "_order_value"
ID_HASH: Final = "_seg_spark_id_hash"
"""Hash of the clean id; null for a malformed row and for one without an id, which belong to no customer."""
SHARES_ID: Final = "_seg_spark_shares_id"
"""Whether another row has the same id (see `duplicates`); a column that validation hands on where it is there."""
_MALFORMED: Final = "_malformed_text"
_ID: Final = "_seg_spark_id_text"
_VALUE: Final = "_value_"


def with_id_hash(raw: DataFrame, settings: Settings) -> DataFrame:
    """The raw rows with the hash of their clean id, by which rows can be picked before they are validated.

    Raises InputError if a declared column is absent, or the id is of an unusable type.
    """
    column = _find_used_columns(raw.schema, settings.used_columns())[settings.customer_id]
    with_text, has_id = _with_id_text(raw, column, settings)
    return with_text.withColumn(ID_HASH, F.when(has_id, F.xxhash64(_ID))).drop(_ID)


def ids_and_texts(raw: DataFrame, settings: Settings) -> DataFrame:
    """The customer_id of every raw row as validation would give it, and the text of a malformed one.

    Of the declared columns only that of the id must be there.
    """
    column = _find_used_columns(raw.schema, {settings.customer_id: "customer_id"})[settings.customer_id]
    with_text, has_id = _with_id_text(raw, column, settings)
    return with_text.select(F.when(has_id, F.col(_ID)).alias(c.CUSTOMER_ID), _malformed_text(raw).alias(c.RAW_ROW))


def validate_rows(raw: DataFrame, settings: Settings) -> DataFrame:
    """Read raw rows (`with_id_hash`) as clean values, and find what is wrong with each. No row is added, lost or moved.

    Returns customer_id, one column per feature (clean value or null), the hash of the id, the order
    value, the position of the first rule of `cleaning.exclude` that the row meets, whether it is
    faulty, and for faulty rows reject_reasons and raw_row (JSON of the raw values). A row that meets a
    rule is not judged.

    Raises InputError if a declared column is absent, ambiguous or of an unusable type.
    """
    columns_of = _find_used_columns(raw.schema, settings.used_columns())
    handed_on = [name for name in (ID_HASH, SHARES_ID) if name in raw.columns]
    types = {header: type_ for header, (_, type_) in columns_of.items()}
    nulls = settings.input.null_values
    # names of our own from here on: a header may be called anything, also like one of our drafts
    raw_names = {header: f"_raw_{position}" for position, header in enumerate(types)}
    raw_of = {header: F.col(name) for header, name in raw_names.items()}
    id_ = values.customer_id(raw_of[settings.customer_id], types[settings.customer_id], F.col(ID_HASH).isNull())
    parsed: dict[str, values.Parsed] = {}
    for name, feature in settings.features.columns.items():
        source = settings.features.source_of(name)
        parse = values.number if feature.kind == "number" else values.category
        parsed[name] = parse(raw_of[source], types[source], name, feature, nulls)
    order_by = settings.input.order_by
    order = values.Parsed({}, F.lit(0.0), ())
    if order_by is not None:
        order = values.order_value(raw_of[order_by], types[order_by], order_by, nulls)

    columns = (id_, *parsed.values(), order)
    drafts = {alias: draft for one in columns for alias, draft in one.drafts.items()}
    faults = {f"_fault_{i}": fault for i, fault in enumerate(fault for one in columns for fault in one.faults)}
    exclusion = first_rule_met(
        {header: (raw_of[header], type_) for header, type_ in types.items()}, settings.cleaning.exclude
    )
    named = raw.select(
        *(_readable(*columns_of[header]).alias(name) for header, name in raw_names.items()),
        _malformed_text(raw).alias(_MALFORMED),
        *handed_on,
    )
    drafted = named.select("*", *(draft.alias(alias) for alias, draft in drafts.items()))
    parsed_rows = drafted.select(
        *raw_names.values(),
        _computed_once(F.col(_MALFORMED)).alias(_MALFORMED),
        *handed_on,
        id_.value.alias(_ID),
        *(one.value.alias(f"{_VALUE}{name}") for name, one in parsed.items()),
        order.value.alias(ORDER_VALUE),
        exclusion.alias(EXCLUSION),
        *(fault.alias(alias) for alias, fault in faults.items()),
    )
    is_malformed = F.col(_MALFORMED).isNotNull()
    # the fields of a malformed row are in wrong columns, so no other reason is given
    is_excluded = ~is_malformed & F.col(EXCLUSION).isNotNull()
    has_fault = reduce(or_, (F.col(fault).isNotNull() for fault in faults))
    is_faulty = is_malformed | (~is_excluded & has_fault)
    reasons = F.when(is_malformed, F.array(F.lit(Reason.MALFORMED_ROW.value))).when(
        is_faulty, F.array_compact(F.array(*faults))
    )
    raw_row = F.when(is_malformed, F.col(_MALFORMED)).when(
        is_faulty, F.to_json(F.struct(*(value.alias(header) for header, value in raw_of.items())))
    )
    return parsed_rows.select(
        F.when(~is_malformed, F.col(_ID)).alias(c.CUSTOMER_ID),
        *(quoted(f"{_VALUE}{name}").alias(name) for name in parsed),
        *handed_on,
        ORDER_VALUE,
        is_faulty.alias(IS_FAULTY),
        reasons.alias(c.REJECT_REASONS),
        raw_row.alias(c.RAW_ROW),
        F.when(is_excluded, F.col(EXCLUSION)).alias(EXCLUSION),
    )


def _with_id_text(raw: DataFrame, column: tuple[Column, DataType], settings: Settings) -> tuple[DataFrame, Column]:
    """The raw rows with the text of the id, and whether it is one: not in a malformed row, nor where it is missing."""
    with_text = raw.select("*", values.customer_id_text(_readable(*column), column[1]).alias(_ID))
    return with_text, _malformed_text(raw).isNull() & ~values.is_missing(F.col(_ID), settings.input.null_values)


def _find_used_columns(schema: StructType, used: Mapping[str, str]) -> Mapping[str, tuple[Column, DataType]]:
    found: dict[str, tuple[Column, DataType]] = {}
    absent: list[str] = []
    headers = [header for header in column_names(schema) if header not in (MALFORMED_ROW, ID_HASH, SHARES_ID)]
    for header, setting in used.items():
        column = find_column(schema, header)
        if column is not None:
            found[header] = column
        else:
            absent.append(f"{setting}: the input has no column {header!r}{did_you_mean(header, headers)}")
    if absent:
        absent.append(
            f"The input's columns are: {', '.join(map(repr, headers[:50]))}{' ...' if len(headers) > 50 else ''}"
        )
        raise InputError("\n".join(absent))
    return found


def _malformed_text(raw: DataFrame) -> Column:
    return F.col(MALFORMED_ROW) if MALFORMED_ROW in raw.columns else F.lit(None).cast("string")


def _computed_once(column: Column) -> Column:
    """The column itself, in a form below which Spark pushes no condition.

    A condition on the validated rows would be written out in terms of the raw columns, each draft again wherever it
    is mentioned: dozens of times for a text, and too large a method for Java to compile well. Spark takes the number
    of a partition for something that may change, and leaves such a selection where it is.
    """
    return F.when(F.spark_partition_id() >= 0, column)


def _readable(column: Column, kind: DataType) -> Column:
    """Text as valid UTF-8: Parquet may hold other bytes, which become U+FFFD here and then a reject reason."""
    return F.make_valid_utf8(column.cast("string")) if isinstance(kind, StringType) else column


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
    if isinstance(kind, StringType):
        return number == F.lit(float(value))
    return number.isin(float(value), as_single(float(value)))


def find_column(schema: StructType, header: str) -> tuple[Column, DataType] | None:
    """The column of this header and its type, or None. `address.city` is a column of that very name, or
    else the field `city` of the nested column `address`."""
    found = find_field(_fields(schema) or (), header, _fields)
    if found is None:
        return None
    (first, *others), type_ = found
    column = quoted(first)
    for name in others:
        column = column.getField(name)
    return column, type_


def column_names(schema: StructType) -> Iterator[str]:
    """Every header that `find_column` would find, nested columns by their fields."""
    return (name for name, _ in leaf_fields(_fields(schema) or (), _fields))


def quoted(header: str) -> Column:
    """A column by its exact header, whatever dots, spaces and backticks it holds."""
    return F.col("`" + header.replace("`", "``") + "`")


def _fields(type_: DataType) -> Iterable[tuple[str, DataType]] | None:
    return [(field.name, field.dataType) for field in type_] if isinstance(type_, StructType) else None
