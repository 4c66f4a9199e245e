"""What a terminal shows of a run, of its plan, of all `runs`, and of what a check found."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final, Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from seg_spark import columns as c
from seg_spark.errors import PlatformError, SegSparkError
from seg_spark.reporting.changes import warnings_of
from seg_spark.segments.movement import Movement
from seg_spark.settings.paths import path_scheme

Status = Literal["ok", "warning", "fault"]
_STYLES: Final = {"ok": "green", "warning": "yellow", "fault": "bold red"}


def show_run(
    console: Console, record: Mapping[str, Any], record_path: str, output: str, report: str | None = None
) -> None:
    """Rows, choice of k, where the results lie and where the time went."""
    say(console, *_told(record, record_path, output, report))


def say(console: Console, *lines: str) -> None:
    """Lines as they are: no markup, and not broken where the terminal ends."""
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)


def _told(record: Mapping[str, Any], record_path: str, output: str, report: str | None) -> Iterator[str]:
    if rows := record["rows"]:
        yield (
            f"rows: {rows['input']:,} input = {rows['accepted']:,} accepted + {rows['merged_duplicates']:,} merged"
            f" duplicates + {rows['rejected']:,} rejected{_reasons(rows['rejected_by_reason'])}{_excluded(rows)}"
        )
    if run := record["skipped_for"]:
        yield f"nothing to do: run {run} has published the same input with the same settings; --force runs again"
    if run := record["restored_run"]:
        yield f"rolled back: the version of run {run} is current again"
    yield from (*warnings_of(record), *_refit(record))
    if movement := record["movement"]:
        sums = Movement(*(movement[name] for name in ("stayed", "moved", "entered", "left")))
        by_refit = f"; {movement['moved_by_refit']:,} moved by the refit alone" if movement["moved_by_refit"] else ""
        yield f"since {movement['since']}: {sums}{by_refit}"
    if record["chosen_because"]:
        yield f"chosen: {record['chosen_because']}"
    for what, path in (*_places(record, output), ("record", record_path), ("report", report)):
        if path is not None:
            yield f"{what:<10}{short_path(path)}"
    yield seconds_line(record["seconds"])


def show_forgotten(console: Console, record: Mapping[str, Any], record_path: str) -> None:
    """What was removed, where the time went, and which segments are too small to hide anybody."""
    found = record["forgotten"]
    rows = ", ".join(f"{count:,} of {table}" for table, count in found["rows"].items()) or "none: they were not there"
    lines = [
        f"ids: {found['customers']:,}; rows removed: {rows}; reports changed: {found['reports']:,}",
        *(
            f"warning: segment {one['segment_id']} of {one['run_date']} has {one['customers']} "
            f"{'customer' if one['customers'] == 1 else 'customers'}; what is published of it tells of each"
            for one in found["small_segments"]
        ),
        *_unchecked(found["unchecked_inputs"]),
        "no file below the output names them any more",
        f"{'record':<10}{short_path(record_path)}",
        seconds_line(record["seconds"]),
    ]
    say(console, *lines)


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
    before = [""] + [what for what, _ in lines]
    told = (f"{'' if what == one else what:<12}{text}" for one, (what, text) in zip(before, lines, strict=False))
    say(console, title, *told)


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


def _places(record: Mapping[str, Any], output: str) -> Iterator[tuple[str, str]]:
    partition = f"run_date={record['run_date']}"
    if path_scheme(output) != "file":
        partition += f"/run_id={record['run_id']}"
    for what, table, of in (
        ("labels", c.CUSTOMER_SEGMENTS, "segments"),
        ("profiles", c.SEGMENT_PROFILES, "segments"),
        ("moves", c.SEGMENT_TRANSITIONS, "movement"),
        ("clean", c.CLEAN_CUSTOMERS, "rows"),
        ("rejected", c.REJECTED_CUSTOMERS, "rows"),
    ):
        if record[of]:
            yield what, f"{output}/{table}/{partition}"
    if record["model_id"]:
        yield "model", f"{output}/models/{record['model_id']}"


def short_path(path: str) -> str:
    """Relative to the current folder, where that is shorter."""
    return path.removeprefix(f"{Path.cwd()}/")


def _count(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


@dataclass(frozen=True)
class Finding:
    """What one check found, and what to do about it (nothing if it is ok); `kind` owns a fault's exit code."""

    status: Status
    what: str
    found: str
    advice: str = ""
    kind: type[SegSparkError] = PlatformError


def show_findings(console: Console, findings: Sequence[Finding]) -> None:
    """One line per finding, and how many there are of each status."""
    width = max((len(finding.what) for finding in findings), default=0)
    for finding in findings:
        advice = f"; {finding.advice}" if finding.advice else ""
        line = Text.assemble(
            (f"{finding.status:<8}", _STYLES[finding.status]), f" {finding.what:<{width}}  {finding.found}{advice}"
        )
        console.print(line, soft_wrap=True)
    faults, warnings = (sum(finding.status == status for finding in findings) for status in ("fault", "warning"))
    console.print(f"{_number(faults, 'fault')}, {_number(warnings, 'warning')} in {len(findings)} checks")


def readable_bytes(size: int) -> str:
    """A size for people: 512 bytes, 3.4 MiB, 120 GiB."""
    value, unit = float(size), "bytes"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if value < 1024:
            break
        value, unit = value / 1024, larger
    return f"{value:.0f} {unit}" if unit == "bytes" or value >= 100 else f"{value:.1f} {unit}"


def _number(count: int, what: str) -> str:
    return f"{count or 'no'} {what}{'s' if count != 1 else ''}"
