"""Numbers beside those of everybody, in words."""

import pytest

from seg_spark.segments.wording import against, typical


@pytest.mark.parametrize(
    ("own", "overall", "unit", "words"),
    [
        (86.0, 60.0, "k$", "43% above average"),
        (40.0, 60.0, None, "33% below average"),
        (1983.0, 1968.0, None, "15 above average"),
        (1958.2, 1968.0, None, "9.8 below average"),
        (98.0, 100.0, "points", "2 points below average"),
        (48.0, 50.0, "%", "2 percentage points below average"),
        (40.0, 50.0, "%", "20% below average"),
        (5.001, 5.0, None, "about average"),
        (-3.0, 2.0, "°", "average 2 °"),
        (5.9, 2.0, None, "195% above average"),
        (6.0, 2.0, None, "3 times the average"),
        (831.0, 2.0, None, "420 times the average"),
    ],
)
def test_a_mean_beside_everybodys(own: float, overall: float, unit: str | None, words: str) -> None:
    assert against(own, overall, unit) == words


def test_a_skewed_feature_is_told_by_medians_unless_they_are_zero() -> None:
    assert typical(4.0, 3.0, 15.0, 10.0) == (3.0, 10.0, "median")
    assert typical(4.0, 3.0, 14.9, 10.0) == (4.0, 14.9, "average")
    assert typical(4.0, 0.0, 9.0, 0.0) == (4.0, 9.0, "average")
    assert typical(-4.0, -3.0, -15.0, -10.0) == (-4.0, -15.0, "average")
    assert typical(4.0, None, 9.0, None) == (4.0, 9.0, "average")
