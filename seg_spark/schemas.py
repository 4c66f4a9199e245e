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

from seg_spark.errors import InputError, PublishError
from seg_spark.settings.feature import Features

_TYPES: Final[dict[str, DataType]] = {
    "number": DoubleType(),
    "category": StringType(),
    "text": StringType(),
    "texts": ArrayType(StringType()),
    "int": IntegerType(),
    "long": LongType(),
    "flag": BooleanType(),
    "date": DateType(),
}


def _schema(columns: str) -> StructType:
    """The schema of columns written as `name:type`, with blanks between them."""
    return StructType([StructField(name, _TYPES[kind]) for name, kind in (one.split(":") for one in columns.split())])


def clean_customers_schema(features: Features) -> StructType:
    """One row per accepted customer: the id, each feature as cleaned (null where missing), the run."""
    named = " ".join(f"{name}:{feature.kind}" for name, feature in features.columns.items())
    return _schema(f"customer_id:text {named} run_id:text")


REJECTED_CUSTOMERS_SCHEMA: Final = _schema("customer_id:text reject_reasons:texts raw_row:text run_id:text")
"""One row per rejected row: the id if it had one, every reason, the raw values as JSON text."""

CUSTOMER_SEGMENTS_SCHEMA: Final = _schema(
    "customer_id:text segment_id:int segment_name:text distance:number runner_up_segment_id:int margin:number "
    "is_outlier:flag previous_segment_id:int since:date model_id:text run_id:text"
)
"""One row per accepted customer."""

SEGMENT_PROFILES_SCHEMA: Final = _schema(
    "segment_id:int segment_name:text feature:text kind:text unit:text customers:long share:number mean:number "
    "median:number overall_mean:number overall_median:number level:text level_share:number overall_level_share:number "
    "label:text lift:number z_score:number trait_rank:int rule:text rule_precision:number rule_coverage:number "
    "nearest_segment_id:int model_id:text run_id:text"
)
"""One row per segment and feature, in original units; level columns are for categories, means for numbers;
the rule and the nearest segment are those of the segment, the same in all its rows."""

SEGMENT_TRANSITIONS_SCHEMA: Final = _schema("from_segment_id:int to_segment_id:int customers:long run_id:text")
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
