"""What was measured: kept as JSON, put beside what is asked and beside earlier figures, shown as tables."""

import json
import statistics
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from rich.table import Table as Grid

from benchmark.contenders import CONTENDERS, Run
from benchmark.tables import Table, TableSpec, size_text

TARGETS: Final[Mapping[tuple[int, str | int], tuple[float, float | None]]] = {
    (200, "c"): (0.3, 0.2),
    (1_000_000, "b1"): (2.0, 1.0),
    (1_000_000, "b10"): (0.3, None),
    (1_000_000, "c"): (0.25, None),
    (10_000_000, "b1"): (0.65, 0.5),
    (10_000_000, 1_000_000): (3.0, 2.0),
    (30_000_000, 10_000_000): (3.2, None),
}
"""Our seconds at so many rows over a contender's, or over our own at fewer rows: the most they may be, and the aim.
For tables with six features, 2 % dirt, Parquet."""
_TARGETS_ARE_FOR: Final = TableSpec(0)
_GIB: Final = 1024**3


@dataclass
class Results:
    """Everything about one table: the runs of each contender, why others were skipped, and the within sums of squares
    over all accepted customers, at the common k and at the chosen k."""

    table: Table
    runs: dict[str, list[Run]] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    common_within_ss: dict[str, float] = field(default_factory=dict)
    chosen_within_ss: dict[str, float] = field(default_factory=dict)

    def good_runs(self, name: str) -> list[Run]:
        """The runs of a contender that did not fail."""
        return [run for run in self.runs.get(name, []) if run.failure is None]

    def seconds(self, name: str) -> float | None:
        """The median wall time of the runs that did not fail."""
        walls = [run.measured.wall_seconds for run in self.good_runs(name)]
        return statistics.median(walls) if walls else None

    def as_json(self) -> dict[str, Any]:
        """Everything but the centres, which stay in the work folder."""
        contenders = {}
        for name, runs in self.runs.items():
            listed = [asdict(run) for run in runs]
            for one in listed:
                (one["answer"] or {}).pop("centres", None)
            contenders[name] = {"median_wall_seconds": self.seconds(name), "runs": listed}
        return {
            "table": asdict(self.table.spec) | {"expected_rows": self.table.expected_rows},
            "contenders": contenders,
            "skipped": self.skipped,
            "within_ss": {"common_k": self.common_within_ss, "chosen_k": self.chosen_within_ss},
        }


@dataclass(frozen=True)
class Ratio:
    """Our seconds over others', and what is asked of them."""

    what: str
    value: float
    must: float | None
    aim: float | None


def ratios(results: list[Results]) -> list[Ratio]:
    """Our seconds over those of every contender on the same table, and over our own on a smaller one."""
    found = []
    ours = {one.table.spec: seconds for one in results if (seconds := one.seconds("a")) is not None}
    for one in results:
        spec, seconds = one.table.spec, ours.get(one.table.spec)
        if seconds is None:
            continue
        others: dict[str | int, float | None] = {name: one.seconds(name) for name in CONTENDERS if name != "a"}
        others |= {other.rows: ours[other] for other in ours if other.rows < spec.rows and _alike(other, spec)}
        for against, theirs in others.items():
            if theirs:
                title = against if isinstance(against, str) else f"ours at {size_text(against)}"
                asked = TARGETS.get((spec.rows, against)) if _alike(spec, _TARGETS_ARE_FOR) else None
                found.append(Ratio(f"{spec.name}: ours / {title}", seconds / theirs, *(asked or (None, None))))
    return found


def as_json(about: Mapping[str, Any], results: list[Results]) -> dict[str, Any]:
    """All that is known, JSON-ready; `about` tells of the machine and the arguments."""
    return {**about, "results": [one.as_json() for one in results], "ratios": list(map(asdict, ratios(results)))}


def write_json(path: Path, about: Mapping[str, Any], results: list[Results]) -> None:
    """Replace the JSON file by what is known now."""
    document = as_json(about, results)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.tmp")
    unfinished.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    unfinished.replace(path)


def run_line(name: str, run: Run) -> str:
    """One finished run in one line."""
    took = run.measured
    line = f"{name:<5}{CONTENDERS[name]:<33}"
    if run.answer is None:
        return f"{line}FAILED after {took.wall_seconds:.1f} s: {run.failure}"
    steps = ", ".join(f"{step} {seconds:.1f}" for step, seconds in run.answer.seconds.items() if step != "total")
    return (
        f"{line}{took.wall_seconds:8.1f} s {took.cpu_seconds:8.1f} CPU s {took.peak_bytes / _GIB:6.2f} GiB"
        f"  k = {run.answer.chosen_k}  ({steps})"
    )


def contenders_grid(results: Results, common_k: int | None) -> Grid:
    """All contenders on one table, side by side."""
    grid = Grid("", "contender", title=results.table.spec.name, title_justify="left")
    for header in ("seconds", "range", "CPU s", "peak GiB", "chosen k"):
        grid.add_column(header, justify="right")
    for header in (f"within SS, k = {common_k}\n/ the best", "within SS,\nchosen k") if common_k else ():
        grid.add_column(header, justify="right")
    best = min(results.common_within_ss.values(), default=1.0)
    for name in results.runs:
        good = results.good_runs(name)
        if not good:
            grid.add_row(name, f"{CONTENDERS[name]}: failed")
            continue
        walls = [run.measured.wall_seconds for run in good]
        common, chosen = results.common_within_ss.get(name), results.chosen_within_ss.get(name)
        grid.add_row(
            name,
            CONTENDERS[name],
            f"{results.seconds(name):.1f}",
            f"{min(walls):.1f}-{max(walls):.1f}" if len(walls) > 1 else "",
            f"{statistics.median(run.measured.cpu_seconds for run in good):.1f}",
            f"{max(run.measured.peak_bytes for run in good) / _GIB:.2f}",
            str(good[-1].answer.chosen_k) if good[-1].answer else "",
            *([f"{common / best:.4f}" if common else "", f"{chosen:,.1f}" if chosen else ""] if common_k else []),
        )
    return grid


def ratios_grid(found: list[Ratio]) -> Grid:
    """The ratios beside what is asked."""
    grid = Grid("", title="Our seconds over others'", title_justify="left")
    for header in ("reached", "asked", "aim", ""):
        grid.add_column(header, justify="right")
    for one in found:
        asked = ["" if limit is None else f"{limit:g}" for limit in (one.must, one.aim)]
        verdict = "" if one.must is None else "met" if one.value <= one.must else "missed"
        grid.add_row(one.what, f"{one.value:.2f}", *asked, verdict)
    return grid


def comparison_grid(earlier: Mapping[str, Any], now: Mapping[str, Any]) -> Grid:
    """The seconds of an earlier JSON beside those of now, whole runs and their steps, for what both have measured."""
    before = dict(_all_seconds(earlier))
    title = f"Seconds, against those of {earlier['begun']}"
    if any(earlier["machine"][name] != now["machine"][name] for name in ("cpu", "cores")):
        title += f", measured on ANOTHER MACHINE: {earlier['machine']['cpu']}, {earlier['machine']['cores']} cores"
    grid = Grid("", title=title, title_justify="left")
    for header in ("then", "now", "now / then"):
        grid.add_column(header, justify="right")
    for what, seconds in _all_seconds(now):
        if before.get(what):
            ratio = f"{seconds / before[what]:.2f}"
            grid.add_row(" ".join(what), f"{before[what]:.1f}", f"{seconds:.1f}", ratio)
    return grid


def _all_seconds(document: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], float]]:
    """The median seconds of every contender on every table, then of each of its steps."""
    for one in document["results"]:
        spec = TableSpec(*(one["table"][name] for name in ("rows", "features", "dirt", "format")))
        for name, contender in one["contenders"].items():
            answers = [run["answer"]["seconds"] for run in contender["runs"] if run["answer"]]
            if answers:
                yield (spec.name, name), contender["median_wall_seconds"]
                for step in answers[-1]:
                    yield (spec.name, name, step), statistics.median(answer.get(step, 0.0) for answer in answers)


def _alike(one: TableSpec, other: TableSpec) -> bool:
    return (one.features, one.dirt, one.format) == (other.features, other.dirt, other.format)
