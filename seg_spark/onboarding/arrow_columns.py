"""Columns of Arrow tables (Parquet, ORC, catalog tables) as plain Python values, nested ones flattened."""

from collections.abc import Iterator
from typing import Any, Literal

import pyarrow as pa

ColumnType = Literal["text", "number", "boolean", "date", "timestamp", "other"]


def flattened(table: pa.Table) -> pa.Table:
    """A table whose structs have become columns of their own, named `struct.field`."""
    while any(pa.types.is_struct(field.type) for field in table.schema):
        table = table.flatten()
    return table


def column_types(table: pa.Table) -> dict[str, tuple[ColumnType, str]]:
    """For each column its type in our words, and what Arrow calls it."""
    return {field.name: (_type(field.type), str(field.type)) for field in table.schema}


def plain_values(table: pa.Table) -> Iterator[tuple[str, list[Any]]]:
    """Each column as a list of texts, numbers, booleans and None; dates are written out, other types are left empty."""
    for field, column in zip(table.schema, table.columns, strict=True):
        match _type(field.type):
            case "other":
                yield field.name, [None] * len(column)
            case "date" | "timestamp":
                yield field.name, column.cast(pa.string()).to_pylist()
            case "number" if pa.types.is_decimal(field.type):
                yield field.name, column.cast(pa.float64()).to_pylist()
            case _:
                yield field.name, column.to_pylist()


def _type(kind: pa.DataType) -> ColumnType:
    if pa.types.is_dictionary(kind):
        return _type(kind.value_type)
    tests: tuple[tuple[ColumnType, bool], ...] = (
        ("text", str(kind) in ("string", "large_string", "string_view", "null")),
        ("number", pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)),
        ("boolean", pa.types.is_boolean(kind)),
        ("date", pa.types.is_date(kind)),
        ("timestamp", pa.types.is_timestamp(kind)),
    )
    return next((name for name, holds in tests if holds), "other")
