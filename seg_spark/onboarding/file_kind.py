"""What a file is, from its first bytes and, where they do not tell, its name."""

import json
import re
import zlib
from pathlib import Path
from typing import Final, Literal

from seg_spark.errors import InputError
from seg_spark.onboarding.text_encoding import by_mark
from seg_spark.storage.csv_header import opened

FileFormat = Literal["csv", "parquet", "json", "orc"]

_LOOKED_AT_BYTES: Final = 1_000_000
_ADVICE: Final = "export the table as CSV (or Parquet, JSON lines, ORC)"
_NO_TABLES: Final = (
    (b"PK\x03\x04", "a zip archive or an Excel workbook"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"%PDF", "a PDF document"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"\x28\xb5\x2f\xfd", "compressed with Zstandard"),
    (b"\xfd7zXZ", "compressed with xz"),
    (b"Rar!", "a RAR archive"),
    (b"SQLite format 3", "a SQLite database"),
    (b"Obj\x01", "an Avro file"),
    (b"\x89HDF", "an HDF5 file"),
    (b"ARROW1", "an Arrow (Feather) file"),
    (b"$FL2", "an SPSS file"),
    (b"<!DOCTYPE", "a web page"),
    (b"<html", "a web page"),
    (b"<?xml", "an XML file"),
)
_SUFFIXES: Final[dict[str, FileFormat]] = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".orc": "orc",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
}


def format_of(file: Path) -> FileFormat:
    """The format of a file that is not empty. Raises InputError for what is no table, or cannot be read."""
    start = read_start(file)
    _refuse_misnamed(file)
    if start.startswith(b"PAR1"):
        return "parquet"
    if start.startswith(b"ORC") and (
        _plain_suffix(file) == ".orc" or not start[:512].isascii() or b"\x00" in start[:512]
    ):
        return "orc"  # and no header that begins with these letters
    for magic, what in _NO_TABLES:
        if start.startswith(magic):
            raise InputError(f"--input {file} is {what}; {_ADVICE}")
    encoding = by_mark(start)
    if encoding is None and b"\x00" in start:
        raise InputError(f"--input {file} is no text, but none of the known binary formats either; {_ADVICE}")
    text = start.decode(encoding or "utf-8", errors="replace").lstrip("\ufeff \t\r\n")
    by_name = _SUFFIXES.get(_plain_suffix(file))
    if _looks_like_json(text, named=by_name == "json"):
        return "json"
    if by_name in ("parquet", "orc"):
        raise InputError(f"--input {file} is named .{by_name}, but does not begin like such a file (is it damaged?)")
    return "csv"


def read_start(file: Path) -> bytes:
    """The first bytes of a file, decompressed. Raises InputError if it cannot be read."""
    try:
        with opened(file) as raw:
            return raw.read(_LOOKED_AT_BYTES)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or "it is damaged, or not what its suffix says"
        raise InputError(f"--input {file} cannot be read: {reason}") from None


def _refuse_misnamed(file: Path) -> None:
    with file.open("rb") as raw:
        magic = raw.read(3)
    suffix = file.suffix.lower()
    for expected, signs, what in ((".gz", b"\x1f\x8b", "gzip"), (".bz2", b"BZh", "bzip2")):
        if magic.startswith(signs) and suffix != expected:
            raise InputError(
                f"--input {file} is compressed with {what}, which Spark tells by the suffix {expected} only; rename it"
            )


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
