"""Names, levels and numbers as people read them. No Spark here."""

from collections.abc import Sequence
from typing import Final

from seg_spark.cleaning.one_value import FALSE_TEXTS, TRUE_TEXTS
from seg_spark.settings.feature import CALENDAR_YEAR

NOTABLE: Final = 0.5
"""A mean that is so many standard deviations from everybody's sets a segment apart."""
AVERAGE_DESCRIPTION: Final = "Close to average in every feature"
_SKEWED: Final = 1.5
"""From so many times the median on, the mean of all is made by a few large values and is typical of nobody."""
_LONGEST_LEVEL: Final = 40
_BEGINNING: Final = 26
"""Of a longer level so much of its beginning is shown, and of its end what there is room for."""
_MANY_TIMES: Final = 3
_SMALL_CHANGE: Final = 0.05
"""A mean that is nearer to everybody's is told by the plain difference."""
_UNITS_OF_DIFFERENCES: Final = {"%": "percentage points", CALENDAR_YEAR: "years"}


def shown_level(level: str | None) -> str:
    """A level of a category for people: shortened where it is long."""
    if level is None:
        return "missing"
    return level if len(level) <= _LONGEST_LEVEL else f"{level[:_BEGINNING]}…{level[_BEGINNING + 1 - _LONGEST_LEVEL :]}"


def readable_number(value: float, unit: str | None = None) -> str:
    """Three digits below a thousand, whole numbers with groups above: 0.0123, 86.5, 12,345; years as 1983."""
    if unit == CALENDAR_YEAR:
        return f"{value:.0f}"
    return f"{value:,.0f}" if 999.5 <= abs(value) < 1e15 else f"{value:.3g}"


def with_unit(value: float, unit: str | None) -> str:
    """A number and its unit: 86.5 k$; a year alone."""
    number = readable_number(value, unit)
    return f"{number} {unit}" if unit and unit != CALENDAR_YEAR else number


def typical(
    mean: float, median: float | None, overall_mean: float, overall_median: float | None, deviation: float = 0.0
) -> tuple[float, float, str]:
    """What tells the values of a segment, and of everybody: `average`s, or of a skewed feature `median`s.

    A segment with a notable deviation (in standard deviations, in feature space) is told by the other of the two
    where these say the opposite.
    """
    told = [(mean, overall_mean, "average")]
    if median is not None and overall_median is not None:
        is_skewed = 0 < _SKEWED * overall_median <= overall_mean
        told.insert(0 if is_skewed else 1, (median, overall_median, "median"))
    agreeing = (one for one in told if not contradicts(one[0], one[1], deviation))
    return next(agreeing, told[0])


def contradicts(own: float, overall: float, deviation: float) -> bool:
    """Whether a value of a segment is not on that side of everybody's which its notable deviation says."""
    return abs(deviation) >= NOTABLE and (own - overall) * deviation <= 0


def against(own: float, overall: float, unit: str | None, of: str = "average", deviation: float = 0.0) -> str:
    """A mean (or what `of` names) beside everybody's: `43% above average`, `4.2 times the average`; the plain
    difference where that is small for the numbers, as between years of birth (`15 above average`); or everybody's where
    a percentage would say little, or the opposite of the deviation."""
    if overall <= 0 or own < 0 or contradicts(own, overall, deviation):
        return f"{of} {with_unit(overall, unit)}"
    if readable_number(own, unit) == readable_number(overall, unit):
        return f"about {of}"
    if own >= _MANY_TIMES * overall:
        return f"{readable_number(float(f'{own / overall:.2g}'))} times the {of}"
    change = own / overall - 1
    size = f"{abs(change):.0%}"
    if abs(change) < _SMALL_CHANGE or (own > 0 and size == "100%" and change < 0):
        size = with_unit(abs(own - overall), _UNITS_OF_DIFFERENCES.get(unit or "", unit))
    return f"{size} {'above' if change > 0 else 'below'} {of}"


def listed(words: Sequence[str]) -> str:
    """Words as people list them: `a, b and c`; nothing for none."""
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def with_level(name: str, level: str | None, levels: Sequence[str | None] = ()) -> str:
    """A category and its level: `plan premium`; of a yes or no `newsletter` and `no newsletter`.

    Letters and digits mean yes or no only where all `levels` do: F may be female, and 1 a class.
    """
    plain = (level or "").strip().lower()
    others = [one.strip().lower() for one in levels if one is not None]
    is_flag = (
        len(others) == 2 and any(one in TRUE_TEXTS for one in others) and any(one in FALSE_TEXTS for one in others)
    )
    if len(plain) > 1 or not plain.isascii() or is_flag:
        if plain in TRUE_TEXTS:
            return name
        if plain in FALSE_TEXTS and not name.lower().startswith("no "):
            return f"no {name}"
    return f"{name} {shown_level(level)}"
