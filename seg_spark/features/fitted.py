"""What was learnt about each feature on the training set, as plain frozen values.

A number goes missing -> fill, then clip, then transform, then (value - shift) * scale: one axis.
A category has one axis per level, which is `weight` for customers of that level and 0 for others;
a level never seen in training is 0 on all of them and so weighs nothing.
"""

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from seg_spark.features import sql_text
from seg_spark.settings.feature import TextForm

OTHER_LEVEL: Final = "other"
"""The level that rare levels are folded into."""


@dataclass(frozen=True)
class FittedNumber:
    """A feature of kind number: its declared rules and the constants of its one axis."""

    name: str
    source: str
    unit: str | None
    valid: tuple[float | None, float | None] | None
    reject_missing: bool
    fill: float
    clip: tuple[float, float] | None
    transform: Literal["none", "log1p"]
    shift: float = 0.0
    scale: float = 1.0
    text_form: TextForm | None = None
    label: str | None = None
    kind: Literal["number"] = "number"

    @property
    def shown_name(self) -> str:
        """The name shown to people."""
        return self.label or readable(self.name)

    def row_sql(self) -> str:
        """SQL of the value after fill, clip and transform, before scaling."""
        value = f"coalesce({sql_text.identifier(self.name)}, {sql_text.double(self.fill)})"
        if self.clip is not None:
            low, high = map(sql_text.double, self.clip)
            value = f"least(greatest({value}, {low}), {high})"
        # ln(1 + x), not log1p: the same formula exists in every engine
        return f"ln(1e0 + {value})" if self.transform == "log1p" else value

    def axes_sql(self) -> list[str]:
        """SQL of the coordinate on the one axis."""
        return [f"({self.row_sql()} - {sql_text.double(self.shift)}) * {sql_text.double(self.scale)}"]

    def axes(self, value: float | str | None) -> list[float]:
        """The coordinate of a clean value (None where missing) on the one axis: the formula of `axes_sql`."""
        number = self.fill if value is None else float(value)
        if self.clip is not None:
            number = min(max(number, self.clip[0]), self.clip[1])
        if self.transform == "log1p":
            number = math.log(1 + number)
        return [(number - self.shift) * self.scale]


@dataclass(frozen=True)
class FittedCategory:
    """A feature of kind category: its levels, in the order of their axes (None is the missing level)."""

    name: str
    source: str
    unit: str | None
    reject_missing: bool
    fill: str | None
    levels: tuple[str | None, ...]
    folded: tuple[str, ...]
    weight: float
    label: str | None = None
    kind: Literal["category"] = "category"

    @property
    def shown_name(self) -> str:
        """The name shown to people."""
        return self.label or readable(self.name)

    def axes_sql(self) -> list[str]:
        """SQL of the coordinates, one per level."""
        return [self._level_sql(level) for level in self.levels]

    def axes(self, value: float | str | None) -> list[float]:
        """The coordinates of a clean value (None where missing), one per level: the formula of `axes_sql`."""
        own = self.level_of(value)
        return [self.weight if level == own else 0.0 for level in self.levels]

    def _level_sql(self, level: str | None) -> str:
        value = sql_text.identifier(self.name)
        known = []
        if level is None:
            known.append(f"{value} IS NULL")
        else:
            members = [level, *self.folded] if level == OTHER_LEVEL else [level]
            known.append(f"{value} IN ({', '.join(map(sql_text.text, members))})")
            if level == self.level_of(None):
                known.append(f"{value} IS NULL")
        return f"CASE WHEN {' OR '.join(known)} THEN {sql_text.double(self.weight)} ELSE 0e0 END"

    def level_of(self, value: float | str | None) -> str | None:
        """The level a clean value belongs to: missing filled as declared, rare ones folded."""
        filled = self.fill if value is None else str(value)
        return OTHER_LEVEL if filled in self.folded else filled


FittedFeature = FittedNumber | FittedCategory


def readable(name: str) -> str:
    """The words of a feature's name, for people: annual_income and AnnualIncome -> annual income; CLV stays."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name.replace("_", " ")).split()
    return " ".join(word if len(word) > 1 and word.isupper() else word.lower() for word in words)


def with_axes(features: Iterable[FittedFeature]) -> Iterator[tuple[FittedFeature, slice]]:
    """Each feature with the positions of its axes in the space they span together."""
    start = 0
    for feature in features:
        stop = start + (len(feature.levels) if isinstance(feature, FittedCategory) else 1)
        yield feature, slice(start, stop)
        start = stop
