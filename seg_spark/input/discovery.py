"""How a raw table is to be read, found from its content: format, character set, and how its CSV is written."""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from typing import Final, Literal

from seg_spark.cleaning.one_value import parse_number
from seg_spark.errors import InputError, SettingsError
from seg_spark.input.file_kind import format_of, read_start
from seg_spark.input.files import PLACEHOLDER, data_files, latest_date
from seg_spark.input.json_records import is_multi_line
from seg_spark.input.text_encoding import by_mark, of_lines
from seg_spark.input.text_files import codec_of, csv_reader, opened
from seg_spark.settings.paths import local_path, path_scheme
from seg_spark.settings.raw_table import Input, TextOptions

TableFormat = Literal["csv", "parquet", "json", "orc", "table"]

_MOST_LINES: Final = 200_000
"""Lines of all files together that are searched for the character set and for line breaks in quotes."""
_MOST_FILES: Final = 200
ALL_DELIMITERS: Final = (",", ";", "\t", "|", "^", "~", "\x01", ":")
"""In the order in which they win a tie."""
_RECORDS: Final = 2_000
_REGULAR: Final = 0.6
_YEARS: Final = range(1850, 2150)


def discover(path: str, declared: TableFormat | None = None) -> Input:
    """How the table at `path` is to be read; a `declared` format is not doubted.

    Raises InputError if it is absent, empty or no table, SettingsError for a path that is not on this machine.
    """
    if declared == "table":
        return Input(path=path, format="table")
    if path_scheme(path) != "file":
        raise SettingsError(f"--input {path}: init reads local files only; copy a sample of the table and name that")
    files = _files(path)
    kind = declared or format_of(files[0])
    if kind == "csv":
        return Input(path=path, options=_csv_options(files))
    if kind == "json":
        return Input(path=path, format="json", options=TextOptions(multi_line=any(map(is_multi_line, files))))
    return Input(path=path, format=kind)


def _files(path: str) -> list[Path]:
    local = local_path(path)
    run_date = latest_date(local).isoformat() if PLACEHOLDER in local else ""
    root = Path(local.replace(PLACEHOLDER, run_date))
    if not root.exists():
        where = "" if root.is_absolute() else f" (looked in {Path.cwd()})"
        is_name = all(part.isidentifier() for part in path.split("."))
        table = "; for a catalog table say --format table" if is_name else ""
        raise InputError(f"--input {path} does not exist{where}{table}")
    files = [file for file in data_files(root) if file.is_file() and file.stat().st_size]
    if not files:
        what = "holds no files with content" if root.is_dir() else "is empty (0 bytes)"
        raise InputError(f"--input {path} {what}; expected a table with a header")
    return files[:: -(-len(files) // _MOST_FILES)]


def _csv_options(files: Sequence[Path]) -> TextOptions:
    start = read_start(files[0])
    encoding = by_mark(start) or of_lines(_lines_of_all(files))[0]
    text = start.decode(codec_of(encoding), errors="ignore")
    dialect = find_dialect(text, str(files[0]))
    options = dialect.model_copy(update={"encoding": encoding})
    # UTF-16 and UTF-32 have line ends of several bytes, at which files are not split
    spans = options.is_read_whole or any(_spans_lines(file, options, _MOST_LINES // len(files)) for file in files)
    return options.model_copy(update={"multi_line": spans})


def _lines_of_all(files: Sequence[Path]) -> Iterator[bytes]:
    for file in files:
        with opened(file, f"--input {file}") as raw:
            yield from islice(raw, _MOST_LINES // len(files))


def _spans_lines(file: Path, options: TextOptions, most_lines: int) -> bool:
    with opened(file, f"--input {file}") as raw:
        lines = (line.decode(codec_of(options.encoding), errors="replace") for line in islice(raw, most_lines))
        return spans_lines(lines, options, most_lines)


@dataclass(frozen=True)
class _Reading:
    """What a dialect makes of a text: the usual number of fields, and the share of records that have it."""

    dialect: TextOptions
    header_width: int
    width: int
    regular: float


def find_dialect(text: str, origin: str) -> TextOptions:
    """The dialect of the beginning of a file.

    Raises InputError if there are title lines above the header, or nothing but blanks.
    """
    if not text.strip():
        raise InputError(f"--input {origin} is empty; expected a table with a header")
    readings = [_read(text, TextOptions(delimiter=delimiter)) for delimiter in ALL_DELIMITERS if delimiter in text]
    several = [reading for reading in readings if reading.width > 1]
    if not several:
        return TextOptions()
    best = max(several, key=lambda one: (_fits_header(one), round(one.regular, 2), one.width, -_in_words(text, one)))
    dialect = _with_escape(text, _with_quote(text, best))
    final = _read(text, dialect)
    _refuse_titles(text, final, origin)
    if _looks_like_a_customer(records(text, final.dialect)[0]):
        raise InputError(f"--input {origin}: the first line looks like a customer; expected a header there")
    return dialect


def records(text: str, dialect: TextOptions) -> list[list[str]]:
    """The first records of a text, blank lines left out. Where lines are records, a stray quote ends with its line."""
    found: list[list[str]] = []
    sources = [text.splitlines(keepends=True)] if dialect.multi_line else [[line] for line in text.splitlines()]
    for lines in sources:
        try:
            for row in csv_reader(lines, dialect):
                if any(cell.strip() for cell in row):
                    found.append(row)
                if len(found) >= _RECORDS:
                    return found
        except csv.Error:
            continue  # a field without an end; what was read before it counts
    return found


def spans_lines(lines: Iterable[str], dialect: TextOptions, most_records: int) -> bool:
    """Whether quoted fields contain line breaks: more often than stray quotes make it look so."""
    reader = csv_reader(lines, dialect, strict=True)
    width = spanning = faults = before = 0
    for _ in range(most_records):
        try:
            row = next(reader, None)
        except csv.Error:
            faults += 1
            row = []
        if row is None:
            break
        width = width or len(row)
        if reader.line_num - before > 1 and row:
            spanning, faults = (spanning + 1, faults) if len(row) == width else (spanning, faults + 1)
        before = reader.line_num
    return spanning > faults


def _read(text: str, dialect: TextOptions) -> _Reading:
    """The better of both readings: lines as records, or quoted fields over lines."""
    ways = [dialect]
    if dialect.quote in text:
        ways.append(dialect.model_copy(update={"multi_line": True}))
    return max((_measure(records(text, way), way) for way in ways), key=lambda one: one.regular)


def _in_words(text: str, reading: _Reading) -> int:
    """How often a sign stands before a blank in the first line, as a comma does in words: `income, k€`."""
    return text.splitlines()[0].count(f"{reading.dialect.delimiter} ")


def _measure(rows: Sequence[Sequence[str]], dialect: TextOptions) -> _Reading:
    if not rows:
        return _Reading(dialect, 0, 0, 0.0)
    width, count = Counter(len(row) for row in rows).most_common(1)[0]
    return _Reading(dialect, len(rows[0]), width, count / len(rows))


def _fits_header(reading: _Reading) -> bool:
    return reading.header_width == reading.width and reading.regular >= _REGULAR


def _refuse_titles(text: str, best: _Reading, origin: str) -> None:
    """Refuse title lines above a header, and a header that is shorter than the rows."""
    rows = records(text, best.dialect)
    filled = [sum(bool(cell.strip()) for cell in row) for row in rows]
    whole = next((i for i, cells in enumerate(filled) if cells == best.width > 2), 0)
    padded = whole > 0 and max(filled[:whole]) <= 1  # as spreadsheets write titles: the other cells are empty
    above = whole if padded else next((i for i, row in enumerate(rows) if len(row) == best.width), 0)
    if (padded or filled[0] <= best.width / 2) and 0 < above <= 20:
        lines = "line 1 is a title" if above == 1 else f"lines 1 to {above} are titles"
        raise InputError(
            f"--input {origin}: {lines}, it seems, above a table of {best.width} columns; remove the lines above "
            "the header"
        )
    if best.header_width < best.width and best.regular >= _REGULAR:
        raise InputError(
            f"--input {origin}: the header has {best.header_width} cells, but most rows have {best.width}; "
            "give every column a name, or remove the delimiter that ends each row"
        )


def _looks_like_a_customer(cells: Sequence[str]) -> bool:
    """Whether most cells are numbers, and not in a row as the numbers of questions, or rising as years are."""
    named = [cell.strip() for cell in cells if cell.strip()]
    numbers = [number for cell in named if (number := parse_number(cell)) is not None]
    steps = [after - before for before, after in pairwise(numbers)]
    in_a_row = len(numbers) > 1 and all(step == 1 for step in steps)
    years = len(numbers) > 2 and min(steps) >= 1 and all(year in _YEARS for year in numbers)
    return len(named) > 1 and len(numbers) > len(named) / 2 and not in_a_row and not years


def _with_quote(text: str, reading: _Reading) -> TextOptions:
    """A single quote, where fields are written 'like this' and no field \"like this\"."""
    delimiter = re.escape(reading.dialect.delimiter)
    single = re.findall(rf"(?:^|{delimiter})'[^'\r\n]*'(?=$|\r|{delimiter})", text, re.MULTILINE)
    if '"' not in text and len(single) >= max(2, 0.5 * text.count("\n")):
        return reading.dialect.model_copy(update={"quote": "'", "escape": "'", "multi_line": False})
    return reading.dialect.model_copy(update={"multi_line": False})


def _with_escape(text: str, dialect: TextOptions) -> TextOptions:
    """A backslash, where quotes inside quoted fields have one in front."""
    within = rf"\\{re.escape(dialect.quote)}(?!\s*(?:{re.escape(dialect.delimiter)}|[\r\n]|$))"
    if not re.search(within, text):
        return dialect
    escaped = dialect.model_copy(update={"escape": "\\"})
    return escaped if _read(text, escaped).regular >= _read(text, dialect).regular else dialect
