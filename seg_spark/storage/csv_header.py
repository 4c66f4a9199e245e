"""The headers of CSV files, looked at before Spark maps columns by position.

Spark takes the names from one file and the positions for all: a file whose columns stand in another
order would be read with its columns swapped, without an error.
"""

import codecs
import csv
import gzip
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Final

from seg_spark.errors import InputError
from seg_spark.settings.schema import CsvOptions

DELIMITERS: Final = (",", ";", "\t", "|")


def common_header(files: Sequence[Path], options: CsvOptions) -> list[str]:
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


def _read_header(file: Path, options: CsvOptions) -> list[str] | None:
    encoding = "utf-8-sig" if codecs.lookup(options.encoding).name == "utf-8" else options.encoding
    try:
        with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as raw:
            text = TextIOWrapper(raw, encoding=encoding, newline="")
            for row in csv.reader(text, delimiter=options.delimiter, quotechar=options.quote):
                if row:  # Spark passes over blank lines too
                    return row
    except UnicodeError:
        raise InputError(
            f"input.path: the header of {file} is not {options.encoding} text; set input.options.encoding"
        ) from None
    except (csv.Error, gzip.BadGzipFile, EOFError) as error:
        raise InputError(f"input.path: the header of {file} cannot be read: {error}") from None
    except OSError as error:
        raise InputError(f"input.path: {file} cannot be read: {error.strerror}") from None
    return None


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
        what = f"has another header ({', '.join(said) or 'a column stands twice'})"
    return f"{file} {what} than {first_file}; give every file the same header"
