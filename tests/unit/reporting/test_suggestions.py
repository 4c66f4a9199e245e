"""What the report suggests for a segment, from the traits that it has."""

from dataclasses import replace

import pytest

from seg_spark.reporting.suggestions import MOST_SENTENCES, suggestion
from seg_spark.segments.profiles import Profile


def profile(name: str, z_score: float, level: str | None = None, share: float | None = None) -> Profile:
    kind = "number" if level is None else "category"
    return Profile(1, "Name", name, kind, None, 10, 0.5, level=level, level_share=share, z_score=z_score)


def suggested(**z_scores: float) -> str:
    return suggestion([profile(name, value) for name, value in z_scores.items()])


@pytest.mark.parametrize(
    ("income", "score", "begins"),
    [
        (1.0, 1.2, "Able and willing to spend"),
        (1.0, -1.2, "They can afford more than they spend"),
        (-1.3, 1.1, "They spend a lot for what they earn"),
        (-1.3, -1.1, "Little to spend, and little spent"),
    ],
)
def test_income_and_spending_together_say_more_than_each(income: float, score: float, begins: str) -> None:
    text = suggested(annual_income=income, spending_score=score)
    assert text.startswith(begins)
    assert text.count(".") == 1


@pytest.mark.parametrize(
    ("recency", "orders", "spend", "begins"),
    [
        (1.0, 0.0, 1.0, "They spent a lot, but not lately"),
        (-1.0, 1.0, 1.0, "They come often and spend a lot"),
        (1.0, -1.0, -1.0, "They come seldom and spend little"),
        (0.0, 1.0, -1.0, "They buy often but little"),
        (0.0, -1.0, 1.0, "They buy seldom, but a lot"),
    ],
)
def test_recency_frequency_and_money_are_read_together(
    recency: float, orders: float, spend: float, begins: str
) -> None:
    z_scores = {"recency": recency, "orders": orders, "spend": spend}
    text = suggested(**{name: value for name, value in z_scores.items() if value})
    assert text.startswith(begins)
    assert ("Long since" in text) == (recency > 0 and spend < 0)


def test_features_of_one_theme_that_disagree_say_nothing_of_it() -> None:
    text = suggestion([profile("amount of wines", 1.0), profile("amount of fruits", -0.9)])
    assert text == "What sets them apart: high amount of wines and low amount of fruits."


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("recency", "Long since"),
        ("days since last order", "Long since"),
        ("days since purchase", "Long since"),
        ("days since last complaint", "What sets them apart: high days since last complaint"),
        ("average days between orders", "What sets them apart: high average days between orders"),
        ("cancelled orders", "What sets them apart: high cancelled orders"),
        ("unpaid charges", "What sets them apart: high unpaid charges"),
        ("spend last year", "They spend a lot"),
        ("recency score", "What sets them apart: high recency score"),
        ("years since joined", "With you for longer than most"),
        ("days since first purchase", "With you for longer than most"),
        ("days since first complaint", "What sets them apart: high days since first complaint"),
        ("months since first missed payment", "What sets them apart: high months since first missed payment"),
        ("no of orders", "They come often"),
        ("no orders", "What sets them apart: high no orders"),
        ("income rank", "What sets them apart: high income rank"),
        ("lost orders", "What sets them apart: high lost orders"),
        ("spending limit", "What sets them apart: high spending limit"),
        ("deals purchases", "They answer to discounts"),
        ("web purchases", "They buy a lot"),
        ("orders per year", "They come often"),
        ("MonthlyCharges", "They spend a lot"),
        ("loan amount", "What sets them apart: high loan amount"),
        ("年齢", "What sets them apart: high 年齢"),
    ],
)
def test_a_theme_is_known_by_its_words(name: str, begins: str) -> None:
    assert suggestion([profile(name, 1.5)]).startswith(begins)


def test_of_amounts_below_zero_nothing_is_concluded() -> None:
    row = replace(profile("refunds", 1.2), mean=-0.5, overall_mean=-140.0)
    assert suggestion([row]) == "What sets them apart: high refunds."


def test_trouble_comes_before_the_next_offer() -> None:
    assert suggested(recency=-1, complaints=1).startswith("They were here lately and have had trouble: solve that")


def test_traits_without_a_theme_and_categories_are_told_as_they_are() -> None:
    rows = [
        profile("income", 2.0),
        profile("age", -1.0),
        profile("plan", 1.0, "premium", 0.51),
        profile("shirt size", 0.9),
    ]
    assert suggestion(rows) == (
        "They earn more than most: quality counts before price. "
        "What also sets them apart: low age, high shirt size and mostly plan premium."
    )


def test_a_yes_or_no_is_told_like_one() -> None:
    row = profile("newsletter", 1.5, "1", 0.9)
    assert suggestion([row], {"newsletter": ("0", "1")}) == "What sets them apart: mostly newsletter."


def test_nothing_is_suggested_where_the_values_say_the_opposite() -> None:
    row = replace(profile("spend", 0.9), mean=50.0, median=0.0, overall_mean=650.0, overall_median=0.0)
    assert suggestion([row]) == "What sets them apart: high spend."
    assert suggestion([replace(row, median=40.0)]).startswith("They spend a lot")


def test_a_level_that_less_than_half_have_is_not_called_mostly() -> None:
    row = profile("payment method", 0.8, "cheque", 0.49)
    assert suggestion([row]) == "What sets them apart: often payment method cheque."


def test_a_segment_like_everybody_gets_no_offer_and_a_telling_one_not_too_many() -> None:
    assert "no special offer" in suggestion([])
    assert suggested(spending=1, purchases=1).count(".") == 1
    many = suggested(income=1, recency=1, deals=1, complaints=1, tenure=1, age=1)
    assert many.count(".") == MOST_SENTENCES
    assert many.endswith("What also sets them apart: high age.")
