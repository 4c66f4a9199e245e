"""The form in which numbers are written is found, and read by the same rules as in a run."""

import pytest

from seg_spark.cleaning.one_value import parse_number
from seg_spark.proposal.text_forms import are_compact_dates, date_form, missing_marks, read_form
from seg_spark.settings.feature import TextForm


def form(decimal: str = ".", grouping: str = "", *symbols: str) -> TextForm:
    return TextForm.model_validate({"decimal": decimal, "grouping": grouping, "symbols": symbols})


def once(*texts: str) -> dict[str, int]:
    return dict.fromkeys(texts, 1)


@pytest.mark.parametrize(
    ("texts", "expected", "number"),
    [
        (("1", "2.5", "-3e2"), None, 1.0),
        (("12,5", "1,234"), form(","), 12.5),
        (("1,234.50", "999"), form(".", ","), 1234.5),
        (("$1,234.50", "$9"), form(".", ",", "$"), 1234.5),
        (("€ 1.234,50", "€ 2"), form(",", ".", "€"), 1234.5),
        (("45%", "3%"), form(".", "", "%"), 45.0),
        (("1 234,5", "7"), form(",", " "), 1234.5),
        (("1\u202f234", "7"), form(".", " "), 1234.0),
        (("1'234.5 CHF", "7 CHF"), form(".", "'", "CHF"), 1234.5),
        (("-$5", "$1,000.1"), form(".", ",", "$"), -5.0),
        (("36 months", "60 months"), form(".", "", "months"), 36.0),
        (("1.234.567", "1.000"), form(",", "."), 1234567.0),
    ],
)
def test_the_form_of_numbers_is_found(texts: tuple[str, ...], expected: TextForm | None, number: float) -> None:
    found = read_form(once(*texts), decimal_comma=False)
    assert (found.form, found.share, found.ambiguous) == (expected, 1.0, False)
    assert parse_number(texts[0], found.form) == number


@pytest.mark.parametrize(
    ("texts", "decimal_comma", "expected"),
    [
        (("1,234", "5,678"), True, form(",")),
        (("1,234", "5,678"), False, form(".", ",")),
        (("1.234", "5.678"), True, form(",", ".")),
        (("€1.234", "€5.678"), False, form(".", "", "€")),
    ],
)
def test_other_evidence_settles_what_may_be_read_in_two_ways(
    texts: tuple[str, ...], decimal_comma: bool, expected: TextForm
) -> None:
    found = read_form(once(*texts), decimal_comma)
    assert (found.form, found.ambiguous) == (expected, True)


@pytest.mark.parametrize(
    "texts", [("A1", "A2", "A3"), ("g1", "g2"), ("1-2", "3-4"), ("1.2.3", "4.5.6"), ("1d", "2f"), ("10:30",)]
)
def test_codes_are_no_numbers(texts: tuple[str, ...]) -> None:
    assert read_form(once(*texts), decimal_comma=False).share < 0.95


def test_one_in_twenty_may_be_no_number() -> None:
    numbers = {str(i): 1 for i in range(19)}
    assert read_form(numbers | {"abc": 1}, decimal_comma=False).share == 0.95
    assert read_form(numbers | {"abc": 2}, decimal_comma=False).share < 0.95


def test_marks_mean_missing_between_numbers_and_seldom_elsewhere() -> None:
    numbers = {str(i): 5 for i in range(20)}
    assert missing_marks(numbers | {"-": 70, "None": 1, " n/a ": 2}) == {"-", "None", "n/a"}
    assert missing_marks({"None": 5, "Basic": 5, "-": 2, "?": 1}) == {"?"}
    assert missing_marks({"-": 9}) == frozenset()


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("2026-11-23", "2026-01-02"), ("YYYY-MM-DD", True)),
        (("2026-11-23T10:11:12Z", "2026-01-02 10:00"), ("YYYY-MM-DD", True)),
        (("04-09-2012", "21-08-2013"), ("DD-MM-YYYY", False)),
        (("9/4/2012", "8/21/2013"), ("MM/DD/YYYY", False)),
        (("4.9.12", "21.8.13 08:15"), ("DD.MM.YYYY", False)),
        (("12-Jan-2020", "3-Dec-2021"), ("DD Month YYYY", False)),
        (("Jan 12, 2020", "December 3, 2021"), ("Month DD, YYYY", False)),
        (("2026-13-45", "2026-14-01"), None),
        (("10.5.3", "99.99.99"), None),
        (("may", "june"), None),
    ],
)
def test_dates_are_told_by_their_form(texts: tuple[str, ...], expected: tuple[str, bool] | None) -> None:
    assert date_form(texts) == expected


def test_whole_numbers_are_dates_only_if_all_are_days() -> None:
    assert are_compact_dates([20170212.0, 20180726.0])
    assert not are_compact_dates([20170212.0, 20181326.0])
    assert not are_compact_dates([])
