"""Records of JSON files: one per line, or one array or value per file."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from seg_spark.errors import InputError
from seg_spark.input.text_encoding import by_mark
from seg_spark.input.text_files import opened
from seg_spark.nested_fields import leaf_fields


def is_multi_line(file: Path) -> bool:
    """Whether a file holds one array or value over several lines, rather than one value per line.

    Raises InputError for another character set than UTF-8, and for several values that span lines.
    """
    with opened(file) as raw:
        if (by_mark(raw.read(64)) or "UTF-8") != "UTF-8":
            raise InputError(f"input.path: {file} is not UTF-8, which JSON has to be; convert it")
    with opened(file) as raw:
        first = next((line for line in raw if line.strip(b"\xef\xbb\xbf \t\r\n")), b"")
        if not first.lstrip(b"\xef\xbb\xbf \t").startswith(b"["):
            try:
                return not isinstance(json.loads(first.decode("utf-8-sig")), dict)
            except ValueError:
                return True
    return True


def check_one_value_per_line(files: Sequence[Path]) -> None:
    """Raise InputError if the first line of a file only begins a JSON value."""
    for file in files:
        with opened(file) as raw:
            line = next((line for line in raw if line.strip()), b"")
        text = line.decode("utf-8-sig", errors="replace").strip()
        if text[:1] in ("[", "{") and not _is_whole(text):
            raise InputError(
                f"input.path: the first line of {file} is not a whole JSON value; if one value spans several lines, "
                "set input.options.multi_line: true"
            )


def json_records(file: Path, multi_line: bool) -> Iterator[dict[str, Any] | None]:
    """The records of a file, nested objects flattened: {"address": {"city": "Bonn"}} has `address.city`.

    A line that is not a JSON object gives None: a run rejects it. Raises InputError where a file that is
    read whole is not JSON, or holds no records.
    """
    for record in _whole(file) if multi_line else _by_line(file):
        yield None if record is None else dict(leaf_fields(record.items(), _members))


def _whole_number(text: str) -> float:
    """Whole numbers with more digits than a double can hold become infinite, as they do in a run."""
    return int(text) if len(text) <= 300 else float(text)


def _by_line(file: Path) -> Iterator[Mapping[str, Any] | None]:
    only: Any = None
    with opened(file) as raw:
        for line in raw:
            text = line.decode("utf-8-sig", errors="replace").strip()
            if not text:
                continue
            try:
                value = json.loads(text, parse_int=_whole_number)
            except (ValueError, RecursionError):
                value = None
            only = value if only is None else ()
            # one line may hold an array of objects
            for record in value if isinstance(value, list) else [value]:
                yield record if isinstance(record, dict) else None
    _refuse_wrapped(only, file)


def _whole(file: Path) -> Iterator[Mapping[str, Any]]:
    with opened(file) as raw:
        text = raw.read().decode("utf-8-sig", errors="replace").strip()
    try:
        value, end = json.JSONDecoder(parse_int=_whole_number).raw_decode(text)
    except ValueError as error:
        place = f"line {error.lineno}" if isinstance(error, json.JSONDecodeError) else "somewhere"
        expected = "one array of objects, or one object per line"
        raise InputError(f"input.path: {file} is not JSON ({place}); expected {expected}") from None
    if text[end:].strip():
        raise InputError(
            f"input.path: {file} holds several values over several lines, of which Spark would read only the first; "
            "write one object per line, or one array"
        )
    if isinstance(value, list):
        for record in value:
            yield _checked(record, file)
        return
    _refuse_wrapped(value, file)
    yield _checked(value, file)


def _refuse_wrapped(value: Any, file: Path) -> None:
    """Refuse one object around the list of customers."""
    for name, inner in value.items() if isinstance(value, dict) else ():
        if isinstance(inner, list) and inner and isinstance(inner[0], dict):
            raise InputError(
                f"input.path: {file} is one object, whose {name!r} is a list of objects; export that list itself"
            )


def _checked(record: Any, file: Path) -> Mapping[str, Any]:
    if not isinstance(record, dict):
        raise InputError(f"input.path: {file}: a value is not an object; expected {{...}} with the columns by name")
    return record


def _members(value: Any) -> Iterable[tuple[str, Any]] | None:
    return value.items() if isinstance(value, dict) else None


def _is_whole(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
