"""A few customers in a CSV file, read without Spark."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Final

from seg_spark.errors import InputError
from seg_spark.input.file_kind import kind_other_than_text
from seg_spark.input.text_files import USUAL_DELIMITERS, csv_rows, opened
from seg_spark.settings.raw_table import TextOptions

MOST_IN_A_FILE: Final = 100_000
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
    candidates = [options, *(options.model_copy(update={"delimiter": one}) for one in USUAL_DELIMITERS)]
    headers = [next(_rows(text, one), (0, None))[1] or [] for one in candidates]
    header, form = max(zip(headers, candidates, strict=True), key=lambda one: sum(map(is_known, one[0])))
    if not any(map(is_known, header)):
        raise InputError(
            f"--file {path}: no column of its first line is a feature of the published model "
            "(seg-spark segments --all shows them)"
        )
    for name in header:
        if is_known(name) and header.count(name) > 1:
            raise InputError(f"--file {path}: the header has {name!r} twice")
    reader = _rows(text, form)
    next(reader)
    rows: list[CustomerRow] = []
    for line, cells in reader:
        if cells is None:
            rows.append(CustomerRow(line, {}, True))
            continue
        rows.append(CustomerRow(line, dict(zip(header, cells, strict=False)), len(cells) != len(header)))
        if len(rows) > MOST_IN_A_FILE:
            raise InputError(
                f"--file {path}: has more than {MOST_IN_A_FILE:,} customers; label so many with seg-spark nightly"
            )
    return rows


def _text(path: Path, options: TextOptions) -> str:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(f"--file {path}: is larger than 200 MB; label so many customers with seg-spark nightly")
        if kind := kind_other_than_text(path):
            raise InputError(f"--file {path}: is {kind}; expected a CSV file with a header")
        with opened(path, f"--file {path}:") as raw:
            content = raw.read()
    except OSError as error:
        raise InputError(f"--file {path}: cannot be read: {error.strerror}") from None
    if not content.strip():
        raise InputError(f"--file {path}: is empty; expected a header, and one customer per line")
    # as the table is written, where that cannot be mistaken for UTF-8
    encodings = [options.encoding, "utf-8-sig"] if options.is_read_whole else ["utf-8-sig", options.encoding]
    for encoding in encodings:
        try:
            return content.decode(encoding).removeprefix("\ufeff")
        except UnicodeDecodeError:
            continue
    return content.decode(options.encoding, errors="replace")


def _rows(text: str, options: TextOptions) -> Iterator[tuple[int, list[str] | None]]:
    return csv_rows(StringIO(text, newline=""), options, strict=True)
