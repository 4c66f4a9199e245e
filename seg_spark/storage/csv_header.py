"""The headers of CSV files, looked at before Spark maps columns by position.

Spark takes the names from one file and the positions for all: a file whose columns stand in another
order would be read with its columns swapped, without an error.
"""

import bz2
import codecs
import csv
import gzip
import zlib
from collections.abc import Iterable, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO, Final, cast

from seg_spark.errors import InputError, did_you_mean
from seg_spark.settings.raw_table import TextOptions

DELIMITERS: Final = (",", ";", "\t", "|")


def common_header(files: Sequence[Path], options: TextOptions) -> list[str]:
    """The one header that all files share; files of 0 bytes do not count. A cell without a name is ''.

    Raises InputError if a file has another header, naming the first difference, or if the text of a
    header is not in the declared character set.
    """
    first: tuple[Path, list[str]] | None = None
    for file in files:
        header = _read_header(file, options)
        if header is None:
            continue
        if first is None:
            first = (file, header)
        elif header != first[1]:
            raise InputError(f"input.path: {_difference(first, (file, header))}")
    return first[1] if first is not None else []


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
    better = max(DELIMITERS, key=header[0].count)
    if better != delimiter and better in header[0]:
        raise InputError(
            f"input.options.delimiter: only one column was found in {path} with {delimiter!r}; "
            f"its header looks cut by {better!r}"
        )


def check_declared(header: Sequence[str], declared: Iterable[str], path: str) -> None:
    """Raise InputError if nothing in the header looks like a declared column.

    It is then most likely a customer, so no word of it is shown.
    """
    wanted = list(declared)
    if not any(name in header or did_you_mean(name, filter(None, header)) for name in wanted):
        raise InputError(
            f"input.path: {path}: none of the declared columns ({', '.join(map(repr, wanted[:10]))}) is in the first "
            "line; expected a header there (is input.options.delimiter right?)"
        )


def _read_header(file: Path, options: TextOptions) -> list[str] | None:
    encoding = "utf-8-sig" if codecs.lookup(options.encoding).name == "utf-8" else options.encoding
    doubled = options.escape == options.quote
    try:
        with opened(file) as raw, TextIOWrapper(raw, encoding=encoding, errors="replace", newline="") as text:
            lines = text if options.multi_line else _first_line(text)
            rows = csv.reader(
                lines,
                delimiter=options.delimiter,
                quotechar=options.quote,
                doublequote=doubled,
                escapechar=None if doubled else options.escape,
            )
            header = next((row for row in rows if any(cell.strip() for cell in row)), None)
    except (csv.Error, EOFError, zlib.error, OSError) as error:
        raise InputError(f"input.path: the header of {file} cannot be read: {error}") from None
    if header is not None and any("\ufffd" in cell for cell in header):
        raise InputError(f"input.path: the header of {file} is not {options.encoding} text; set input.options.encoding")
    return header


def opened(file: Path) -> BinaryIO:
    """The bytes of a file, decompressed where its suffix says so, as Spark does it."""
    match file.suffix.lower():
        case ".gz":
            return cast(BinaryIO, gzip.open(file))
        case ".bz2":
            return cast(BinaryIO, bz2.open(file))
        case _:
            return file.open("rb")


def _first_line(text: Iterable[str]) -> list[str]:
    """The first line that is not blank, alone: a quote that is never closed must not run into the customers."""
    line = next((line for line in text if line.strip()), None)
    return [] if line is None else [line]


def _difference(one: tuple[Path, list[str]], other: tuple[Path, list[str]]) -> str:
    (first_file, first), (file, header) = one, other
    if sorted(first) == sorted(header):
        position = next(i for i, (a, b) in enumerate(zip(first, header, strict=True)) if a != b)
        what = (
            f"has its columns in another order (column {position + 1} is {header[position]!r}, not {first[position]!r})"
        )
    else:
        extra = [name for name in header if name not in first]
        absent = [name for name in first if name not in header]
        said = [f"it lacks {name!r}" for name in absent[:1]] + [f"it has {name!r}" for name in extra[:1]]
        if not set(header) & set(first):
            said = ["none of the columns of the first file is there"]  # it may be a customer, so it is not shown
        what = f"has another header ({', '.join(said) or 'a column stands twice'})"
    return f"{file} {what} than {first_file}; give every file the same header"
