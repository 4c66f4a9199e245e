"""A few customers in a CSV file, read without Spark."""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, Final

from seg_spark.errors import InputError
from seg_spark.settings.raw_table import TextOptions
from seg_spark.storage.csv_header import DELIMITERS

MOST_CUSTOMERS: Final = 100_000
_MOST_BYTES: Final = 200_000_000


@dataclass(frozen=True)
class CustomerRow:
    """One row of the file: its line, the cells by header, and whether it has as many cells as the header."""

    line: int
    cells: dict[str, str]
    is_malformed: bool


def read_customer_file(path: Path, options: TextOptions, is_known: Callable[[str], bool]) -> list[CustomerRow]:
    """The rows of a CSV file whose header names columns that `is_known` accepts.

    The delimiter is the one that gives most known columns, the declared one first. Raises InputError if
    the file cannot be read, has no known column, has one twice, or is too large for this.
    """
    text = _text(path, options)
    candidates = list(dict.fromkeys([options.delimiter, *DELIMITERS]))
    headers: dict[str, list[str]] = {delimiter: next(_rows(text, delimiter, options), []) for delimiter in candidates}
    delimiter = max(candidates, key=lambda one: sum(map(is_known, headers[one])))
    header = headers[delimiter]
    if not any(map(is_known, header)):
        raise InputError(f"--file {path}: no column of its first line is a feature of the published model")
    for name in header:
        if is_known(name) and header.count(name) > 1:
            raise InputError(f"--file {path}: the header has {name!r} twice")
    reader = _rows(text, delimiter, options)
    next(reader)
    rows = []
    for cells in reader:
        if len(cells) <= 1 and not any(cell.strip() for cell in cells):
            continue  # a blank line
        rows.append(CustomerRow(reader.line_num, dict(zip(header, cells, strict=False)), len(cells) != len(header)))
        if len(rows) > MOST_CUSTOMERS:
            raise InputError(
                f"--file {path}: has more than {MOST_CUSTOMERS:,} customers; label so many with seg-spark nightly"
            )
    return rows


def _text(path: Path, options: TextOptions) -> str:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(f"--file {path}: is larger than 200 MB; label so many customers with seg-spark nightly")
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"--file {path}: cannot be read: {error.strerror}") from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode(options.encoding, errors="replace")


def _rows(text: str, delimiter: str, options: TextOptions) -> Any:
    doubled = options.escape == options.quote
    return csv.reader(
        StringIO(text, newline=""),
        delimiter=delimiter,
        quotechar=options.quote,
        doublequote=doubled,
        escapechar=None if doubled else options.escape,
    )
