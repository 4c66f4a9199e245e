"""Input paths with {run_date} in them: which of the dated files is looked at."""

import re
from datetime import date
from pathlib import Path
from typing import Final

from seg_spark.errors import InputError

PLACEHOLDER: Final = "{run_date}"


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
    raise InputError(f"input.path: {pattern}: nothing there has a date (YYYY-MM-DD) in the place of {PLACEHOLDER}")


def _date(match: re.Match[str] | None) -> date | None:
    try:
        return date.fromisoformat(match[1]) if match else None
    except ValueError:
        return None
