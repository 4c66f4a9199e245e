"""What the night is meant to reach, as ratios of measured seconds."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from benchmark.questions import size_text

OURS: Final = "a"
COPY, LABEL = "copy", "label"
Seconds = Mapping[tuple[int, str], float]
"""Median seconds by rows and contender; also of `copy` and `label` in a warm session."""


@dataclass(frozen=True)
class Target:
    """`what` at `rows`, over `against` at `against_rows`, is at most `limit`; alone, in seconds, without `against`."""

    rows: int
    limit: float
    what: str = OURS
    against: str | None = None
    against_rows: int | None = None


TARGETS: Final = (
    Target(200, 0.35, against="c"),
    Target(200, 12.0),
    Target(1_000_000, 1.0, against="b1"),
    Target(1_000_000, 0.3, against="b10"),
    Target(1_000_000, 0.25, against="c"),
    Target(10_000_000, 0.6, against="b1"),
    Target(10_000_000, 0.15, against="b10"),
    Target(10_000_000, 60.0),
    Target(10_000_000, 1.5, what=LABEL, against=COPY),
    Target(10_000_000, 3.0, against=OURS, against_rows=1_000_000),
    Target(100_000_000, 9.0, against=OURS, against_rows=10_000_000),
)
"""Of tables with six features."""


@dataclass(frozen=True)
class Reached:
    """A ratio (or seconds) that was measured, and its target if it has one."""

    what: str
    value: float
    unit: str
    limit: float | None

    @property
    def met(self) -> bool | None:
        """Whether the target was reached; None without one."""
        return None if self.limit is None else self.value <= self.limit


def ratios(seconds: Seconds, with_targets: bool = True) -> list[Reached]:
    """Everything that can be compared in what was measured so far, by rows."""
    limits = {_key(one): one.limit for one in TARGETS} if with_targets else {}
    found = []
    for rows in sorted({rows for rows, _ in seconds}):
        if (rows, OURS) in seconds:
            key = (rows, OURS, None, None)
            found.append(Reached(f"{size_text(rows)}: ours", seconds[rows, OURS], "s", limits.get(key)))
        pairs = [(OURS, name, rows) for size, name in seconds if size == rows and name not in (OURS, COPY, LABEL)]
        pairs += [(LABEL, COPY, rows)]
        pairs += [(OURS, OURS, rows // 10)]
        for what, against, against_rows in pairs:
            if (rows, what) in seconds and seconds.get((against_rows, against)):
                value = seconds[rows, what] / seconds[against_rows, against]
                grown = against_rows if against_rows != rows else None
                title = f"growth from {size_text(against_rows)}" if grown else f"{_title(what)} / {_title(against)}"
                limit = limits.get((rows, what, against, grown))
                found.append(Reached(f"{size_text(rows)}: {title}", value, "x", limit))
    return found


def _key(target: Target) -> tuple[int, str, str | None, int | None]:
    return target.rows, target.what, target.against, target.against_rows


def _title(name: str) -> str:
    return {OURS: "ours", LABEL: "label and write, warm", COPY: "bare copy, warm"}.get(name, name)
