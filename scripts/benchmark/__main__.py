"""All contenders on all tables, one after the other; figures to the terminal and to a JSON file."""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from rich.console import Console

from benchmark.arguments import BUILD, Asked, read_arguments
from benchmark.contenders import judge, ours_with_k, run_contender, why_skipped
from benchmark.generated import lacking_disk, make_table, warm_page_cache
from benchmark.questions import Question
from benchmark.results import Quality, Results, Tried
from benchmark.surroundings import surroundings
from benchmark.tables import contenders_table, floor_lines, reached_table, run_line

_SECONDS_BETWEEN_LINES: Final = 30
_GIB: Final = 1024**3
_WIDTH: Final = 132


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark and return its exit code."""
    asked = read_arguments(arguments)
    begun = datetime.now(UTC)
    output = asked.output or BUILD / f"{begun:%Y%m%dT%H%M%S}.json"
    what = {name: getattr(asked, name) for name in ("contenders", "repeat", "common_k", "quality")}
    tables = [asdict(question) for question in asked.questions]
    results = Results(
        {"begun": begun.isoformat(timespec="seconds"), **surroundings(), "asked": what | {"tables": tables}}
    )
    out = Console() if sys.stdout.isatty() else Console(width=_WIDTH)
    try:
        for question in asked.questions:
            _try_table(question, asked, results, output, out)
    except KeyboardInterrupt:
        _say(f"interrupted; what was measured is in {output}")
        return 130
    for kind, reached in results.reached().items():
        if reached:
            out.print(reached_table(kind, reached))
    out.print(f"all figures: {output}", soft_wrap=True)
    return 1 if results.failed else 0


def _try_table(question: Question, asked: Asked, results: Results, output: Path, out: Console) -> None:
    lacking = lacking_disk(question, asked.data)
    if lacking:
        results.skipped[question.name] = lacking
        out.print(f"{question.title}: skipped, {lacking}", soft_wrap=True)
        results.write(output)
        return
    try:
        table = make_table(question, asked.data, _say)
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"generating {question.title} failed: {error.stderr.strip()}") from error
    warm_page_cache(table)
    tried = results.tried[question] = Tried(table)
    work = asked.work / question.name
    work.mkdir(parents=True, exist_ok=True)
    out.rule(question.title, align="left")
    for name in asked.contenders:
        reason = why_skipped(name, question, forced=name in asked.only)
        if reason:
            tried.skipped[name] = reason
            out.print(f"{name:<5}skipped: {reason}", soft_wrap=True)
    for repetition in range(1, asked.repeat + 1):
        for name in asked.contenders:
            if name not in tried.skipped:
                say = _heartbeat(f"{question.name}: {name}, run {repetition} of {asked.repeat}")
                run = run_contender(name, table, work, say)
                tried.runs.setdefault(name, []).append(run)
                out.print(run_line(name, run), soft_wrap=True, markup=False, highlight=False)
                results.write(output)
    if asked.quality:
        _judge_quality(tried, asked.common_k, work, out)
    results.write(output)
    for line in floor_lines(tried):
        out.print(line, soft_wrap=True, highlight=False)
    out.print(contenders_table(tried))
    for name in ("a/output", "d"):
        shutil.rmtree(work / name, ignore_errors=True)


def _judge_quality(tried: Tried, common_k: int, work: Path, out: Console) -> None:
    """Rate the centres of every contender's last good run in one space."""
    table = tried.table
    answers = {name: runs[-1].answer for name in tried.runs if (runs := tried.good_runs(name)) and runs[-1].answer}
    found = {name: dict(answer.centres) for name, answer in answers.items() if answer}
    try:
        if "a" in found and common_k not in found["a"]:
            say = _heartbeat(f"{table.question.name}: our centres of k = {common_k}, not timed")
            found["a"][common_k] = ours_with_k(table, common_k, work, say)
        sets = {f"{name} {k}": centres for name, by_k in found.items() for k, centres in by_k.items()}
        verdict = judge(table, sets, work, _heartbeat(f"{table.question.name}: judging"))
    except ChildProcessError as error:
        out.print(f"quality could not be judged: {error}", soft_wrap=True, markup=False)
        return
    within = verdict["within_ss"]
    tried.quality = Quality(
        common_k,
        {name: within[f"{name} {common_k}"] for name in found if f"{name} {common_k}" in within},
        {name: within[f"{name} {answer.chosen_k}"] for name, answer in answers.items() if answer},
        verdict["rows"]["accepted"],
    )
    for name, answer in answers.items():
        accepted = answer.rows["accepted"] if answer else None
        if accepted != table.expected_rows["accepted"]:
            expected = table.expected_rows["accepted"]
            out.print(f"{name} accepted {accepted:,} rows, {expected:,} were expected: no fair comparison")


def _heartbeat(what: str) -> Callable[[float, int], None]:
    """Say now and then that something is still running."""
    _say(what)
    said = [time.monotonic()]

    def look(seconds: float, memory: int) -> None:
        if time.monotonic() - said[0] >= _SECONDS_BETWEEN_LINES:
            said[0] = time.monotonic()
            _say(f"{what}: {seconds:.0f} s, {memory / _GIB:.1f} GiB")

    return look


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    raise SystemExit(main())
