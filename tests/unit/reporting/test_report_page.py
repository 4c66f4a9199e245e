"""The report page as text: size, safety and content, for few and for many segments and features."""

import json
import re
from datetime import date
from typing import Any

import pytest
from report_pages import HOSTILE, model, page

from seg_spark.reporting.changes import changes, warnings_of
from seg_spark.reporting.report_figures import report_figures, without_customers
from seg_spark.reporting.report_sections import _isolated
from seg_spark.segments.model import Model, Segment
from seg_spark.segments.movement import SegmentSizes, Transition


def test_text_from_data_cannot_break_out_of_the_page() -> None:
    html = page(3, 3)
    assert "<script>alert" not in html
    assert html.count("<script") == 2
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL)
    assert data is not None
    assert HOSTILE in json.loads(data[1])["model"]["segments"][0]["name"]
    assert " style=" not in html
    assert "default-src &#39;none&#39;" in html


@pytest.mark.parametrize(("features", "segments"), [(2, 2), (3, 5), (25, 12), (6, 50), (1, 2)])
def test_a_page_is_small_whatever_the_number_of_segments_and_features(features: int, segments: int) -> None:
    html = page(features, segments)
    assert len(html.encode()) < (300_000 if segments <= 12 else 500_000)
    assert html.count('<article class="panel card') == segments
    assert (f"The other {features - 10} features" in html) == (features > 10)
    assert (f"The other {segments - 12} segments" in html) == (segments > 12)
    assert "nan" not in re.sub(r"[a-z]+nan|nan[a-z]+", "", html.lower())


def test_a_k_that_is_not_eligible_is_hollow_in_the_charts_and_told_in_the_table() -> None:
    html = page(3, 5)
    charts = len(re.findall('class="chosen" cx', html))
    assert html.count('class="dot off"') == charts > 1
    assert html.count("k = 6 (not eligible): ") == charts
    assert html.count("<td>too small</td>") == 1
    assert html.count("<td>only 80 distinct points</td>") == 1  # it has no scores


def test_the_map_shows_two_features_as_they_are_and_more_as_components() -> None:
    def axes(count: int, *, category: bool) -> Any:
        one, points, ids, customers = model(count + 1, 3)
        if not category:
            centres = [Segment(s.segment_id, s.name, s.cluster, s.centre[:count], 1, 0.3, 1.0) for s in one.segments]
            one, points = Model(one.features[:count], "standard", tuple(centres), 9), points[:, :count]
        return report_figures(one, customers, points, ids)["map"]

    plain = axes(2, category=False)
    assert plain["axes"] == ["feature 0 (k$)", "feature 1 (k$)"]
    assert plain["points"][0][0] > 1  # in original units
    three = axes(3, category=False)
    assert three["axes"][0].startswith("component 1 (")
    assert [sorted(names) for names in three["features"]] == [["feature 0", "feature 1", "feature 2"]] * 2
    assert len(axes(1, category=False)["points"][0]) == 2


def test_examples_are_of_their_segment_and_the_page_shows_no_ids() -> None:
    one, points, ids, customers = model(4, 3)
    figures = report_figures(one, customers, points, ids)
    assert set(figures["examples"]) == {"1", "2", "3"}
    for own in figures["examples"].values():
        assert [set(row["values"]) for row in own["typical"]] == [{one.name for one in one.features}] * 3
    shown = {row["id"] for kinds in figures["examples"].values() for rows in kinds.values() for row in rows}
    assert shown <= set(customers["customer_id"].to_pylist())
    html = page(4, 3)
    assert not [id_ for id_ in customers["customer_id"].to_pylist() if id_ in html]


def test_customers_can_be_taken_out_of_the_figures() -> None:
    one, points, ids, customers = model(4, 3)
    figures = report_figures(one, customers, points, ids)
    [gone, *_] = figures["examples"]["2"]["typical"]
    position = figures["map"]["ids"].index(gone["id"])
    left = without_customers(figures, {gone["id"], "unknown"})
    assert gone["id"] not in json.dumps(left)
    assert left["examples"]["2"]["typical"] == figures["examples"]["2"]["typical"][1:]
    for name in ("points", "segments", "ids"):
        assert left["map"][name] == figures["map"][name][:position] + figures["map"][name][position + 1 :]
    assert without_customers(figures, {"unknown"}) == figures


def test_a_first_date_has_no_section_of_changes() -> None:
    assert 'id="changes"' in page(2, 2)
    assert 'id="changes"' not in page(2, 2, dates=1)


def test_moves_are_told_since_the_date_they_were_counted_from() -> None:
    first, between, last = (SegmentSizes(date(2026, 11, day), {1: 5 * day}, {1: f"on {day}"}) for day in (20, 22, 23))
    told = changes({"movement": {"since": "2026-11-20"}}, [Transition(1, 1, 7)], [first, between, last])
    assert (told["moves"]["since"], told["moves"]["from_names"]) == (first.run_date, {1: "on 20"})
    assert changes({"movement": {"since": "2026-11-19"}}, [Transition(1, 1, 7)], [first, last])["moves"] is None


def test_a_trait_that_is_not_known_of_many_says_so() -> None:
    text = page(2, 2)
    assert text.count("; unknown for 50%") == 1
    assert text.count("; unknown for ") == 1


def test_the_first_lines_and_the_section_say_how_far_the_segments_may_be_trusted() -> None:
    assert page(2, 2).count("They are stable") == 2


def test_reasons_and_filled_values_are_told_in_words() -> None:
    text = page(2, 2)
    assert "feature 0: out of range" in text
    assert "missing id" in text
    assert '<td class="n">3</td><td class="n">a level of its own</td>' in text


def test_a_level_that_is_as_frequent_as_everywhere_is_not_told_in_the_profiles() -> None:
    assert page(2, 2).count(">like everybody<br><span>0.0</span>") == 1


def test_a_feature_that_nobody_has_leaves_the_page_whole() -> None:
    text = page(2, 2, known=False)
    assert text.count('inputmode="decimal"') == 1
    assert "placeholder=" not in text


def test_arabic_names_leave_the_numbers_beside_them_in_place() -> None:
    assert _isolated("عدد الطلبات 20.7, 90% above average") == "\u2068عدد الطلبات\u2069 20.7, 90% above average"
    assert _isolated("orders 20.7") == "orders 20.7"


@pytest.mark.parametrize(
    ("record", "told"),
    [
        ({"refit": {"looks_broken": True, "because": "the input looks broken: only 699"}}, "may be wrong: the input"),
        ({"movement": {"since": "2026-11-22", "stayed": 10, "moved": 30, "entered": 0, "left": 41}}, "41 of the 81"),
        ({"movement": {"since": "2026-11-22", "stayed": 10, "moved": 30, "entered": 900, "left": 40}}, ""),
        ({"refit": {"because": "an older record"}, "movement": None}, ""),
        ({}, ""),
    ],
)
def test_what_makes_labels_doubtful_is_told_first(record: dict[str, Any], told: str) -> None:
    found = warnings_of(record)
    assert len(found) == bool(told)
    assert told in "".join(found)
