"""Two dates side by side: who is in which segment on both, who moved, entered and left; which features drifted."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from seg_spark.segments.movement import DateComparison, Movement

_MOST_COLUMNS: Final = 12
_MOST_MOVES: Final = 10
_MOST_FEATURES: Final = 10


def show_movement(console: Console, found: DateComparison) -> None:
    """The sums, the matrix of segments (up to twelve), the largest moves, and the features that drifted most."""
    sums = Movement.of(found.transitions)
    console.print(f"{found.before} to {found.now}: {sums}", markup=False, soft_wrap=True)
    if len(found.names_now) <= _MOST_COLUMNS:
        console.print(_matrix(found))
    moves = [transition for transition in found.transitions if transition.from_segment_id != transition.to_segment_id]
    moves = sorted(moves, key=lambda move: -move.customers)[:_MOST_MOVES]
    if moves:
        console.print("largest moves:")
    for move in moves:
        from_segment = _shown(move.from_segment_id, found.names_before, "entered")
        to_segment = _shown(move.to_segment_id, found.names_now, "left")
        console.print(f"{move.customers:>9,}  {from_segment} -> {to_segment}", markup=False, soft_wrap=True)
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
