"""Numbers and dates written as text: in which form, and which texts among numbers mean that there is none."""

import math
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Final

from seg_spark.cleaning.one_value import BLANKS, parse_number
from seg_spark.proposal.names import CURRENCIES, MISSING_ANYWHERE, MISSING_BETWEEN_NUMBERS, UNITS_AFTER
from seg_spark.settings.feature import TextForm

ENOUGH: Final = 0.95
"""Share of a column's texts that must be numbers for it to count as one of numbers."""
_FEW: Final = 2_000
_HOPELESS: Final = 0.8
"""Where fewer of the first texts are numbers, the others are not tried."""
_PARTS: Final = re.compile(
    r"([^\d]*?)([-+\u2212]?[.,]?\d(?:[\d.,'\u2019 \u00a0\u202f]*\d)?[.,]?(?:[eE][+-]?\d+)?)([^\d]*)"
)
_NUMBER_FORMS: Final = (
    TextForm(decimal=".", grouping=""),
    TextForm(decimal=",", grouping=""),
    TextForm(decimal=".", grouping=","),
    TextForm(decimal=",", grouping="."),
    TextForm(decimal=".", grouping=" "),
    TextForm(decimal=",", grouping=" "),
    TextForm(decimal=".", grouping="'"),
    TextForm(decimal=",", grouping="'"),
)
_GROUPS_ONLY: Final = re.compile(r"[1-9]\d{0,2}([.,])\d{3}(?:\1\d{3})*")
_TIME: Final = (
    r"(?:[T ]\s*\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:\s*[AaPp]\.?[Mm]\.?)?\s*(?:Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?)?"
)
_NAME: Final = r"(?P<name>[^\W\d]{3,9})"
_MONTHS: Final = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_MONTHS_ELSEWHERE: Final = {"mai": 5, "okt": 10, "dez": 12, "mär": 3}
_DATE_FORMS: Final = (
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


@dataclass(frozen=True)
class NumberTexts:
    """What was found about the numbers of a text column."""

    form: TextForm | None
    """How they are written; None for plain ones."""
    share: float
    """Share of the texts that are numbers in this form."""
    ambiguous: bool
    """Whether `1,234` might be read in two ways, and other evidence had to decide."""


def read_form(texts: Mapping[str, int], decimal_comma: bool) -> NumberTexts:
    """The form in which most of some texts (with their counts) are numbers; `decimal_comma` settles doubts."""
    if len(texts) > 2 * _FEW:
        few = read_form(dict(islice(texts.items(), _FEW)), decimal_comma)
        if few.share < _HOPELESS:
            return few
    total = sum(texts.values())
    plain = _share(texts, None, total)
    if plain >= ENOUGH:
        if decimal_comma and _all_in_groups(texts, "."):
            grouped = TextForm(decimal=",", grouping=".")
            return NumberTexts(grouped, _share(texts, grouped, total), True)
        return NumberTexts(None, plain, False)
    symbols = _symbols_of(texts)
    shares = [(_share(texts, one, total), one) for one in (_with(form, symbols) for form in _NUMBER_FORMS)]
    best = max(share for share, _ in shares)
    if best < ENOUGH or best <= plain:
        return NumberTexts(None, plain, False)
    tied = [form for share, form in shares if share == best]
    by_signs: dict[tuple[str, str], TextForm] = {(form.decimal, form.grouping): form for form in tied}
    for sign, opposite in ((".", ","), (",", ".")):
        decimal, grouping = by_signs.get((sign, "")), by_signs.get((opposite, sign))
        if decimal is not None and grouping is not None and any(sign in text for text in texts):
            return NumberTexts(decimal if decimal_comma == (sign == ",") else grouping, best, True)
    return NumberTexts(tied[0], best, False)


def decimal_sign(texts: Mapping[str, int]) -> str | None:
    """The decimal sign of a column, where it leaves no doubt: not 1,234, but 12,5 or 1.234,50."""
    found = read_form(texts, decimal_comma=False)
    if found.share < ENOUGH or found.ambiguous:
        return None
    form = found.form or TextForm()
    written = any(re.search(rf"{re.escape(form.decimal)}\d", text) for text in texts)
    return form.decimal if written and not _all_in_groups(texts, form.decimal) else None


def missing_marks(texts: Mapping[str, int]) -> frozenset[str]:
    """The texts that mean missing, in a column whose other texts are numbers; else those that mean it anywhere."""
    marks = {text: text.strip(BLANKS) for text in texts if text.strip(BLANKS) in MISSING_BETWEEN_NUMBERS}
    others = {text: count for text, count in texts.items() if text not in marks}
    if others and read_form(others, decimal_comma=False).share >= ENOUGH:
        return frozenset(marks.values())
    return frozenset(marks.values()) & MISSING_ANYWHERE if others else frozenset()


def parsed(texts: Iterable[str], form: TextForm | None) -> dict[str, float]:
    """The texts that are finite numbers, each with its number."""
    numbers = ((text, parse_number(text, form)) for text in texts)
    return {text: number for text, number in numbers if number is not None and math.isfinite(number)}


def _share(texts: Mapping[str, int], form: TextForm | None, total: int) -> float:
    numbers = parsed(texts, form)
    return sum(texts[text] for text in numbers) / total if total else 0.0


def _with(form: TextForm, symbols: Collection[str]) -> TextForm:
    return form.model_copy(update={"symbols": tuple(symbols)})


def _symbols_of(texts: Iterable[str]) -> list[str]:
    """Currencies and units around numbers; nothing else, since A1 and A2 are not numbers."""
    found: dict[str, None] = {}
    for text in texts:
        parts = _PARTS.fullmatch(text.strip(BLANKS))
        if parts:
            for around, allowed in ((parts[1], CURRENCIES), (parts[3], CURRENCIES | UNITS_AFTER)):
                symbol = around.strip(BLANKS + "\u202f+-\u2212")
                if symbol in allowed:
                    found[symbol] = None
    return list(found)[:20]


def _all_in_groups(texts: Iterable[str], sign: str) -> bool:
    """Whether each text that has the sign might have it between groups of thousands."""
    having = [match for text in texts if sign in text for match in (_PARTS.fullmatch(text.strip(BLANKS)),)]
    return bool(having) and all(match and _GROUPS_ONLY.fullmatch(match[2].lstrip("+-\u2212")) for match in having)


def date_form(texts: Collection[str]) -> tuple[str, bool] | None:
    """The form of date that nearly all of some texts have, and whether it is one that can be ordered by; or None."""
    few = list(texts)[:50]
    for form, pattern, can_order in _DATE_FORMS:
        if few and _share_of_dates(few, pattern) >= ENOUGH and _share_of_dates(texts, pattern) >= ENOUGH:
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


def _share_of_dates(texts: Collection[str], pattern: re.Pattern[str]) -> float:
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
