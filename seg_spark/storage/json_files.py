"""JSON files, looked at before Spark takes every line for a value of its own."""

import json
from collections.abc import Sequence
from pathlib import Path

from seg_spark.errors import InputError
from seg_spark.storage.csv_header import opened


def check_one_value_per_line(files: Sequence[Path]) -> None:
    """Raise InputError if the first line of a file only begins a JSON value."""
    for file in files:
        try:
            with opened(file) as raw:
                line = next((line for line in raw if line.strip()), b"")
        except (EOFError, OSError) as error:
            raise InputError(f"input.path: {file} cannot be read: {error}") from None
        text = line.decode("utf-8-sig", errors="replace").strip()
        if text[:1] in ("[", "{") and not _is_whole(text):
            raise InputError(
                f"input.path: the first line of {file} is no whole JSON value; if one value spans several lines, "
                "set input.options.multi_line: true"
            )


def _is_whole(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
