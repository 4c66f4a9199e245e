"""What a segment is like, in words of original units."""

import numpy as np
import pyarrow as pa
import pytest

from seg_spark.features.fitted import FittedCategory, FittedNumber
from seg_spark.segments.names import describe_segments
from seg_spark.segments.wording import against, readable_number, with_unit

INCOME = FittedNumber("annual_income", "annual_income", "k$", None, False, 0.0, None, "none")
BALANCE = FittedNumber("balance", "balance", None, None, False, 0.0, None, "none")
PLAN = FittedCategory("plan", "plan", None, False, None, ("basic", "gold"), (), 0.5)
LABELS = np.array([0] * 4 + [1] * 4, dtype=np.int32)


def describe(feature: FittedNumber | FittedCategory, values: list[float | str | None]) -> tuple[str, ...]:
    if isinstance(feature, FittedCategory):
        matrix = np.array([[feature.weight * (value == level) for level in feature.levels] for value in values])
    else:
        matrix = np.array([[feature.fill if value is None else value] for value in values], dtype=float)
    return describe_segments((feature,), pa.table({feature.name: values}), matrix, LABELS, 2)


def test_numbers_are_told_in_their_unit_against_everybody() -> None:
    assert describe(INCOME, [20.0, 22, None, 18, 90, 86, 94, 90]) == (
        "Annual income 20 k$ (67% below average)",
        "Annual income 90 k$ (50% above average)",
    )


def test_where_a_percentage_would_mislead_the_average_is_told() -> None:
    low, high = describe(BALANCE, [-50.0, -52, -48, -50, 50, 52, 50, 48])
    assert (low, high) == ("Balance -50 (average 0)", "Balance 50 (average 0)")


def test_a_category_is_told_by_the_share_of_its_level() -> None:
    assert describe(PLAN, ["basic"] * 3 + ["gold"] + ["gold"] * 4) == (
        "Plan basic for 75% (38% of all)",
        "Plan gold for 100% (62% of all)",
    )


def test_a_segment_like_everybody_is_called_so() -> None:
    assert describe(INCOME, [1.0, 2, 1, 2, 1, 2, 1, 2])[0] == "Close to average in every feature"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.01234, "0.0123"), (86.53, "86.5"), (999.4, "999"), (1234.5, "1,234"), (-12345678, "-12,345,678")],
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert readable_number(value) == text
    assert with_unit(value, "k$") == f"{text} k$"


def test_years_are_written_as_years() -> None:
    assert with_unit(1983.2, "calendar year") == "1983"
    assert against(1983.2, 1968.4, "calendar year") == "14.8 years above average"
