"""The rows of one file in chunks, whatever its format."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import orc

from seg_spark.errors import InputError
from seg_spark.input.columnar_files import ColumnType, check_readable, column_types, flattened, plain_values
from seg_spark.input.json_records import json_records
from seg_spark.input.text_files import codec_of, csv_rows, opened
from seg_spark.settings.raw_table import Input

CHUNK_ROWS: Final = 2_000
_NO_PARTITION: Final = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True)
class Chunk:
    """Some rows of a file, by column."""

    columns: Mapping[str, list[Any]]
    rows: int
    types: Mapping[str, ColumnType] = field(default_factory=dict)
    other_types: Mapping[str, str] = field(default_factory=dict)
    malformed_rows: int = 0
    file: str = ""

    def first(self, rows: int) -> "Chunk":
        """Its first rows."""
        if rows >= self.rows:
            return self
        return replace(self, columns={name: values[:rows] for name, values in self.columns.items()}, rows=rows)


def chunks_of(file: Path, root: Path, settings: Input, header: Sequence[str]) -> Iterator[Chunk]:
    """The rows of `file`, with the columns that its folders below `root` name (column=value).

    Raises InputError if the file is damaged.
    """
    folders = _partition_values(file, root)
    try:
        match settings.format:
            case "parquet":
                found = _parquet(file)
            case "orc":
                found = _orc(file)
            case "json":
                found = _json(file, settings.options.multi_line)
            case _:
                found = _csv(file, settings, header)
        for chunk in found:
            partition = {name: [value] * chunk.rows for name, value in folders.items()}
            yield replace(chunk, columns={**chunk.columns, **partition}, file=str(file))
    except (pa.ArrowException, OSError) as error:
        what = f"is damaged, or no {settings.format} file ({type(error).__name__})"
        raise InputError(f"input.path: {file} {what}") from None


def arrow_chunks(table: pa.Table) -> Iterator[Chunk]:
    """The rows of an Arrow table."""
    flat = flattened(table)
    types = column_types(flat)
    kinds = {name: kind for name, (kind, _) in types.items()}
    other = {name: called for name, (kind, called) in types.items() if kind == "other"}
    for start in range(0, max(flat.num_rows, 1), CHUNK_ROWS):
        part = flat.slice(start, CHUNK_ROWS)
        yield Chunk(dict(plain_values(part)), part.num_rows, kinds, other)


def known_rows(files: Sequence[Path], kind: str) -> int | None:
    """The number of rows from the files' own metadata; None for text files."""
    match kind:
        case "parquet":
            return sum(int(pq.ParquetFile(file).metadata.num_rows) for file in files)
        case "orc":
            return sum(int(orc.ORCFile(file).nrows) for file in files)
        case _:
            return None


def _parquet(file: Path) -> Iterator[Chunk]:
    opened_file = pq.ParquetFile(file)
    check_readable(file, opened_file.schema_arrow)
    if opened_file.metadata.num_rows == 0:
        yield from arrow_chunks(opened_file.read())
    for batch in opened_file.iter_batches(batch_size=CHUNK_ROWS):
        yield from arrow_chunks(pa.Table.from_batches([batch]))


def _orc(file: Path) -> Iterator[Chunk]:
    opened_file = orc.ORCFile(file)
    if opened_file.nrows == 0:
        yield from arrow_chunks(opened_file.read())
    for stripe in range(opened_file.nstripes if opened_file.nrows else 0):
        yield from arrow_chunks(pa.Table.from_batches([opened_file.read_stripe(stripe)]))


def _json(file: Path, multi_line: bool) -> Iterator[Chunk]:
    records = json_records(file, multi_line)
    while read := list(islice(records, CHUNK_ROWS)):
        part = [record for record in read if record is not None]
        names = dict.fromkeys(name for record in part for name in record)
        columns = {name: [record.get(name) for record in part] for name in names}
        types = {name: _json_type(values) for name, values in columns.items()}
        for name, kind in types.items():
            if kind == "other":
                columns[name] = [None] * len(part)
        known = {name: kind for name, kind in types.items() if kind is not None}
        yield Chunk(
            columns,
            len(part),
            known,
            {name: "a list" for name, kind in known.items() if kind == "other"},
            len(read) - len(part),
        )


def _json_type(values: Sequence[Any]) -> ColumnType | None:
    kinds = {type(value) for value in values if value is not None}
    if list in kinds:
        return "other"
    if not kinds:
        return None
    if kinds == {bool}:
        return "boolean"
    return "number" if kinds <= {int, float} else "text"


def _csv(file: Path, settings: Input, header: Sequence[str]) -> Iterator[Chunk]:
    encoding = codec_of(settings.options.encoding)
    with opened(file) as raw, TextIOWrapper(raw, encoding=encoding, errors="replace", newline="") as text:
        rows = (cells for _, cells in csv_rows(text, settings.options))
        next(rows, None)  # the header
        while part := list(islice(rows, CHUNK_ROWS)):
            good = [cells for cells in part if cells is not None and len(cells) == len(header)]
            by_column = list(zip(*good, strict=True)) or [()] * len(header)
            columns = {name: list(values) for name, values in zip(header, by_column, strict=True) if name}
            yield Chunk(columns, len(good), malformed_rows=len(part) - len(good))


def _partition_values(file: Path, root: Path) -> dict[str, str | None]:
    if file == root:
        return {}
    pairs = (part.partition("=") for part in file.relative_to(root).parts[:-1] if "=" in part)
    return {name: None if value == _NO_PARTITION else unquote(value) for name, _, value in pairs}
