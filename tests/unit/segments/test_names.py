"""Names that say what sets a segment apart."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from seg_spark.clustering.points import Matrix
from seg_spark.features.fitted import FittedCategory, FittedFeature, FittedNumber, readable
from seg_spark.segments.names import name_segments


def number(name: str) -> FittedNumber:
    return FittedNumber(name, name, None, None, reject_missing=False, fill=0.0, clip=None, transform="none")


def category(name: str, *levels: str | None, weight: float = 1.0) -> FittedCategory:
    return FittedCategory(name, name, None, reject_missing=False, fill=None, levels=levels, folded=(), weight=weight)


def names(features: list[FittedFeature], *clusters: list[Any]) -> tuple[str, ...]:
    """Name clusters that are given as lists of customers; a customer of one axis is just a number."""
    rows = [np.atleast_1d(row) for cluster in clusters for row in cluster]
    labels = np.repeat(np.arange(len(clusters)), [len(cluster) for cluster in clusters])
    found = name_segments(features, np.array(rows, dtype=float), labels, len(clusters))
    return tuple(one.text for one in found)


def test_a_segment_is_named_after_what_is_high_or_low_in_it() -> None:
    assert names([number("annual_income")], [9, 10, 11], [1, 2, 3]) == ("High annual income", "Low annual income")


def test_from_two_standard_deviations_on_it_is_very() -> None:
    assert names([number("spend")], [0] * 9, [10]) == ("Close to average", "Very high spend")
    assert names([number("spend")], [0] * 9, [-10]) == ("Close to average", "Very low spend")
    assert names([number("spend")], [1] * 4, [-4]) == ("High spend", "Very low spend")


def test_half_a_standard_deviation_is_notable_and_less_is_not() -> None:
    assert names([number("spend")], [1, 1, 1, -1], [1, -1, -1, -1]) == ("High spend", "Low spend")
    assert names([number("spend")], [1] * 5 + [-1] * 3, [1] * 3 + [-1] * 5) == ("Close to average",) * 2


def test_the_two_strongest_traits_make_the_name_in_the_order_of_the_features() -> None:
    features: list[FittedFeature] = [number("age"), number("income"), number("spend")]
    # deviations: age 0.5, income 0.87, spend 1
    savers = [(1, 9, 2), (1, 9, 2), (1, 9, 2), (-1, 5, 2)]
    spenders = [(-1, 1, 8), (-1, 1, 8), (-1, 1, 8), (1, 5, 8)]
    assert names(features, savers, spenders) == ("High income, low spend", "Low income, high spend")


def test_a_category_counts_where_most_are_of_one_level() -> None:
    region = category("home_region", "north", "south")
    assert names([region], [(1, 0)] * 4, [(0, 1)] * 4) == ("Mostly home region north", "Mostly home region south")


def test_a_level_that_only_few_of_the_segment_have_is_no_name() -> None:
    some, nobody = [1, 1, 0, 0, 0], [0, 0, 0, 0, 0]  # 40 % stands out, but is not most of the segment
    assert names([category("region", "north")], some, nobody, nobody)[0] == "Close to average"


def test_a_level_that_most_of_everybody_have_is_no_name() -> None:
    assert names([category("region", "north")], [1] * 9 + [0], [1] * 9 + [0]) == ("Close to average",) * 2


def test_missing_is_a_trait_too() -> None:
    assert names([category("region", "north", None)], [(1, 0)] * 3, [(0, 1)] * 3) == (
        "Mostly region north",
        "Mostly region missing",
    )


@pytest.mark.parametrize("weight", [0.25, 1.0, 3.0])
def test_the_weight_of_a_category_does_not_change_its_name(weight: float) -> None:
    region = category("region", "north", "south", weight=weight)
    clusters = [[(weight, 0)] * 4 + [(0, weight)], [(0, weight)] * 4]
    assert names([region], *clusters) == ("Mostly region north", "Mostly region south")


def test_a_long_level_is_cut_to_forty_characters() -> None:
    whole, long = names([category("branch", 40 * "x", 41 * "y")], [(1, 0)] * 3, [(0, 1)] * 3)
    assert whole == f"Mostly branch {40 * 'x'}"
    assert long == f"Mostly branch {26 * 'y'}…{13 * 'y'}"


def test_names_that_would_be_equal_take_further_traits() -> None:
    features: list[FittedFeature] = [number("age"), number("income"), number("spend")]
    # spend is the weakest trait of the first two, and no trait of the third
    found = names(features, [(9, 9, 5)] * 3, [(9, 9, 3)] * 3, [(1, 6, 1), (1, 1, 4), (6, 1, 7)])
    assert found == ("High age, high income, high spend", "High age, high income, low spend", "Low age, low income")


def test_clusters_of_the_same_traits_share_a_name() -> None:
    assert names([number("age")], [9, 9], [9, 9], [1, 1], [1, 1]) == ("High age", "High age", "Low age", "Low age")


def test_a_feature_that_is_the_same_for_everybody_names_nobody() -> None:
    assert names([number("age"), number("income")], [(5, 1)] * 2, [(5, 3)] * 2) == ("Low income", "High income")


@pytest.mark.parametrize("weight", [0.1, 0.3, 0.7, 2.2])
def test_a_level_of_everybody_names_nobody_whatever_its_weight(weight: float) -> None:
    features = [number("a"), category("country", "DE", weight=weight)]
    low, high = [[-1.0, weight]] * 500, [[1.0, weight]] * 497
    matrix = np.array(low + high)
    labels = np.repeat([0, 1], [500, 497])
    assert [one.text for one in name_segments(features, matrix, labels, 2)] == ["Low a", "High a"]


def test_feature_names_are_made_readable() -> None:
    assert readable("annual_income__k") == "annual income k"


matrices = st.lists(st.lists(st.integers(-3, 3), min_size=4, max_size=4), min_size=6, max_size=30).map(
    lambda rows: np.array(rows, dtype=float)
)
FEATURES: list[FittedFeature] = [number("age"), number("income"), category("region", "north", "south")]


def as_customers(matrix: Matrix) -> Matrix:
    """Two numbers and a category: the sign of the third axis chooses the level."""
    north = (matrix[:, 2] > 0).astype(float)
    return np.column_stack([matrix[:, :2], north, 1 - north])


@given(matrix=matrices, k=st.integers(2, 6))
@examples(max_examples=80, derandomize=True, deadline=None)
def test_names_begin_with_a_capital(matrix: Matrix, k: int) -> None:
    found = name_segments(FEATURES, as_customers(matrix), np.arange(len(matrix)) % k, k)
    assert len(found) == k
    assert all(one.text[0].isupper() for one in found)


@given(matrix=matrices, k=st.integers(2, 4), data=st.data())
@examples(max_examples=75, derandomize=True, deadline=None)
def test_names_depend_neither_on_the_unit_nor_on_the_order_of_the_customers(
    matrix: Matrix, k: int, data: st.DataObject
) -> None:
    customers, labels = as_customers(matrix), np.arange(len(matrix)) % k
    expected = name_segments(FEATURES, customers, labels, k)
    order = np.array(data.draw(st.permutations(range(len(matrix)))))
    unit = np.array([1024.0, 1 / 64, 1.0, 1.0])
    assert name_segments(FEATURES, customers * unit, labels, k) == expected
    assert name_segments(FEATURES, customers[order], labels[order], k) == expected


def test_a_yes_and_a_no_are_said_as_people_say_them() -> None:
    partner = category("has_partner", "Yes", "No")
    assert names([partner], [(1, 0)] * 4, [(0, 1)] * 4) == ("Mostly has partner", "Mostly no has partner")
    assert names([category("Newsletter", "true", "false")], [(1, 0)] * 4, [(0, 1)] * 4) == (
        "Mostly newsletter",
        "Mostly no newsletter",
    )


def test_a_trait_that_repeats_a_stronger_one_comes_last() -> None:
    features: list[FittedFeature] = [category("internet", "no"), category("backup", "no internet"), number("bill")]
    without, others = [(1, 1, 1), (1, 1, 3)] * 2, [(0, 0, 2), (0, 0, 9)] * 2
    assert names(features, without, others)[0] == "Mostly no internet, low bill"


def test_a_label_is_shown_instead_of_the_name() -> None:
    assert names([replace(number("mnt_wines"), label="wine spend")], [9, 10], [1, 2]) == (
        "High wine spend",
        "Low wine spend",
    )


def test_words_of_a_name_are_split_as_people_write_them() -> None:
    assert [readable(name) for name in ("MonthlyCharges", "mnt_wines", "CLV", "avgCLV_EUR", "größe")] == [
        "monthly charges", "mnt wines", "CLV", "avg CLV EUR", "größe",
    ]  # fmt: skip
