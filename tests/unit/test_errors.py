"""What an error means to the scheduler, and the word it suggests."""

import inspect

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from seg_spark import errors
from seg_spark.errors import SegSparkError, did_you_mean

EXIT_CODES = {
    "SegSparkError": 1,
    "SettingsError": 2,
    "InputError": 3,
    "PlatformError": 4,
    "QualityGateError": 5,
    "DegenerateModelError": 6,
    "PublishError": 7,
    "LockedError": 75,
    "TerminatedError": 143,
}
CLASSES = {
    name: one
    for name, one in inspect.getmembers(errors, inspect.isclass)
    if issubclass(one, BaseException) and one.__module__ == errors.__name__
}


def test_every_error_has_the_exit_code_that_schedulers_know_it_by() -> None:
    assert {name: one.exit_code for name, one in CLASSES.items()} == EXIT_CODES


def test_every_error_descends_from_the_one_root_and_says_who_must_act() -> None:
    assert all(issubclass(one, SegSparkError) for one in CLASSES.values())
    assert all((one.__doc__ or "").rstrip().endswith(".") for one in CLASSES.values())
    assert issubclass(SegSparkError, Exception)


def test_no_two_errors_share_an_exit_code_and_none_means_success() -> None:
    codes = [one.exit_code for one in CLASSES.values()]
    assert len(set(codes)) == len(codes)
    assert 0 not in codes
    assert all(code < 256 for code in codes)


KNOWN = ("clustering", "selection", "max_rejected_share", "Annual Income", "k")


@pytest.mark.parametrize(
    ("word", "suggestion"),
    [
        ("clusterin", " (did you mean 'clustering'?)"),
        ("CLUSTERING", " (did you mean 'clustering'?)"),
        ("max_reject_share", " (did you mean 'max_rejected_share'?)"),
        ("annual income", " (did you mean 'Annual Income'?)"),
        ("annual_income", " (did you mean 'Annual Income'?)"),
        ("banana", ""),
        ("", ""),
    ],
)
def test_the_nearest_known_word_is_suggested_as_it_is_written(word: str, suggestion: str) -> None:
    assert did_you_mean(word, KNOWN) == suggestion


def test_without_known_words_nothing_is_suggested() -> None:
    assert did_you_mean("clustering", ()) == ""


@given(
    known=st.lists(st.text("abcdefgh", min_size=5, max_size=12), min_size=1, max_size=8, unique=True),
    data=st.data(),
)
@examples(max_examples=100, derandomize=True, deadline=None)
def test_a_word_with_one_letter_missing_gets_a_suggestion_that_is_as_near(
    known: list[str], data: st.DataObject
) -> None:
    word = data.draw(st.sampled_from(known))
    gap = data.draw(st.integers(0, len(word) - 1))
    suggestion = did_you_mean(word[:gap] + word[gap + 1 :], known)
    assert suggestion in {f" (did you mean {one!r}?)" for one in known}
