"""Charts as numbers: what is drawn is what was counted."""

import re
from datetime import date
from itertools import pairwise

import pytest

from seg_spark.reporting.charts import flows, scatter, size_lines


def heights(path: str) -> float:
    """The height of a ribbon at its right end."""
    found = re.search(r"v([\d.]+)C", path)
    assert found is not None
    return float(found[1])


def test_ribbons_are_as_high_as_their_customers_and_fill_their_blocks() -> None:
    moves = [(1, 2, 30), (1, None, 10), (2, 1, 5), (None, 2, 15)]
    drawn = flows(moves)
    scale = {customers: heights(path) / customers for *_, path, customers in drawn["ribbons"]}
    assert list(scale.values()) == pytest.approx([scale[30]] * 4, rel=0.02)
    left, right = ([one for one in drawn["blocks"] if (one[2] < 230) is side] for side in (True, False))
    assert [one[0] for one in left] == [1, 2, None]
    assert [one[0] for one in right] == [1, 2, None]
    for side, blocks in ((0, left), (1, right)):
        for segment, _, _, top, height in blocks:
            assert height == pytest.approx(
                scale[30] * sum(move[2] for move in moves if move[side] == segment), rel=0.02
            )
            assert top + height <= drawn["height"]
        for above, below in pairwise(blocks):
            assert above[3] + above[4] < below[3]


def test_years_are_written_without_groups() -> None:
    figures = {"points": [(1948.0, 17_000.0), (2004.0, 21_000.0)], "segments": [1, 1], "centres": [(1980.0, 19_000.0)]}
    found = scatter({**figures, "axes": ["born (calendar year)", "income (€)"]}, [1])
    assert [text for _, text in found["x_ticks"]] == ["1960", "1980", "2000"]
    assert "19,000" in [text for _, text in found["y_ticks"]]


def test_nobody_who_moved_is_no_picture() -> None:
    assert flows([]) == {}


def test_lines_of_sizes_skip_dates_without_the_segment_and_labels_do_not_meet() -> None:
    days = [date(2026, 11, day) for day in (1, 2, 9)]
    sizes = {days[0]: {1: 100, 2: 101, 3: 7}, days[1]: {1: 100, 2: 102, 3: 7}, days[2]: {1: 100, 2: 103}}
    drawn = size_lines(sizes, [1, 2, 3])
    points = {one: [dot[2:] for dot in dots] for one, _, _, dots in drawn["lines"]}
    assert points == {
        1: [(days[0], 100), (days[1], 100), (days[2], 100)],
        2: [(days[0], 101), (days[1], 102), (days[2], 103)],
        3: [(days[0], 7), (days[1], 7)],
    }
    across = {dot[2]: dot[0] for _, _, _, dots in drawn["lines"] for dot in dots}
    assert (across[days[1]] - across[days[0]]) * 7 == pytest.approx(across[days[2]] - across[days[1]], rel=0.02)
    at = sorted(label[2] for label in drawn["labels"])
    assert all(below - above >= 13 for above, below in pairwise(at))
