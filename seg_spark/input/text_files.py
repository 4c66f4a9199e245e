"""Text files as Spark reads them: decompressed by their names, CSV cut into cells by the same options.

Spark takes the names of CSV columns from one file and the positions for all: a file whose columns are in another
order would be read with its columns swapped, without an error. So files are grouped by their header.
"""

import bz2
import codecs
import csv
import gzip
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, TextIO, cast

from seg_spark.errors import InputError, did_you_mean
from seg_spark.settings.raw_table import TextOptions

if TYPE_CHECKING:
    from _csv import Reader

_MOST_CHARACTERS: Final = 200_000_000
"""Of one field; Spark has no limit."""
USUAL_DELIMITERS: Final = (",", ";", "\t", "|")


@contextmanager
def opened(file: Path, called: str | None = None) -> Iterator[BinaryIO]:
    """A file for reading, decompressed as Spark would by its name.

    Raises InputError, for the file as it is `called`, if it cannot be read to where it is wanted.
    """
    try:
        with _decompressed(file) as raw:
            yield raw
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or "it is damaged, or not what its suffix says"
        raise InputError(f"{called or f'input.path: {file}'} cannot be read: {reason}") from None


def _decompressed(file: Path) -> BinaryIO:
    match file.suffix.lower():
        case ".gz":
            return cast(BinaryIO, gzip.open(file))
        case ".bz2":
            return cast(BinaryIO, bz2.open(file))
        case _:
            return file.open("rb")


def codec_of(encoding: str) -> str:
    """Python's codec for a character set: that of UTF-8 passes over a byte order mark."""
    return "utf-8-sig" if codecs.lookup(encoding).name == "utf-8" else encoding


def csv_reader(lines: Iterable[str], options: TextOptions, *, strict: bool = False) -> "Reader":
    """A reader of the standard library for lines in this form; a strict one raises csv.Error for stray quotes."""
    csv.field_size_limit(_MOST_CHARACTERS)
    doubled = options.escape == options.quote
    return csv.reader(
        lines if doubled else _kept_escapes(lines, options),
        delimiter=options.delimiter,
        quotechar=options.quote,
        doublequote=doubled,
        escapechar=None if doubled else options.escape,
        strict=strict,
    )


def _kept_escapes(lines: Iterable[str], options: TextOptions) -> Iterator[str]:
    """Lines in which an escape that stands before neither quote nor escape is doubled: Spark keeps it, as in C:\\dir or
    \\N, where Python's reader would drop it."""
    escape, quote = re.escape(options.escape), re.escape(options.quote)
    pattern = re.compile(rf"{escape}([{escape}{quote}])?")
    return (pattern.sub(lambda found: found[0] if found[1] else 2 * options.escape, line) for line in lines)


def csv_rows(text: TextIO, options: TextOptions, *, strict: bool = False) -> Iterator[tuple[int, list[str] | None]]:
    """The line number and the cells of each row that is not blank; None for cells that cannot be separated.

    Unless fields may span lines, each line is a row: a quote that is never closed does not run into the next.
    """
    if options.is_read_whole:
        yield from _rows_over_lines(text, options)
        return
    for number, line in enumerate(text, start=1):
        stripped = line.rstrip("\r\n")
        if not stripped.strip():
            continue
        if options.quote not in stripped and options.escape not in stripped:
            yield number, stripped.split(options.delimiter)
            continue
        try:
            yield number, next(csv_reader([stripped], options, strict=strict))
        except csv.Error:
            yield number, None


def _rows_over_lines(text: TextIO, options: TextOptions) -> Iterator[tuple[int, list[str] | None]]:
    reader = csv_reader(text, options)
    while True:
        try:
            row = next(reader, None)
        except csv.Error:
            yield reader.line_num, None
            continue
        if row is None:
            return
        if len(row) > 1 or any(cell.strip() for cell in row):
            yield reader.line_num, row


def headers_of(files: Sequence[Path], options: TextOptions) -> dict[tuple[str, ...], list[Path]]:
    """The files by their header; files of 0 bytes have none and do not count. A cell without a name is ''.

    Raises InputError if the text of a header is not in the declared character set.
    """
    groups: dict[tuple[str, ...], list[Path]] = {}
    for file in files:
        header = _read_header(file, options)
        if header is not None:
            groups.setdefault(tuple(header), []).append(file)
    return groups


def check_same_columns(groups: Mapping[tuple[str, ...], Sequence[Path]], declared: Iterable[str]) -> None:
    """Raise InputError if a declared column of one file is absent from another."""
    (first, first_files), *others = groups.items()
    for header, files in others:
        absent = sorted(name for name in declared if (name in first) != (name in header))
        if absent:
            there, lacking = (first_files, files) if absent[0] in first else (files, first_files)
            if not set(header) & set(first):  # a cell may be a customer, so none is shown
                raise InputError(
                    f"input.path: {first_files[0]} and {files[0]} have no column in common; give every file the same "
                    "columns, and keep other files elsewhere"
                )
            raise InputError(
                f"input.path: {lacking[0]} has a different header (it lacks {absent[0]!r}, which {there[0]} has); "
                "give every file the same columns"
            )


def check_header(header: Sequence[str], path: str) -> None:
    """Raise InputError if two columns have the same name, but for upper and lower case."""
    seen: dict[str, str] = {}
    for name in header:
        if name and name.lower() in seen:
            first = seen[name.lower()]
            twice = f"{name!r} twice" if first == name else f"{first!r} and {name!r}, which differ only in case"
            raise InputError(f"input.path: {path}: the header has {twice}; give every column a name of its own")
        seen[name.lower()] = name


def check_delimiter(header: Sequence[str], delimiter: str, path: str) -> None:
    """Raise InputError if there is but one column, and another delimiter would cut it."""
    if len(header) != 1:
        return
    better = max(USUAL_DELIMITERS, key=header[0].count)
    if better != delimiter and better in header[0]:
        raise InputError(
            f"input.options.delimiter: only one column was found in {path} with {delimiter!r}; "
            f"the header seems to use {better!r} as delimiter; set input.options.delimiter"
        )


def check_declared(header: Sequence[str], declared: Iterable[str], path: str) -> None:
    """Raise InputError if nothing in the header looks like a declared column.

    The first line is then most likely a customer, so nothing of it is shown.
    """
    names = list(declared)
    if not any(name in header or did_you_mean(name, filter(None, header)) for name in names):
        raise InputError(
            f"input.path: {path}: none of the declared columns ({', '.join(map(repr, names[:10]))}) is in the first "
            "line; expected a header there (is input.options.delimiter right?)"
        )


def _read_header(file: Path, options: TextOptions) -> list[str] | None:
    with opened(file) as raw, TextIOWrapper(raw, codec_of(options.encoding), "replace", newline="") as text:
        _, header = next(csv_rows(text, options, strict=True), (0, []))
    if header is None:
        raise InputError(
            f"input.path: the header of {file} cannot be read: a quote is not closed, or has text after it"
        )
    if any("\ufffd" in cell for cell in header):
        raise InputError(f"input.path: the header of {file} is not {options.encoding} text; set input.options.encoding")
    return header if any(cell.strip() for cell in header) else None
