"""The headers of CSV files, checked before Spark maps columns by position.

Spark takes the names from one file and the positions for all: a file whose columns are in another
order would be read with its columns swapped, without an error. So files are grouped by their header.
"""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Final

from seg_spark.errors import InputError, did_you_mean
from seg_spark.input.text_files import codec_of, csv_rows, opened
from seg_spark.settings.raw_table import TextOptions

USUAL_DELIMITERS: Final = (",", ";", "\t", "|")


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
                    f"input.path: {files[0]} has a different header (none of the columns of the first file); "
                    "give every file the same columns"
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
    try:
        with opened(file) as raw, TextIOWrapper(raw, codec_of(options.encoding), "replace", newline="") as text:
            _, header = next(csv_rows(text, options, strict=True), (0, []))
    except (EOFError, zlib.error, OSError) as error:
        raise InputError(f"input.path: the header of {file} cannot be read: {error}") from None
    if header is None:
        raise InputError(
            f"input.path: the header of {file} cannot be read: a quote is not closed, or has text after it"
        )
    if any("\ufffd" in cell for cell in header):
        raise InputError(f"input.path: the header of {file} is not {options.encoding} text; set input.options.encoding")
    return header if any(cell.strip() for cell in header) else None
