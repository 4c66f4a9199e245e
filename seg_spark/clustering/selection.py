"""Choosing k from the scores, with the reason in words. No Spark here."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from seg_spark.clustering.scores import Scores
from seg_spark.errors import DegenerateModelError
from seg_spark.settings.schema import STABLE, Selection

_TITLES: Final = {
    "silhouette": "silhouette (squared distances)",
    "davies_bouldin": "Davies-Bouldin score",
    "calinski_harabasz": "Calinski-Harabasz score",
}
_PRACTICALLY: Final = 0.005
"""Scores that differ by less than such a share say nothing of which k is better."""


@dataclass(frozen=True)
class Choice:
    """The chosen k, why, and which ks were not eligible for which reason."""

    k: int
    because: str
    excluded: Mapping[int, str]


def choose_k(scores: Sequence[Scores], faults: Mapping[int, str], settings: Selection) -> Choice:
    """Choose among the scored ks by `settings.rule`.

    `faults` names the ks whose fit cannot be used; a k with a segment below
    `settings.min_segment_share` joins them. Of equal scores the smaller k wins. Raises
    DegenerateModelError if no k is left.
    """
    least = f"below {100 * settings.min_segment_share:g}%"
    too_small = {
        candidate.k: f"its smallest segment is {candidate.smallest_share:.2%} of the customers, {least}"
        for candidate in scores
        if candidate.smallest_share < settings.min_segment_share and candidate.k not in faults
    }
    excluded = {**faults, **too_small}
    eligible = [
        candidate for candidate in sorted(scores, key=lambda candidate: candidate.k) if candidate.k not in excluded
    ]
    if settings.rule == "fixed":
        eligible = [candidate for candidate in eligible if candidate.k == settings.k]
    if len(too_small) > 1:
        told = {**faults, **dict.fromkeys(too_small, f"their smallest segments are {least} of the customers")}
    else:
        told = excluded
    if not eligible:
        raise DegenerateModelError(
            f"clustering.k: no k gives an acceptable model: {_by_reason(told) or 'none was fitted'}"
        )
    if settings.rule == "fixed":
        return Choice(eligible[0].k, f"k = {eligible[0].k} is fixed by selection.k", excluded)
    k, because = _chosen_by(settings.rule, sorted(scores, key=lambda candidate: candidate.k), eligible)
    if len(eligible) == 1 < len(scores):  # the best score of one would mislead
        because = f"k = {k} is the only one that is eligible"
    return Choice(k, because + (f". Not eligible: {_by_reason(told)}" if told else ""), excluded)


def _chosen_by(rule: str, curve: Sequence[Scores], eligible: Sequence[Scores]) -> tuple[int, str]:
    """The k that a rule chooses among the eligible ones, and why; both sequences by rising k."""
    if rule == "elbow":
        return _elbow(curve, eligible)
    if rule == "consensus":
        return _consensus(curve, eligible)
    if rule == "prediction_strength":
        return _largest_stable(eligible)
    return _extreme(eligible, rule)


def _extreme(eligible: Sequence[Scores], rule: str) -> tuple[int, str]:
    lowest_wins = rule == "davies_bouldin"
    sign = 1 if lowest_wins else -1

    def rank(one: Scores) -> tuple[bool, float, int]:
        score = getattr(one, rule)
        return math.isnan(score), sign * score, one.k  # what has no score comes last

    ranked = sorted(eligible, key=rank)
    best = ranked[0]
    because = (
        f"k = {best.k} has the {'lowest' if lowest_wins else 'highest'} {_TITLES[rule]}, {getattr(best, rule):.4g}"
    )
    if not math.isfinite(getattr(best, rule)):
        return best.k, f"k = {best.k} leaves no distances within the segments"
    if len(ranked) > 1:
        because += f"; next is k = {ranked[1].k} with {getattr(ranked[1], rule):.4g}"
        if abs(getattr(ranked[1], rule) - getattr(best, rule)) <= _PRACTICALLY * abs(getattr(best, rule)):
            because += ", practically the same, so compare both"
    return best.k, because


def _consensus(curve: Sequence[Scores], eligible: Sequence[Scores]) -> tuple[int, str]:
    """The k with the most votes of silhouette, Davies-Bouldin, Calinski-Harabasz and elbow, one each.

    Of equally many the k with the highest silhouette wins. A curve without an elbow has no vote.
    """
    votes = {_TITLES[rule]: _extreme(eligible, rule)[0] for rule in _TITLES}
    if _has_elbow(curve):
        votes["elbow"] = _elbow(curve, eligible)[0]
    silhouettes = {candidate.k: candidate.silhouette for candidate in eligible}
    counted = Counter(votes.values())
    k = max(counted, key=lambda candidate: (counted[candidate], silhouettes[candidate], -candidate))
    voters = ", ".join(title for title, choice in votes.items() if choice == k)
    others = ", ".join(f"{title}: k = {choice}" for title, choice in votes.items() if choice != k)
    because = f"k = {k} has {counted[k]} of {len(votes)} votes ({voters})"
    if sum(count == counted[k] for count in counted.values()) > 1:
        because += ", and of equally many the highest silhouette"
    return k, because + (f"; {others}" if others else "")


def _largest_stable(eligible: Sequence[Scores]) -> tuple[int, str]:
    """The largest k with a prediction strength of at least `STABLE` (Tibshirani & Walther 2005), or the strongest."""
    known = {
        candidate.k: candidate.prediction_strength
        for candidate in eligible
        if candidate.prediction_strength is not None
    }
    if not known:
        return eligible[
            0
        ].k, f"the customers are too few for a prediction strength; k = {eligible[0].k} is the smallest"
    stable = [k for k, strength in known.items() if strength >= STABLE]
    if stable:
        return stable[-1], (
            f"k = {stable[-1]} is the largest with a prediction strength of at least {STABLE}, {known[stable[-1]]:.2f}"
        )
    k = max(known, key=lambda candidate: (known[candidate], -candidate))
    return k, f"k = {k} has the highest prediction strength, {known[k]:.2f}; none reaches {STABLE}"


def _has_elbow(curve: Sequence[Scores]) -> bool:
    return len(curve) >= 3 and curve[0].within_ss > curve[-1].within_ss


def _elbow(curve: Sequence[Scores], eligible: Sequence[Scores]) -> tuple[int, str]:
    """The k furthest below the straight line between the ends of the curve (Satopaa et al. 2011, "kneedle").

    Both axes are scaled to 0..1 first. With fewer than three ks, or a curve that does not fall,
    there is no elbow and the smallest eligible k is chosen.
    """
    first, last = curve[0], curve[-1]
    fall = first.within_ss - last.within_ss
    smallest = eligible[0].k
    if not _has_elbow(curve):
        return (
            smallest,
            f"the curve has no elbow (it needs three ks and a falling cost); k = {smallest} is the smallest",
        )

    def below_line(one: Scores) -> float:
        return 1 - (one.k - first.k) / (last.k - first.k) - (one.within_ss - last.within_ss) / fall

    best = max(eligible, key=lambda candidate: (below_line(candidate), -candidate.k))
    return best.k, (
        f"k = {best.k} is the elbow of the within sum of squares "
        f"({below_line(best):.2f} of the fall below the straight line between its ends)"
    )


def _by_reason(reasons: Mapping[int, str]) -> str:
    """The ks that were excluded; those excluded for one reason together."""
    by_reason: dict[str, list[int]] = {}
    for k in sorted(reasons):
        by_reason.setdefault(reasons[k], []).append(k)
    return "; ".join(f"k = {_listed(ks)} ({reason})" for reason, ks in by_reason.items())


def _listed(numbers: Sequence[int]) -> str:
    """Ascending numbers: 4 to 10 where none is left out; 3, 5, 6."""
    if len(numbers) > 2 and numbers[-1] - numbers[0] == len(numbers) - 1:
        return f"{numbers[0]} to {numbers[-1]}"
    return ", ".join(map(str, numbers))
