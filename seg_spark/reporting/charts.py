"""Charts as numbers: where marks, ticks and labels lie in an SVG. No drawing here; the template of the page does it."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from seg_spark.settings.feature import CALENDAR_YEAR

PALETTE_SIZE: Final = 12
_TICKS: Final = 6
_LEFT, _MIDDLE, _RIGHT = 152, 230, 308  # where ribbons begin, turn and end


@dataclass(frozen=True)
class Axis:
    """A linear scale from values to positions, with a few round ticks as (position, text)."""

    low: float
    high: float
    start: float
    end: float
    is_years: bool = False

    def at(self, value: float) -> float:
        """The position of a value, with one decimal."""
        width = self.high - self.low or 1.0
        return round(self.start + (value - self.low) / width * (self.end - self.start), 1)

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """Round values inside the scale."""
        step = _round_step((self.high - self.low) / _TICKS)
        first = math.ceil(self.low / step)
        count = int((self.high - first * step) / step + 1e-9) + 1
        form = ".12g" if self.is_years else ",.12g"
        return [(self.at(one), f"{one:{form}}") for one in ((first + i) * step for i in range(max(0, count)))]


def segment_class(segment_id: int) -> str:
    """The CSS class of a segment's colour: twelve colours, again from the first after the twelfth."""
    return f"c{(segment_id - 1) % PALETTE_SIZE}"


def line_chart(
    points: Mapping[int, float | None], chosen: int, beside: Mapping[int, float | None], limit: float | None = None
) -> dict[str, Any]:
    """A score by k as a line, with dots, the chosen k, a second line where there are values, and the height of a limit
    that is to be seen."""
    known = {k: value for k, value in points.items() if value is not None and math.isfinite(value)}
    other = {k: value for k, value in beside.items() if value is not None and math.isfinite(value)}
    if not known:
        return {}
    values = [*known.values(), *other.values()]
    x = Axis(min(points), max(points), 58, 308)
    if limit is not None:
        values.append(limit)
    y = Axis(min(values), max(values), 150, 14)
    return {
        "line": _line(known, x, y),
        "beside": _line(other, x, y) if other else "",
        "beside_values": other,
        "dots": [(x.at(k), y.at(value), k == chosen, k, value) for k, value in sorted(known.items())],
        "x_ticks": [(x.at(k), k) for k in sorted(points)][:: math.ceil(len(points) / 10)],
        "y_ticks": y.ticks,
        "chosen_x": x.at(chosen) if chosen in known else None,
        "limit_y": None if limit is None else y.at(limit),
    }


def scatter(figures: Mapping[str, Any], segment_ids: Sequence[int]) -> dict[str, Any]:
    """Points of each segment as one path of dots, the numbered centres, and the axes."""
    points, centres = figures["points"], figures["centres"]
    xs, ys = ([one[i] for one in (*points, *centres)] for i in (0, 1))
    is_years = [label.endswith(f"({CALENDAR_YEAR})") for label in (*figures["axes"], "")]
    x = Axis(*_padded(xs), 62, 352, is_years[0])
    y = Axis(*_padded(ys), 312, 10, is_years[1])
    dots: dict[int, list[str]] = {segment_id: [] for segment_id in segment_ids}
    for point, segment in zip(points, figures["segments"], strict=True):
        dots[segment].append(f"M{x.at(point[0])} {y.at(point[1])}h0")
    return {
        "paths": [(one, segment_class(one), "".join(path)) for one, path in dots.items() if path],
        "centres": [
            (one, segment_class(one), x.at(centre[0]), y.at(centre[1]))
            for one, centre in zip(segment_ids, centres, strict=True)
        ],
        "x_ticks": x.ticks,
        "y_ticks": y.ticks,
        "axes": figures["axes"],
        "features": figures.get("features", []),
        "scale": [end for axis in (x, y) for end in (axis.low, axis.high, axis.start, axis.end)],
    }


def silhouettes(figures: Mapping[str, Any]) -> dict[str, Any]:
    """One area per segment, as high as the segment is large, and the overall mean."""
    if not figures:
        return {}
    segments = figures["segments"]
    lowest = min(0.0, *(value for segment in segments.values() for value in segment["values"]))
    x = Axis(lowest, 1.0, 36, 350)
    heights = {key: 14 + 200 * one["size"] / figures["customers"] for key, one in segments.items()}
    areas, top = [], 8.0
    for key, one in segments.items():
        step = heights[key] / len(one["values"])
        steps = "".join(f"H{x.at(value)}v{step:.2f}" for value in one["values"])
        outline = f"M{x.at(0)} {top:.1f}{steps}H{x.at(0)}z"
        areas.append((int(key), segment_class(int(key)), outline, top, one["mean"], one["size"]))
        top += heights[key] + 6
    return {"areas": areas, "height": round(top + 26), "bottom": round(top), "x_ticks": x.ticks, "zero": x.at(0),
            "mean_x": x.at(figures["mean"]), "mean": figures["mean"]}  # fmt: skip


def bars(shares: Sequence[float], highest: float) -> str:
    """Shares as one path of bars in a box of 300 x 90."""
    width = 300 / max(1, len(shares))
    scale = 88 / highest if highest > 0 else 0.0
    return "".join(
        f"M{i * width + 0.5:.1f} 90v{-share * scale:.1f}h{width - 1:.1f}V90z" for i, share in enumerate(shares) if share
    )


def flows(moves: Sequence[tuple[int | None, int | None, int]]) -> dict[str, Any]:
    """Moves (from, to, customers) as ribbons between a block per segment on the left and on the right.

    None stands for those who entered (on the left) or left (on the right); its block is the last of its side.
    """
    everybody = sum(customers for *_, customers in moves)
    if not everybody:
        return {}
    froms, tos = ({move[side] for move in moves} for side in (0, 1))
    most = max(len(froms), len(tos))
    scale = max(160.0, 22.0 * most) / everybody
    blocks: list[tuple[int | None, str, float, float, float]] = []
    tops: dict[tuple[int, int | None], float] = {}
    for side, segments in enumerate((froms, tos)):
        top = 8.0
        for one in _none_last(segments):
            height = scale * sum(move[2] for move in moves if move[side] == one)
            blocks.append((one, _class(one), _LEFT - 12 if side == 0 else _RIGHT, round(top, 1), round(height, 1)))
            tops[side, one] = top
            top += max(height, 8.0) + 10
    ribbons = []
    for before, now, customers in sorted(moves, key=lambda move: tuple((side is None, side or 0) for side in move[:2])):
        height = scale * customers
        start, end = tops[0, before], tops[1, now]
        tops[0, before] += height
        tops[1, now] += height
        outline = (
            f"M{_LEFT} {start:.1f}C{_MIDDLE} {start:.1f} {_MIDDLE} {end:.1f} {_RIGHT} {end:.1f}v{height:.1f}"
            f"C{_MIDDLE} {end + height:.1f} {_MIDDLE} {start + height:.1f} {_LEFT} {start + height:.1f}z"
        )
        ribbons.append((before, now, _class(now if before is None else before), outline, customers))
    bottom = max(top + max(height, 8.0) for *_, top, height in blocks)
    return {"blocks": blocks, "ribbons": ribbons, "height": round(bottom + 8)}


def size_lines(sizes: Mapping[date, Mapping[int, int]], segments: Iterable[int]) -> dict[str, Any]:
    """Customers of some segments by date, one line each, and the id of a segment beside its last dot."""
    dates = sorted(sizes)
    shown = sorted(segments)
    highest = max((own.get(one, 0) for own in sizes.values() for one in shown), default=0)
    x = Axis(dates[0].toordinal(), dates[-1].toordinal(), 62, 322)
    y = Axis(0, highest, 218, 12)
    lines, ends = [], []
    for one in shown:
        known = [(day, sizes[day][one]) for day in dates if one in sizes[day]]
        dots = [(x.at(day.toordinal()), y.at(size), day, size) for day, size in known]
        if dots:
            lines.append((one, segment_class(one), "M" + "L".join(f"{dot[0]} {dot[1]}" for dot in dots) + "h0", dots))
            ends.append((dots[-1][1], dots[-1][0], one))
    first, last = dates[0], dates[-1]
    return {
        "lines": lines,
        "labels": [(one, at, height) for (_, at, one), height in zip(sorted(ends), _apart(sorted(ends)), strict=True)],
        "x_ticks": [(x.at(first.toordinal()), first), (x.at(last.toordinal()), last)],
        "y_ticks": y.ticks,
    }


def _apart(ends: Sequence[tuple[float, float, int]]) -> list[float]:
    """The heights of labels, from the top, each at least 13 below the one before, all inside the picture."""
    heights = [height for height, *_ in ends]
    for i in range(1, len(heights)):
        heights[i] = max(heights[i], heights[i - 1] + 13)
    below = reversed(range(len(heights)))
    return [round(min(one, 222 - 13 * room), 1) for one, room in zip(heights, below, strict=True)]


def _none_last(segments: Iterable[int | None]) -> list[int | None]:
    return sorted(segments, key=lambda segment: (segment is None, segment or 0))


def _class(segment_id: int | None) -> str:
    return "none" if segment_id is None else segment_class(segment_id)


def _line(values: Mapping[int, float], x: Axis, y: Axis) -> str:
    return "M" + "L".join(f"{x.at(k)} {y.at(value)}" for k, value in sorted(values.items()))


def _padded(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    room = 0.04 * (high - low) or 1.0
    return low - room, high + room


def _round_step(width: float) -> float:
    """1, 2 or 5 times a power of ten, at least `width`."""
    if width <= 0 or not math.isfinite(width):
        return 1.0
    power = 10.0 ** math.floor(math.log10(width))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= width * (1 - 1e-9))
