"""A trial beside what is published: tables for people, one document for programs."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from seg_spark.clustering.scores import Scores
from seg_spark.reporting.json_values import json_ready
from seg_spark.reporting.summary import seconds_line
from seg_spark.segments.comparison import ComparedSegment, Comparison, Segmentation
from seg_spark.settings.differences import Change

NOT_COMPARABLE: Final = (
    "the two sides measure in different feature spaces (features, scaling, weights or transforms differ): "
    "their scores, silhouette and the like, are not comparable in size, only in kind"
)


def show_comparison(console: Console, comparison: Comparison) -> None:
    """What was changed, both results side by side, the scores of every k, the segments, and who would move."""

    def say(line: str) -> None:
        console.print(line, markup=False, soft_wrap=True)

    say(f"tried on the customers of {comparison.run_date}; nothing was published")
    for change in comparison.changes:
        say(f"  {change_line(change)}")
    if not comparison.changes:
        say("  no setting differs from the conf")
    if comparison.cleaned_again:
        say("the changed settings affect cleaning, so the input was read and cleaned again")
    for remark in comparison.remarks:
        say(remark)
    console.print(_results(comparison))
    if not comparison.comparable_scores:
        say(NOT_COMPARABLE)
    say(f"published: {comparison.published.chosen_because}")
    say(f"tried: {comparison.tried.chosen_because}")
    console.print(_scores_of_every_k(comparison))
    console.print(_segments(comparison))
    for line in _moves(comparison):
        say(line)
    say(seconds_line(comparison.seconds))


def change_line(change: Change) -> str:
    """`clustering.k.max: 10 -> 8`."""
    return f"{change.setting}: {_setting(change.before)} -> {_setting(change.after)}"


def comparison_document(comparison: Comparison) -> dict[str, Any]:
    """The comparison as JSON values; numbers that JSON does not have are null."""
    matching = comparison.matching
    document: dict[str, Any] = json_ready(
        {
            "run_date": comparison.run_date.isoformat(),
            "changes": [asdict(change) for change in comparison.changes],
            "cleaned_again": comparison.cleaned_again,
            "comparable_scores": comparison.comparable_scores,
            "remarks": comparison.remarks,
            "published": _side(comparison.published, comparison.published_segments),
            "tried": _side(comparison.tried, comparison.tried_segments),
            "moves": {
                "in_both": matching.in_both,
                "moved": matching.moved,
                "moved_share": matching.moved_share,
                "entered": matching.entered,
                "left": matching.left,
                "adjusted_rand_index": matching.adjusted_rand_index,
            },
            "seconds": comparison.seconds,
        }
    )
    return document


def _side(one: Segmentation, segments: tuple[ComparedSegment, ...]) -> dict[str, Any]:
    return {
        "model_id": one.model_id,
        "k": one.k,
        "chosen_because": one.chosen_because,
        "rows": asdict(one.rows),
        "scores": asdict(one.scores),
        "scores_by_k": [asdict(scores) for scores in one.scores_by_k],
        "segments": [asdict(segment) for segment in segments],
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
