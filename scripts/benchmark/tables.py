"""The figures as tables for people."""

import statistics
from collections.abc import Sequence

from rich.table import Table as Grid

from benchmark.contenders import CONTENDERS, Run
from benchmark.process_tree import MEMORY_MEASURE
from benchmark.results import Tried
from benchmark.targets import Reached

_GIB = 1024**3


def run_line(name: str, run: Run) -> str:
    """One finished run in one line."""
    measured = run.measured
    line = f"{name:<5}{CONTENDERS[name]:<33}"
    if run.failure is not None:
        return f"{line}FAILED after {measured.wall_seconds:.1f} s: {run.failure}"
    line += f"{measured.wall_seconds:8.1f} s {measured.cpu_seconds:8.1f} CPU s {measured.peak_bytes / _GIB:6.2f} GiB"
    if run.answer is not None:
        steps = ", ".join(f"{step} {value:.1f}" for step, value in run.answer.seconds.items() if step != "total")
        line += f"  k = {run.answer.chosen_k}  ({steps})"
    for what, found in (run.floor or {}).items():
        if isinstance(found, dict):
            line += f"  {what} {found['median']:.2f} s (min {found['min']:.2f})"
    return line


def contenders_table(tried: Tried) -> Grid:
    """All contenders on one table, side by side."""
    quality = tried.quality
    grid = Grid(title=tried.table.question.title, title_justify="left")
    grid.add_column("")
    grid.add_column("contender")
    for header in ("seconds", "range", "CPU s", f"peak GiB\n({MEMORY_MEASURE})", "chosen\nk"):
        grid.add_column(header, justify="right")
    common = f"k = {quality.common_k}" if quality else "common k"
    for header in (f"within SS, {common}\n/ the best", "within SS,\nchosen k"):
        grid.add_column(header, justify="right")
    for name, title in CONTENDERS.items():
        runs = tried.good_runs(name)
        if name == "d" or not runs:
            reason = tried.skipped.get(name) or ("failed" if name != "d" and name in tried.runs else None)
            if reason:
                grid.add_row(name, f"{title}: {reason}")
            continue
        walls = tried.wall_seconds(name)
        spread = f"{min(walls):.1f}-{max(walls):.1f}" if len(walls) > 1 else ""
        last = runs[-1].answer
        above, own = (quality.above_best(name), quality.own.get(name)) if quality else (None, None)
        grid.add_row(
            name,
            title,
            f"{statistics.median(walls):.1f}",
            spread,
            f"{statistics.median(run.measured.cpu_seconds for run in runs):.1f}",
            f"{max(run.measured.peak_bytes for run in runs) / _GIB:.2f}",
            str(last.chosen_k) if last else "",
            f"{above:.4f}" if above else "",
            f"{own:,.1f}" if own else "",
        )
    return grid


def floor_lines(tried: Tried) -> list[str]:
    """The bare copy, our labelling beside it in the same session, and the step of the night itself."""
    lines = []
    for run in tried.good_runs("d")[-1:]:
        floor = run.floor or {}
        for what, title in (("copy", f"bare copy of the {floor['table']}"), ("label", "our label and write")):
            if what in floor:
                one = floor[what]
                warm = f"warm min {one['min']:.2f} s, median {one['median']:.2f} s"
                lines.append(f"{title}: {warm}; first {one['cold']:.2f} s")
    for run in tried.good_runs("a")[-1:]:
        step = run.answer.seconds.get("label") if run.answer else None
        if lines and step is not None:
            lines.append(f"our step label in the night itself, cold: {step:.2f} s")
    return lines


def reached_table(kind: str, reached: Sequence[Reached]) -> Grid:
    """The ratios beside their targets."""
    grid = Grid(title=f"Ratios and targets: {kind}", title_justify="left")
    grid.add_column("")
    for header in ("reached", "target", ""):
        grid.add_column(header, justify="right")
    for one in reached:
        places = 1 if one.unit == "s" else 2
        target = "" if one.limit is None else f"<= {one.limit:g} {one.unit}"
        verdict = "" if one.met is None else "met" if one.met else "missed"
        grid.add_row(one.what, f"{one.value:.{places}f} {one.unit}", target, verdict)
    return grid
