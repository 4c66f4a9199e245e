"""Finding a declared column in a raw frame: by its exact header, or as a field of nested columns."""

from collections.abc import Iterator

from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql.types import DataType, StructType


def find_column(schema: StructType, header: str) -> tuple[Column, DataType] | None:
    """The column of this header and its type, or None. `address.city` is a column of that very name, or
    else the field `city` of the nested column `address`."""
    for field in schema:
        if field.name == header:
            return quoted(header), field.dataType
    for field in schema:
        if isinstance(field.dataType, StructType) and header.startswith(f"{field.name}."):
            inner = _find_field(quoted(field.name), field.dataType, header.removeprefix(f"{field.name}."))
            if inner is not None:
                return inner
    return None


def column_names(schema: StructType) -> Iterator[str]:
    """Every header that `find_column` would find, nested columns by their fields."""
    for field in schema:
        if isinstance(field.dataType, StructType):
            yield from (f"{field.name}.{inner}" for inner in column_names(field.dataType))
        else:
            yield field.name


def quoted(header: str) -> Column:
    """A column by its exact header, whatever dots, spaces and backticks it holds."""
    return F.col("`" + header.replace("`", "``") + "`")


def _find_field(column: Column, struct: StructType, path: str) -> tuple[Column, DataType] | None:
    for field in struct:
        if field.name == path:
            return column.getField(field.name), field.dataType
        if isinstance(field.dataType, StructType) and path.startswith(f"{field.name}."):
            inner = _find_field(column.getField(field.name), field.dataType, path.removeprefix(f"{field.name}."))
            if inner is not None:
                return inner
    return None
