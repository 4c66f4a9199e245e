"""One customer in plain Python, against results worked out by hand."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from seg_spark.features.fitted import FittedCategory, FittedFeature, FittedNumber
from seg_spark.segments.model import Model, Segment
from seg_spark.segments.prediction import Label, label_customer


def number(name: str = "x", **values: Any) -> FittedNumber:
    usual = {"unit": None, "valid": None, "reject_missing": False, "fill": 0.0, "clip": None, "transform": "none"}
    return FittedNumber(name=name, source=name, **(usual | values))


def category(name: str, *levels: str | None, **values: Any) -> FittedCategory:
    usual = {"unit": None, "reject_missing": False, "fill": None, "folded": (), "weight": 1.0}
    return FittedCategory(name=name, source=name, levels=levels, **(usual | values))


def model(features: list[FittedFeature], *centres: Any, outlier_distance: float = 100.0) -> Model:
    """A model with one segment per centre; ids count down, so that they differ from the clusters."""
    segments = [
        Segment(
            segment_id=len(centres) - cluster,
            name=f"Segment {len(centres) - cluster}",
            cluster=cluster,
            centre=tuple(map(float, np.atleast_1d(centre))),
            customers=10,
            share=1 / len(centres),
            outlier_distance=outlier_distance,
        )
        for cluster, centre in enumerate(centres)
    ]
    return Model(tuple(features), "none", tuple(sorted(segments, key=lambda one: one.segment_id)), 30)


def point_of(feature: FittedFeature, value: Any) -> list[float]:
    """Where a value lies on the axes of its feature, found by its distances to the origin and to the unit points."""
    axes = len(feature.levels) if isinstance(feature, FittedCategory) else 1
    found = []
    for axis in range(axes):
        unit = np.eye(axes)[axis]
        squared = []
        for centre in (np.zeros(axes), unit):
            near = model([feature], centre, centre + 1e6)
            squared.append(label_customer(near, {feature.name: value}).distance ** 2)
        found.append((squared[0] - squared[1] + 1) / 2)
    return found


def test_the_whole_answer_worked_out_by_hand() -> None:
    features: list[FittedFeature] = [number("income", shift=50.0, scale=0.1), number("score", shift=50.0, scale=0.1)]
    one = model(features, (0, 0), (4, 3), (-9, 9), outlier_distance=2.0)
    # (2.0, 1.5) scaled: right between the first two, a little nearer to the second with 71 for 70
    label = label_customer(one, {"income": 71.0, "score": 65.0})
    nearest, second = math.hypot(4 - 2.1, 3 - 1.5), math.hypot(2.1, 1.5)
    assert label == Label(
        segment_id=2,
        segment_name="Segment 2",
        distance=pytest.approx(nearest, rel=1e-12),
        runner_up_segment_id=3,
        margin=pytest.approx(1 - nearest / second, rel=1e-12),
        is_outlier=True,
    )


def test_a_customer_right_between_two_centres_goes_to_the_first_cluster_with_margin_0() -> None:
    label = label_customer(model([number()], -1, 1, 5), {"x": 0.0})
    assert (label.segment_id, label.runner_up_segment_id) == (3, 2)
    assert (label.distance, label.margin) == (1.0, 0.0)


def test_a_customer_at_a_centre_has_distance_0_and_margin_1() -> None:
    label = label_customer(model([number()], 2, 7), {"x": 7.0})
    assert (label.segment_id, label.distance, label.margin) == (1, 0.0, 1.0)


def test_centres_that_coincide_leave_no_margin() -> None:
    label = label_customer(model([number()], 3, 3), {"x": 3.0})
    assert (label.segment_id, label.margin) == (2, 0.0)


@pytest.mark.parametrize(("value", "is_outlier"), [(2.0, False), (2.0000001, True), (-2.0, False)])
def test_an_outlier_lies_beyond_the_distance_of_its_segment(value: float, is_outlier: bool) -> None:
    one = model([number()], 0, 50, outlier_distance=2.0)
    assert label_customer(one, {"x": value}).is_outlier is is_outlier


@pytest.mark.parametrize(
    ("feature", "value", "expected"),
    [
        (number(), 3.0, 3.0),
        (number(), 3, 3.0),
        (number(), "3.5", 3.5),
        (number(shift=2.0, scale=0.5), 3.0, 0.5),
        (number(fill=4.0), None, 4.0),
        (number(fill=4.0, shift=1.0, scale=2.0), None, 6.0),
        (number(clip=(1.0, 5.0)), 9.0, 5.0),
        (number(clip=(1.0, 5.0)), -9.0, 1.0),
        (number(clip=(1.0, 5.0), fill=7.0), None, 5.0),
        (number(transform="log1p"), math.e - 1, 1.0),
        (number(transform="log1p", clip=(0.0, math.e**2 - 1)), 1e9, 2.0),
        (number(transform="log1p", fill=0.0, shift=-1.0, scale=3.0), None, 3.0),
        (number(scale=0.0, shift=5.0), 1e300, 0.0),
    ],
)
def test_a_number_is_filled_clipped_transformed_and_scaled_in_this_order(
    feature: FittedNumber, value: Any, expected: float
) -> None:
    assert point_of(feature, value) == pytest.approx([expected], rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    ("feature", "value", "expected"),
    [
        (category("region", "north", "south"), "north", [1, 0]),
        (category("region", "north", "south"), "south", [0, 1]),
        (category("region", "north", "south", weight=3.0), "south", [0, 3]),
        (category("region", "north", "south"), "Mars", [0, 0]),
        (category("region", "north", "south"), "North", [0, 0]),
        (category("region", "north", "south"), None, [0, 0]),
        (category("region", "north", None), None, [0, 1]),
        (category("region", "north", "south", fill="south"), None, [0, 1]),
        (category("region", "north", "other", folded=("south", "west")), "west", [0, 1]),
        (category("region", "north", "other", folded=("south",), fill="south"), None, [0, 1]),
        (category("region", "north", "other", folded=("south",)), "Mars", [0, 0]),
        (category("plan", "1", "2"), 2, [0, 1]),
    ],
)
def test_a_category_lies_on_the_axis_of_its_level(feature: FittedCategory, value: Any, expected: list[float]) -> None:
    assert point_of(feature, value) == pytest.approx(expected, abs=1e-9)


def test_a_feature_that_is_not_given_is_missing() -> None:
    one = model([number("x", fill=9.0), category("region", "north", None)], (9, 0, 1), (0, 0, 0))
    assert label_customer(one, {}) == label_customer(one, {"x": None, "region": None})
    assert label_customer(one, {}).distance == 0.0


def test_what_the_model_does_not_know_is_ignored() -> None:
    one = model([number()], 0, 5)
    assert label_customer(one, {"x": 1.0, "shoe_size": 44.0}) == label_customer(one, {"x": 1.0})


grid = st.integers(-8, 8).map(float)


@given(
    centres=st.lists(st.tuples(grid, grid), min_size=2, max_size=6),
    customer=st.tuples(grid, grid),
)
@examples(max_examples=200, derandomize=True, deadline=None)
def test_segment_and_runner_up_are_the_two_nearest_and_ties_go_to_the_first_clusters(
    centres: list[tuple[float, float]], customer: tuple[float, float]
) -> None:
    one = model([number("x"), number("y")], *centres)
    label = label_customer(one, {"x": customer[0], "y": customer[1]})
    distances = [math.dist(centre, customer) for centre in centres]  # whole numbers squared: equal ones are equal
    nearest, second = np.argsort(distances, kind="stable")[:2]
    assert one.by_cluster[nearest].segment_id == label.segment_id
    assert one.by_cluster[second].segment_id == label.runner_up_segment_id
    assert label.distance == pytest.approx(distances[nearest], rel=1e-12)
    assert 0.0 <= label.margin <= 1.0
