"""From the clusters of a fit to segments: with the ids and names of those they carry on, else with new ones.

No Spark here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

import numpy as np

from seg_spark.clustering.points import Labels, Matrix
from seg_spark.features.fitted import FittedFeature
from seg_spark.segments.matching import Succession
from seg_spark.segments.model import History, Model, Segment, SegmentEvent, unused_ids
from seg_spark.segments.names import SegmentName, name_segments, numbered, still_holds

_OUTLIER_QUANTILE: Final = 0.995
_ROUNDING: Final = 1e-12
"""Of the largest coordinate: what forms of the scorer may differ by."""


@dataclass(frozen=True)
class Past:
    """What identity goes on from: the segments of the active model, and all that happened to segments before."""

    segments: tuple[Segment, ...] = ()
    history: History = ()


@dataclass(frozen=True)
class Clusters:
    """The clusters of a fit: the fitted features, the coordinates of the training customers (n x axes) and the cluster
    of each, and all clusters in the order in which new ones get their ids."""

    features: Sequence[FittedFeature]
    matrix: Matrix
    labels: Labels
    order: Sequence[int]


@dataclass(frozen=True)
class IdRules:
    """Which ids new segments take: those reserved for the date (given when it ran before), else above all used ones.

    `names` are set by hand, by segment id.
    """

    run_date: date
    names: Mapping[int, str]
    reserved: tuple[int, ...] = ()
    used: tuple[int, ...] = ()


@dataclass(frozen=True)
class Identity:
    """Per cluster its segment id and name; and all that has happened to segments, up to and with this fit."""

    ids: tuple[int, ...]
    names: tuple[SegmentName, ...]
    history: History


def identify(clusters: Clusters, past: Past, succession: Succession, rules: IdRules) -> Identity:
    """The identity of each cluster.

    A name set by hand always stands. Else a segment that goes on keeps its name until a trait that it tells no longer
    holds (see `names.still_holds`). No two have the same name: one that is set by hand already gets a number behind it.
    """
    order, features, matrix, labels = clusters.order, clusters.features, clusters.matrix, clusters.labels
    new = [cluster for cluster in order if cluster not in succession.kept]
    new_ids = unused_ids(len(new), rules.reserved, (*rules.used, *(one.segment_id for one in past.history)))
    ids = dict(succession.kept) | dict(zip(new, new_ids, strict=True))
    before = {segment.segment_id: segment for segment in past.segments}
    derived = name_segments(features, matrix, labels, len(order))
    by_hand = [rules.names[id_] for id_ in ids.values() if id_ in rules.names]
    own = {id_: before[id_].name for id_ in ids.values() if id_ in before and id_ not in rules.names}
    names: dict[int, SegmentName] = {}
    for cluster, segment_id in ids.items():
        old = before.get(segment_id)
        if segment_id in rules.names:
            names[cluster] = SegmentName(rules.names[segment_id], None)
        elif old is not None and still_holds(old.named_for, features, matrix, matrix[labels == cluster]):
            names[cluster] = SegmentName(_kept_name(segment_id, own, by_hand), old.named_for)
    for cluster in order:
        if cluster not in names:
            taken = [name.text for name in names.values()]
            names[cluster] = replace(derived[cluster], text=numbered([*taken, derived[cluster].text])[-1])
    texts = {cluster: one.text for cluster, one in names.items()}
    events = _events(ids, texts, before, succession, rules.run_date)
    numbers = range(len(order))
    return Identity(
        tuple(ids[number] for number in numbers), tuple(names[number] for number in numbers), past.history + events
    )


def _kept_name(segment_id: int, own: Mapping[int, str], by_hand: Sequence[str]) -> str:
    """The name that a segment has, by the names that segments have of their `own`; with a number behind it, which makes
    it that of no other, where the same name is set `by_hand`."""
    others = [name for id_, name in own.items() if id_ != segment_id]
    return numbered([*others, *by_hand, own[segment_id]])[-1]


def _events(
    ids: Mapping[int, int],
    names: Mapping[int, str],
    before: Mapping[int, Segment],
    succession: Succession,
    run_date: date,
) -> History:
    parts = {old: tuple(sorted(ids[one] for one in clusters)) for old, clusters in succession.splits.items()}
    wholes = {ids[cluster]: olds for cluster, olds in succession.merges.items()}
    into = {old: whole for whole, olds in wholes.items() for old in olds if old != whole}
    went_on = {succession.kept[one]: names[one] for one in succession.kept}
    events = []
    for old_id, old in sorted(before.items()):
        if old_id in parts:
            events.append(SegmentEvent(run_date, old_id, "split", old.name, parts[old_id]))
        if old_id in went_on:
            if went_on[old_id] != old.name:
                events.append(SegmentEvent(run_date, old_id, "renamed", went_on[old_id]))
        elif old_id in into:
            events.append(SegmentEvent(run_date, old_id, "merged", old.name, (into[old_id],)))
        else:
            events.append(SegmentEvent(run_date, old_id, "retired", old.name))
    came_from = {part: (old,) for old, found in parts.items() for part in found} | wholes
    for cluster, new_id in ids.items():
        if cluster not in succession.kept:
            events.append(SegmentEvent(run_date, new_id, "born", names[cluster], came_from.get(new_id, ())))
    return tuple(events)


def with_names(model: Model, names: Mapping[int, str], run_date: date) -> tuple[Model, History]:
    """A model whose segments have the names that are set by hand, and the events of those that are renamed.

    Another segment that has such a name already gets a number behind its own.
    """
    by_hand = [names[one.segment_id] for one in model.segments if one.segment_id in names]
    own = {one.segment_id: one.name for one in model.segments if one.segment_id not in names}
    segments, events = [], []
    for one in model.segments:
        name = names.get(one.segment_id)
        new = name or _kept_name(one.segment_id, own, by_hand)
        if new != one.name:
            events.append(SegmentEvent(run_date, one.segment_id, "renamed", new))
            one = replace(one, name=new, named_for=None if name else one.named_for)  # noqa: PLW2901
        segments.append(one)
    return replace(model, segments=tuple(segments)), tuple(events)


def by_size(centres: Matrix, labels: Labels) -> tuple[int, ...]:
    """The clusters of the training set by descending size; equal sizes by their centres."""
    sizes = np.bincount(labels, minlength=len(centres))
    return tuple(sorted(range(len(centres)), key=lambda cluster: (-int(sizes[cluster]), tuple(centres[cluster]))))


def make_segments(
    centres: Matrix,
    labels: Labels,
    squared_distances: Matrix,
    identity: Identity,
    descriptions: Sequence[str],
) -> tuple[Segment, ...]:
    """The segments of the clusters of the training set, in the order of their ids.

    The `descriptions` are in the order of the clusters.
    """
    ids, names = identity.ids, identity.names
    sizes = np.bincount(labels, minlength=len(centres))
    distances, rounding = np.sqrt(squared_distances), _ROUNDING * float(np.abs(centres).max())
    return tuple(
        Segment(
            segment_id=ids[cluster],
            name=names[cluster].text,
            cluster=cluster,
            centre=tuple(map(float, centres[cluster])),
            customers=int(sizes[cluster]),
            share=float(sizes[cluster] / len(labels)),
            outlier_distance=outlier_distance(distances[labels == cluster], rounding),
            description=descriptions[cluster],
            named_for=names[cluster].traits,
        )
        for cluster in sorted(range(len(centres)), key=lambda one: ids[one])
    )


def outlier_distance(distances: Matrix, rounding: float) -> float:
    """The least of a segment's distances that 99.5 % of them do not exceed, so that in a small segment none does.

    Other forms of the scorer may compute the last digits of a coordinate, by about `rounding`, and of the same distance
    differently: a little more is allowed.
    """
    return float(np.quantile(distances, _OUTLIER_QUANTILE, method="higher")) * (1 + 1e-9) + rounding
