"""A few customers in a CSV file, read without Spark."""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, Final

from seg_spark.errors import InputError
from seg_spark.settings.raw_table import TextOptions
from seg_spark.storage.csv_header import DELIMITERS, opened

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
    headers: dict[str, list[str]] = {
        delimiter: next(iter(_rows(text, delimiter, options)), (0, None))[1] or [] for delimiter in candidates
    }
    delimiter = max(candidates, key=lambda one: sum(map(is_known, headers[one])))
    header = headers[delimiter]
    if not any(map(is_known, header)):
        raise InputError(f"--file {path}: no column of its first line is a feature of the published model")
    for name in header:
        if is_known(name) and header.count(name) > 1:
            raise InputError(f"--file {path}: the header has {name!r} twice")
    reader = _rows(text, delimiter, options)
    next(reader)
    rows: list[CustomerRow] = []
    for line, cells in reader:
        if cells is None:
            rows.append(CustomerRow(line, {}, True))
            continue
        rows.append(CustomerRow(line, dict(zip(header, cells, strict=False)), len(cells) != len(header)))
        if len(rows) > MOST_CUSTOMERS:
            raise InputError(
                f"--file {path}: has more than {MOST_CUSTOMERS:,} customers; label so many with seg-spark nightly"
            )
    return rows


def _text(path: Path, options: TextOptions) -> str:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(f"--file {path}: is larger than 200 MB; label so many customers with seg-spark nightly")
        with opened(path) as raw:
            content = raw.read()
    except (OSError, EOFError) as error:
        raise InputError(f"--file {path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    # as the table is written, where that cannot be mistaken for UTF-8
    encodings = [options.encoding, "utf-8-sig"] if options.is_read_whole else ["utf-8-sig", options.encoding]
    for encoding in encodings:
        try:
            return content.decode(encoding).removeprefix("\ufeff")
        except UnicodeDecodeError:
            continue
    return content.decode(options.encoding, errors="replace")


def _rows(text: str, delimiter: str, options: TextOptions) -> Iterator[tuple[int, list[str] | None]]:
    """The number of each line that is not blank, and its cells; None where it cannot be cut.

    A quote that is never closed must not run into the customers below it, unless fields may span lines.
    """
    doubled = options.escape == options.quote
    form: dict[str, Any] = {
        "delimiter": delimiter,
        "quotechar": options.quote,
        "doublequote": doubled,
        "escapechar": None if doubled else options.escape,
        "strict": True,
    }
    csv.field_size_limit(_MOST_BYTES)
    if options.multi_line:
        reader = csv.reader(StringIO(text, newline=""), **(form | {"strict": False}))
        yield from (
            (reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells) or len(cells) > 1
        )
        return
    for number, line in enumerate(StringIO(text, newline=None), start=1):
        if not line.strip():
            continue
        try:
            yield number, next(csv.reader([line.rstrip("\n")], **form))
        except csv.Error:
            yield number, None
