"""Who takes part, how each is started, and how its answer is read."""

import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmark import ours
from benchmark.answers import Answer
from benchmark.generated import Table
from benchmark.process_tree import Measured, measure
from benchmark.questions import MAX_TRAINING_CUSTOMERS, Question
from seg_spark.machine import driver_memory_gib, memory_bytes

CONTENDERS: Final = {
    "a": "ours, the whole night",
    "b1": "scikit-learn, 1 start",
    "b10": "scikit-learn, 10 starts",
    "b1s": "scikit-learn, 1 start, sample",
    "b10s": "scikit-learn, 10 starts, sample",
    "c": "usual MLlib loop",
    "d": "bare Spark copy, warm",
}
_TAIL_LINES: Final = 15
_LARGEST_MLLIB: Final = 10_000_000
_GIB: Final = 1024**3

OnLook = Callable[[float, int], None]


@dataclass(frozen=True)
class Run:
    """One finished run: what it took, and what it found. `failure` is the end of its output if it failed."""

    measured: Measured
    answer: Answer | None = None
    floor: Mapping[str, Any] | None = None
    failure: str | None = None


def why_skipped(name: str, question: Question, forced: bool) -> str | None:
    """Why a contender does not take part by default, or None."""
    if forced:
        return None
    if name == "c" and question.rows >= _LARGEST_MLLIB:
        return "takes too long; --only c runs it"
    if name.endswith("s") and question.rows <= MAX_TRAINING_CUSTOMERS:
        return f"the sample would be everybody, as for {name.removesuffix('s')}"
    memory = memory_bytes()
    # the table, its matrix, the copy that KMeans works on, and the distances
    needed = question.rows * (question.features * 8 * 3.5 + 60)
    if name.startswith("b") and memory is not None and needed > memory * 0.9:
        wanted = f"{needed / _GIB:.0f} GiB of memory"
        return f"needs about {wanted} of {memory / _GIB:.0f}; --only {name} tries it"
    return None


def run_contender(name: str, table: Table, work: Path, on_look: OnLook) -> Run:
    """Run one contender once, in a folder of its own, which it finds empty."""
    folder = work / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if name == "d":
        return _run_floor(table, folder, work / "a", on_look)
    if name == "a":
        conf = ours.write_conf(table, folder)
        return _finish(ours.nightly_command(conf), folder, on_look, lambda: ours.read_answer(folder))
    room = "with_mllib" if name == "c" else "with_sklearn"
    command = [sys.executable, "-m", f"benchmark.{room}", str(table.folder), *_table_words(table)]
    if name == "c":
        command += ["--memory-gib", str(driver_memory_gib()), "--output", str(folder / "labels")]
    else:
        command += ["--starts", name.strip("bs"), "--output", str(folder / "labels.parquet")]
        command += ["--sampled"] if name.endswith("s") else []
    answer = folder / "answer.json"
    run = _finish([*command, "--answer", str(answer)], folder, on_look, lambda: Answer.read(answer))
    for labels in folder.glob("labels*"):
        shutil.rmtree(labels) if labels.is_dir() else labels.unlink()
    return run


def ours_with_k(table: Table, k: int, work: Path, on_look: OnLook) -> list[list[float]]:
    """Our centres of another k than the chosen one: the same customers fitted once more, not timed.

    Raises ChildProcessError if that fails.
    """
    folder = work / "a"
    run = _finish(
        ours.fit_command(folder / "conf", k), folder, on_look, lambda: ours.read_answer(folder), log="fit.log"
    )
    if run.answer is None:
        raise ChildProcessError(run.failure)
    return run.answer.centres[k]


def judge(table: Table, centres: Mapping[str, list[list[float]]], work: Path, on_look: OnLook) -> dict[str, Any]:
    """The accepted rows, and the within sum of squares of every set of centres. Raises ChildProcessError."""
    asked, verdict = work / "centres.json", work / "verdict.json"
    asked.write_text(json.dumps(centres), encoding="utf-8")
    command = [sys.executable, "-m", "benchmark.judge", str(table.folder), *_table_words(table)]
    command += ["--centres", str(asked), "--verdict", str(verdict)]
    run = _finish(command, work, on_look, lambda: None, log="judge.log")
    if run.failure is not None:
        raise ChildProcessError(run.failure)
    found: dict[str, Any] = json.loads(verdict.read_text(encoding="utf-8"))
    return found


def _run_floor(table: Table, folder: Path, night: Path, on_look: OnLook) -> Run:
    """Copy the clean customers of our last run, or else the raw table."""
    conf, source = night / "conf", ours.clean_folder(night)
    has_night = source.is_dir()
    if not has_night:
        conf, source = ours.write_conf(table, folder), table.folder
    answer = folder / "answer.json"
    command = [sys.executable, "-m", "benchmark.floor", str(conf), str(source)]
    command += ["--work", str(folder), "--answer", str(answer)] + (["--labels"] if has_night else [])
    run = _finish(command, folder, on_look, lambda: None)
    found = json.loads(answer.read_text(encoding="utf-8")) if answer.exists() else {}
    shutil.rmtree(folder / "copy", ignore_errors=True)
    shutil.rmtree(folder / "labels", ignore_errors=True)
    found["table"] = "clean customers" if has_night else "raw table"
    return Run(run.measured, floor=found, failure=run.failure)


def _finish(
    command: list[str], folder: Path, on_look: OnLook, read: Callable[[], Answer | None], log: str = "log.txt"
) -> Run:
    output = folder / log
    paths = [str(ours.PROJECT / "scripts"), str(ours.PROJECT)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1"}
    measured = measure(command, output, environment, ours.PROJECT, on_look)
    if measured.exit_code:
        lines = output.read_text(encoding="utf-8", errors="replace").splitlines()
        ending = "\n".join(line[:300] for line in lines[-_TAIL_LINES:])
        return Run(measured, failure=f"exit code {measured.exit_code}; the end of {output}:\n{ending}")
    return Run(measured, answer=read())


def _table_words(table: Table) -> list[str]:
    return ["--format", table.question.format, "--features", str(table.question.features)]
