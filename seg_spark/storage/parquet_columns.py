"""The columns of Parquet files, looked at before Spark takes those of one file for all."""

from collections.abc import Collection, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from seg_spark.errors import InputError


def check_same_columns(files: Sequence[Path], declared: Collection[str]) -> None:
    """Raise InputError if a declared column is absent from some of the files, or has another type in them.

    Spark reads an absent column as null, and whether it minds a differing type depends on which file
    comes first. A column in no file may be one that the folders name (column=value).
    """
    found: dict[str, tuple[Path, pa.DataType]] = {}
    for file in files:
        schema = _schema(file)
        for name in sorted(declared):
            if name not in schema.names:
                continue
            first, type_ = found.setdefault(name, (file, schema.field(name).type))
            if schema.field(name).type != type_:
                raise InputError(
                    f"input.path: the column {name!r} is {schema.field(name).type} in {file}, but {type_} in {first}; "
                    "a column has another type in one of the files than in the others"
                )
    for file in files:
        for name in sorted(set(found) - set(_schema(file).names)):
            raise InputError(f"input.path: {file} lacks the column {name!r}, which {found[name][0]} has")


def _schema(file: Path) -> pa.Schema:
    try:
        return pq.read_schema(file)
    except (pa.ArrowException, OSError):
        raise InputError(
            f"input.path: {file} is a truncated or corrupt Parquet file; expected whole Parquet files"
        ) from None
