"""The columns of Parquet and ORC files, looked at before Spark takes those of one file for all.

Spark reads an absent column as null, and whether it minds a differing type depends on which file comes
first. So files are grouped by the types of the declared columns; types that mean the same kind of
value (32 and 64 bits, a column of nothing but nulls) may differ from file to file.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.orc
import pyarrow.parquet as pq

from seg_spark.errors import InputError

Types = tuple[tuple[str, str], ...]
"""The type of each declared column of a file, by name."""
NO_VALUES = "null"
"""The kind of a column that holds nothing but nulls."""


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
        leaves = {name: leaf for name in sorted(declared) if (leaf := _leaf(pa.struct(schema), name)) is not None}
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
                f"input.path: the column {field.name!r} of {file} is of type {kind}, with which Spark reads nothing of "
                "the file; write the file without it, or as text"
            )


def kind_of(type_: pa.DataType) -> str:
    """What the values of a type are: types of one kind may differ between files."""
    if pa.types.is_dictionary(type_):
        return kind_of(type_.value_type)
    if pa.types.is_null(type_):
        return NO_VALUES
    if pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_decimal(type_):
        return "number"
    if str(type_) in ("string", "large_string", "string_view"):
        return "text"
    if pa.types.is_date(type_) or pa.types.is_timestamp(type_):
        return "moment"
    return str(type_)


def empty_columns(types: Types) -> Mapping[str, bool]:
    """Which declared columns hold nothing but nulls, in files of these types."""
    return {name: type_ == NO_VALUES for name, type_ in types}


def _leaf(struct: pa.StructType, name: str) -> pa.DataType | None:
    for field in struct:
        if field.name == name:
            return field.type
    for field in struct:
        if pa.types.is_struct(field.type) and name.startswith(f"{field.name}."):
            return _leaf(field.type, name.removeprefix(f"{field.name}."))
    return None


def _schema(file: Path, format_: str) -> pa.Schema:
    try:
        return pq.read_schema(file) if format_ == "parquet" else pyarrow.orc.ORCFile(file).schema
    except (pa.ArrowException, OSError):
        name = "Parquet" if format_ == "parquet" else "ORC"
        raise InputError(
            f"input.path: {file} is a truncated or corrupt {name} file; expected whole {name} files"
        ) from None
