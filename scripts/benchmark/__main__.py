"""The whole run beside scikit-learn and MLlib."""

import contextlib
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console

from benchmark import figures
from benchmark.contenders import CONTENDERS, judge, our_centres, run_contender, why_skipped
from benchmark.environment import describe_environment
from benchmark.tables import KS, TableSpec, make_table, needed_disk_bytes, parse_size
from seg_spark.cli.prepare import prepare_archive
from seg_spark.errors import PlatformError

BUILD: Final = Path(__file__).parents[2] / "build" / "benchmark"
_QUICK_SECONDS: Final = 150
_QUICK_TURNS: Final = 3
_QUICK_CONTENDERS: Final = "a,b1"
_QUICK_SIZE: Final = "100k"
_SIZES: Final = "200,100k,1m,10m"
_SECONDS_BETWEEN_LINES: Final = 30
_GIB: Final = 1024**3


class Format(StrEnum):
    """Of the customers."""

    parquet = "parquet"
    csv = "csv"


@dataclass(frozen=True)
class Plan:
    """What is to be measured: the contenders `named` take part whatever it takes; no `common_k` means time alone."""

    specs: list[TableSpec]
    contenders: list[str]
    named: list[str]
    turns: int
    seconds: float
    common_k: int | None
    data: Path
    work: Path
    output: Path
    about: dict[str, Any]


def sizes_of(text: str) -> list[int]:
    """The numbers of rows in a text such as 200,100k, ascending. Raises typer.BadParameter."""
    try:
        return sorted({parse_size(word) for word in text.split(",")})
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--sizes") from None


def contenders_of(text: str) -> list[str]:
    """The contenders in a text such as a,b1, in their usual order. Raises typer.BadParameter."""
    words = [word.strip() for word in text.split(",")]
    unknown = [word for word in words if word not in CONTENDERS]
    if unknown:
        expected = ",".join(CONTENDERS)
        raise typer.BadParameter(f"unknown contender {unknown[0]!r}; expected some of {expected}", param_hint="--only")
    return [name for name in CONTENDERS if name in words]


def earlier_figures(path: Path) -> dict[str, Any]:
    """The figures that an earlier run has written. Raises typer.BadParameter for anything else."""
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        figures.comparison_grid(found, found)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise typer.BadParameter(f"{path} holds no figures of an earlier run", param_hint="--against") from None
    return found


app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def main(
    *,
    sizes: Annotated[str | None, typer.Option(help=f"Rows, with k or m (default: {_SIZES}).", metavar="N,...")] = None,
    features: Annotated[int, typer.Option(min=6, max=20, help="Features of a customer.")] = 6,
    dirt: Annotated[float, typer.Option(min=0, max=0.5, help="Share of dirty rows.")] = 0.02,
    file_format: Annotated[Format, typer.Option("--format", help="Of the customers.")] = Format.parquet,
    only: Annotated[str | None, typer.Option(help="Contenders (default: all that fit).", metavar="a,b1,...")] = None,
    repeat: Annotated[int, typer.Option(min=1, help="Runs of each, in turns; the median counts.")] = 1,
    quick: Annotated[
        bool,
        typer.Option("--quick", help="One size (100k), a and b1, times alone: did my change help? Below 3 minutes."),
    ] = False,
    against: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="JSON of an earlier run to compare with.")
    ] = None,
    common_k: Annotated[int, typer.Option(min=KS[0], max=KS[-1], help="k at which fits are compared.")] = 7,
    data: Annotated[Path, typer.Option(help="Folder of the tables.")] = BUILD / "data",
    work: Annotated[Path, typer.Option(help="Folder of outputs and logs.")] = BUILD / "work",
    output: Annotated[Path | None, typer.Option(help="JSON (default: build/benchmark/TIME.json).")] = None,
) -> None:
    """Run all contenders on all tables, one after the other; figures go to the terminal and to a JSON file.

    The contenders, each in processes of its own:

    \b
      a     ours: the whole run as a user starts it after `seg-spark doctor --prepare`, session start included
      b1    the same job in scikit-learn: Arrow reads, pandas and Arrow clean, KMeans of one start per k on everybody
      b10   the same with ten starts per k
      b1s, b10s   the same, fitted on 100,000 customers picked by a hash of the id; everybody gets a label
      c     the usual MLlib loop: cached vectors, KMeans and ClusteringEvaluator per k on everybody

    All prepare the same way: valid ranges, duplicates, medians for missing values, standard scaling; k = 2 to 10; the
    highest silhouette wins (Spark's of squared distances in a and c, scikit-learn's of 10,000 sampled customers in b).
    b and c write the id and the segment; ours writes all its tables, model and record.

    Seconds are wall time of the process until it ends. Memory and processor time are of it and all it started, looked
    at four times a second. Every contender leaves its centres in the units of the table; they are judged in one space,
    over all accepted customers, at the common k (ours from a second fit, not timed) and at the k it chose.

    Exit codes: 0 done, 1 a contender failed (the others ran), 2 wrong usage, 130 interrupted (the JSON keeps what there
    was).
    """
    begun = datetime.now(UTC)
    rows = sizes_of(sizes or (_QUICK_SIZE if quick else _SIZES))
    if quick and len(rows) > 1:
        raise typer.BadParameter("--quick takes one size", param_hint="--sizes")
    named = contenders_of(only) if only is not None else []
    earlier = earlier_figures(against) if against else None
    plan = Plan(
        specs=[TableSpec(size, features, dirt, file_format.value) for size in rows],
        contenders=named or contenders_of(_QUICK_CONTENDERS if quick else ",".join(CONTENDERS)),
        named=named,
        turns=max(repeat, _QUICK_TURNS) if quick else repeat,
        seconds=_QUICK_SECONDS if quick else float("inf"),
        common_k=None if quick else common_k,
        data=data.resolve(),
        work=work.resolve(),
        output=(output or BUILD / f"{begun:%Y%m%dT%H%M%S}.json").resolve(),
        about={"begun": begun.isoformat(timespec="seconds"), "arguments": sys.argv[1:], **describe_environment()},
    )
    out = Console(width=None if sys.stdout.isatty() else 132, highlight=False, soft_wrap=True)
    if "a" in plan.contenders:
        with contextlib.suppress(PlatformError):  # not every Java can use one
            prepare_archive()
    raise typer.Exit(run_plan(plan, earlier, out))


def run_plan(plan: Plan, earlier: dict[str, Any] | None, out: Console) -> int:
    """Measure everything, show it beside what is asked and beside earlier figures, and return the exit code."""
    results: list[figures.Results] = []
    try:
        for spec in plan.specs:
            _measure_table(spec, plan, results, out)
    except KeyboardInterrupt:
        _say(f"interrupted; what was measured is in {plan.output}")
        return 130
    if found := figures.ratios(results):
        out.print(figures.ratios_grid(found))
    if earlier:
        out.print(figures.comparison_grid(earlier, figures.as_json(plan.about, results)))
    out.print(f"all figures: {plan.output}")
    return int(any(run.failure for one in results for runs in one.runs.values() for run in runs))


def _measure_table(spec: TableSpec, plan: Plan, results: list[figures.Results], out: Console) -> None:
    plan.data.mkdir(parents=True, exist_ok=True)
    needed, free = needed_disk_bytes(spec), shutil.disk_usage(plan.data).free
    if needed > free:
        out.print(f"{spec.name}: skipped, needs about {needed / _GIB:.0f} GiB of disk, {free / _GIB:.0f} are free")
        return
    _say(f"{spec.name}: making and reading the table")
    try:
        one = figures.Results(make_table(spec, plan.data))
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"{spec.name} could not be generated: {error.stderr.strip()}") from error
    results.append(one)
    work = plan.work / spec.name
    for name in plan.contenders:
        if name not in plan.named and (reason := why_skipped(name, spec)):
            one.skipped[name] = reason
            out.print(f"{name:<5}skipped: {reason}")
    for turn in _turns(plan):
        for name in plan.contenders:
            if name not in one.skipped:
                run = run_contender(name, one.table, work, _heartbeat(f"{spec.name}: {name}, run {turn}"))
                one.runs.setdefault(name, []).append(run)
                out.print(figures.run_line(name, run), markup=False)
                figures.write_json(plan.output, plan.about, results)
    if plan.common_k:
        _compare_fits(one, plan.common_k, work, out)
        figures.write_json(plan.output, plan.about, results)
    out.print(figures.contenders_grid(one, plan.common_k))
    shutil.rmtree(work / "a" / "output", ignore_errors=True)


def _turns(plan: Plan) -> Iterator[int]:
    """Count the turns, and stop before one that would take too long."""
    begun = time.monotonic()
    for turn in range(1, plan.turns + 1):
        taken = time.monotonic() - begun
        if turn > 1 and taken + taken / (turn - 1) > plan.seconds:
            return
        yield turn


def _compare_fits(results: figures.Results, k: int, work: Path, out: Console) -> None:
    """Rate the centres of every contender's last good run in one space."""
    name_of_table = results.table.spec.name
    answers = {name: runs[-1].answer for name in results.runs if (runs := results.good_runs(name)) and runs[-1].answer}
    centres = {(name, k): found for name, answer in answers.items() for k, found in answer.centres.items()}
    try:
        if "a" in answers and ("a", k) not in centres:
            centres["a", k] = our_centres(
                results.table, k, work, _heartbeat(f"{name_of_table}: our centres, not timed")
            )
        sets = {f"{name} {k}": found for (name, k), found in centres.items()}
        verdict = judge(results.table, sets, work, _heartbeat(f"{name_of_table}: comparing the fits"))
    except ChildProcessError as error:
        out.print(f"the fits could not be compared: {error}", markup=False)
        return
    within_ss = verdict["within_ss"]
    results.common_within_ss = {name: within_ss[f"{name} {k}"] for name in answers if (name, k) in centres}
    results.chosen_within_ss = {name: within_ss[f"{name} {answer.chosen_k}"] for name, answer in answers.items()}


def _heartbeat(what: str) -> Callable[[float, int], None]:
    """Say now and then that something is still running."""
    _say(what)
    said = [0.0]

    def look(seconds: float, memory: int) -> None:
        if seconds - said[0] >= _SECONDS_BETWEEN_LINES:
            said[0] = seconds
            _say(f"{what}: {seconds:.0f} s, {memory / _GIB:.1f} GiB")

    return look


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    app(prog_name="scripts/benchmark/run")
