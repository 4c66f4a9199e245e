"""Dates written as text or as a whole number, in the usual forms."""

import re
from collections.abc import Collection, Iterable
from datetime import date
from typing import Final

ENOUGH: Final = 0.95
_TIME: Final = (
    r"(?:[T ]\s*\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:\s*[AaPp]\.?[Mm]\.?)?\s*(?:Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?)?"
)
_NAME: Final = r"(?P<name>[^\W\d]{3,9})"
_MONTHS: Final = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_MONTHS_ELSEWHERE: Final = {"mai": 5, "okt": 10, "dez": 12, "mär": 3}
_FORMS: Final = (
    ("YYYY-MM-DD", re.compile(rf"(?P<y>\d{{4}})-(?P<m>\d{{1,2}})-(?P<d>\d{{1,2}}){_TIME}"), True),
    ("YYYY/MM/DD", re.compile(rf"(?P<y>\d{{4}})[/.](?P<m>\d{{1,2}})[/.](?P<d>\d{{1,2}}){_TIME}"), False),
    ("DD.MM.YYYY", re.compile(rf"(?P<d>\d{{1,2}})\.(?P<m>\d{{1,2}})\.(?P<y>\d{{4}}|\d{{2}}){_TIME}"), False),
    ("DD-MM-YYYY", re.compile(rf"(?P<d>\d{{1,2}})-(?P<m>\d{{1,2}})-(?P<y>\d{{4}}|\d{{2}}){_TIME}"), False),
    ("MM-DD-YYYY", re.compile(rf"(?P<m>\d{{1,2}})-(?P<d>\d{{1,2}})-(?P<y>\d{{4}}|\d{{2}}){_TIME}"), False),
    ("DD/MM/YYYY", re.compile(rf"(?P<d>\d{{1,2}})/(?P<m>\d{{1,2}})/(?P<y>\d{{4}}|\d{{2}}){_TIME}"), False),
    ("MM/DD/YYYY", re.compile(rf"(?P<m>\d{{1,2}})/(?P<d>\d{{1,2}})/(?P<y>\d{{4}}|\d{{2}}){_TIME}"), False),
    ("DD Month YYYY", re.compile(rf"(?P<d>\d{{1,2}})\.?[ -]{_NAME}\.?,?[ -](?P<y>\d{{4}}|\d{{2}}){_TIME}"), False),
    ("Month DD, YYYY", re.compile(rf"(?P<name>[^\W\d]{{3,9}})\.? (?P<d>\d{{1,2}}),? (?P<y>\d{{4}}){_TIME}"), False),
    ("YYYY-MM", re.compile(r"(?P<y>\d{4})-(?P<m>\d{2})"), False),
    ("Month YYYY", re.compile(r"(?P<name>[^\W\d]{3,9})[ -](?P<y>\d{4}|\d{2})"), False),
)  # fmt: skip
_COMPACT: Final = re.compile(r"(?P<y>(?:19|20)\d{2})(?P<m>\d{2})(?P<d>\d{2})")


def date_form(texts: Collection[str]) -> tuple[str, bool] | None:
    """The form of date that nearly all of some texts have, and whether it is one that can be ordered by; or None."""
    few = list(texts)[:50]
    for form, pattern, can_order in _FORMS:
        if few and _share(few, pattern) >= ENOUGH and _share(texts, pattern) >= ENOUGH:
            return form, can_order
    return None


def are_compact_dates(numbers: Iterable[float]) -> bool:
    """Whether every number is a calendar date written yyyymmdd, such as 20261123."""
    found = False
    for number in numbers:
        match = _COMPACT.fullmatch(f"{number:.0f}")
        if match is None or not _is_date(match) or not float(number).is_integer():
            return False
        found = True
    return found


def _share(texts: Collection[str], pattern: re.Pattern[str]) -> float:
    good = sum(1 for text in texts if (match := pattern.fullmatch(text.strip())) and _is_date(match))
    return good / len(texts)


def _is_date(match: re.Match[str]) -> bool:
    parts = match.groupdict()
    month = _month_number(parts["name"]) if "name" in parts else int(parts["m"])
    year = int(parts["y"])
    try:
        date(year + 2000 if year < 100 else year, month, int(parts.get("d") or 1))
    except ValueError:
        return False
    return True


def _month_number(name: str) -> int:
    start = name[:3].lower()
    return _MONTHS.index(start) + 1 if start in _MONTHS else _MONTHS_ELSEWHERE.get(start, 0)
