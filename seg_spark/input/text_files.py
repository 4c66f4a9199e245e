"""Text files as Spark reads them: decompressed by their names, CSV cut into cells by the same options."""

import bz2
import codecs
import csv
import gzip
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, TextIO, cast

from seg_spark.settings.raw_table import TextOptions

if TYPE_CHECKING:
    from _csv import Reader


_MOST_CHARACTERS: Final = 200_000_000
"""Of one field; Spark has no limit."""


def opened(file: Path) -> BinaryIO:
    """A file for reading, decompressed as Spark would by its name."""
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
