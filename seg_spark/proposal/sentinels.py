"""Numbers that more likely mean 'unknown' than a measurement: age 118, income 666666, 999, -1."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from seg_spark.proposal.names import AGE_WORDS, AGED_THINGS, BIRTH_WORDS, hints_at

OLDEST_AGE: Final = 110
_NEGATIVE_CODES: Final = (-1, -9, -99, -999, -9999)
_MOST_PER_SIDE: Final = 2
_FAR: Final = 2.0
"""Gap to the next value, in widths of the range of all others, beyond which any value is suspicious."""
_FAR_FOR_REPEATED_DIGITS: Final = 0.5
_FAR_FOR_A_SPIKE: Final = 0.1

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SuspiciousValue:
    """A value that may mean 'unknown', how often it occurs, and why it is suspicious."""

    value: float
    count: int
    why: str
    texts: tuple[str, ...] = ()
    """How the table writes it; empty where its columns are typed."""


def suspicions(values: Numbers, header: str, this_year: int) -> tuple[SuspiciousValue, ...]:
    """The suspicious values of a column without missing ones: never 0, nor the usual end of a scale."""
    distinct, counts = np.unique(values, return_counts=True)
    named = _impossible(distinct, counts, header, this_year)
    rest = ~np.isin(distinct, [one.value for one in named])
    return (*named, *_far_out(distinct[rest], counts[rest]))


def _impossible(
    distinct: Numbers, counts: npt.NDArray[np.intp], header: str, this_year: int
) -> tuple[SuspiciousValue, ...]:
    """Implausible ages and birth years."""
    is_age = hints_at(header, AGE_WORDS) and not hints_at(header, AGED_THINGS)
    if is_age and len(distinct) and np.median(distinct) < OLDEST_AGE:
        wrong, why = (distinct > OLDEST_AGE) | (distinct < 0), "implausible age"
    elif hints_at(header, BIRTH_WORDS) and len(distinct) and 1850 < np.median(distinct) <= this_year:
        wrong, why = (
            (distinct < this_year - OLDEST_AGE) | (distinct > this_year),
            "implausible birth year",
        )
    else:
        return ()
    wrong &= distinct != 0
    return tuple(
        SuspiciousValue(float(value), int(count), why)
        for value, count in zip(distinct[wrong], counts[wrong], strict=True)
    )


def _far_out(distinct: Numbers, counts: npt.NDArray[np.intp]) -> tuple[SuspiciousValue, ...]:
    found: list[SuspiciousValue] = []
    for sign in (1, -1):
        values, times = (distinct, counts) if sign == 1 else (-distinct[::-1], counts[::-1])
        for _ in range(_MOST_PER_SIDE):
            why = _suspicion(values, times, sign)
            if why is None:
                break
            found.append(SuspiciousValue(float(values[-1] * sign), int(times[-1]), why))
            values, times = values[:-1], times[:-1]
    return tuple(found)


def _suspicion(values: Numbers, times: npt.NDArray[np.intp], sign: int) -> str | None:
    """Why the last of some ascending values (negated ones for `sign` -1) is suspicious, or None."""
    if len(values) < 4 or values[-1] == 0:
        return None
    last, others = values[-1] * sign, values[:-1]
    gap, width = values[-1] - others[-1], others[-1] - others[0]
    neighbour = f"{others[-1] * sign:.10g}"
    frequent = times[-1] >= max(3, 5 * np.median(times[:-1]), 0.005 * times.sum())
    isolated = gap > 2 * np.diff(others).max()
    signs = (
        (sign == -1 and last in _NEGATIVE_CODES and others[-1] <= 0, "the only negative value"),
        (len(values) >= 8 and gap > _FAR * width, f"far from the next value, {neighbour}"),
        (
            isolated and gap > _FAR_FOR_REPEATED_DIGITS * width and _repeats_one_digit(last),
            f"one digit repeated, far from the next value, {neighbour}",
        ),
        (
            isolated and len(values) >= 10 and gap > _FAR_FOR_A_SPIKE * width and frequent,
            f"frequent, and beyond a gap: the next value is {neighbour}",
        ),
    )
    return next((why for holds, why in signs if holds), None)


def _repeats_one_digit(value: float) -> bool:
    digits = f"{abs(value):.0f}"
    return float(value).is_integer() and len(digits) >= 3 and len(set(digits)) == 1
