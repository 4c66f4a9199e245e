"""How a raw table is to be read, found from its content: format, delimiter, quotes, character set."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final, Literal

from seg_spark.errors import InputError, SettingsError
from seg_spark.input.csv_dialect import find_dialect, spans_lines
from seg_spark.input.file_kind import format_of, read_start
from seg_spark.input.files import PLACEHOLDER, data_files, latest_date
from seg_spark.input.json_records import is_multi_line
from seg_spark.input.text_encoding import by_mark, of_lines
from seg_spark.input.text_files import codec_of, opened
from seg_spark.settings.paths import local_path, path_scheme
from seg_spark.settings.raw_table import Input, TextOptions

TableFormat = Literal["csv", "parquet", "json", "orc", "table"]

_MOST_LINES: Final = 200_000
"""Lines of all files together that are searched for the character set and for line breaks in quotes."""
_MOST_FILES: Final = 200


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
        with opened(file) as raw:
            yield from islice(raw, _MOST_LINES // len(files))


def _spans_lines(file: Path, options: TextOptions, most_lines: int) -> bool:
    with opened(file) as raw:
        lines = (line.decode(codec_of(options.encoding), errors="replace") for line in islice(raw, most_lines))
        return spans_lines(lines, options, most_lines)
