"""A header becomes a name that a feature may have, whatever the header."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seg_spark.proposal.names import feature_labels, feature_names, snake_case, unit_of
from seg_spark.settings.feature import Feature, Features


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("Annual Income (k$)", "annual_income_k"),
        ("MonthlyCharges", "monthly_charges"),
        ("customerID", "customer_id"),
        ("HTTPRequests", "http_requests"),
        ("Größe", "groesse"),
        ("Prénom", "prenom"),
        ("Łódź", "lodz"),
        ("Год рождения", "год_рождения"),
        ("Мой номер", "мой_номер"),
        ("年齢", "年齢"),
        ("address.city", "address_city"),
        ("m²", "m2"),
        ("__x__", "x"),
        ("R&D", "r_and_d"),
    ],
)
def test_headers_become_snake_case(header: str, name: str) -> None:
    assert snake_case(header) == name


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("mnt_wines", "amount of wines"),
        ("loan_amt", "loan amount"),
        ("num_web_purchases", "web purchases"),
        ("num_children", "number of children"),
        ("accepted_cmp3", "accepted campaign 3"),
        ("avg_order_qty", "average order quantity"),
        ("nb", "number"),
        ("annual_income", None),
        ("top10", None),
        ("年齢", None),
    ],
)
def test_short_forms_are_spelled_out_for_people(name: str, label: str | None) -> None:
    assert feature_labels([name]).get(name) == label


def test_no_label_is_what_another_feature_is_called() -> None:
    assert feature_labels(["num_purchases", "purchases", "tot_spend"]) == {"tot_spend": "total spend"}
    assert feature_labels(["amt", "amnt"]) == {}
    assert feature_labels(["mnt_" + "x" * 58]) == {}


def test_names_are_unlike_each_other_and_the_columns_we_write() -> None:
    headers = ["Age", "AGE ", "age!", "Distance", "2024", "%%%", "class", "x" * 80, "x" * 81]
    names = list(feature_names(headers).values())
    assert names[:4] == ["age", "age_2", "age_3", "distance_value"]
    assert names[4:7] == ["feature_2024", "percent_percent_percent", "class_value"]
    assert [len(name) for name in names[7:]] == [64, 64]


def test_a_name_does_not_repeat_the_unit_or_range_of_the_header() -> None:
    headers = [
        "Annual Income (k$)",
        "Spending Score (1-100)",
        "Active (Y/N)",
        "Age (optional)",
        "(kg)",
        "Spend (€)",
        "Spend",
    ]
    assert list(feature_names(headers).values()) == [
        "annual_income", "spending_score", "active_y_n", "age_optional", "kg", "spend", "spend_2",
    ]  # fmt: skip


@given(st.lists(st.text(min_size=1, max_size=90), min_size=1, max_size=8, unique=True))
def test_any_headers_get_names_that_the_settings_accept(headers: list[str]) -> None:
    names = feature_names(headers)
    features = {name: Feature(source=header) for header, name in names.items()}
    assert list(Features(columns=features).columns) == list(names.values())
    assert len({name.lower() for name in features}) == len(headers)


@pytest.mark.parametrize(
    ("header", "unit"),
    [
        ("Annual Income (k$)", "k$"),
        ("Umsatz (€)", "€"),
        ("年消费额\uff08元\uff09", "元"),
        ("Revenue [in EUR]", "EUR"),
        ("Tenure (years)", "years"),
        ("Weight (kg)", "kg"),
        ("Spending Score (1-100)", None),
        ("Active (Y/N)", None),
        ("Age (optional)", None),
        ("Age", None),
    ],
)
def test_brackets_may_hold_a_unit(header: str, unit: str | None) -> None:
    assert unit_of(header) == unit
