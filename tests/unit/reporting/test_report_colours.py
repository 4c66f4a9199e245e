"""Contrast of the page's colours with the background, by the formula of WCAG 2.2: axe does not look into SVG."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

import seg_spark.reporting

STYLE = (Path(seg_spark.reporting.__file__).parent / "templates" / "report.css").read_text(encoding="utf-8")
TEXT, GRAPHICS = 4.5, 3.0
HEAT = [12, 20, 28, 36, 44]


def variables(rule: str) -> dict[str, str]:
    return dict(re.findall(r"--([a-z]+):(#[0-9a-f]{3,6})", rule))


def themes() -> dict[str, dict[str, str]]:
    light, dark, printed = (variables(one) for one in re.findall(r":root\{([^}]*)\}", STYLE))
    return {"light": light, "dark": dark, "print": printed}


def rgb(colour: str) -> tuple[float, ...]:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * one for one in colour[1:])
    return tuple(int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4))


def luminance(colour: tuple[float, ...]) -> float:
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def mixed(theme: Mapping[str, str], name: str, percent: int) -> tuple[float, ...]:
    colours = zip(rgb(theme[name]), rgb(theme["back"]), strict=True)
    return tuple(percent / 100 * own + (1 - percent / 100) * back for own, back in colours)


def test_the_formula_gives_the_known_contrasts() -> None:
    assert contrast(rgb("#fff"), rgb("#000")) == pytest.approx(21)
    assert contrast(rgb("#777777"), rgb("#fff")) == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("theme", ["light", "dark", "print"])
def test_text_and_marks_stand_out(theme: str) -> None:
    colours = themes()[theme]
    back = rgb(colours["back"])
    assert contrast(rgb(colours["text"]), back) >= TEXT
    assert contrast(rgb(colours["soft"]), back) >= TEXT
    assert contrast(rgb(colours["mark"]), back) >= GRAPHICS
    for name in ("low", "high"):
        for percent in HEAT:
            assert f"var(--{name}) {percent}%" in STYLE
            assert contrast(rgb(colours["text"]), mixed(colours, name, percent)) >= TEXT, (name, percent)


@pytest.mark.parametrize("theme", ["light", "dark", "print"])
def test_the_colours_of_the_segments_stand_out(theme: str) -> None:
    palette = dict(re.findall(r"\.c(\d+)\{--own:(#[0-9a-f]{6})\}", STYLE))
    assert sorted(map(int, palette)) == list(range(12))
    for segment, colour in palette.items():
        assert contrast(rgb(colour), rgb(themes()[theme]["back"])) >= GRAPHICS, segment
