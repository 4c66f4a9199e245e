"""Cards of segments: what sets each apart, within 80 columns."""

from datetime import date
from io import StringIO
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from seg_spark.reporting.segment_cards import WIDTH, show_all_features, show_history, show_segments
from seg_spark.segments.model import SegmentEvent
from seg_spark.segments.profiles import Profile


def profile(segment_id: int, feature: str, z_score: float | None, rank: int, **values: Any) -> Profile:
    usual: dict[str, Any] = {
        "segment_name": f"Segment {segment_id}",
        "kind": "number",
        "unit": None,
        "customers": 1000 * segment_id,
        "share": segment_id / 3,
        "mean": 10.0,
        "overall_mean": 5.0,
        "z_score": z_score,
        "trait_rank": rank,
        "nearest_segment_id": 3 - segment_id,
    }
    return Profile(segment_id=segment_id, feature=feature, **(usual | values))


def shown(*profiles: Profile, everything: bool = False) -> list[str]:
    console = Console(width=WIDTH, record=True, file=StringIO())
    show = show_all_features if everything else show_segments
    show(console, profiles, "Segments of 2026-11-23")
    return console.export_text().splitlines()


def test_a_card_shows_size_traits_rule_and_the_nearest_segment() -> None:
    lines = shown(
        profile(1, "annual_income", 1.4, 1, unit="k$", mean=86.0, overall_mean=60.0, rule="annual_income > 71",
                rule_precision=0.987, rule_coverage=0.91),
        profile(1, "plan", 0.7, 2, kind="category", level="premium", level_share=0.63, overall_level_share=0.37),
        profile(2, "annual_income", -0.7, 1, unit="k$", mean=47.0, overall_mean=60.0),
    )  # fmt: skip
    assert lines[0] == "Segments of 2026-11-23: 2 segments, 3,000 customers"
    assert lines[2] == f"  1  Segment 1{'1,000 customers  33.3%':>{WIDTH - 14}}"
    assert lines[3] == "      annual income  86 k$        43% above average (60)"
    assert lines[4] == "      plan           premium 63%  37% of all"
    assert lines[5] == "      rule: annual_income > 71 (covers 91%, 99% right)"
    assert lines[6] == "      nearest segment: 2 Segment 2"
    assert "22% below average (60)" in lines[9]


def test_the_strongest_traits_come_first_and_at_most_five() -> None:
    z_scores = [0.1, -3.0, 0.6, 2.0, 0.7, -0.8, 0.9]
    ranks = [7, 1, 6, 2, 5, 4, 3]
    lines = shown(*(profile(1, f"f{i}", z, rank) for i, (z, rank) in enumerate(zip(z_scores, ranks, strict=True))))
    assert [line.split()[0] for line in lines[3:]] == ["f1", "f3", "f6", "f5", "f4"]


def test_slight_differences_are_shown_where_there_are_few_others_and_none_below_them() -> None:
    z_scores = [0.09, -0.1, 0.4, 1.0]
    lines = shown(*(profile(1, f"f{i}", z, 4 - i) for i, z in enumerate(z_scores)))
    assert [line.split()[0] for line in lines[3:]] == ["f3", "f2", "f1"]


def test_a_segment_that_is_average_is_called_so() -> None:
    lines = shown(*(profile(1, f"f{i}", 0.05, i + 1, mean=5.0) for i in range(6)))
    assert lines[3:] == ["      close to average in every feature"]


def test_a_skewed_feature_is_told_by_its_medians() -> None:
    skewed = {"mean": 184.0, "median": 150.0, "overall_mean": 767.0, "overall_median": 160.0}
    lines = shown(profile(1, "spend", -0.6, 1, unit="$", **skewed), profile(2, "spend", 2.0, 1, **skewed))
    assert lines[3] == "      spend  150 $ (median)  6% below median (160)"
    few = skewed | {"overall_median": 0.0}  # half of all spend nothing: the medians tell nothing
    assert shown(profile(1, "spend", -0.6, 1, unit="$", **few))[3] == "      spend  184 $  76% below average (767)"


def test_wide_characters_take_two_columns() -> None:
    lines = shown(profile(1, "年消费额", 2.0, 2), profile(1, "age", 1.0, 1))
    assert cell_len(lines[3].split("5")[0]) == cell_len(lines[4].split("5")[0])


def test_all_features_are_shown_in_the_order_of_the_settings() -> None:
    profiles = [profile(1, f"f{i}", 0.01 * i, 6 - i) for i in range(6)]
    assert [line.split()[0] for line in shown(*profiles, everything=True)[3:]] == [f"f{i}" for i in range(6)]


@pytest.mark.parametrize("everything", [False, True])
def test_nothing_is_wider_than_eighty_columns(everything: bool) -> None:
    words = "a very long name of a segment that was made from many words " * 3
    lines = shown(
        profile(1, "f" * 60, 2.0, 1, segment_name=words, unit="kilogrammes per month and customer",
                rule=" AND ".join(f"feature_{i} > {i}" for i in range(9)), rule_precision=1.0, rule_coverage=1.0),
        profile(1, "g", 1.0, 2, kind="category", level="l" * 200, level_share=0.5, overall_level_share=0.1),
        profile(1, "h", None, 3, mean=None, overall_mean=None),
        profile(2, "f" * 60, 1.0, 1, segment_name="n" * 100),
        everything=everything,
    )  # fmt: skip
    assert max(map(len, lines)) <= WIDTH
    assert any("missing" in line for line in lines) == everything  # a feature without a value tells nothing apart


def test_the_history_tells_the_events_of_each_id() -> None:
    day, later = date(2026, 11, 20), date(2026, 11, 23)
    history = [
        SegmentEvent(day, 1, "born", "High score"),
        SegmentEvent(day, 2, "born", "Low score"),
        SegmentEvent(later, 1, "split", "High score", (1, 3, 4)),
        SegmentEvent(later, 2, "merged", "Low score", (1,)),
        SegmentEvent(later, 3, "born", "Very high score", (1,)),
        SegmentEvent(later, 1, "renamed", "Higher score"),
    ]
    console = Console(file=StringIO(), width=80)
    show_history(console, history, "History")
    assert isinstance(console.file, StringIO)
    assert console.file.getvalue().split("\n\n") == [
        "History",
        "  1  Higher score\n      2026-11-20  born\n      2026-11-23  split into 1, 3 and 4\n"
        "      2026-11-23  renamed to Higher score",
        "  2  Low score\n      2026-11-20  born\n      2026-11-23  merged into 1",
        "  3  Very high score\n      2026-11-23  born of 1\n",
    ]
