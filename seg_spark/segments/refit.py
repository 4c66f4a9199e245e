"""When to fit anew, which k the new fit gets, and whether it is published. No Spark here.

The published model is the champion, a new fit the challenger. Every threshold is a setting (`settings.schema.Refit`).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from seg_spark.clustering.points import Labels, Matrix, SegmentIds, cluster_means
from seg_spark.clustering.scores import Scores
from seg_spark.clustering.selection import Choice
from seg_spark.segments.drift import Drift
from seg_spark.segments.matching import Succession
from seg_spark.segments.model import PendingK
from seg_spark.settings.schema import Refit

_ByK = Mapping[int, Scores]
_SCORED_RULES: Final = ("silhouette", "davies_bouldin", "calinski_harabasz")


@dataclass(frozen=True)
class Challenge:
    """A new fit beside the champion, on the training customers, in the feature space of the new fit.

    `gain` is the share by which its within sum of squares is below that of the champion's partition about its means.
    `silhouette` and `champion_silhouette` are those of squared distances. `moved_share` of the customers change their
    segment by the refit alone; parts of a recognised split or merge do not count.
    """

    k: int
    champion_k: int
    gain: float
    silhouette: float
    champion_silhouette: float
    moved_share: float


@dataclass(frozen=True)
class RefitResult:
    """Whether a run fitted anew and why, and what became of the fit.

    `refused` are the reasons for which the published model stays active all the same.
    """

    fitted: bool
    because: str
    refused: tuple[str, ...] = ()
    drift: Drift | None = None
    challenge: Challenge | None = None
    pending: PendingK | None = None
    looks_broken: bool = False
    """Whether the input of the run looks broken, so that its labels may be too."""


def broken_feed(drift: Drift, customers: int, usual_customers: int, rules: Refit) -> str | None:
    """Why the input of a run looks broken, or None; `customers` are the accepted ones, now and on other dates."""
    if customers < rules.min_customers_ratio * usual_customers:
        return (
            f"only {customers:,} customers were accepted, {customers / usual_customers:.0%} of "
            f"the {usual_customers:,} before (refit.min_customers_ratio {100 * rules.min_customers_ratio:g}%)"
        )
    worst = max(drift.features, key=lambda feature: feature.missing_rise, default=None)
    if worst is not None and worst.missing_rise > rules.max_missing_rise:
        return (
            f"{worst.feature} is missing for {100 * worst.missing_rise:.0f} percentage points more of the customers "
            f"than at the fit (refit.max_missing_rise {100 * rules.max_missing_rise:g}%)"
        )
    return None


def drifted(drift: Drift, min_segment_share: float, rules: Refit) -> tuple[str, ...]:
    """What has drifted beyond the limits since the fit, in words; nothing where the champion still fits."""
    found = [
        f"PSI of {feature.feature} is {feature.psi:.2f} (refit.max_psi {rules.max_psi:g})"
        for feature in drift.features
        if feature.psi > max(rules.max_psi, feature.by_chance)
    ]
    if drift.distance_ratio > rules.max_distance_ratio:
        found.append(
            f"customers are {drift.distance_ratio:.2f} times as far from their centres as at the fit "
            f"(refit.max_distance_ratio {rules.max_distance_ratio:g})"
        )
    for segment_id, share in sorted(drift.shares.items()):
        before = drift.shares_before[segment_id]
        spread = math.sqrt(before * (1 - before) * (1 / drift.customers + 1 / drift.customers_before))
        if abs(share - before) > max(rules.max_share_change, 3.3 * spread):
            found.append(
                f"segment {segment_id} has {share:.0%} of the customers, {before:.0%} at the fit "
                f"(refit.max_share_change {100 * rules.max_share_change:g}%)"
            )
        elif share < min_segment_share <= before:
            found.append(
                f"segment {segment_id} has {share:.2%} of the customers "
                f"(selection.min_segment_share {100 * min_segment_share:g}%)"
            )
    return tuple(found)


def confirm_k(
    choice: Choice,
    scores: Sequence[Scores],
    scores_at_fit: Sequence[Scores],
    k: int,
    pending: PendingK | None,
    *,
    rule: str,
    rules: Refit,
) -> tuple[Choice, PendingK | None]:
    """The choice for a refit of a champion with k segments, and the other k that waits to be confirmed, if any.

    `scores` are those of every k now, `scores_at_fit` those when the champion was fitted.
    Another k must win on `refit.k_runs` fits in a row: by `refit.k_margin` more than it won by when the champion was
    fitted where the rule compares one score; or, for k + 1, where a further split gains clearly more than it
    did then, which shows a segment that has come apart even if the rule does not.
    """
    now, then = ({one.k: one for one in found} for found in (scores, scores_at_fit))
    if k not in now or k in choice.excluded or rule == "fixed":
        return choice, None
    wanted, why = None, ""
    if choice.k != k and _wins((now, then), choice.k, k, rule, rules.k_margin):
        wanted, why = choice.k, choice.because
    elif k + 1 in now and k + 1 not in choice.excluded:
        gain, usual = _split_gain(now, k), _split_gain(then, k)
        if usual is not None and gain is not None and gain > usual + rules.split_gain:
            wanted = k + 1
            why = (
                f"k = {k + 1}: one more lowers the within sum of squares by {gain:.0%}, at the last fit by {usual:.0%}"
            )
    if wanted is None:
        because = choice.because if choice.k == k else f"k = {k} stays: k = {choice.k} is no better by refit.k_margin"
        return Choice(k, because, choice.excluded), None
    runs = 1 + (pending.runs if pending is not None and pending.k == wanted else 0)
    if runs >= rules.k_runs:
        return Choice(wanted, why, choice.excluded), None
    stays = f"k = {k} stays until k = {wanted} has won {rules.k_runs} fits in a row ({runs} so far)"
    return Choice(k, stays, choice.excluded), PendingK(wanted, runs)


def moved_share(before: SegmentIds, ids: SegmentIds, succession: Succession, id_of: Sequence[int]) -> float:
    """The share of the customers who had a segment whose segment a refit changes, but for parts of splits and merges.

    `ids` are the segments that the refit gives to the customers, `id_of` those of its clusters; `before` is the
    labelling that the succession was found by, 0 for a customer without a segment.
    """
    moved = (before != ids) & (before > 0)
    for segment, parts in succession.splits.items():
        moved &= ~((before == segment) & np.isin(ids, [id_of[part] for part in parts]))
    for cluster, segments in succession.merges.items():
        moved &= ~((ids == id_of[cluster]) & np.isin(before, segments))
    return float(moved.sum() / max(1, (before > 0).sum()))


def within_ss_of(matrix: Matrix, labels: Labels) -> float:
    """Within sum of squares of a partition (any labels) about the means of its parts."""
    parts, positions = np.unique(labels, return_inverse=True)
    means = cluster_means(matrix, positions, len(parts))
    return float(((matrix - means[positions]) ** 2).sum())


def refusals(
    challenge: Challenge, rules: Refit, *, must_gain: bool, pending: PendingK | None = None
) -> tuple[str, ...]:
    """Why a challenger is not published, in words. With `must_gain` it must be clearly better where k stays.

    While a new k waits for confirmation, no refit with the old k is published, because the new k's lead is measured
    against the last fit.
    """
    if pending is not None and challenge.k == challenge.champion_k:
        return (f"k = {pending.k} is better and waits for the next fit (refit.k_runs {rules.k_runs})",)
    found = []
    if must_gain and challenge.k == challenge.champion_k and challenge.gain < rules.min_gain:
        found.append(
            f"the refit lowers the within sum of squares by {max(challenge.gain, 0.0):.2%} "
            f"(refit.min_gain {100 * rules.min_gain:g}%)"
        )
    if challenge.silhouette < challenge.champion_silhouette - rules.max_score_loss:
        found.append(
            f"its silhouette is {challenge.silhouette:.3f}, that of the published model "
            f"{challenge.champion_silhouette:.3f} (refit.max_score_loss {rules.max_score_loss:g})"
        )
    if challenge.moved_share > rules.max_moved_share:
        found.append(
            f"it would move {challenge.moved_share:.2%} of the customers to another segment "
            f"(refit.max_moved_share {100 * rules.max_moved_share:g}%)"
        )
    return tuple(found)


def _wins(scores: tuple[_ByK, _ByK], k: int, other: int, rule: str, margin: float) -> bool:
    """Whether k is clearly better than another k now, and more so than at the fit; rules that compare no single score
    just prefer it."""
    if rule not in _SCORED_RULES:
        return True
    now, then = (_lead(fit, k, other, rule) for fit in scores)
    return now > margin + max(0.0, then)


def _lead(scores: _ByK, k: int, other: int, rule: str) -> float:
    """By how much the score of k is better than that of another k; 0 where one is not known."""
    if k not in scores or other not in scores:
        return 0.0
    one, two = getattr(scores[k], rule), getattr(scores[other], rule)
    if rule == "davies_bouldin":
        return float(two - one)
    return float((one - two) / two) if rule == "calinski_harabasz" else float(one - two)


def _split_gain(scores: _ByK, k: int) -> float | None:
    """The share of the within sum of squares of k that k + 1 saves."""
    if k not in scores or k + 1 not in scores or scores[k].within_ss <= 0:
        return None
    return 1 - scores[k + 1].within_ss / scores[k].within_ss
