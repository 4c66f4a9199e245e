"""Report pages of made-up models: any number of features and segments, with hostile text."""

import json
from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from seg_spark.features.fitted import FittedCategory, FittedFeature, FittedNumber
from seg_spark.reporting.report_figures import report_figures
from seg_spark.reporting.report_page import render_report
from seg_spark.reporting.report_sections import ReportData
from seg_spark.segments.model import Model, Segment
from seg_spark.segments.movement import SegmentSizes, Transition
from seg_spark.segments.profiles import Profile

HOSTILE = "</script><script>alert(1)</script><!-- & 'x' \"y\" 顧客"


def model(
    features: int, segments: int, seed: int = 0, *, known: bool = True
) -> tuple[Model, np.ndarray, np.ndarray, pa.Table]:
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
    half = (ids == 1) & (np.arange(len(ids)) % 2 == 0)  # of the first segment
    unknown = half if known else np.full(len(ids), True)
    columns = {
        one.name: pa.array(points[:, i] / 0.1 + 50, mask=unknown if i == 0 else None) for i, one in enumerate(numbers)
    }
    names = [f"customer-{number:05}" for number in range(len(ids))]
    plans = generator.choice(["gold", HOSTILE], len(ids))
    customers = pa.table({"customer_id": names, **columns, "plan": plans})
    found = tuple(
        Segment(i + 1, f"Segment {i + 1} {HOSTILE}", i, tuple(map(float, centre)), 10, 1 / segments, 9.0, "About it")
        for i, centre in enumerate(centres)
    )
    return Model((*numbers, plan), "standard", found, len(ids)), points, ids, customers


def page(features: int, segments: int, *, dates: int = 30, known: bool = True) -> str:
    """A page of so many features and segments, and of so many dates: with more than one, with who moved since. Nobody
    has the first feature where it is not `known`."""
    one, points, ids, customers = model(features, segments, known=known)
    plan = one.features[-1]
    profiles = [
        Profile(
            segment.segment_id, segment.name, feature.name, feature.kind, feature.unit, 100, 1 / segments,
            mean=60.0, median=60.0, overall_mean=50.0, level="gold", level_share=0.7, overall_level_share=0.5,
            z_score=0.01 if feature is plan and segment.segment_id == 2 else (-1.0) ** position * (1 + position % 3),
            trait_rank=position + 1, rule="feature_0 > 1",
            rule_precision=0.9, rule_coverage=0.8, nearest_segment_id=1 + segment.segment_id % segments,
        )
        for segment in one.segments
        for position, feature in enumerate(one.features)
    ]  # fmt: skip
    rows = {"input": 2100, "accepted": 2000, "merged_duplicates": 50, "rejected": 50, "excluded": 0,
            "rejected_by_reason": {"missing_id": 30, "out_of_range:feature_0": 20}, "excluded_by_rule": {}}  # fmt: skip
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
    figures = report_figures(one, customers, points, ids)
    last = date(2026, 11, 23)
    sizes = [
        SegmentSizes(
            last - timedelta(days=day),
            {two.segment_id: 1000 * two.segment_id + 7 * day for two in one.segments},
            {two.segment_id: two.name for two in one.segments},
        )
        for day in reversed(range(dates))
    ]
    known = [*(two.segment_id for two in one.segments), None]
    moves = [Transition(old, new, 1 + 37 * (i % 5)) for i, old in enumerate(known) for new in known if old or new]
    drift = [
        {"feature": feature.name, "psi": 0.02 * position, "by_chance": 0.1, "missing_rise": 0.01}
        for position, feature in enumerate(one.features)
    ]
    refit = {"fitted": False, "because": "the customers are still like those of the fit", "refused": (),
             "max_psi": 0.25, "drift": {"features": drift, "distance_ratio": 1.02}}  # fmt: skip
    first_fit = {"fitted": True, "because": "no earlier date is published", "refused": (), "drift": None}
    data = ReportData(
        record={"run_date": last.isoformat(), "run_id": "r1", "rows": rows, "missing": {"plan": 3},
                "fitted_on": "2026-11-20", "refit": refit if dates > 1 else first_fit,
                "clipped": {"plan": 41},
                "segments": [{"segment_id": i + 1, "outliers": 70 + i} for i in range(segments)],
                "versions": {"seg-spark": "1"}},
        model=one,
        scores={"scores": [{"k": k, **score} for k in {2, segments, segments + 1}], "chosen_because": "k = 2 is best",
                "excluded": {str(segments + 1): "too small", "90": "only 80 distinct points"}},
        profiles=profiles,
        figures=json.loads(json.dumps(figures)),
        transitions=moves if dates > 1 else (),
        sizes=sizes,
    )  # fmt: skip
    return render_report(data)
