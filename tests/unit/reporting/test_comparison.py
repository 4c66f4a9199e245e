"""A trial beside what is published, as people and programs see it."""

import io
import json
import math
from dataclasses import replace
from datetime import date
from typing import Any

from rich.console import Console

from seg_spark.cleaning.outcomes import RowCounts
from seg_spark.clustering.scores import Scores
from seg_spark.reporting.comparison import NOT_COMPARABLE, change_line, comparison_document, show_comparison
from seg_spark.segments.matching import Comparison, Segmentation, compared_segments
from seg_spark.settings.differences import Change


def scores(k: int, **values: Any) -> Scores:
    usual: dict[str, Any] = {
        "within_ss": 1234.56, "silhouette": 0.5, "silhouette_euclidean": 0.4, "davies_bouldin": 0.7,
        "calinski_harabasz": 98.76, "smallest_share": 0.25,
    }  # fmt: skip
    return Scores(k=k, **(usual | values))


def side(because: str, accepted: int, *by_k: Scores, names: dict[int, str]) -> Segmentation:
    return Segmentation("abc", because, RowCounts(accepted + 9, accepted, 2, 3, 4, {}, {}), by_k[-1], by_k, names)


def comparison(**values: Any) -> Comparison:
    """Three published segments, two tried ones; 5 of 90 common customers move."""
    published = side("three it was", 100, scores(2), scores(3), names={1: "Rich", 2: "Poor", 3: "[b]odd[/b]"})
    tried = side("two it is", 95, scores(2, silhouette=0.61), names={1: "Poor", 2: "Rich"})
    table = {(1, 2): 50, (2, 1): 35, (3, 1): 3, (1, 1): 2, (3, None): 10, (None, 1): 5}
    published_segments, tried_segments, matching = compared_segments(published.names, tried.names, table)
    usual: dict[str, Any] = {
        "run_date": date(2026, 11, 23),
        "changes": (Change("clustering.k.max", 10, 2),),
        "cleaned_again": False,
        "comparable_scores": True,
        "remarks": (),
        "published": published,
        "tried": tried,
        "published_segments": published_segments,
        "tried_segments": tried_segments,
        "matching": matching,
        "seconds": {"fit": 4.0, "total": 6.5},
    }
    return Comparison(**(usual | values))


def shown(one: Comparison) -> str:
    text = io.StringIO()
    show_comparison(Console(file=text, width=160, highlight=False), one)
    return text.getvalue()


def cells(text: str, first: str) -> list[str]:
    """The cells of the table row whose first cell that is not empty is `first`."""
    rows = [[cell.strip() for cell in line.strip("│┃").split("│")] for line in text.splitlines() if "│" in line]
    [row] = [row for row in rows if next(filter(None, row), "") == first]
    return row


def test_both_results_stand_side_by_side() -> None:
    text = shown(comparison())
    assert "tried on the customers of 2026-11-23; nothing was published" in text
    assert "clustering.k.max: 10 -> 2\n" in text
    assert cells(text, "segments (k)") == ["segments (k)", "3", "2"]
    assert cells(text, "rows accepted") == ["rows accepted", "100", "95"]
    assert cells(text, "silhouette (squared distances)")[1:] == ["0.5000", "0.6100"]
    assert cells(text, "within sum of squares")[1:] == ["1,234.6", "1,234.6"]
    assert cells(text, "smallest segment")[1:] == ["25.0%", "25.0%"]
    assert "published: three it was" in text
    assert "tried: two it is" in text
    assert "seconds: 6.5 in all (fit 4.0)" in text


def test_the_scores_of_every_k_mark_the_chosen_ones_and_leave_gaps() -> None:
    text = shown(comparison())
    assert cells(text, "2*")[1] == "0.5000 | 0.6100"
    assert cells(text, "*3")[1] == "0.5000 | -"


def test_each_tried_segment_stands_beside_its_match_and_the_gone_ones_below() -> None:
    text = shown(comparison())
    assert cells(text, "1") == ["1", "Poor", "45", "47.4%", "2", "Poor", "35", "35.0%", "35"]
    assert cells(text, "2") == ["2", "Rich", "50", "52.6%", "1", "Rich", "52", "52.0%", "50"]
    assert cells(text, "gone") == ["", "gone", "", "", "3", "[b]odd[/b]", "13", "13.0%", ""]
    assert "5 of 90 customers would move to another segment (5.6%); adjusted Rand index 0." in text
    assert "5 customers would enter, 10 would leave" in text


def test_a_tried_segment_without_a_match_is_new() -> None:
    published = side("one", 10, scores(2), names={1: "All", 2: "Few"})
    tried = side("three", 10, scores(3), names={1: "All", 2: "Few", 3: "Fresh"})
    one, other, matching = compared_segments(published.names, tried.names, {(1, 1): 6, (2, 2): 2, (1, 3): 2})
    text = shown(
        comparison(published=published, tried=tried, published_segments=one, tried_segments=other, matching=matching)
    )
    assert cells(text, "3") == ["3", "Fresh", "2", "20.0%", "", "new", "", "", ""]


def test_what_limits_the_comparison_is_said() -> None:
    assert NOT_COMPARABLE not in shown(comparison())
    text = shown(comparison(comparable_scores=False, cleaned_again=True, remarks=("mind this",), changes=()))
    assert NOT_COMPARABLE in text
    assert "the input was read and cleaned again" in text
    assert "mind this" in text
    assert "no setting differs" in text


def test_settings_are_shown_as_one_writes_them() -> None:
    assert change_line(Change("features.scaling", "standard", "robust")) == "features.scaling: standard -> robust"
    assert change_line(Change("clustering.refine", True, False)) == "clustering.refine: true -> false"
    assert change_line(Change("features.columns.age", {"unit": "Jahre"}, None)) == (
        'features.columns.age: {"unit": "Jahre"} -> null'
    )


def test_the_document_holds_both_sides_and_every_json_parser_reads_it() -> None:
    one = comparison()
    strange = replace(one.tried, scores=scores(2, calinski_harabasz=math.inf, silhouette_euclidean=None))
    document = comparison_document(replace(one, tried=strange))
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert document["run_date"] == "2026-11-23"
    assert document["changes"] == [{"setting": "clustering.k.max", "before": 10, "after": 2}]
    assert document["published"]["k"] == 3
    assert document["published"]["rows"]["accepted"] == 100
    assert [one["k"] for one in document["published"]["scores_by_k"]] == [2, 3]
    assert document["tried"]["scores"]["calinski_harabasz"] is None
    assert document["tried"]["segments"][0] == {
        "segment_id": 1, "name": "Poor", "customers": 45, "share": 45 / 95, "matched_segment_id": 2,
        "shared_customers": 35,
    }  # fmt: skip
    moves = document["moves"]
    assert (moves["in_both"], moves["moved"], moves["entered"], moves["left"]) == (90, 5, 5, 10)
    assert moves["moved_share"] == 5 / 90
    assert "in_both" in moves


def test_infinite_scores_are_shown_as_gaps() -> None:
    one = comparison()
    strange = replace(one.tried, scores=scores(2, calinski_harabasz=math.inf, davies_bouldin=math.nan))
    text = shown(replace(one, tried=strange))
    assert cells(text, "Calinski-Harabasz")[1:] == ["98.8", "-"]
    assert cells(text, "Davies-Bouldin (lower is better)")[1:] == ["0.7000", "-"]
