"""One schema per published table, enforced on write and on read."""

from typing import Final

from pyspark.sql import DataFrame
from pyspark.sql.types import (
    ArrayType,
    BooleanType,
    DataType,
    DateType,
    DoubleType,
    IntegerType,
    LongType,
    StringType,
    StructField,
    StructType,
)

from seg_spark import columns as c
from seg_spark.errors import InputError, PublishError
from seg_spark.settings.feature import Features

_TYPE_OF_KIND: Final[dict[str, DataType]] = {"number": DoubleType(), "category": StringType()}


def clean_customers_schema(features: Features) -> StructType:
    """One row per accepted customer: the id, each feature as cleaned (null where missing), the run."""
    fields = [StructField(name, _TYPE_OF_KIND[feature.kind]) for name, feature in features.columns.items()]
    return StructType([StructField(c.CUSTOMER_ID, StringType()), *fields, StructField(c.RUN_ID, StringType())])


REJECTED_CUSTOMERS_SCHEMA: Final = StructType(
    [
        StructField(c.CUSTOMER_ID, StringType()),
        StructField(c.REJECT_REASONS, ArrayType(StringType())),
        StructField(c.RAW_ROW, StringType()),
        StructField(c.RUN_ID, StringType()),
    ]
)
"""One row per rejected row: the id if it had one, every reason, the raw values as JSON text."""

CUSTOMER_SEGMENTS_SCHEMA: Final = StructType(
    [
        StructField(c.CUSTOMER_ID, StringType()),
        StructField(c.SEGMENT_ID, IntegerType()),
        StructField(c.SEGMENT_NAME, StringType()),
        StructField(c.DISTANCE, DoubleType()),
        StructField(c.RUNNER_UP_SEGMENT_ID, IntegerType()),
        StructField(c.MARGIN, DoubleType()),
        StructField(c.IS_OUTLIER, BooleanType()),
        StructField(c.PREVIOUS_SEGMENT_ID, IntegerType()),
        StructField(c.SINCE, DateType()),
        StructField(c.MODEL_ID, StringType()),
        StructField(c.RUN_ID, StringType()),
    ]
)
"""One row per accepted customer."""

SEGMENT_PROFILES_SCHEMA: Final = StructType(
    [
        StructField(c.SEGMENT_ID, IntegerType()),
        StructField(c.SEGMENT_NAME, StringType()),
        StructField(c.FEATURE, StringType()),
        StructField(c.KIND, StringType()),
        StructField(c.UNIT, StringType()),
        StructField(c.CUSTOMERS, LongType()),
        StructField(c.SHARE, DoubleType()),
        StructField(c.MEAN, DoubleType()),
        StructField(c.MEDIAN, DoubleType()),
        StructField(c.OVERALL_MEAN, DoubleType()),
        StructField(c.OVERALL_MEDIAN, DoubleType()),
        StructField(c.LEVEL, StringType()),
        StructField(c.LEVEL_SHARE, DoubleType()),
        StructField(c.OVERALL_LEVEL_SHARE, DoubleType()),
        StructField(c.LABEL, StringType()),
        StructField(c.LIFT, DoubleType()),
        StructField(c.Z_SCORE, DoubleType()),
        StructField(c.TRAIT_RANK, IntegerType()),
        StructField(c.RULE, StringType()),
        StructField(c.RULE_PRECISION, DoubleType()),
        StructField(c.RULE_COVERAGE, DoubleType()),
        StructField(c.NEAREST_SEGMENT_ID, IntegerType()),
        StructField(c.MODEL_ID, StringType()),
        StructField(c.RUN_ID, StringType()),
    ]
)
"""One row per segment and feature, in original units; level columns are for categories, means for numbers;
the rule and the nearest segment are those of the segment, the same in all its rows."""

SEGMENT_TRANSITIONS_SCHEMA: Final = StructType(
    [
        StructField(c.FROM_SEGMENT_ID, IntegerType()),
        StructField(c.TO_SEGMENT_ID, IntegerType()),
        StructField(c.CUSTOMERS, LongType()),
        StructField(c.RUN_ID, StringType()),
    ]
)
"""One row per segment before and segment now that customers share; null before: they entered, null now: they left."""


def conform(frame: DataFrame, schema: StructType, table: str) -> DataFrame:
    """The columns of `schema`, in its order. Raises PublishError if one is absent or of another type."""
    found = _types(frame.schema)
    for field in schema:
        if found.get(field.name) != field.dataType.simpleString():
            problem = f"is {found[field.name]}" if field.name in found else "is absent"
            raise PublishError(f"{table}.{field.name} {problem}; expected {field.dataType.simpleString()}")
    return frame.select(*schema.fieldNames())


def check_read(found: StructType, schema: StructType, where: str) -> None:
    """Raise InputError unless a table read back has exactly the columns of `schema`."""
    if _types(found) != _types(schema):
        differing = sorted(set(_types(found).items()) ^ set(_types(schema).items()))
        names = ", ".join(dict.fromkeys(name for name, _ in differing))
        raise InputError(
            f"{where}: its columns are not those of the settings (see {names}); "
            "name the --env it was cleaned with, or clean this date again"
        )


def _types(schema: StructType) -> dict[str, str]:
    return {field.name: field.dataType.simpleString() for field in schema}
