"""Stand-ins for 'unknown' are told from ordinary ends of a scale."""

from collections.abc import Sequence

import numpy as np
import pytest

from seg_spark.proposal.sentinels import suspicions

AGES = list(range(18, 91)) * 3
INCOMES = list(range(15_000, 160_000, 700))
SCORES = list(range(1, 101))


@pytest.mark.parametrize(
    ("header", "values", "suspicious"),
    [
        ("age", [*AGES, 118, 118], [118]),
        ("Alter", [*AGES, -3], [-3]),
        ("Year_Birth", [*range(1940, 2000), 1893, 1900], [1893, 1900]),
        ("Geburtsjahr", [*range(1940, 2000), 2090], [2090]),
        ("income", [*INCOMES, 666_666], [666_666]),
        ("income", [*range(300), 666], [666]),
        ("pdays", [*range(28), *([999] * 500)], [999]),
        ("visits", [*range(30), 999, 9999], [9999, 999]),
        ("balance", [*range(50), *([-1] * 9)], [-1]),
        ("balance", [*range(50), -99999], [-99999]),
        ("gain", [*range(0, 42_000, 300), *([99_999] * 160)], [99_999]),
        ("duration", [*AGES, *([118] * 40)], [118]),
    ],
)
def test_what_stands_for_unknown_is_found(header: str, values: Sequence[float], suspicious: Sequence[float]) -> None:
    assert [one.value for one in suspicions(np.array(values, float), header, 2026)] == suspicious


@pytest.mark.parametrize(
    ("header", "values"),
    [
        ("Account age (months)", [*range(1, 181)]),
        ("vehicle_age", [*AGES, 118, 118]),
        ("score", SCORES),
        ("score", [*SCORES, *([100] * 400)]),
        ("hours", [*range(1, 98), *([99] * 85)]),
        ("age", AGES),
        ("year_built", range(1893, 2020)),
        ("temperature", range(-20, 35)),
        ("balance", [*range(500, 600), 0, 0, 0]),
        ("loss", [*range(-600, -500), 0]),
        ("kids", [0, 1, 2, 3] * 20),
        ("plan", [0, 5, 10] * 5 + [50] * 60),
        ("hours", [*range(1, 97), *([100] * 85)]),
        ("amount", [round(1.05**n, 2) for n in range(200)]),
        ("flag", [0, 1] * 50),
        ("nothing", []),
    ],
)
def test_ordinary_values_are_left_alone(header: str, values: Sequence[float]) -> None:
    assert suspicions(np.array(list(values), float), header, 2026) == ()
