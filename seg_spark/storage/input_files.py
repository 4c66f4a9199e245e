"""The files a night reads: found, looked at before Spark is asked, and the same afterwards."""

import errno
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from seg_spark.errors import InputError
from seg_spark.settings.paths import local_path, path_scheme
from seg_spark.settings.raw_table import Input

_PARQUET_MAGIC: Final = b"PAR1"
_BZIP2_BLOCK: Final = b"1AY&SY"
_MAGIC: Final = {
    _PARQUET_MAGIC: "parquet",
    b"ORC": "orc",
    b"PK\x03\x04": "zip",
    b"\xd0\xcf\x11\xe0": "office",
    b"7z\xbc\xaf": "7z",
    b"\xfd7zX": "xz",
    b"(\xb5/\xfd": "zstd",
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
}
_NAMES: Final = {"parquet": "a Parquet", "orc": "an ORC"}
_UNREADABLE: Final = {
    "zip": "an Excel workbook or a zip archive",
    "office": "an old Excel workbook",
    "7z": "a 7-Zip archive",
    "xz": "compressed with xz, which Spark does not read",
    "zstd": "compressed with zstd, which not every Spark reads",
}
_SUFFIXES: Final = {"gzip": "gz", "bzip2": "bz2"}


@dataclass(frozen=True)
class InputFiles:
    """The files a night reads, as they were found: (path, bytes, modification time in ns) each.

    Empty for a catalog table and for an input elsewhere than on a local filesystem, where Spark does the looking.
    """

    files: tuple[tuple[str, int, int], ...]

    @property
    def total_bytes(self) -> int:
        """Size of all files together."""
        return sum(size for _, size, _ in self.files)


def input_path(settings: Input, run_date: date) -> str:
    """The path of a night's input: {run_date} filled in, local paths plain; a catalog table's name as it is."""
    return local_path(settings.path.replace("{run_date}", run_date.isoformat()))


def is_local(settings: Input) -> bool:
    """Whether the input is files that can be looked at without Spark."""
    return settings.format != "table" and path_scheme(settings.path) == "file"


def find_input_files(settings: Input, run_date: date) -> InputFiles:
    """List the input. Raises InputError if it is absent, unreadable, empty, or plainly of another format."""
    path = input_path(settings, run_date)
    if not is_local(settings):
        return InputFiles(())
    root = Path(path)
    _check_exists(root)
    found = tuple(_state(file) for file in data_files(root))
    if not found:
        raise InputError(f"input.path: {path} holds no files; expected {settings.format} files")
    if sum(size for _, size, _ in found) == 0:
        raise InputError(f"input.path: {path} is empty (0 bytes); expected a table with a header")
    _check_folders(root, [Path(name) for name, _, _ in found])
    for name, size, _ in found:
        _check_format(Path(name), size, settings.format)
    return InputFiles(found)


def check_unchanged(before: InputFiles, settings: Input, run_date: date) -> None:
    """Raise InputError if a file came, went or changed since `before`: what was read would be a mixture."""
    now = find_input_files(settings, run_date)
    if now != before:
        changed = sorted({name for name, _, _ in set(now.files) ^ set(before.files)})
        raise InputError(f"input.path: {changed[0]} changed while it was being read; run again when its writer is done")


def data_files(root: Path) -> list[Path]:
    """The files Spark would read, by name: hidden ones (_ or . in front) are not data."""
    if not root.is_dir():
        return [root]
    found: list[Path] = []

    def refuse(error: OSError) -> None:
        raise InputError(f"input.path: {error.filename} cannot be read: {error.strerror}")

    for parent, folders, names in os.walk(root, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith(("_", ".")))
        found += [Path(parent) / name for name in sorted(names) if not name.startswith(("_", "."))]
    return found


def _check_exists(root: Path) -> None:
    try:
        root.stat()
    except OSError as error:
        where = "" if root.is_absolute() else f" (looked in {Path.cwd()})"
        pattern = "; patterns are not read, name the folder" if set(root.name) & set("*?[{") else ""
        absent = error.errno in (errno.ENOENT, errno.ENOTDIR)
        problem = f"does not exist{where}{pattern}" if absent else f"cannot be read: {error.strerror}"
        raise InputError(f"input.path: {root} {problem}") from None
    if root.name.startswith(("_", ".")) and not root.is_dir():
        raise InputError(f"input.path: {root} has a hidden name, which Spark passes over; give it another")


def _check_folders(root: Path, files: Sequence[Path]) -> None:
    """Refuse folders of which Spark would read only a part, without a word."""
    if root not in files:
        names = {file: tuple(part.partition("=")[0] for part in _folders(root, file)) for file in files}
        for file in files:
            if any("=" not in part for part in _folders(root, file)):
                raise InputError(
                    f"input.path: {file} lies in a folder below {root}, which Spark does not look into; "
                    "expected all files in one folder, or in folders named column=value"
                )
            if names[file] != names[files[0]]:
                raise InputError(
                    f"input.path: {file} and {files[0]} lie in different kinds of folders, of which Spark would "
                    "read only one; expected all files in one folder, or in folders of the same columns"
                )


def _folders(root: Path, file: Path) -> tuple[str, ...]:
    return file.relative_to(root).parts[:-1]


def _state(file: Path) -> tuple[str, int, int]:
    try:
        status = file.stat()
    except OSError as error:
        raise InputError(f"input.path: {file} cannot be read: {error.strerror}") from None
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f"input.path: {file} is no regular file")
    return str(file), status.st_size, status.st_mtime_ns


def _check_format(file: Path, size: int, expected: str) -> None:
    """Refuse a file whose first or last bytes say that it is something else than `input.format`."""
    try:
        with file.open("rb") as opened:
            start = opened.read(10)
            opened.seek(max(size - 16, 0))
            end = opened.read(16)
    except OSError as error:
        raise InputError(f"input.path: {file} cannot be read: {error.strerror}") from None
    found = next((name for magic, name in _MAGIC.items() if start.startswith(magic)), None)
    if (found == "orc" and b"ORC" not in end) or (found == "bzip2" and start[4:] != _BZIP2_BLOCK):
        found = None  # a header may begin with any letters
    if expected == "parquet" and (start[:4], end[-4:]) != (_PARQUET_MAGIC, _PARQUET_MAGIC):
        what = "a truncated or corrupt Parquet file" if found == "parquet" else "not a Parquet file"
        raise InputError(f"input.path: {file} is {what}; expected whole Parquet files (or set input.format: csv)")
    if expected == "orc" and not start.startswith(b"ORC"):
        raise InputError(f"input.path: {file} is not an ORC file; expected whole ORC files")
    if expected in ("csv", "json") and found is not None:
        if found in ("parquet", "orc"):
            raise InputError(f"input.format: {file} is {_NAMES[found]} file; set input.format: {found}")
        if found in _UNREADABLE:
            raise InputError(f"input.path: {file} is {_UNREADABLE[found]}; export it as CSV or Parquet")
        if file.suffix.lower() != f".{_SUFFIXES[found]}":
            raise InputError(
                f"input.path: {file} is compressed, which Spark knows by the name alone; "
                f"expected it to end in .{_SUFFIXES[found]}"
            )
