"""A trial beside what is published, and two dates side by side: tables for people, one document for programs."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, Final

from pydantic_core import to_jsonable_python
from rich.console import Console
from rich.table import Table
from rich.text import Text

from seg_spark.clustering.scores import Scores
from seg_spark.reporting.summary import say, seconds_line
from seg_spark.segments.matching import ComparedSegment, Comparison, Segmentation
from seg_spark.segments.movement import DateComparison, Movement
from seg_spark.settings.differences import Change

NOT_COMPARABLE: Final = (
    "the two sides measure in different feature spaces (features, scaling, weights or transforms differ): "
    "their scores, silhouette and the like, are not comparable in size, only in kind"
)
_MOST_COLUMNS: Final = 12
_MOST_MOVES: Final = 10
_MOST_FEATURES: Final = 10


def show_comparison(console: Console, comparison: Comparison) -> None:
    """What was changed, both results side by side, the scores of every k, the segments, and who would move."""

    say(console, f"tried on the customers of {comparison.run_date}; nothing was published")
    for change in comparison.changes:
        say(console, f"  {change_line(change)}")
    if not comparison.changes:
        say(console, "  no setting differs from the conf")
    if comparison.cleaned_again:
        say(console, "the changed settings affect cleaning, so the input was read and cleaned again")
    for remark in comparison.remarks:
        say(console, remark)
    console.print(_results(comparison))
    if not comparison.comparable_scores:
        say(console, NOT_COMPARABLE)
    say(console, f"published: {comparison.published.chosen_because}")
    say(console, f"tried: {comparison.tried.chosen_because}")
    console.print(_scores_of_every_k(comparison))
    console.print(_segments(comparison))
    for line in _moves(comparison):
        say(console, line)
    say(console, seconds_line(comparison.seconds))


def change_line(change: Change) -> str:
    """`clustering.k.max: 10 -> 8`."""
    return f"{change.setting}: {_setting(change.before)} -> {_setting(change.after)}"


def comparison_document(comparison: Comparison) -> dict[str, Any]:
    """The comparison as JSON values; numbers that JSON does not have are null."""
    document: dict[str, Any] = to_jsonable_python(
        {
            "run_date": comparison.run_date,
            "changes": comparison.changes,
            "cleaned_again": comparison.cleaned_again,
            "comparable_scores": comparison.comparable_scores,
            "remarks": comparison.remarks,
            "published": _side(comparison.published, comparison.published_segments),
            "tried": _side(comparison.tried, comparison.tried_segments),
            "moves": {
                name: getattr(comparison.matching, name)
                for name in ("in_both", "moved", "moved_share", "entered", "left", "adjusted_rand_index")
            },
            "seconds": comparison.seconds,
        },
        inf_nan_mode="null",
    )
    return document


def _side(one: Segmentation, segments: tuple[ComparedSegment, ...]) -> dict[str, Any]:
    return {
        "model_id": one.model_id,
        "k": one.k,
        "chosen_because": one.chosen_because,
        "rows": one.rows,
        "scores": one.scores,
        "scores_by_k": one.scores_by_k,
        "segments": segments,
    }


def _results(comparison: Comparison) -> Table:
    rows: tuple[tuple[str, Callable[[Segmentation], str]], ...] = (
        ("segments (k)", lambda one: str(one.k)),
        ("rows accepted", lambda one: f"{one.rows.accepted:,}"),
        ("rows merged", lambda one: f"{one.rows.merged_duplicates:,}"),
        ("rows rejected", lambda one: f"{one.rows.rejected:,}"),
        ("rows excluded", lambda one: f"{one.rows.excluded:,}"),
        ("silhouette (squared distances)", lambda one: _score(one.scores.silhouette)),
        ("silhouette (Euclidean)", lambda one: _score(one.scores.silhouette_euclidean)),
        ("Davies-Bouldin (lower is better)", lambda one: _score(one.scores.davies_bouldin)),
        ("Calinski-Harabasz", lambda one: _large(one.scores.calinski_harabasz)),
        ("prediction strength", lambda one: _score(one.scores.prediction_strength)),
        ("within sum of squares", lambda one: _large(one.scores.within_ss)),
        ("within sum of squares, MLlib's own fit", lambda one: _large(one.scores.mllib_within_ss)),
        ("smallest segment", lambda one: f"{one.scores.smallest_share:.1%}"),
    )
    table = Table(title="Result", title_justify="left", header_style="bold")
    table.add_column("")
    for side in ("published", "tried"):
        table.add_column(side, justify="right")
    for name, value in rows:
        table.add_row(name, value(comparison.published), value(comparison.tried))
    return table


def _scores_of_every_k(comparison: Comparison) -> Table:
    sides = [{one.k: one for one in side.scores_by_k} for side in (comparison.published, comparison.tried)]
    chosen = [comparison.published.k, comparison.tried.k]
    columns: tuple[tuple[str, Callable[[Scores], str]], ...] = (
        ("silhouette", lambda one: _score(one.silhouette)),
        ("Euclidean", lambda one: _score(one.silhouette_euclidean)),
        ("Davies-\nBouldin", lambda one: _score(one.davies_bouldin)),
        ("Calinski-\nHarabasz", lambda one: _large(one.calinski_harabasz)),
        ("Prediction\nstrength", lambda one: _score(one.prediction_strength)),
        ("within sum\nof squares", lambda one: _large(one.within_ss)),
        ("MLlib's\nown fit", lambda one: _large(one.mllib_within_ss)),
        ("smallest", lambda one: f"{one.smallest_share:.1%}"),
    )
    table = Table(
        title="Scores of every k, published | tried (*k chosen in the published run, k* in the trial)",
        title_justify="left",
        header_style="bold",
    )
    table.add_column("k", justify="right")
    for name, _ in columns:
        table.add_column(name, justify="right")
    for k in sorted(set().union(*sides)):
        cells = [
            f"{_if_scored(sides[0], k, value)} | {_if_scored(sides[1], k, value)}" for _, value in columns
        ]  # fmt: skip
        marks = "*" if k == chosen[0] else " ", "*" if k == chosen[1] else " "
        table.add_row(f"{marks[0]}{k}{marks[1]}", *cells)
    return table


def _if_scored(scores: Mapping[int, Scores], k: int, value: Callable[[Scores], str]) -> str:
    return value(scores[k]) if k in scores else "-"


def _segments(comparison: Comparison) -> Table:
    published = {segment.segment_id: segment for segment in comparison.published_segments}
    table = Table(title="Segments tried, each beside its published match", title_justify="left", header_style="bold")
    for side in ("tried", "published"):
        table.add_column("id", justify="right")
        table.add_column(f"{side} segment")
        table.add_column("customers", justify="right")
        table.add_column("share", justify="right")
    table.add_column("in both", justify="right")
    for one in comparison.tried_segments:
        if one.matched_segment_id is None:
            table.add_row(*_cells(one), "", "new", "", "", "")
        else:
            table.add_row(*_cells(one), *_cells(published[one.matched_segment_id]), f"{one.shared_customers:,}")
    for segment in comparison.published_segments:
        if segment.matched_segment_id is None:
            table.add_row("", "gone", "", "", *_cells(segment), "")
    return table


def _cells(one: ComparedSegment) -> tuple[str | Text, ...]:
    return str(one.segment_id), Text(one.name), f"{one.customers:,}", f"{one.share:.1%}"


def _moves(comparison: Comparison) -> list[str]:
    matching = comparison.matching
    index = matching.adjusted_rand_index
    agreement = f"; adjusted Rand index {index:.3f} (1: the same segments, 0: chance)" if index is not None else ""
    return [
        f"{matching.moved:,} of {matching.in_both:,} customers would move to another segment"
        f" ({matching.moved_share:.1%}){agreement}",
        f"{matching.entered:,} customers would enter, {matching.left:,} would leave (accepted on one side only)",
    ]


def _setting(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _score(value: float | None) -> str:
    return "-" if value is None or not math.isfinite(value) else f"{value:.4f}"


def _large(value: float | None) -> str:
    return "-" if value is None or not math.isfinite(value) else f"{value:,.1f}"


def show_movement(console: Console, found: DateComparison) -> None:
    """The sums, the matrix of segments (up to twelve), the largest moves, and the features that drifted most."""
    sums = Movement.of(found.transitions)
    say(console, f"{found.before} to {found.now}: {sums}")
    if len(found.names_now) <= _MOST_COLUMNS:
        console.print(_matrix(found))
    moves = [transition for transition in found.transitions if transition.from_segment_id != transition.to_segment_id]
    moves = sorted(moves, key=lambda move: -move.customers)[:_MOST_MOVES]
    if moves:
        console.print("largest moves:")
    for move in moves:
        from_segment = _shown(move.from_segment_id, found.names_before, "entered")
        to_segment = _shown(move.to_segment_id, found.names_now, "left")
        say(console, f"{move.customers:>9,}  {from_segment} -> {to_segment}")
    if found.drift:
        console.print(_drift(found))


def movement_document(found: DateComparison) -> dict[str, Any]:
    """The same as JSON values."""
    return {
        "from_date": found.before.isoformat(),
        "to_date": found.now.isoformat(),
        **asdict(Movement.of(found.transitions)),
        "segments_before": {str(one): name for one, name in sorted(found.names_before.items())},
        "segments_now": {str(one): name for one, name in sorted(found.names_now.items())},
        "transitions": [asdict(transition) for transition in found.transitions],
        "drift": [asdict(feature) for feature in found.drift],
    }


def _shown(segment_id: int | None, names: Mapping[int, str], otherwise: str) -> str:
    """Id and name of a segment, or other words where there is none."""
    return otherwise if segment_id is None else f"{segment_id} {names.get(segment_id, '')}".rstrip()


def _matrix(found: DateComparison) -> Table:
    counts = {
        (transition.from_segment_id, transition.to_segment_id): transition.customers for transition in found.transitions
    }
    table = Table(header_style="bold", title=f"rows: segment on {found.before}, columns: on {found.now}")
    columns = [*sorted(found.names_now), None]
    table.add_column("", overflow="fold")
    for column in columns:
        table.add_column("left" if column is None else str(column), justify="right")
    for row in [*sorted(found.names_before), None]:
        cells = [f"{counts[row, column]:,}" if (row, column) in counts else "" for column in columns]
        table.add_row(Text(_shown(row, found.names_before, "entered")), *cells)
    return table


def _drift(found: DateComparison) -> Table:
    ordered = sorted(found.drift, key=lambda feature: -feature.psi)[:_MOST_FEATURES]
    others = len(found.drift) - len(ordered)
    table = Table(header_style="bold", title=f"drift of the features{f' (the other {others} less)' if others else ''}")
    table.add_column("feature", overflow="fold")
    for title in ("PSI", "by chance up to", "more missing"):
        table.add_column(title, justify="right")
    for one in ordered:
        table.add_row(one.feature, f"{one.psi:.3f}", f"{one.by_chance:.3f}", f"{one.missing_rise:+.1%}")
    return table
