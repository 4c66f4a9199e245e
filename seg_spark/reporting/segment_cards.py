"""Segments in a terminal of 80 columns: a card per segment, or every feature of every segment."""

import textwrap
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from rich.cells import cell_len, set_cell_size
from rich.console import Console

from seg_spark.segments.model import SegmentEvent
from seg_spark.segments.profiles import Profile, telling_traits
from seg_spark.segments.wording import (
    AVERAGE_DESCRIPTION,
    against,
    listed,
    readable_number,
    shown_level,
    typical,
    with_unit,
)

Lines = Callable[[Sequence[Profile]], Iterator[str]]

WIDTH: Final = 80
_LONGEST_NAME: Final = 26
_INDENT: Final = "      "
_UNBROKEN: Final = "\u00a0"


def show_segments(console: Console, profiles: Sequence[Profile], title: str) -> None:
    """A card per segment: id, name, size, its strongest traits against everybody, a rule, the nearest segment."""
    _show(console, profiles, title, _card)


def show_all_features(console: Console, profiles: Sequence[Profile], title: str) -> None:
    """Every feature of every segment, one per line, beside everybody, in the order of the settings."""
    _show(console, profiles, title, _table)


def show_history(console: Console, history: Sequence[SegmentEvent], title: str) -> None:
    """What happened to every segment id, the oldest event first."""
    _print(console, title)
    for segment_id in sorted({one.segment_id for one in history}):
        own = [one for one in history if one.segment_id == segment_id]
        _print(console, "")
        for line in textwrap.wrap(f"{segment_id:>3}  {own[-1].name}", WIDTH, subsequent_indent=" " * 5):
            _print(console, line)
        for event in own:
            _print(console, f"{_INDENT}{event.run_date}  {_happened(event)}")


def _happened(event: SegmentEvent) -> str:
    others = listed([str(one) for one in event.others])
    if event.what == "born":
        return f"born of {others}" if others else "born"
    if event.what == "renamed":
        return f"renamed to {event.name}"
    return event.what if not others else f"{event.what} into {others}"


def _show(console: Console, profiles: Sequence[Profile], title: str, lines_of: Lines) -> None:
    names = {profile.segment_id: profile.segment_name for profile in profiles}
    customers = sum({profile.segment_id: profile.customers for profile in profiles}.values())
    segments = "1 segment" if len(names) == 1 else f"{len(names)} segments"
    _print(console, f"{title}: {segments}, {customers:,} customers")
    for segment_id in names:
        own = [profile for profile in profiles if profile.segment_id == segment_id]
        _print(console, "")
        for line in (*_heading(own[0]), *lines_of(own)):
            _print(console, line)
        if nearest := names.get(own[0].nearest_segment_id or 0):
            _print(console, _short(f"{_INDENT}nearest segment: {own[0].nearest_segment_id} {nearest}", WIDTH))


def _heading(one: Profile) -> Iterator[str]:
    size = f"{one.customers:,} customers  {one.share:.1%}"
    name = f"{one.segment_id:>3}  {one.segment_name}"
    if cell_len(name) + len(size) + 2 <= WIDTH:
        yield f"{name}{size:>{WIDTH - cell_len(name)}}"
    else:
        first = f"{one.segment_id:>3}  "
        yield from textwrap.wrap(one.segment_name, WIDTH, initial_indent=first, subsequent_indent=" " * len(first))
        yield f"{size:>{WIDTH}}"


def _card(own: Sequence[Profile]) -> Iterator[str]:
    traits = telling_traits(own)
    if traits:
        yield from _table(traits)
    else:
        yield f"{_INDENT}{AVERAGE_DESCRIPTION.lower()}"
    if own[0].rule is not None:
        fidelity = f"(covers {own[0].rule_coverage:.0%}, {own[0].rule_precision:.0%} right)"
        conditions = [*own[0].rule.replace(" AND ", "\n AND ").split("\n"), f" {fidelity}"]
        unbroken = " ".join(condition.strip().replace(" ", _UNBROKEN) for condition in conditions)
        lines = textwrap.wrap(f"rule: {unbroken}", WIDTH, initial_indent=_INDENT, subsequent_indent=f"{_INDENT}      ")
        yield from (line.replace(_UNBROKEN, " ") for line in lines)


def _table(own: Sequence[Profile]) -> Iterator[str]:
    yield from _aligned([(profile.shown_name, *_told(profile)) for profile in own])


def _aligned(cells: Sequence[tuple[str, str, str]]) -> Iterator[str]:
    names = [_short(name, _LONGEST_NAME) for name, _, _ in cells]
    values = [_short(value, _LONGEST_NAME) for _, value, _ in cells]
    width, value_width = max(map(cell_len, names)), max(map(cell_len, values))
    for name, value, (_, _, beside) in zip(names, values, cells, strict=True):
        line = f"{_INDENT}{set_cell_size(name, width)}  {set_cell_size(value, value_width)}  {beside}"
        yield _short(line, WIDTH).rstrip()


def _told(one: Profile) -> tuple[str, str]:
    """The value of a segment, and what it is beside everybody's."""
    if one.kind == "category":
        return f"{shown_level(one.level)} {one.level_share or 0:.0%}", f"{one.overall_level_share or 0:.0%} of all"
    if one.mean is None or one.overall_mean is None:
        return "missing", ""
    deviation = one.z_score or 0.0
    value, overall, of = typical(one.mean, one.median, one.overall_mean, one.overall_median, deviation)
    beside = against(value, overall, one.unit, of, deviation)
    if not beside.startswith(f"{of} "):
        beside += f" ({readable_number(overall, one.unit)})"
    return with_unit(value, one.unit) + (" (median)" if of == "median" else ""), beside


def _short(text: str, width: int) -> str:
    """The text in so many columns of a terminal, of which a Chinese character takes two."""
    return text if cell_len(text) <= width else f"{set_cell_size(text, width - 1).rstrip()}…"


def _print(console: Console, line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)
