"""The columns of Parquet and ORC files, checked before Spark applies those of one file to all.

Spark reads an absent column as null, and whether it minds a differing type depends on which file comes
first. So files are grouped by the types of the declared columns; types that mean the same kind of
value (32 and 64 bits, a column of nothing but nulls) may differ from file to file.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.orc
import pyarrow.parquet as pq

from seg_spark.errors import InputError
from seg_spark.nested_fields import find_field

Types = tuple[tuple[str, str], ...]
"""The type of each declared column of a file, by name."""
NO_VALUES = "null"
"""The kind of a column that holds nothing but nulls."""
ColumnType = Literal["text", "number", "boolean", "date", "timestamp", "other"]


def group_by_types(files: Sequence[Path], format_: str, declared: Collection[str]) -> dict[Types, list[Path]]:
    """The files by the types of their declared columns (address.city is a field of a nested column).

    Raises InputError if a declared column is absent from some of the files, or is of another kind in
    them. A column in no file may be one that the folders name (column=value).
    """
    found: dict[str, tuple[Path, pa.DataType]] = {}
    groups: dict[Types, list[Path]] = {}
    columns_of: dict[Path, set[str]] = {}
    for file in files:
        schema = _schema(file, format_)
        check_readable(file, schema)
        fields = _fields(pa.struct(schema)) or ()
        leaves = {name: leaf[1] for name in sorted(declared) if (leaf := find_field(fields, name, _fields))}
        for name, type_ in leaves.items():
            first, first_type = found.get(name, (file, type_))
            if kind_of(first_type) == NO_VALUES or name not in found:
                found[name] = (file, type_)
            elif kind_of(type_) not in (kind_of(first_type), NO_VALUES):
                raise InputError(
                    f"input.path: the column {name!r} is {type_} in {file}, but {first_type} in {first}; "
                    "a column has another type in one of the files than in the others"
                )
        columns_of[file] = set(leaves)
        groups.setdefault(tuple((name, str(type_)) for name, type_ in leaves.items()), []).append(file)
    for file, columns in columns_of.items():
        for name in sorted(set(found) - columns):
            raise InputError(f"input.path: {file} lacks the column {name!r}, which {found[name][0]} has")
    return groups


def check_readable(file: Path, schema: pa.Schema) -> None:
    """Raise InputError for a column of a type that Spark cannot read, since it then reads no column of the file."""
    for field in schema:
        kind = str(field.type)
        if kind.startswith(("time32", "time64", "halffloat", "decimal256")):
            raise InputError(
                f"input.path: the column {field.name!r} of {file} is of type {kind}, and Spark cannot read "
                "a file with such a column; write the file without it, or with the column as text"
            )


def kind_of(type_: pa.DataType) -> str:
    """What the values of a type are: types of one kind may differ between files."""
    if pa.types.is_dictionary(type_):
        return kind_of(type_.value_type)
    if pa.types.is_null(type_):
        return NO_VALUES
    kind = _type(type_)
    return {"date": "moment", "timestamp": "moment", "other": str(type_)}.get(kind, kind)


def empty_columns(types: Types) -> Mapping[str, bool]:
    """Which declared columns hold nothing but nulls, in files of these types."""
    return {name: type_ == NO_VALUES for name, type_ in types}


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


def _fields(type_: pa.DataType) -> Iterable[tuple[str, pa.DataType]] | None:
    return [(field.name, field.type) for field in type_] if pa.types.is_struct(type_) else None


def _schema(file: Path, format_: str) -> pa.Schema:
    try:
        return pq.read_schema(file) if format_ == "parquet" else pyarrow.orc.ORCFile(file).schema
    except (pa.ArrowException, OSError):
        name = "Parquet" if format_ == "parquet" else "ORC"
        raise InputError(
            f"input.path: {file} is a truncated or corrupt {name} file; expected whole {name} files"
        ) from None
