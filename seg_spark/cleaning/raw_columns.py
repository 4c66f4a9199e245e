"""Finding a declared column in a raw frame: by its exact header, or as a field of nested columns."""

from collections.abc import Iterable, Iterator

from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql.types import DataType, StructType

from seg_spark.nested_fields import find_field, leaf_fields


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
