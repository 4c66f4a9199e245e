"""What is learnt of a feature depends on its values alone: exact, in whatever order they come."""

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from seg_spark.errors import InputError
from seg_spark.features.fitted import OTHER_LEVEL
from seg_spark.features.learning import MAX_FOLDED_LEVELS, learn_category, learn_features, learn_number
from seg_spark.settings.feature import ConstantText, Feature


def numbers(*values: float | None) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(values, pa.float64())])


def texts(*values: str | None) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(values, pa.string())])


def category(**rules: Any) -> Feature:
    return Feature(kind="category", **rules)


def in_chunks(values: Sequence[Any], kind: pa.DataType, at: Sequence[int]) -> pa.ChunkedArray:
    cuts = [0, *sorted(min(cut, len(values)) for cut in at), len(values)]
    return pa.chunked_array([pa.array(values[a:b], kind) for a, b in pairwise(cuts)], kind)


@pytest.mark.parametrize(
    ("values", "median"),
    [((3.0, 1.0, 2.0), 2.0), ((4.0, 1.0, 3.0, 2.0), 2.5), ((7.0,), 7.0), ((0.1, None, 0.3, None), 0.2)],
)
def test_the_median_of_the_known_values_is_the_default_fill(values: tuple[float | None, ...], median: float) -> None:
    assert learn_number("age", Feature(), numbers(*values)).fill == median


def test_the_mean_is_rounded_once_and_not_per_addition() -> None:
    values = (1e16, 1.0, -1e16, 1.0)
    assert sum(values) != 2.0
    assert learn_number("age", Feature(missing="mean"), numbers(*values)).fill == 0.5


def test_a_constant_fills_whatever_the_values_are() -> None:
    fitted = learn_number("age", Feature(missing=0), numbers(5.0, 6.0))
    assert (fitted.fill, fitted.reject_missing) == (0.0, False)


@pytest.mark.parametrize(
    ("rules", "values", "is_constant"),
    [
        ({}, (5.0, 5.0, None), True),
        ({}, (5.0, 6.0), False),
        ({"missing": 7}, (5.0, 5.0, None), False),
        ({"missing": 7}, (5.0, 5.0), True),
        ({"missing": 7}, (None, None), True),
        ({"clip": (0.25, 0.75)}, (1.0, 5.0, 5.0, 5.0, 9.0), True),
        ({"transform": "log1p", "valid": (0, None)}, (0.0, 1e-20), True),
        ({"transform": "log1p", "valid": (0, None)}, (0.0, 1.0), False),
    ],
)
def test_a_number_that_is_constant_once_prepared_has_no_scale(
    rules: dict[str, Any], values: tuple[float | None, ...], is_constant: bool
) -> None:
    assert (learn_number("age", Feature(**rules), numbers(*values)).scale == 0.0) == is_constant


def test_where_missing_rows_are_rejected_nothing_needs_to_be_known() -> None:
    fitted = learn_number("age", Feature(missing="reject"), numbers())
    assert fitted.reject_missing
    assert math.isfinite(fitted.fill)


@pytest.mark.parametrize(
    "feature",
    [Feature(), Feature(missing="mean"), Feature(missing=0, clip=(0.01, 0.99))],
    ids=["median", "mean", "clip"],
)
def test_without_a_single_value_there_is_nothing_to_learn(feature: Feature) -> None:
    with pytest.raises(InputError, match=r"features\.columns\.age: every value is missing"):
        learn_number("age", feature, numbers(None, None))


def test_clip_bounds_are_quantiles_of_the_known_values() -> None:
    fitted = learn_number("age", Feature(clip=(0.1, 0.9)), numbers(*map(float, range(101)), None))
    assert fitted.clip == (10.0, 90.0)


def test_a_number_keeps_what_was_declared_of_it() -> None:
    feature = Feature(source="Age (years)", unit="years", valid=(0.0, None), transform="log1p")
    fitted = learn_number("age", feature, numbers(1.0))
    assert (fitted.name, fitted.source, fitted.unit) == ("age", "Age (years)", "years")
    assert (fitted.valid, fitted.transform, fitted.clip) == ((0.0, None), "log1p", None)
    assert learn_number("age", Feature(), numbers(1.0)).source == "age"


reasonable = st.floats(-1e300, 1e300, allow_nan=False)


@given(values=st.lists(st.none() | reasonable, min_size=1).filter(any), data=st.data())
@examples(max_examples=150, derandomize=True, deadline=None)
def test_a_number_is_learnt_the_same_to_the_bit_in_any_order_and_chunks(
    values: list[float | None], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(values))
    column = in_chunks(shuffled, pa.float64(), data.draw(st.lists(st.integers(0, 20), max_size=3)))
    for feature in (Feature(), Feature(missing="mean", clip=(0.05, 0.95))):
        assert learn_number("age", feature, column) == learn_number("age", feature, numbers(*values))


@given(st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=20))
@examples(max_examples=100, derandomize=True, deadline=None)
def test_the_mean_is_the_true_one_up_to_its_last_digits(values: list[float]) -> None:
    true = sum(map(Fraction, values)) / len(values)
    assert learn_number("age", Feature(missing="mean"), numbers(*values)).fill == pytest.approx(float(true), rel=1e-15)


@given(values=st.lists(reasonable, min_size=1, max_size=50))
@examples(max_examples=100, derandomize=True, deadline=None)
def test_half_of_the_values_lie_on_either_side_of_the_fill(values: list[float]) -> None:
    fill = learn_number("age", Feature(), numbers(*values)).fill
    assert sum(value <= fill for value in values) >= len(values) / 2
    assert sum(value >= fill for value in values) >= len(values) / 2


def test_levels_stand_in_the_order_of_their_text_and_missing_comes_last() -> None:
    fitted = learn_category("region", category(), texts("west", "east", None, "west", "north"))
    assert fitted.levels == ("east", "north", "west", None)
    assert fitted.folded == ()


def test_missing_is_a_level_only_where_it_was_seen() -> None:
    assert learn_category("region", category(), texts("west", "east")).levels == ("east", "west")


def test_a_constant_counts_missing_customers_to_its_level() -> None:
    fitted = learn_category("region", category(missing=ConstantText(constant="none")), texts("west", None))
    assert fitted.levels == ("none", "west")
    assert fitted.level_of(None) == "none"


def test_rare_levels_are_folded_into_other() -> None:
    column = texts(*"aaaa", *"bbb", *"cc", "d", None)
    fitted = learn_category("region", category(max_categories=2), column)
    assert fitted.levels == ("a", "b", OTHER_LEVEL, None)
    assert fitted.folded == ("c", "d")
    assert [fitted.level_of(value) for value in ("a", "c", "d", None)] == ["a", OTHER_LEVEL, OTHER_LEVEL, None]


def test_of_equally_frequent_levels_the_first_by_text_are_kept() -> None:
    assert learn_category("region", category(max_categories=2), texts("c", "b", "a")).folded == ("c",)


def test_a_constant_can_save_its_level_from_being_folded() -> None:
    column = texts(*"aaa", *"bb", "c", None, None)
    feature = category(max_categories=2, missing=ConstantText(constant="c"))
    assert learn_category("region", feature, column).levels == ("a", "c", OTHER_LEVEL)


def test_a_level_that_is_called_other_and_the_folded_ones_share_an_axis() -> None:
    fitted = learn_category("region", category(max_categories=2), texts(*"aaa", OTHER_LEVEL, OTHER_LEVEL, "z"))
    assert fitted.levels == ("a", OTHER_LEVEL)
    assert fitted.level_of("z") == fitted.level_of(OTHER_LEVEL) == OTHER_LEVEL


def test_a_level_never_seen_stays_itself_and_so_has_no_axis() -> None:
    fitted = learn_category("region", category(), texts("west"))
    assert fitted.level_of("Mars") == "Mars"
    assert "Mars" not in fitted.levels


def test_levels_differ_by_case_and_spaces() -> None:
    assert learn_category("region", category(), texts("west", "West", "west ")).levels == ("West", "west", "west ")


def remarks(levels: int) -> pa.ChunkedArray:
    return texts(*(f"remark {number}" for number in range(levels)))


def test_as_many_levels_as_can_be_folded_are_fine() -> None:
    fitted = learn_category("remark", category(max_categories=20), remarks(20 + MAX_FOLDED_LEVELS))
    assert len(fitted.folded) == MAX_FOLDED_LEVELS


def test_free_text_is_refused_by_its_number_of_levels() -> None:
    with pytest.raises(InputError, match=r"features\.columns\.remark: has 1,021 levels.*expected at most 1,020"):
        learn_category("remark", category(max_categories=20), remarks(21 + MAX_FOLDED_LEVELS))


@given(values=st.lists(st.none() | st.sampled_from("abcdefg"), min_size=1, max_size=40), data=st.data())
@examples(max_examples=100, derandomize=True, deadline=None)
def test_a_category_is_learnt_the_same_in_any_order_and_chunks(values: list[str | None], data: st.DataObject) -> None:
    feature = category(max_categories=data.draw(st.integers(1, 8)))
    fitted = learn_category("region", feature, texts(*values))
    shuffled = in_chunks(data.draw(st.permutations(values)), pa.string(), [3, 10])
    assert learn_category("region", feature, shuffled) == fitted
    assert {fitted.level_of(value) for value in values} == set(fitted.levels)
    assert len(set(fitted.levels) - {OTHER_LEVEL, None}) <= feature.max_categories


def test_features_are_learnt_by_name_and_kept_in_the_order_of_the_conf() -> None:
    features = {"b": Feature(), "region": category(weight=2.0), "a": Feature()}
    table = pa.table({"a": [1.0, 3.0], "region": ["x", "y"], "b": [10.0, 30.0]})
    learnt_numbers, learnt_categories = learn_features(features, table)
    assert [(one.name, one.fill) for one in learnt_numbers] == [("b", 20.0), ("a", 2.0)]
    assert [(one.name, one.levels, one.weight) for one in learnt_categories] == [("region", ("x", "y"), 2.0)]
    assert sum(len(one.axes(None)) for one in (*learnt_numbers, *learnt_categories)) == 4


def test_whole_numbers_are_learnt_as_numbers() -> None:
    column = pa.chunked_array([pa.array([1, None, 4], pa.int64())])
    assert learn_number("age", Feature(), column).fill == 2.5
    assert learn_number("age", Feature(), pa.chunked_array([np.array([3, 4], np.int32)])).fill == 3.5
