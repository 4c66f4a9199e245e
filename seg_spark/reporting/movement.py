"""Two dates side by side: who is in which segment on both, who moved, entered and left."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from seg_spark.segments.movement import Movement, Transition

_MOST_COLUMNS: Final = 12
_MOST_MOVES: Final = 10


def show_movement(
    console: Console,
    dates: tuple[date, date],
    names: tuple[Mapping[int, str], Mapping[int, str]],
    transitions: Sequence[Transition],
) -> None:
    """The sums, the matrix of segments (up to twelve), and the largest moves; `names` by id, of both dates."""
    sums = Movement.of(transitions)
    console.print(f"{dates[0]} to {dates[1]}: {sums}", markup=False, soft_wrap=True)
    if len(names[1]) <= _MOST_COLUMNS:
        console.print(_matrix(dates, names, transitions))
    moves = [one for one in transitions if one.from_segment_id != one.to_segment_id]
    moves = sorted(moves, key=lambda one: -one.customers)[:_MOST_MOVES]
    if moves:
        console.print("largest moves:")
    for one in moves:
        told = f"{_shown(one.from_segment_id, names[0], 'entered')} -> {_shown(one.to_segment_id, names[1], 'left')}"
        console.print(f"{one.customers:>9,}  {told}", markup=False, soft_wrap=True)


def movement_document(
    dates: tuple[date, date],
    names: tuple[Mapping[int, str], Mapping[int, str]],
    transitions: Sequence[Transition],
) -> dict[str, Any]:
    """The same as JSON values."""
    return {
        "from_date": dates[0].isoformat(),
        "to_date": dates[1].isoformat(),
        **asdict(Movement.of(transitions)),
        "segments_before": {str(one): name for one, name in sorted(names[0].items())},
        "segments_now": {str(one): name for one, name in sorted(names[1].items())},
        "transitions": [asdict(one) for one in transitions],
    }


def _matrix(
    dates: tuple[date, date],
    names: tuple[Mapping[int, str], Mapping[int, str]],
    transitions: Sequence[Transition],
) -> Table:
    counts = {(one.from_segment_id, one.to_segment_id): one.customers for one in transitions}
    table = Table(header_style="bold", title=f"rows: segment on {dates[0]}, columns: on {dates[1]}")
    columns = [*sorted(names[1]), None]
    table.add_column("", overflow="fold")
    for column in columns:
        table.add_column("left" if column is None else str(column), justify="right")
    for row in [*sorted(names[0]), None]:
        cells = [f"{counts[row, column]:,}" if (row, column) in counts else "" for column in columns]
        table.add_row(_shown(row, names[0], "entered"), *cells)
    return table


def _shown(segment_id: int | None, names: Mapping[int, str], otherwise: str) -> str:
    return otherwise if segment_id is None else f"{segment_id} {names.get(segment_id, '')}".rstrip()
