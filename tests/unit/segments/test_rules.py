"""Rules that pick a segment: what they say is what SQL finds."""

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from sklearn.tree import DecisionTreeClassifier

from seg_spark.features.fitted import FittedCategory, FittedFeature, FittedNumber
from seg_spark.segments.rules import MOST_CONDITIONS, Rule, find_rules


def number(name: str) -> FittedNumber:
    return FittedNumber(name, name, None, None, reject_missing=False, fill=0.0, clip=None, transform="none")


def category(name: str) -> FittedCategory:
    return FittedCategory(name, name, None, reject_missing=False, fill=None, levels=(), folded=(), weight=1.0)


def fidelity(rule: Rule, customers: pa.Table, ids: np.ndarray, segment: int) -> tuple[float, float]:
    """Precision and coverage of a rule, counted by DuckDB."""
    labelled = duckdb.from_arrow(customers.append_column("segment_id", pa.array(ids)))
    found = labelled.query(
        "labelled",
        f"SELECT count_if(segment_id = {segment} AND ({rule.condition})), count_if({rule.condition}), "
        f"count_if(segment_id = {segment}) FROM labelled",
    ).fetchall()
    [(hits, picked, size)] = found
    return hits / picked, hits / size


def test_two_limits_tell_a_corner_from_the_rest() -> None:
    grid = [(x, y) for x in range(10) for y in range(10)]
    ids = np.array([1 if x > 6 and y <= 2 else 2 for x, y in grid])
    table = pa.table({"income": [float(x) for x, _ in grid], "score": [float(y) for _, y in grid]})
    rules = find_rules([number("income"), number("score")], table, ids)
    assert rules[1] == Rule("income > 6 AND score <= 2", 1.0, 1.0) or rules[1] == Rule(
        "score <= 2 AND income > 6", 1.0, 1.0
    )


def test_a_level_and_all_but_a_level_are_conditions_and_quotes_are_doubled() -> None:
    plan = ["o'neil"] * 5 + ["basic"] * 5 + ["plus"] * 5
    rules = find_rules([category("plan")], pa.table({"plan": plan}), np.array([1] * 5 + [2] * 10))
    assert rules[1] == Rule("plan = 'o''neil'", 1.0, 1.0)
    assert rules[2] == Rule("plan <> 'o''neil'", 1.0, 1.0)


def test_a_limit_has_no_more_digits_than_it_needs() -> None:
    table = pa.table({"income": [10.111, 20.222, 70.913, 71.352, 80.1, 90.2]})
    assert find_rules([number("income")], table, np.array([1, 1, 1, 2, 2, 2]))[2].condition == "income > 71"


def test_a_limit_has_as_many_digits_as_it_needs() -> None:
    nanoseconds = 1.7e18 + np.arange(100) * 256.0
    ids = np.repeat([1, 2], 50)
    table = pa.table({"stamp": nanoseconds})
    rule = find_rules([number("stamp")], table, ids)[1]
    assert fidelity(rule, table, ids, 1) == (rule.precision, rule.coverage) == (1.0, 1.0)


def test_missing_values_meet_no_condition() -> None:
    table = pa.table({"income": [1.0, 2.0, None, 8.0, 9.0, None], "plan": ["a", None, "a", "b", None, "b"]})
    ids = np.array([1, 1, 1, 2, 2, 2])
    for features in ([number("income")], [category("plan")]):
        for segment, rule in find_rules(features, table, ids).items():
            assert (rule.precision, rule.coverage) == fidelity(rule, table, ids, segment) == (1.0, pytest.approx(2 / 3))


def test_a_segment_that_nothing_tells_from_the_others_has_no_rule() -> None:
    table = pa.table({"income": [5.0] * 6})
    assert find_rules([number("income")], table, np.array([1, 2] * 3)) == {}


@given(st.data())
@examples(max_examples=40, derandomize=True, deadline=None)
def test_sql_finds_what_a_rule_says(data: st.DataObject) -> None:
    size = data.draw(st.integers(4, 40))
    numbers = st.one_of(st.none(), st.floats(-1e6, 1e6, width=32), st.integers(0, 5).map(float))
    texts = st.sampled_from([None, "a", "b", "it's", "ü"])
    table = pa.table(
        {
            "income": pa.array([data.draw(numbers) for _ in range(size)], pa.float64()),
            "plan": pa.array([data.draw(texts) for _ in range(size)], pa.string()),
        }
    )
    ids = np.array([data.draw(st.integers(1, 3)) for _ in range(size)])
    features: list[FittedFeature] = [number("income"), category("plan")]
    for segment, rule in find_rules(features, table, ids).items():
        assert (rule.precision, rule.coverage) == pytest.approx(fidelity(rule, table, ids, segment))
        assert rule.condition.count(" AND ") < MOST_CONDITIONS


def test_rules_are_no_worse_than_the_leaves_of_a_decision_tree() -> None:
    generator = np.random.default_rng(3)
    points = generator.normal(size=(2_000, 6))
    ids = 1 + np.argmin([((points - centre) ** 2).sum(axis=1) for centre in points[:6]], axis=0)
    names = [f"x{axis}" for axis in range(6)]
    table = pa.table({name: points[:, axis] for axis, name in enumerate(names)})
    rules = find_rules([number(name) for name in names], table, ids)
    assert set(rules) == set(range(1, 7))
    for segment, rule in rules.items():
        members = ids == segment
        leaves = DecisionTreeClassifier(max_depth=MOST_CONDITIONS).fit(points, members).apply(points)
        best = max(
            2 * (members & (leaves == leaf)).sum() / (members.sum() + (leaves == leaf).sum()) for leaf in set(leaves)
        )
        assert 2 / (1 / rule.precision + 1 / rule.coverage) > best - 0.02
