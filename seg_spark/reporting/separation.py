"""How far the segments of a run may be trusted, in plain sentences. No Spark here."""

from collections.abc import Mapping
from typing import Any, Final

from seg_spark.settings.schema import STABLE

_APART: Final = 0.5
_FEWEST_CUSTOMERS: Final = 100
"""Halves of fewer agree or not by chance."""
_OVERLAPPING: Final = 0.25
"""Mean Euclidean silhouettes from which on Kaufman & Rousseeuw (1990) see a reasonable and a weak structure."""


def verdict(score: Mapping[str, Any], customers: int) -> str:
    """What the scores of the chosen k say: whether its segments lie apart, and whether other customers than those it
    was fitted on would give the same ones. Empty where neither is known."""
    sentences = []
    silhouette, stability = score.get("silhouette_euclidean"), score.get("prediction_strength")
    if silhouette is not None:
        if silhouette >= _APART:
            sentences.append("The segments lie clearly apart.")
        elif silhouette >= _OVERLAPPING:
            sentences.append("The segments overlap: customers near a border could be in either.")
        elif stability is not None and stability >= STABLE:  # as among many features that tell nothing
            sentences.append("Over all features together the segments lie close to one another.")
        else:
            sentences.append("The segments are blurred: they divide customers who differ by degrees, not by kind.")
    if stability is not None and customers < _FEWEST_CUSTOMERS:
        sentences.append(f"With only {customers} customers nobody can tell whether they are stable.")
    elif stability is not None and stability >= STABLE:
        sentences.append(
            "They are stable: one half of the customers gives the same ones as the other (prediction strength "
            f"{stability:.2f})."
        )
    elif stability is not None:
        sentences.append(
            f"Not all are stable (prediction strength {stability:.2f}, below {STABLE}): other customers would shift "
            "some of their borders."
        )
    return " ".join(sentences)
