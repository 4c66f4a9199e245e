"""Choosing k: the rule, the gates, and the reason in words."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from seg_spark.clustering.scores import Scores
from seg_spark.clustering.selection import choose_k
from seg_spark.errors import DegenerateModelError
from seg_spark.settings.schema import Selection

ANY_SHARE = Selection(min_segment_share=0.0)


def scored(k: int, **values: Any) -> Scores:
    """The scores of one k; a test states only those that matter to it."""
    usual = {
        "within_ss": 100.0 / k,
        "silhouette": 0.5,
        "silhouette_euclidean": 0.4,
        "davies_bouldin": 1.0,
        "calinski_harabasz": 50.0,
        "smallest_share": 0.1,
    }
    return Scores(k=k, **(usual | values))


@pytest.mark.parametrize(
    ("rule", "score", "values", "chosen", "reason"),
    [
        ("silhouette", "silhouette", [0.3, 0.72, 0.7], 3, "highest silhouette (squared distances), 0.72"),
        ("davies_bouldin", "davies_bouldin", [0.9, 0.61, 0.8], 3, "lowest Davies-Bouldin score, 0.61"),
        ("calinski_harabasz", "calinski_harabasz", [9.0, 8.0, 12.5], 4, "highest Calinski-Harabasz score, 12.5"),
    ],
)
def test_each_rule_follows_its_own_score_and_says_so(
    rule: Any, score: str, values: list[float], chosen: int, reason: str
) -> None:
    scores = [scored(k, **{score: value}) for k, value in zip((2, 3, 4), values, strict=True)]
    choice = choose_k(scores, {}, Selection(rule=rule))
    assert choice.k == chosen
    assert choice.because.startswith(f"k = {chosen} has the {reason}")


def test_the_reason_names_the_runner_up() -> None:
    choice = choose_k(
        [scored(2, silhouette=0.7), scored(3, silhouette=0.6), scored(4, silhouette=0.65)], {}, Selection()
    )
    assert "next is k = 4 with 0.65" in choice.because


@pytest.mark.parametrize("rule", ["silhouette", "davies_bouldin", "calinski_harabasz"])
def test_of_equal_scores_the_smaller_k_wins(rule: Any) -> None:
    assert choose_k([scored(5), scored(3), scored(4)], {}, Selection(rule=rule)).k == 3


def test_a_k_with_too_small_a_segment_is_not_chosen_and_named() -> None:
    scores = [scored(2, silhouette=0.5), scored(3, silhouette=0.9, smallest_share=0.004)]
    choice = choose_k(scores, {}, Selection(min_segment_share=0.01))
    assert choice.k == 2
    assert choice.excluded == {3: "its smallest segment is 0.40% of the customers, below 1%"}
    assert choice.because.endswith("Not eligible: k = 3 (its smallest segment is 0.40% of the customers, below 1%)")


def test_ks_that_are_not_eligible_for_one_reason_are_told_together() -> None:
    scores = [scored(2, silhouette=0.5), *(scored(k, smallest_share=0.001 * k) for k in (4, 5, 6, 7, 8))]
    choice = choose_k(scores, {3: "only 2 centres were found", 6: "only 2 centres were found"}, Selection())
    assert choice.because.endswith(
        ". Not eligible: k = 3, 6 (only 2 centres were found); "
        "k = 4, 5, 7, 8 (their smallest segments are below 1% of the customers)"
    )
    assert choice.excluded[7] == "its smallest segment is 0.70% of the customers, below 1%"
    assert "k = 4 to 8 (their" in choose_k(scores, {}, Selection()).because


def test_a_smallest_segment_right_at_the_limit_is_accepted() -> None:
    choice = choose_k([scored(2, smallest_share=0.25)], {}, Selection(min_segment_share=0.25))
    assert (choice.k, choice.excluded) == (2, {})


def test_a_k_whose_fit_has_a_fault_is_not_chosen_and_named() -> None:
    faults = {4: "only 3 centres were found"}
    choice = choose_k([scored(2, silhouette=0.5), scored(3, silhouette=0.4)], faults, Selection())
    assert choice.k == 2
    assert "k = 4 (only 3 centres were found)" in choice.because


def test_the_fault_of_a_fit_is_told_rather_than_its_small_segment() -> None:
    scores = [scored(2), scored(3, smallest_share=0.0)]
    assert choose_k(scores, {3: "a centre has no customers"}, Selection()).excluded == {3: "a centre has no customers"}


@pytest.mark.parametrize(("second", "same"), [(0.5905, True), (0.5881, True), (0.5879, False)])
def test_a_k_that_is_practically_as_good_is_told(second: float, same: bool) -> None:
    choice = choose_k([scored(2, silhouette=0.591), scored(3, silhouette=second)], {}, Selection())
    assert choice.k == 2
    assert choice.because.endswith(", practically the same, so compare both") == same


def test_a_k_that_leaves_no_distances_is_told_without_a_score() -> None:
    scores = [scored(2, calinski_harabasz=145.5), scored(3, calinski_harabasz=float("inf"))]
    choice = choose_k(scores, {}, Selection(rule="calinski_harabasz"))
    assert (choice.k, choice.because) == (3, "k = 3 leaves no distances within the segments")


def test_without_an_acceptable_k_every_reason_is_told() -> None:
    with pytest.raises(DegenerateModelError) as caught:
        choose_k([scored(3, smallest_share=0.001)], {2: "only 1 centres were found"}, Selection())
    message = str(caught.value)
    assert "k = 2 (only 1 centres were found)" in message
    assert "k = 3 (its smallest segment is 0.10% of the customers, below 1%)" in message


def test_without_any_fit_there_is_nothing_to_choose() -> None:
    with pytest.raises(DegenerateModelError, match="none was fitted"):
        choose_k([], {}, Selection())


def test_a_fixed_k_stands_whatever_its_scores() -> None:
    scores = [scored(2, silhouette=0.9), scored(3, silhouette=0.1), scored(4)]
    choice = choose_k(scores, {}, Selection(rule="fixed", k=3))
    assert choice.k == 3
    assert choice.because == "k = 3 is fixed by selection.k"


def test_a_fixed_k_with_a_fault_is_refused_rather_than_replaced() -> None:
    with pytest.raises(DegenerateModelError, match="k = 3 \\(a centre has no customers\\)"):
        choose_k([scored(2), scored(4)], {3: "a centre has no customers"}, Selection(rule="fixed", k=3))


def costs(*within_ss: float, first: int = 2) -> list[Scores]:
    return [scored(k, within_ss=value) for k, value in enumerate(within_ss, start=first)]


@pytest.mark.parametrize(
    ("scores", "elbow"),
    [
        (costs(100.0, 30.0, 20.0, 15.0, 12.0), 3),
        (costs(100.0, 90.0, 20.0, 15.0, 12.0), 4),
        (costs(100.0, 60.0, 30.0, 10.0, 8.0, 7.0), 5),
        (costs(16.0, 8.0, 4.0, 2.0, 0.0), 3),  # 3 and 4 lie equally deep
    ],
)
def test_the_elbow_is_where_the_cost_stops_falling_steeply(scores: list[Scores], elbow: int) -> None:
    choice = choose_k(scores, {}, Selection(rule="elbow"))
    assert choice.k == elbow
    assert f"k = {elbow} is the elbow" in choice.because


@pytest.mark.parametrize(
    "scores",
    [costs(100.0, 10.0), costs(50.0, 50.0, 50.0), costs(50.0, 40.0, 60.0), costs(50.0)],
    ids=["two ks", "flat", "rising", "one k"],
)
def test_without_an_elbow_the_smallest_k_stands(scores: list[Scores]) -> None:
    choice = choose_k(scores, {}, Selection(rule="elbow"))
    assert choice.k == 2
    assert "no elbow" in choice.because


def test_an_elbow_that_is_not_eligible_yields_to_the_next_best() -> None:
    curve = [
        scored(k, within_ss=w, smallest_share=s)
        for k, w, s in [(2, 100, 0.2), (3, 30, 0.001), (4, 20, 0.1), (5, 10, 0.1)]
    ]
    assert choose_k(curve, {}, Selection(rule="elbow", min_segment_share=0.0)).k == 3
    assert choose_k(curve, {}, Selection(rule="elbow", min_segment_share=0.01)).k == 4


def test_the_curve_has_its_elbow_where_it_has_it_even_if_its_ends_are_not_eligible() -> None:
    curve = costs(1000.0, 100.0, 80.0, 20.0, 10.0)
    assert choose_k(curve, {}, Selection(rule="elbow")).k == 3
    assert choose_k(curve, {2: "a centre has no customers"}, Selection(rule="elbow")).k == 3


def test_a_smallest_k_that_is_not_eligible_is_not_the_fall_back_of_the_elbow() -> None:
    assert choose_k([scored(2, smallest_share=0.001), scored(3)], {}, Selection(rule="elbow")).k == 3


@given(
    curve=st.lists(st.integers(1, 2**20), min_size=3, max_size=9, unique=True),
    shift=st.integers(0, 2**20),
    doublings=st.integers(-10, 10),
)
@examples(max_examples=100, derandomize=True, deadline=None)
def test_the_elbow_does_not_depend_on_the_unit_of_the_cost(curve: list[int], shift: int, doublings: int) -> None:
    falling = sorted(curve, reverse=True)
    elbow = choose_k(costs(*map(float, falling)), {}, Selection(rule="elbow")).k
    # powers of two and whole numbers: the same curve without any rounding
    moved = [(value + shift) * 2.0**doublings for value in falling]
    assert choose_k(costs(*moved), {}, Selection(rule="elbow")).k == elbow


@given(st.data())
@examples(max_examples=100, derandomize=True, deadline=None)
def test_the_choice_is_the_best_eligible_k_in_whatever_order_the_scores_come(data: st.DataObject) -> None:
    silhouettes = data.draw(st.dictionaries(st.integers(2, 12), st.sampled_from([0.1, 0.2, 0.3]), min_size=1))
    small = data.draw(st.sets(st.sampled_from(sorted(silhouettes)), max_size=len(silhouettes) - 1))
    scores = [
        scored(k, silhouette=silhouette, smallest_share=0.001 if k in small else 0.2)
        for k, silhouette in silhouettes.items()
    ]
    choice = choose_k(data.draw(st.permutations(scores)), {}, Selection())
    eligible = {k: silhouette for k, silhouette in silhouettes.items() if k not in small}
    assert choice.k == min(k for k, silhouette in eligible.items() if silhouette == max(eligible.values()))
    assert set(choice.excluded) == small


def consensus(*scores: Scores) -> tuple[int, str]:
    choice = choose_k(scores, {}, Selection(rule="consensus"))
    return choice.k, choice.because


def test_consensus_is_the_k_with_most_votes_and_names_them() -> None:
    k, because = consensus(
        scored(2, within_ss=100.0, silhouette=0.5, davies_bouldin=0.9, calinski_harabasz=40.0),
        scored(3, within_ss=20.0, silhouette=0.7, davies_bouldin=0.4, calinski_harabasz=50.0),
        scored(4, within_ss=10.0, silhouette=0.6, davies_bouldin=0.6, calinski_harabasz=60.0),
    )
    assert k == 3
    assert because == (
        "k = 3 has 3 of 4 votes (silhouette (squared distances), Davies-Bouldin score, elbow); "
        "Calinski-Harabasz score: k = 4"
    )


def test_of_equally_many_votes_the_highest_silhouette_wins() -> None:
    k, because = consensus(
        scored(2, within_ss=100.0, silhouette=0.7, davies_bouldin=0.9, calinski_harabasz=70.0),
        scored(3, within_ss=20.0, silhouette=0.6, davies_bouldin=0.4, calinski_harabasz=50.0),
        scored(4, within_ss=10.0, silhouette=0.5, davies_bouldin=0.6, calinski_harabasz=60.0),
    )
    assert k == 2
    assert because.startswith(
        "k = 2 has 2 of 4 votes (silhouette (squared distances), Calinski-Harabasz score), and of"
    )


def test_a_curve_without_an_elbow_has_no_vote_in_the_consensus() -> None:
    k, because = consensus(scored(2, within_ss=9.0), scored(3, within_ss=5.0, silhouette=0.4, davies_bouldin=2.0))
    assert (k, because) == (
        2,
        "k = 2 has 3 of 3 votes (silhouette (squared distances), Davies-Bouldin score, Calinski-Harabasz score)",
    )


@pytest.mark.parametrize(
    ("strengths", "chosen", "reason"),
    [
        ([1.0, 0.85, 0.6], 3, "k = 3 is the largest with a prediction strength of at least 0.8, 0.85"),
        ([0.5, 0.6, 0.6], 3, "k = 3 has the highest prediction strength, 0.60; none reaches 0.8"),
        ([0.9, None, None], 2, "k = 2 is the largest with a prediction strength of at least 0.8, 0.90"),
        ([None, None, None], 2, "the customers are too few for a prediction strength; k = 2 is the smallest"),
    ],
)
def test_prediction_strength_chooses_the_largest_stable_k(
    strengths: list[float | None], chosen: int, reason: str
) -> None:
    scores = [scored(k, prediction_strength=value) for k, value in zip((2, 3, 4), strengths, strict=True)]
    choice = choose_k(scores, {}, Selection(rule="prediction_strength"))
    assert (choice.k, choice.because) == (chosen, reason)


def test_the_only_eligible_k_is_not_praised_for_the_best_score() -> None:
    scores = [scored(2, silhouette=0.2), scored(3, silhouette=0.9, smallest_share=0.001)]
    choice = choose_k(scores, {}, Selection())
    assert choice.k == 2
    assert choice.because.startswith("k = 2 is the only one that is eligible. Not eligible: k = 3 (")
