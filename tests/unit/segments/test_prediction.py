"""One raw customer: read as the batch reads, answered, and explained."""

import math
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seg_spark.errors import SettingsError
from seg_spark.features.fitted import FittedCategory, FittedNumber
from seg_spark.segments.model import Model, Segment
from seg_spark.segments.prediction import (
    Prediction,
    Reading,
    answer,
    column_named,
    explain_reason,
    label_customer,
    raw_columns,
    split_assignment,
)
from seg_spark.settings.feature import TextForm
from seg_spark.settings.raw_table import Exclusion

INCOME = FittedNumber("income", "Annual Income (k$)", "k$", (0.0, 500.0), False, 60.0, None, "none", 60.0, 0.05)
SPEND = FittedNumber("spend", "Spend=Total", None, (0.0, None), True, 1.0, None, "log1p", 2.0, 0.5)
REGION = FittedCategory("region", "Region", None, False, None, ("north", "other", None), ("west",), 0.8)


def segment(segment_id: int, income: float, spend: float, *levels: float) -> Segment:
    centre = ((income - 60) * 0.05, (math.log1p(spend) - 2) * 0.5, *(level * 0.8 for level in levels))
    return Segment(segment_id, f"Segment {segment_id}", segment_id - 1, centre, 10, 0.3, 3.0, f"About {segment_id}")


MODEL = Model(
    (INCOME, SPEND, REGION),
    "standard",
    (segment(1, 20, 5, 1, 0, 0), segment(2, 90, 5, 0.25, 0.5, 0.25), segment(3, 90, 5e9, 0, 0, 1)),
    30,
)


def answered(model: Model, customer: Mapping[str, float | str | None]) -> Prediction:
    """The answer for raw values by the names of the features."""
    return answer(model, {one.source: customer[one.name] for one in model.features if one.name in customer})


def test_the_answer_is_that_of_the_clean_customer() -> None:
    found = answered(MODEL, {"income": " 85 ", "spend": "6.5", "region": "north"})
    assert found.label == label_customer(MODEL, {"income": 85.0, "spend": 6.5, "region": "north"})
    assert found.label is not None
    assert (found.label.segment_id, found.description) == (2, "About 2")
    assert found.runner_up_segment_name == f"Segment {found.label.runner_up_segment_id}"
    assert found.reasons == ()


def test_every_reason_of_the_batch_is_told_and_there_is_no_segment() -> None:
    found = answered(MODEL, {"income": "-1", "spend": "", "region": "n\x07"})
    assert found.label is None
    assert found.reasons == ("out_of_range:income", "missing:spend", "control_characters:region")
    assert answered(MODEL, {"income": "12,5", "spend": "1"}).reasons == ("unparseable:income",)
    assert answered(MODEL, {"income": "1e999", "spend": "1"}).reasons == ("not_finite:income",)


def test_a_row_that_the_rules_of_the_model_exclude_gets_no_segment() -> None:
    model = replace(MODEL, exclude=(Exclusion(column="Staff", is_true=True), Exclusion(column="Region", equals="west")))
    row = {"Annual Income (k$)": "85", "Spend=Total": "6", "Region": "north"}
    assert answer(model, row).label == answer(MODEL, row).label
    assert answer(model, row | {"Staff": "no"}).label == answer(MODEL, row).label
    assert answer(model, row | {"Staff": "Yes"}).reasons == ("excluded:Staff",)
    assert answer(model, {"Staff": "yes", "Region": "west"}).reasons == ("excluded:Staff", "excluded:Region")
    assert split_assignment(model, "staff=yes") == ("Staff", "yes")


def test_the_value_of_one_column_is_not_taken_for_a_feature_of_that_name() -> None:
    swapped = replace(MODEL, features=(replace(INCOME, source="spend"), replace(SPEND, source="income"), REGION))
    readings = answer(swapped, {"spend": "85", "income": "6"}).readings
    assert [one.value for one in readings] == [85.0, 6.0, None]


def test_missing_unseen_and_rare_values_are_told_apart() -> None:
    found = answered(MODEL, {"spend": "6"})
    assert found.readings == (Reading("income", None, 60.0), Reading("spend", 6.0), Reading("region", None))
    unseen = answered(MODEL, {"spend": "6", "region": "Atlantis"}).readings[2]
    rare = answered(MODEL, {"spend": "6", "region": "west"}).readings[2]
    assert (unseen.is_unseen, rare.is_unseen) == (True, False)
    filled = replace(MODEL, features=(INCOME, SPEND, replace(REGION, fill="north")))
    assert answered(filled, {"spend": "6"}).readings[2] == Reading("region", None, "north")


def test_the_null_values_and_number_texts_of_the_model_count() -> None:
    german = replace(INCOME, text_form=TextForm(decimal=",", grouping=".", symbols=("€",)))
    one = replace(MODEL, features=(german, SPEND, REGION), null_values=("?",))
    found = answered(one, {"income": "€ 85,5", "spend": "6", "region": "?"})
    assert [reading.value for reading in found.readings] == [85.5, 6.0, None]
    assert answered(one, {"income": "NULL", "spend": "6"}).reasons == ("unparseable:income",)


def test_what_decided_is_told_in_original_units() -> None:
    found = answered(MODEL, {"income": "88", "spend": "6", "region": "north"})
    by_name = {one.feature: one for one in found.deciding}
    assert found.label is not None
    assert (found.label.segment_id, found.label.runner_up_segment_id) == (2, 1)
    assert by_name["income"].typical == pytest.approx(90)
    assert by_name["income"].runner_up_typical == pytest.approx(20)
    assert by_name["spend"].typical == pytest.approx(5)
    assert (by_name["region"].typical, by_name["region"].runner_up_typical) == (pytest.approx(0.25), 1.0)
    assert found.deciding[0].feature == "income"
    assert by_name["region"].share is not None
    assert by_name["region"].share < 0  # north spoke for the runner-up


@given(st.floats(0, 500), st.floats(0, 1e6), st.sampled_from(["north", "west", "x", None]))
def test_the_shares_of_what_decided_add_up_to_one(income: float, spend: float, region: str | None) -> None:
    found = answered(MODEL, {"income": income, "spend": spend, "region": region})
    shares = [one.share for one in found.deciding if one.share is not None]
    assert found.label is not None
    if found.label.margin > 1e-6:
        assert math.fsum(shares) == pytest.approx(1, rel=1e-6)
        assert shares == sorted(shares, reverse=True)


def test_typical_values_are_told_without_what_rounding_has_left() -> None:
    flag = FittedNumber("children", "children", None, None, False, 0.0, None, "none", 0.34, 1 / 0.4737)
    centres = [(value - 0.34) * (1 / 0.4737) + 4e-16 for value in (0.0, 1.0)]
    segments = tuple(replace(segment(i + 1, 0, 0), centre=(centre,)) for i, centre in enumerate(centres))
    [deciding] = answer(Model((flag,), "standard", segments, 20), {"children": "0"}).deciding
    assert (deciding.typical, deciding.runner_up_typical) == (0.0, 1.0)


def test_right_between_two_centres_nothing_decided() -> None:
    even = replace(INCOME, shift=0.0, scale=1.0)
    centres = [Segment(i + 1, "s", i, (x,), 1, 0.5, 9.0) for i, x in enumerate((1.0, 3.0))]
    found = answered(Model((even,), "none", tuple(centres), 2), {"income": 2})
    assert found.label is not None
    assert (found.label.margin, found.deciding[0].share) == (0.0, None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("income=70", ("Annual Income (k$)", "70")),
        ("Annual Income (k$)=70", ("Annual Income (k$)", "70")),
        ("INCOME=", ("Annual Income (k$)", "")),
        ("Spend=Total=5", ("Spend=Total", "5")),
        ("region=a=b", ("Region", "a=b")),
    ],
)
def test_a_feature_goes_by_its_name_and_by_its_header(text: str, expected: tuple[str, str]) -> None:
    assert split_assignment(MODEL, text) == expected


def test_a_header_comes_before_a_feature_that_is_called_like_it() -> None:  # as in a file of customers
    crossed = replace(MODEL, features=(replace(INCOME, source="spend"), replace(SPEND, source="income"), REGION))
    assert split_assignment(crossed, "income=5") == ("income", "5")
    assert raw_columns(crossed) == {"income": "income", "spend": "spend", "region": "Region", "Region": "Region"}


def test_a_typo_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(SettingsError, match=r"unknown feature 'incme' \(did you mean 'income'\?\)"):
        column_named(MODEL, "incme")
    with pytest.raises(SettingsError, match=r"did you mean 'Annual Income \(k\$\)'"):
        column_named(MODEL, "Annual Incme (k$)")
    with pytest.raises(SettingsError, match=r"'70': expected FEATURE=VALUE, as in income=\.\.\. spend=\.\.\."):
        split_assignment(MODEL, "70")


def test_a_reason_says_what_would_have_been_accepted() -> None:
    assert explain_reason(MODEL, "out_of_range:income") == "out_of_range:income (accepted: from 0 up to 500)"
    wide = replace(MODEL, features=(replace(INCOME, valid=(20000101.0, 1234567.5)), SPEND, REGION))
    assert explain_reason(wide, "out_of_range:income").endswith("(accepted: from 20,000,101 up to 1,234,567.5)")
    assert explain_reason(MODEL, "out_of_range:spend") == "out_of_range:spend (accepted: from 0)"
    assert explain_reason(MODEL, "unparseable:spend") == "unparseable:spend (expected a number like 1234.5)"
    assert explain_reason(MODEL, "missing:region") == "missing:region"
