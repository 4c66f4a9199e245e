"""A sample of a raw table: up to 100,000 of its rows, from all of its files."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from seg_spark.errors import InputError
from seg_spark.input.chunks import Chunk, arrow_chunks, chunks_of, known_rows
from seg_spark.input.columnar_files import ColumnType
from seg_spark.input.files import PLACEHOLDER, find_input_files, input_path, is_local, latest_date
from seg_spark.input.text_files import check_delimiter, check_header, check_same_columns, headers_of
from seg_spark.settings.paths import local_path
from seg_spark.settings.raw_table import Input

MAX_ROWS: Final = 100_000
_MAX_CELLS: Final = 20_000_000
_MAX_FILES: Final = 50


@dataclass(frozen=True)
class Sample:
    """Some rows of a raw table, by column: texts, numbers, booleans and None; dates are written out as text."""

    settings: Input
    run_date: date | None
    """The date that stood in for {run_date}."""
    columns: Mapping[str, Sequence[Any]]
    types: Mapping[str, ColumnType]
    """What the files say a column is; text throughout for CSV, other where no value can be used."""
    other_types: Mapping[str, str]
    """What the columns of type other are called in the files."""
    rows: int
    total_rows: int | None
    """Rows of the whole table, where that is known."""
    files: int
    malformed_rows: int
    """Rows that had more or fewer fields than the header, and so are in no column."""
    unnamed_columns: int
    partial: Mapping[str, str]
    """Columns that some files lack, each with one of them. They are not in `columns`, for a run would refuse them."""

    @property
    def is_whole(self) -> bool:
        """Whether the sample is the whole table."""
        return self.total_rows == self.rows


def read_sample(settings: Input, run_date: date | None = None) -> Sample:
    """Up to 100,000 rows, taken in turns from all files (from 50 of them, evenly spread, where there are more).

    `run_date` fills in {run_date} of the path; the latest date there is unless given.
    Raises InputError if the table is absent, unreadable or not what the settings say.
    """
    if settings.format == "table":  # the one input that only Spark can read
        from seg_spark.input.spark_reader import read_catalog_table

        table, whole = read_catalog_table(settings.path, MAX_ROWS)
        return _put_together(settings, None, list(arrow_chunks(table)), files=1, whole=whole)
    if not is_local(settings):
        raise InputError(
            f"input.path: {settings.path} is not on this machine, and only a run reads it there; to check the "
            "settings, copy a sample of it and add --set input.path=FILE"
        )
    if PLACEHOLDER in settings.path and run_date is None:
        run_date = latest_date(local_path(settings.path))
    named = run_date or date.min
    root = Path(input_path(settings, named))
    files = [Path(name) for name, size, _ in find_input_files(settings, named).files if size]
    headers, partial = _checked_headers(files, settings, root) if settings.format == "csv" else ({}, {})
    header = headers[files[0]] if headers else ()
    step = max(1, -(-len(files) // _MAX_FILES))
    most = min(MAX_ROWS, _MAX_CELLS // max(1, len(header)))
    read = {file: ["" if name in partial else name for name in own] for file, own in headers.items()}
    iterators = [chunks_of(file, root, settings, read.get(file, ())) for file in files[::step]]
    chunks: list[Chunk] = []
    rows, cut = 0, False
    while iterators and rows < most:
        going = []
        for iterator in iterators:
            chunk = next(iterator, None)
            if chunk is not None:
                cut = chunk.rows > most - rows
                chunks.append(chunk.first(most - rows))
                rows += chunks[-1].rows
                going.append(iterator)
            if rows >= most:
                break
        else:
            iterators = going
    whole = step == 1 and not cut and all(next(iterator, None) is None for iterator in iterators)
    total = None if whole else known_rows(files, settings.format)
    return _put_together(
        settings,
        run_date,
        chunks,
        files=len(files),
        whole=whole,
        total=total,
        unnamed=header.count(""),
        partial=partial,
    )


def _put_together(
    settings: Input,
    run_date: date | None,
    chunks: Sequence[Chunk],
    *,
    files: int,
    whole: bool,
    total: int | None = None,
    unnamed: int = 0,
    partial: Mapping[str, str] = MappingProxyType({}),
) -> Sample:
    columns: dict[str, list[Any]] = {}
    types: dict[str, ColumnType] = {}
    other: dict[str, str] = {}
    rows = 0
    for chunk in chunks:
        for name, values in chunk.columns.items():
            known = columns.setdefault(name, [None] * rows)
            so_far, meant = types.get(name), chunk.types.get(name, "text")
            if so_far in (None, meant) or all(value is None for value in known):
                types[name] = meant
            elif any(value is not None for value in values):
                if settings.format != "json":
                    drift = f"the column {name!r} is {so_far} in one file and {meant} in another"
                    raise InputError(f"input.path: {settings.path}: {drift}")
                types[name] = "other" if "other" in (so_far, meant) else "text"
            known.extend(values)
        rows += chunk.rows
        other |= chunk.other_types
        for name in columns.keys() - chunk.columns.keys():
            columns[name] += [None] * chunk.rows
    for name, kind in types.items():
        if kind == "text":
            columns[name] = [_as_text(value) for value in columns[name]]
    if settings.format in ("parquet", "orc"):
        partial = _partial({chunk.file: chunk.columns for chunk in chunks})
        for name in partial:
            del columns[name]
    if settings.format == "json":
        columns = _without_empty_objects(columns)
    malformed = sum(chunk.malformed_rows for chunk in chunks)
    if not columns or rows == 0:
        raise InputError(f"input.path: {settings.path} {_without_rows(settings, bool(columns), malformed)}")
    check_header(list(columns), settings.path)
    all_rows = rows if whole else total
    return Sample(settings, run_date, columns, types, other, rows, all_rows, files, malformed, unnamed, partial)


def _without_empty_objects(columns: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
    """The columns but for those that only stand for an object which some rows lack: its fields are columns too."""
    outer = {name[: dot.start()] for name in columns for dot in re.finditer(r"\.", name)}
    return {
        name: values for name, values in columns.items() if name not in outer or set(map(type, values)) != {type(None)}
    }


def _without_rows(settings: Input, has_header: bool, malformed: int) -> str:
    if malformed and settings.format == "json":
        return f"has {malformed:,} rows, none of them a JSON object; expected one per customer (or set input.format)"
    if malformed:
        return f"has {malformed:,} rows, all with more or fewer fields than the header; check input.options.delimiter"
    return f"has {'a header but no rows' if has_header or settings.format == 'csv' else 'no rows'}"


def _as_text(value: Any) -> Any:
    if value is None or isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)


def _checked_headers(
    files: Sequence[Path], settings: Input, root: Path
) -> tuple[dict[Path, tuple[str, ...]], dict[str, str]]:
    """The header of each file with one, and the columns that some files lack."""
    groups = headers_of(files, settings.options)
    if not groups:
        raise InputError(f"input.path: {root} is empty; expected a table with a header")
    for header in groups:
        check_delimiter(header, settings.options.delimiter, str(root if len(groups) == 1 else groups[header][0]))
        check_header(header, str(root))
    if set.intersection(*map(set, groups)) <= {""}:
        check_same_columns(groups, next(iter(groups)))
    partial = _partial({str(own[0]): header for header, own in groups.items()})
    return {file: header for header, own in groups.items() for file in own}, partial


def _partial(names_of: Mapping[str, Collection[str]]) -> dict[str, str]:
    """The names that some files lack, each with the first of those files."""
    every = dict.fromkeys(name for names in names_of.values() for name in names if name)
    lacking = {name: [file for file, names in names_of.items() if name not in names] for name in every}
    return {name: files[0] for name, files in lacking.items() if files}
