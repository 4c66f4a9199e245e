"""The report page as text: size, safety and content, for few and for many segments and features."""

import json
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from seg_spark.features.fitted import FittedCategory, FittedFeature, FittedNumber
from seg_spark.reporting.report_figures import report_figures
from seg_spark.reporting.report_page import ReportData, render_report
from seg_spark.segments.model import Model, Segment
from seg_spark.segments.profiles import Profile

HOSTILE = "</script><script>alert(1)</script><!-- & 'x' \"y\" 顧客"


def model(features: int, segments: int, seed: int = 0) -> tuple[Model, np.ndarray, np.ndarray, pa.Table]:
    """A model of numbers (the last feature is a category), with the customers it was fitted on."""
    generator = np.random.default_rng(seed)
    numbers: list[FittedFeature] = [
        FittedNumber(f"feature_{i}", f"f{i}", "k$", None, False, 0.0, None, "none", shift=50.0, scale=0.1)
        for i in range(features - 1)
    ]
    levels = ("gold", HOSTILE, None)
    plan = FittedCategory("plan", "plan", None, False, None, levels, (), 1.0)
    centres = generator.normal(scale=3, size=(segments, features - 1 + len(levels)))
    ids = np.sort(generator.integers(1, segments + 1, 2_000))
    ids[:segments] = np.arange(1, segments + 1)
    points = centres[ids - 1] + generator.normal(size=(len(ids), centres.shape[1]))
    columns = {one.name: points[:, i] / 0.1 + 50 for i, one in enumerate(numbers)}
    customers = pa.table({**columns, "plan": generator.choice(["gold", HOSTILE], len(ids))})
    found = tuple(
        Segment(i + 1, f"Segment {i + 1} {HOSTILE}", i, tuple(map(float, centre)), 10, 1 / segments, 9.0, "About it")
        for i, centre in enumerate(centres)
    )
    return Model((*numbers, plan), "standard", found, len(ids)), points, ids, customers


def page(features: int, segments: int) -> str:
    one, points, ids, customers = model(features, segments)
    profiles = [
        Profile(
            segment.segment_id, segment.name, feature.name, feature.kind, feature.unit, 100, 1 / segments,
            mean=60.0, median=60.0, overall_mean=50.0, level="gold", level_share=0.7, overall_level_share=0.5,
            z_score=(-1.0) ** position * (1 + position % 3), trait_rank=position + 1, rule="feature_0 > 1",
            rule_precision=0.9, rule_coverage=0.8, nearest_segment_id=1 + segment.segment_id % segments,
        )
        for segment in one.segments
        for position, feature in enumerate(one.features)
    ]  # fmt: skip
    rows = {"input": 2100, "accepted": 2000, "merged_duplicates": 50, "rejected": 50, "excluded": 0,
            "rejected_by_reason": {"missing_id": 50}, "excluded_by_rule": {}}  # fmt: skip
    score = {
        "within_ss": 5.0,
        "silhouette": 0.5,
        "silhouette_euclidean": None,
        "davies_bouldin": 1.0,
        "calinski_harabasz": 9.0,
        "prediction_strength": 0.9,
        "mllib_within_ss": 6.0,
        "smallest_share": 0.1,
    }
    data = ReportData(
        record={"run_date": "2026-11-23", "run_id": "r1", "rows": rows, "missing": {"plan": 3},
                "versions": {"seg-spark": "1"}},
        model=one,
        scores={"scores": [{"k": k, **score} for k in {2, segments, segments + 1}], "chosen_because": "k = 2 is best",
                "excluded": {"9": "too small"}},
        profiles=profiles,
        figures=json.loads(json.dumps(report_figures(one, customers, points, ids))),
    )  # fmt: skip
    return render_report(data)


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
    assert len(html.encode()) < 300_000
    assert html.count('<article class="panel card') == segments
    assert ("The other" in html) == (features > 10)
    assert "nan" not in re.sub(r"[a-z]+nan|nan[a-z]+", "", html.lower())


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
    assert axes(3, category=False)["axes"][0].startswith("component 1 (")
    assert len(axes(1, category=False)["points"][0]) == 2


def test_examples_hold_no_ids_and_are_of_their_segment() -> None:
    one, points, ids, customers = model(4, 3)
    figures = report_figures(one, customers.append_column("customer_id", pa.array(map(str, ids))), points, ids)
    assert set(figures["examples"]) == {"1", "2", "3"}
    for own in figures["examples"].values():
        assert [set(row) for row in own["typical"]] == [{one.name for one in one.features}] * 3
    assert "customer_id" not in json.dumps(figures)


def test_outliers_and_clipped_values_are_counted() -> None:
    one, points, ids, customers = model(3, 3)
    clipped = replace(one.features[0], clip=(0.0, 60.0))
    far = points.copy()
    far[ids == 2] += np.where(np.arange((ids == 2).sum()) < 4, 100.0, 0.0)[:, None]
    figures = report_figures(replace(one, features=(clipped, *one.features[1:])), customers, far, ids)
    values = customers["feature_0"].to_numpy()
    assert figures["clipped"] == {"feature_0": int(((values < 0) | (values > 60)).sum())}
    assert figures["outliers"] == {"1": 0, "2": 4, "3": 0}
