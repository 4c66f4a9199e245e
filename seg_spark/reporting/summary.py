"""The terminal summary of a run, its plan, and the table of `runs`."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from seg_spark import columns as c
from seg_spark.reporting.changes import warnings_of
from seg_spark.segments.movement import Movement
from seg_spark.settings.paths import path_scheme


def show_run(
    console: Console, record: Mapping[str, Any], record_path: str, output: str, report: str | None = None
) -> None:
    """Rows, choice of k, where the results lie and where the time went."""
    rows = record["rows"]
    if rows:
        console.print(
            f"rows: {rows['input']:,} input = {rows['accepted']:,} accepted + {rows['merged_duplicates']:,} merged"
            f" duplicates + {rows['rejected']:,} rejected{_reasons(rows['rejected_by_reason'])}{_excluded(rows)}",
            markup=False,
            soft_wrap=True,
        )
    if record["skipped_for"]:
        console.print(
            f"nothing to do: run {record['skipped_for']} has published the same input with the same settings; "
            "--force runs again",
            markup=False,
            soft_wrap=True,
        )
    if record["restored_run"]:
        console.print(
            f"rolled back: the version of run {record['restored_run']} is current again", markup=False, soft_wrap=True
        )
    for line in (*warnings_of(record), *_refit(record)):
        console.print(line, markup=False, soft_wrap=True)
    if movement := record["movement"]:
        sums = Movement(*(movement[name] for name in ("stayed", "moved", "entered", "left")))
        by_refit = f"; {movement['moved_by_refit']:,} moved by the refit alone" if movement["moved_by_refit"] else ""
        console.print(f"since {movement['since']}: {sums}{by_refit}", markup=False, soft_wrap=True)
    if record["chosen_because"]:
        console.print(f"chosen: {record['chosen_because']}", markup=False, soft_wrap=True)
    partition = f"run_date={record['run_date']}"
    if path_scheme(output) != "file":
        partition += f"/run_id={record['run_id']}"
    for what, path in _places(record, output, partition):
        console.print(f"{what:<10}{short_path(path)}", markup=False, soft_wrap=True)
    console.print(f"{'record':<10}{short_path(record_path)}", markup=False, soft_wrap=True)
    if report is not None:
        console.print(f"{'report':<10}{short_path(report)}", markup=False, soft_wrap=True)
    console.print(seconds_line(record["seconds"]), markup=False, soft_wrap=True)


def show_forgotten(console: Console, record: Mapping[str, Any], record_path: str) -> None:
    """What was removed, where the time went, and which segments are too small to hide anybody."""
    found = record["forgotten"]
    rows = ", ".join(f"{count:,} of {table}" for table, count in found["rows"].items()) or "none: they were not there"
    lines = [
        f"ids: {found['customers']:,}; rows removed: {rows}; reports changed: {found['reports']:,}",
        *(
            f"warning: segment {one['segment_id']} of {one['run_date']} has {one['customers']} customers; what is "
            "published of it tells of each"
            for one in found["small_segments"]
        ),
        *_unchecked(found["unchecked_inputs"]),
        "no file below the output names them any more",
        f"{'record':<10}{short_path(record_path)}",
        seconds_line(record["seconds"]),
    ]
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)


def _unchecked(dates: Sequence[date]) -> list[str]:
    if not dates:
        return []
    which = f"of {len(dates)} dates, {dates[0]} to {dates[-1]}," if len(dates) > 1 else f"of {dates[0]}"
    return [f"warning: the input {which} is not there or cannot be read; a run of it may publish them again"]


def dated_line(record: Mapping[str, Any]) -> str:
    """One run as a line among those of other dates."""
    rows, movement = record["rows"], record["movement"]
    parts = [f"k = {record['chosen_k']}"] if record["chosen_k"] else []
    parts += [f"{rows['accepted']:,} customers"] if rows else []
    parts += [f"{movement['moved']:,} moved"] if movement else []
    parts += ["fitted"] if record["fitted_on"] == record["run_date"] else []
    parts.append(f"{record['seconds']['total']:.1f} s")
    return f"{record['run_date']}  {record['status']:<9}  {', '.join(parts)}"


def _refit(record: Mapping[str, Any]) -> Iterator[str]:
    """Whether the model was fitted anew, and what became of that; nothing on the first date."""
    refit = record["refit"]
    if refit is None:
        return
    if refit["refused"]:
        yield f"the published model stays active: {'; '.join(refit['refused'])}"
    elif not refit["fitted"] and not refit["looks_broken"]:  # which is told as a warning
        yield f"no refit: {refit['because']}"
    elif refit["fitted"] and refit["drift"] is not None:
        yield f"refit: {refit['because']}"


def seconds_line(seconds: Mapping[str, float]) -> str:
    """Where the time went, in all and by step."""
    parts = ", ".join(f"{name} {value:.1f}" for name, value in seconds.items() if name != "total")
    return f"seconds: {seconds['total']:.1f} in all" + (f" ({parts})" if parts else "")


def show_plan(console: Console, title: str, lines: Sequence[tuple[str, str]]) -> None:
    """What a run would do: (what kind of thing, the thing) per line; a kind is named once."""
    console.print(title, markup=False, soft_wrap=True)
    before = ""
    for what, text in lines:
        console.print(f"{'' if what == before else what:<12}{text}", markup=False, soft_wrap=True)
        before = what


def show_runs(console: Console, records: Sequence[Mapping[str, Any]], states: Mapping[str, str]) -> None:
    """One line per run, oldest first, with what became of its version by run_id."""
    table = Table(header_style="bold")
    for name in ("run_date", "run_id", "command", "status", "version"):
        table.add_column(name, overflow="fold")
    for name in ("exit", "accepted", "rejected", "k", "seconds"):
        table.add_column(name, justify="right")
    table.add_column("model_id")
    for record in records:
        rows = record.get("rows") or {}
        table.add_row(
            record["run_date"],
            record["run_id"],
            record.get("command", ""),
            record["status"],
            states.get(record["run_id"], ""),
            str(record["exit_code"]),
            _count(rows.get("accepted")),
            _count(rows.get("rejected")),
            str(record.get("chosen_k") or ""),
            f"{record['seconds']['total']:.1f}",
            record.get("model_id") or "",
        )
    console.print(table)


def _reasons(by_reason: Mapping[str, int]) -> str:
    if not by_reason:
        return ""
    shown = [f"{reason} {count:,}" for reason, count in list(by_reason.items())[:6]]
    return f" ({', '.join(shown)}{', ...' if len(by_reason) > 6 else ''})"


def _excluded(rows: Mapping[str, Any]) -> str:
    if not rows["excluded"]:
        return ""
    return f" + {rows['excluded']:,} excluded{_reasons(rows['excluded_by_rule'])}"


def _places(record: Mapping[str, Any], output: str, partition: str) -> list[tuple[str, str]]:
    places: list[tuple[str, str]] = []
    if record["segments"]:
        places.append(("labels", f"{output}/{c.CUSTOMER_SEGMENTS}/{partition}"))
        places.append(("profiles", f"{output}/{c.SEGMENT_PROFILES}/{partition}"))
    if record["movement"]:
        places.append(("moves", f"{output}/{c.SEGMENT_TRANSITIONS}/{partition}"))
    if record["rows"]:
        places.append(("clean", f"{output}/{c.CLEAN_CUSTOMERS}/{partition}"))
        places.append(("rejected", f"{output}/{c.REJECTED_CUSTOMERS}/{partition}"))
    if record["model_id"]:
        places.append(("model", f"{output}/models/{record['model_id']}"))
    return places


def short_path(path: str) -> str:
    """Relative to the current folder, where that is shorter."""
    return path.removeprefix(f"{Path.cwd()}/")


def _count(value: int | None) -> str:
    return "" if value is None else f"{value:,}"
