"""Charts as numbers: where marks, ticks and labels lie in an SVG. No drawing here; the template of the page does it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

PALETTE_SIZE: Final = 12
_TICKS: Final = 6


@dataclass(frozen=True)
class Axis:
    """A linear scale from values to positions, with a few round ticks as (position, text)."""

    low: float
    high: float
    start: float
    end: float

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
        return [(self.at(one), f"{one:,.10g}") for one in ((first + i) * step for i in range(max(0, count)))]


def segment_class(segment_id: int) -> str:
    """The CSS class of a segment's colour: twelve colours, again from the first after the twelfth."""
    return f"c{(segment_id - 1) % PALETTE_SIZE}"


def line_chart(points: Mapping[int, float | None], chosen: int, beside: Mapping[int, float | None]) -> dict[str, Any]:
    """A score by k as a line, with dots, the chosen k and (where there are values) a second line."""
    known = {k: value for k, value in points.items() if value is not None and math.isfinite(value)}
    other = {k: value for k, value in beside.items() if value is not None and math.isfinite(value)}
    if not known:
        return {}
    values = [*known.values(), *other.values()]
    x = Axis(min(points), max(points), 58, 308)
    y = Axis(min(values), max(values), 150, 14)
    return {
        "line": _line(known, x, y),
        "beside": _line(other, x, y) if other else "",
        "beside_values": other,
        "dots": [(x.at(k), y.at(value), k == chosen, k, value) for k, value in sorted(known.items())],
        "x_ticks": [(x.at(k), k) for k in sorted(points)][:: math.ceil(len(points) / 10)],
        "y_ticks": y.ticks,
        "chosen_x": x.at(chosen) if chosen in known else None,
    }


def scatter(figures: Mapping[str, Any], segment_ids: Sequence[int]) -> dict[str, Any]:
    """Points of each segment as one path of dots, the numbered centres, and the axes."""
    points, centres = figures["points"], figures["centres"]
    xs, ys = ([one[i] for one in (*points, *centres)] for i in (0, 1))
    x = Axis(*_padded(xs), 62, 352)
    y = Axis(*_padded(ys), 312, 10)
    dots: dict[int, list[str]] = {one: [] for one in segment_ids}
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
    lowest = min(0.0, *(value for one in segments.values() for value in one["values"]))
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
