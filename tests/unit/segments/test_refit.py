"""Drift, the choice of k among fits in a row, and the gates of a refit."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from seg_spark.clustering.scores import Scores
from seg_spark.clustering.selection import Choice
from seg_spark.features.fitted import FittedCategory, FittedNumber
from seg_spark.segments.drift import (
    Drift,
    FeatureDrift,
    distribution_of,
    drift_of_feature,
    index_by_chance,
    measure_drift,
    reference_of,
    stability_index,
)
from seg_spark.segments.matching import Succession
from seg_spark.segments.model import PendingK
from seg_spark.segments.refit import (
    Challenge,
    broken_feed,
    confirm_k,
    drifted,
    moved_share,
    refusals,
    within_ss_of,
)
from seg_spark.settings.schema import Refit

RULES = Refit()
INCOME = FittedNumber("income", "income", None, None, reject_missing=False, fill=0.0, clip=None, transform="none")
PLAN = FittedCategory(
    "plan", "plan", None, reject_missing=False, fill=None, levels=("basic", "plus", None), folded=(), weight=1.0
)
QUIET = Drift((FeatureDrift("income", 0.01, 0.02, 0.0),), {1: 0.6, 2: 0.4}, {1: 0.6, 2: 0.4}, 1.0, 1000, 1000)


def numbers(mean: float, count: int, seed: int, missing: int = 0) -> pa.ChunkedArray:
    values = np.random.default_rng(seed).normal(mean, 1.0, count).tolist()
    return pa.chunked_array([[*values, *[None] * missing]], pa.float64())


def test_the_stability_index_is_that_of_the_formula() -> None:
    old, new = np.array([100.0, 100.0]), np.array([150.0, 50.0])
    p, q = (np.array([100.5, 100.5]) / 201, np.array([150.5, 50.5]) / 201)
    assert stability_index(old, new) == pytest.approx(((p - q) * np.log(p / q)).sum())
    assert stability_index(old, old * 7) == pytest.approx(0.0, abs=1e-4)


def test_distances_are_not_measured_against_rounding() -> None:
    training, ids = pa.table({"income": numbers(0.0, 300, 1)}), np.repeat([1, 2], 150)
    at_fit = reference_of((INCOME,), training, ids, np.full(300, 3e-16))
    assert measure_drift(at_fit, training, ids, np.repeat([0.0, 1.0], [290, 10])).distance_ratio == 1.0
    usual = reference_of((INCOME,), training, ids, np.full(300, 2.0))
    assert measure_drift(usual, training, ids, np.full(300, 3.0)).distance_ratio == pytest.approx(1.5)


def test_without_drift_the_index_stays_below_chance_and_a_shift_is_far_above() -> None:
    for count in (200, 2_000):
        before = distribution_of(INCOME, numbers(0.0, count, 1))
        found = [drift_of_feature(before, numbers(0.0, count, seed)) for seed in range(2, 60)]
        assert sum(one.psi > one.by_chance for one in found) == 0
        shifted = drift_of_feature(before, numbers(1.0, count, 2))
        assert shifted.psi > max(0.25, shifted.by_chance)
    assert index_by_chance(10, 200, 200) == pytest.approx(0.279, abs=0.001)


def test_missing_values_and_unseen_levels_are_bins_of_their_own() -> None:
    before = distribution_of(INCOME, numbers(0.0, 1000, 1))
    found = drift_of_feature(before, numbers(0.0, 500, 2, missing=500))
    assert found.missing_rise == 0.5
    assert found.psi > 1
    plans = distribution_of(PLAN, pa.chunked_array([["basic"] * 60 + ["plus"] * 30 + [None] * 10]))
    assert (plans.levels, plans.counts, plans.missing) == (("basic", "plus"), (60, 30, 0), 10)
    assert drift_of_feature(plans, pa.chunked_array([["basic"] * 60 + ["new"] * 30 + [None] * 10])).psi > 0.25
    assert drift_of_feature(plans, pa.chunked_array([["basic"] * 60 + ["plus"] * 30 + [None] * 10])).psi == 0.0


def test_a_fall_below_the_lowest_value_that_many_had_is_drift() -> None:
    for before, now in (
        ([0.0] * 400 + [*range(1, 601)], [-500.0] * 400 + [*range(1, 601)]),
        ([7.0] * 900, [3.0] * 900),
    ):
        reference = distribution_of(INCOME, pa.chunked_array([pa.array(before, pa.float64())]))
        found = drift_of_feature(reference, pa.chunked_array([pa.array(now, pa.float64())]))
        assert found.psi > 1


def test_a_feature_without_any_value_has_one_bin() -> None:
    before = distribution_of(INCOME, pa.chunked_array([[None, None]], pa.float64()))
    assert (before.edges, before.counts, before.missing) == ((), (0,), 2)


def test_each_kind_of_drift_is_named_with_its_limit() -> None:
    assert drifted(QUIET, 0.01, RULES) == ()
    far = replace(QUIET, features=(FeatureDrift("income", 0.3, 0.02, 0.0),))
    assert drifted(far, 0.01, RULES) == ("PSI of income is 0.30 (refit.max_psi 0.25)",)
    by_chance = replace(QUIET, features=(FeatureDrift("income", 0.3, 0.31, 0.0),))
    assert drifted(by_chance, 0.01, RULES) == ()
    [distance] = drifted(replace(QUIET, distance_ratio=1.3), 0.01, RULES)
    assert "1.30 times as far" in distance
    one, other = drifted(replace(QUIET, shares={1: 0.75, 2: 0.25}), 0.01, RULES)
    assert one.startswith("segment 1 has 75% of the customers, 60% at the fit")
    assert other.startswith("segment 2 has 25%")
    few = replace(QUIET, shares={1: 0.75, 2: 0.25}, customers=40, customers_before=40)
    assert drifted(few, 0.01, RULES) == ()
    small = replace(QUIET, shares={1: 0.995, 2: 0.005}, shares_before={1: 0.97, 2: 0.03})
    assert drifted(small, 0.01, RULES) == ("segment 2 has 0.50% of the customers (selection.min_segment_share 1%)",)


def test_a_feed_is_broken_by_too_few_customers_or_by_missing_values() -> None:
    assert broken_feed(QUIET, 700, 1000, RULES) is None
    assert "only 699 customers" in str(broken_feed(QUIET, 699, 1000, RULES))
    holes = replace(QUIET, features=(FeatureDrift("income", 0.0, 0.02, 0.21),))
    said = str(broken_feed(holes, 1000, 1000, RULES))
    assert "income is missing for 21 percentage points more of the customers than at the fit" in said


def scores(**silhouettes: float) -> list[Scores]:
    """Scores by k (k2=0.5, ...), whose within sum of squares falls by a tenth with each k."""
    found = []
    for name, value in silhouettes.items():
        k = int(name[1:])
        found.append(Scores(k, 100 * 0.9**k, value, None, 1.0, 100.0, 0.1))
    return found


def settled(
    choice: int, now: list[Scores], then: list[Scores], pending: PendingK | None = None
) -> tuple[int, PendingK | None]:
    made = Choice(choice, f"k = {choice} has the highest", {})
    found, waits = confirm_k(made, now, then, 3, pending, rule="silhouette", rules=RULES)
    return found.k, waits


AT_FIT = scores(k2=0.4, k3=0.6, k4=0.5)


def test_another_k_must_win_by_a_margin_on_two_fits_in_a_row() -> None:
    near, clear = scores(k2=0.4, k3=0.6, k4=0.615), scores(k2=0.4, k3=0.6, k4=0.63)
    assert settled(3, AT_FIT, AT_FIT) == (3, None)
    assert settled(4, near, AT_FIT) == (3, None)
    assert settled(4, clear, AT_FIT) == (3, PendingK(4, 1))
    assert settled(4, clear, AT_FIT, PendingK(4, 1)) == (4, None)
    assert settled(4, clear, AT_FIT, PendingK(2, 1)) == (3, PendingK(4, 1))
    assert settled(3, AT_FIT, AT_FIT, PendingK(4, 1)) == (3, None)


def test_a_k_that_won_by_less_at_the_fit_must_win_by_more_than_then() -> None:
    then = scores(k2=0.4, k3=0.6, k4=0.65)
    assert settled(4, scores(k2=0.4, k3=0.6, k4=0.66), then) == (3, None)
    assert settled(4, scores(k2=0.4, k3=0.6, k4=0.68), then) == (3, PendingK(4, 1))


def test_a_split_that_the_rule_does_not_see_is_followed() -> None:
    now = [replace(one, within_ss=one.within_ss * (0.7 if one.k == 4 else 1.0)) for one in AT_FIT]
    assert settled(3, now, AT_FIT) == (3, PendingK(4, 1))
    assert settled(3, now, AT_FIT, PendingK(4, 1)) == (4, None)


def test_a_k_that_is_no_longer_possible_gives_way_at_once() -> None:
    made = Choice(2, "k = 2", {3: "too small"})
    assert confirm_k(made, AT_FIT, AT_FIT, 3, None, rule="silhouette", rules=RULES) == (made, None)
    fixed = Choice(4, "fixed", {})
    assert confirm_k(fixed, AT_FIT, AT_FIT, 3, None, rule="fixed", rules=RULES) == (fixed, None)


GOOD = Challenge(k=3, champion_k=3, gain=0.02, silhouette=0.6, champion_silhouette=0.6, moved_share=0.0)


def test_a_refit_passes_its_gates_or_is_refused_with_the_reason() -> None:
    assert refusals(GOOD, RULES, must_gain=True) == ()
    small = replace(GOOD, gain=0.004)
    assert refusals(small, RULES, must_gain=False) == ()
    assert refusals(small, RULES, must_gain=True) == (
        "the refit lowers the within sum of squares by 0.40% (refit.min_gain 1%)",
    )
    [close] = refusals(small, Refit(min_gain=0.0045), must_gain=True)
    assert close.endswith("by 0.40% (refit.min_gain 0.45%)")
    assert refusals(replace(small, k=4), RULES, must_gain=True) == ()
    [waits] = refusals(GOOD, RULES, must_gain=False, pending=PendingK(4, 1))
    assert waits == "k = 4 is better and waits for the next fit (refit.k_runs 2)"
    assert refusals(replace(GOOD, k=4), RULES, must_gain=False, pending=PendingK(5, 1)) == ()
    [worse] = refusals(replace(GOOD, silhouette=0.54), RULES, must_gain=True)
    assert "its silhouette is 0.540, that of the published model 0.600" in worse
    [moves] = refusals(replace(GOOD, moved_share=0.11), RULES, must_gain=True)
    assert "it would move 11.00% of the customers" in moves


def test_parts_of_a_split_and_a_merge_have_not_moved() -> None:
    before = np.array([1, 1, 1, 1, 2, 2, 3, 0])
    ids = np.array([1, 1, 4, 4, 2, 3, 2, 9])
    plain = Succession({0: 1, 2: 2, 3: 3}, {}, {}, 1.0)
    assert moved_share(before, ids, plain, (1, 4, 2, 3)) == 4 / 7  # of those who had a segment
    split = replace(plain, splits={1: (0, 1)})
    assert moved_share(before, ids, split, (1, 4, 2, 3)) == 2 / 7
    merged = replace(split, merges={2: (2, 3)})
    assert moved_share(before, ids, merged, (1, 4, 2, 3)) == 1 / 7
    assert moved_share(np.zeros(8), ids, plain, (1, 4, 2, 3)) == 0


def test_the_within_sum_of_squares_of_a_partition_is_about_its_own_means() -> None:
    matrix = np.array([[0.0], [2.0], [10.0], [10.0]])
    assert within_ss_of(matrix, np.array([7, 7, 9, 9])) == 2.0
