"""The input files of a run: found, checked before Spark reads them, and checked to be unchanged afterwards."""

import errno
import os
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from seg_spark.errors import InputError
from seg_spark.input.file_kind import check_format
from seg_spark.settings.paths import local_path, path_scheme
from seg_spark.settings.raw_table import Input

PLACEHOLDER: Final = "{run_date}"
"""Stands in an input path where the run date goes."""


@dataclass(frozen=True)
class InputFiles:
    """The input files of a run, as they were found: (path, bytes, modification time in ns) each.

    Empty for a catalog table and for an input elsewhere than on a local filesystem, where Spark does the looking.
    """

    files: tuple[tuple[str, int, int], ...]

    @property
    def total_bytes(self) -> int:
        """Size of all files together."""
        return sum(size for _, size, _ in self.files)


def input_path(settings: Input, run_date: date) -> str:
    """The input path of a date: {run_date} filled in, local paths plain; a catalog table's name as it is."""
    return local_path(settings.path.replace(PLACEHOLDER, run_date.isoformat()))


def is_local(settings: Input) -> bool:
    """Whether the input is files that can be read without Spark."""
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
    for name, _, _ in found:
        check_format(Path(name), settings.format)
    return InputFiles(found)


def latest_date(pattern: str) -> date:
    """The latest date for which the file or folder exists. Raises InputError if there is none."""
    parts = Path(pattern).parts
    position = next(i for i, part in enumerate(parts) if PLACEHOLDER in part)
    parent = Path(*parts[:position])
    before, after = parts[position].split(PLACEHOLDER, 1)
    rest = re.escape(after).replace(re.escape(PLACEHOLDER), r"\1")
    named = re.compile(rf"{re.escape(before)}(\d{{4}}-\d{{2}}-\d{{2}}){rest}\Z")
    try:
        names = [entry.name for entry in parent.iterdir()]
    except OSError as error:
        raise InputError(f"input.path: {pattern}: the folder {parent} cannot be read: {error.strerror}") from None
    dates = sorted((found for name in names if (found := _date(named.match(name)))), reverse=True)
    for found in dates:
        if Path(pattern.replace(PLACEHOLDER, found.isoformat())).exists():
            return found
    raise InputError(f"input.path: {pattern}: no file or folder has a date (YYYY-MM-DD) in place of {PLACEHOLDER}")


def check_unchanged(before: InputFiles, settings: Input, run_date: date) -> None:
    """Raise InputError if a file came, went or changed since `before`: what was read would be a mixture."""
    now = find_input_files(settings, run_date)
    if now != before:
        changed = sorted({name for name, _, _ in set(now.files) ^ set(before.files)})
        raise InputError(f"input.path: {changed[0]} changed while it was being read; run again when its writer is done")


def data_files(root: Path) -> list[Path]:
    """The files Spark would read, by name, also through links: hidden ones (see `is_hidden`) are not data."""
    if not root.is_dir():
        return [root]
    found: list[Path] = []

    def refuse(error: OSError) -> None:
        raise InputError(f"input.path: {error.filename} cannot be read: {error.strerror}")

    for parent, folders, names in os.walk(root, onerror=refuse, followlinks=True):
        inside = Path(parent).resolve()
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        for name in folders:
            if inside.is_relative_to((Path(parent) / name).resolve()):
                raise InputError(f"input.path: {parent}/{name} is a link to a folder that it lies in; remove it")
        found += [Path(parent) / name for name in sorted(names) if not is_hidden(name)]
    return found


def is_hidden(name: str) -> bool:
    """Whether Spark passes over a file or folder: . or _ in front, but for folders like _region=DE, or being copied."""
    return name.startswith(".") or (name.startswith("_") and "=" not in name) or name.endswith("._COPYING_")


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
        raise InputError(f"input.path: {root} has a hidden name, which Spark ignores; rename it")


def _check_folders(root: Path, files: Sequence[Path]) -> None:
    """Refuse folders of which Spark would read only a part, without a word."""
    if root not in files:
        names = {file: tuple(part.partition("=")[0] for part in _folders(root, file)) for file in files}
        for file in files:
            if any("=" not in part for part in _folders(root, file)):
                raise InputError(
                    f"input.path: {file} is in a folder below {root}, which Spark does not read; "
                    "expected all files in one folder, or in folders named column=value"
                )
            if names[file] != names[files[0]]:
                raise InputError(
                    f"input.path: {file} and {files[0]} are in different kinds of folders, of which Spark would "
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
        raise InputError(f"input.path: {file} is not a regular file")
    return str(file), status.st_size, status.st_mtime_ns


def _date(match: re.Match[str] | None) -> date | None:
    try:
        return date.fromisoformat(match[1]) if match else None
    except ValueError:
        return None
