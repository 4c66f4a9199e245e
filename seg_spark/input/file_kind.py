"""What a file is: from its first and last bytes and, where they do not decide, its name."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from seg_spark.errors import InputError
from seg_spark.input.text_encoding import by_mark
from seg_spark.input.text_files import opened

FileFormat = Literal["csv", "parquet", "json", "orc"]

_READ_BYTES: Final = 1_000_000
_END_BYTES: Final = 16
_ADVICE: Final = "export the table as CSV (or Parquet, JSON lines, ORC)"
_BZIP2_BLOCK: Final = b"1AY&SY"
_SUFFIXES: Final[dict[str, FileFormat]] = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".orc": "orc",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
}


@dataclass(frozen=True)
class _Signature:
    """The bytes that a kind of file begins with; `suffix` where Spark knows the kind by that suffix only."""

    magic: bytes
    what: str
    suffix: str | None = None


_PARQUET: Final = _Signature(b"PAR1", "a Parquet file")
_ORC: Final = _Signature(b"ORC", "an ORC file")
_BZIP2: Final = _Signature(b"BZh", "compressed with bzip2", ".bz2")
_SIGNATURES: Final = (
    _PARQUET,
    _ORC,
    _BZIP2,
    _Signature(b"\x1f\x8b", "compressed with gzip", ".gz"),
    _Signature(b"PK\x03\x04", "a zip archive or an Excel workbook"),
    _Signature(b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    _Signature(b"%PDF-", "a PDF document"),
    _Signature(b"7z\xbc\xaf", "a 7-Zip archive"),
    _Signature(b"\x28\xb5\x2f\xfd", "compressed with Zstandard"),
    _Signature(b"\xfd7zXZ", "compressed with xz"),
    _Signature(b"Rar!\x1a", "a RAR archive"),
    _Signature(b"SQLite format 3\x00", "a SQLite database"),
    _Signature(b"Obj\x01", "an Avro file"),
    _Signature(b"\x89HDF", "an HDF5 file"),
    _Signature(b"ARROW1\x00\x00", "an Arrow (Feather) file"),
    _Signature(b"$FL2@(#)", "an SPSS file"),
    _Signature(b"<!DOCTYPE", "a web page"),
    _Signature(b"<html", "a web page"),
    _Signature(b"<?xml", "an XML file"),
)


def format_of(file: Path) -> FileFormat:
    """The format of a file that is not empty. Raises InputError for a file that is not a table, or cannot be read."""
    start = read_start(file)
    outer = _signature(*_ends(file), _plain_suffix(file))
    if outer is not None and outer.suffix is not None and file.suffix.lower() != outer.suffix:
        raise InputError(f"--input {file} is {_misnamed(outer)}")
    inner = outer if outer is None or outer.suffix is None else _signature(start, b"", _plain_suffix(file))
    if inner is _PARQUET:
        return "parquet"
    if inner is _ORC:
        return "orc"
    if inner is not None:
        raise InputError(f"--input {file} is {inner.what}; {_ADVICE}")
    encoding = by_mark(start)
    if encoding is None and b"\x00" in start:
        raise InputError(f"--input {file} is not text, and not a known binary format either; {_ADVICE}")
    text = start.decode(encoding or "utf-8", errors="replace").lstrip("\ufeff \t\r\n")
    by_name = _SUFFIXES.get(_plain_suffix(file))
    if _looks_like_json(text, named=by_name == "json"):
        return "json"
    if by_name in ("parquet", "orc"):
        raise InputError(f"--input {file} is named .{by_name}, but does not begin like such a file (is it damaged?)")
    return "csv"


def check_format(file: Path, expected: str) -> None:
    """Raise InputError if the first or last bytes of a file say that it is something else than `input.format`."""
    try:
        start, end = _ends(file)
    except OSError as error:
        raise InputError(f"input.path: {file} cannot be read: {error.strerror}") from None
    found = _signature(start, end, _plain_suffix(file))
    if expected == "parquet" and (found is not _PARQUET or not end.endswith(_PARQUET.magic)):
        what = "a truncated or corrupt Parquet file" if found is _PARQUET else "not a Parquet file"
        raise InputError(f"input.path: {file} is {what}; expected whole Parquet files (or set input.format: csv)")
    if expected == "orc" and not start.startswith(_ORC.magic):
        raise InputError(f"input.path: {file} is not an ORC file; expected whole ORC files")
    if expected in ("csv", "json") and found is not None:
        if found in (_PARQUET, _ORC):
            format_ = "parquet" if found is _PARQUET else "orc"
            raise InputError(f"input.format: {file} is {found.what}; set input.format: {format_}")
        if found.suffix is None:
            raise InputError(f"input.path: {file} is {found.what}; {_ADVICE}")
        if file.suffix.lower() != found.suffix:
            raise InputError(f"input.path: {file} is {_misnamed(found)}")


def kind_other_than_text(file: Path) -> str | None:
    """What a file is, where its first bytes are not those of a text or of a text that is compressed."""
    found = _signature(*_ends(file), _plain_suffix(file))
    if found is not None and found.suffix is None:
        return found.what
    return "not text" if found is None and by_mark(start := _ends(file)[0]) is None and b"\x00" in start else None


def read_start(file: Path) -> bytes:
    """The first bytes of a file, decompressed. Raises InputError if it cannot be read."""
    with opened(file, f"--input {file}") as raw:
        return raw.read(_READ_BYTES)


def _signature(start: bytes, end: bytes, suffix: str) -> _Signature | None:
    """The kind of file that begins and ends so; the first letters of a header are not a signature."""
    found = next((one for one in _SIGNATURES if start.startswith(one.magic)), None)
    if found is _ORC and _ORC.magic not in end and suffix != ".orc":
        return None
    if found is _BZIP2 and not start[4:].startswith(_BZIP2_BLOCK):
        return None
    return found


def _ends(file: Path) -> tuple[bytes, bytes]:
    with file.open("rb") as raw:
        start = raw.read(_END_BYTES)
        raw.seek(max(raw.seek(0, 2) - _END_BYTES, 0))
        return start, raw.read(_END_BYTES)


def _misnamed(found: _Signature) -> str:
    return f"{found.what}, but Spark decompresses only files whose name ends in {found.suffix}; rename it"


def _plain_suffix(file: Path) -> str:
    return next((one.lower() for one in reversed(file.suffixes) if one.lower() not in (".gz", ".bz2")), "")


def _looks_like_json(text: str, named: bool) -> bool:
    if re.match(r"\[\s*(\{|$)", text):
        return True
    if not text.startswith("{"):
        return named and text.startswith("[")
    first = text.splitlines()[0]
    try:
        return isinstance(json.loads(first), dict)
    except ValueError:
        return named or re.match(r'\{\s*("|\}|$)', text) is not None
