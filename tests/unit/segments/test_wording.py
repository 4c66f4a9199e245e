"""Numbers beside those of everybody, in words."""

import pytest

from seg_spark.segments.wording import against


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
        (30.0, 2.0, None, "average 2"),
    ],
)
def test_a_mean_beside_everybodys(own: float, overall: float, unit: str | None, words: str) -> None:
    assert against(own, overall, unit) == words
