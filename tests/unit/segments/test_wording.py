"""Numbers beside those of everybody, in words."""

import pytest

from seg_spark.segments.wording import against, readable_number, shown_level, typical, with_level


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
        (0.4, 100.0, None, "99.6 below average"),
        (0.0, 100.0, None, "100% below average"),
    ],
)
def test_a_mean_beside_everybodys(own: float, overall: float, unit: str | None, words: str) -> None:
    assert against(own, overall, unit) == words


def test_a_number_just_below_a_thousand_is_written_like_one() -> None:
    assert [readable_number(value) for value in (999.4, 999.7, -999.9, 1e16)] == ["999", "1,000", "-1,000", "1e+16"]


@pytest.mark.parametrize(
    ("level", "levels", "words"),
    [
        ("yes", (), "mail"), ("no", (), "no mail"), ("1", ("0", "1"), "mail"), ("F", ("F", "T", None), "no mail"),
        ("F", ("F", "M"), "mail F"), ("1", ("1", "2", "3"), "mail 1"), ("1", (), "mail 1"), ("N", ("N", "S"), "mail N"),
    ],
)  # fmt: skip
def test_a_letter_is_a_yes_or_no_only_beside_the_other(level: str, levels: tuple[str | None, ...], words: str) -> None:
    assert with_level("mail", level, levels) == words


def test_a_skewed_feature_is_told_by_medians_unless_they_are_zero() -> None:
    assert typical(4.0, 3.0, 15.0, 10.0) == (3.0, 10.0, "median")
    assert typical(4.0, 3.0, 14.9, 10.0) == (4.0, 14.9, "average")
    assert typical(4.0, 0.0, 9.0, 0.0) == (4.0, 9.0, "average")
    assert typical(-4.0, -3.0, -15.0, -10.0) == (-4.0, -15.0, "average")
    assert typical(4.0, None, 9.0, None) == (4.0, 9.0, "average")


def test_a_notable_trait_is_told_by_what_says_the_same() -> None:
    few_huge_values = (53.5, 50.0, 652.0, 0.0)  # of log1p this segment is high: most of the others have nothing
    assert typical(*few_huge_values) == (53.5, 652.0, "average")
    assert typical(*few_huge_values, 0.92) == (50.0, 0.0, "median")
    assert typical(2000.0, 11.8, 250.0, 17.0, 2.1) == (2000.0, 250.0, "average")
    assert typical(2000.0, 11.8, 250.0, 17.0, 0.2) == (11.8, 17.0, "median")  # nothing is claimed of it
    assert against(50.0, 100.0, "€") == "50% below average"
    assert against(50.0, 100.0, "€", "average", 0.9) == "average 100 €"  # a name says that it is high


def test_long_levels_that_differ_at_their_end_stay_apart() -> None:
    north, south = (f"Premium subscription with annual contract, {one}" for one in ("north", "south"))
    assert shown_level(north) == "Premium subscription with …ontract, north"[:26] + "…" + north[-13:]
    assert shown_level(north) != shown_level(south)
    assert len(shown_level(north)) == 40


def test_what_begins_with_no_is_not_negated_again() -> None:
    assert with_level("no internet", "false", ("true", "false")) == "no internet false"
    assert with_level("no internet", "true", ("true", "false")) == "no internet"
