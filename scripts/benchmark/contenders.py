"""Who takes part, how each is started, and how its answer is read."""

import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from benchmark.answers import Answer
from benchmark.measure import Measured, measure
from benchmark.tables import CUSTOMER_ID, KS, MAX_TRAINING_CUSTOMERS, RUN_DATE, VALID, Table, TableSpec, feature_names
from seg_spark.machine import driver_memory_gib, memory_bytes

CONTENDERS: Final = {
    "a": "ours, the whole run",
    "b1": "scikit-learn, 1 start",
    "b10": "scikit-learn, 10 starts",
    "b1s": "scikit-learn, 1 start, sample",
    "b10s": "scikit-learn, 10 starts, sample",
    "c": "usual MLlib loop",
}
PROJECT: Final = Path(__file__).parents[2]
_TAIL_LINES: Final = 15
_LARGEST_MLLIB: Final = 10_000_000
_GIB: Final = 1024**3

OnLook = Callable[[float, int], None]


@dataclass(frozen=True)
class Run:
    """One finished run: what it took, and what it found. `failure` is the end of its output if it failed."""

    measured: Measured
    answer: Answer | None = None
    failure: str | None = None


def why_skipped(name: str, spec: TableSpec) -> str | None:
    """Why a contender does not take part unless it is asked for by name, or None."""
    if name == "c" and spec.rows >= _LARGEST_MLLIB:
        return "takes too long; --only c runs it"
    if name.endswith("s") and spec.rows <= MAX_TRAINING_CUSTOMERS:
        return f"the sample would be everybody, as for {name.removesuffix('s')}"
    memory = memory_bytes()
    # the table, its matrix, the copy that KMeans works on, and the distances
    needed = spec.rows * (spec.features * 8 * 3.5 + 60)
    if name.startswith("b") and memory is not None and needed > memory * 0.9:
        return f"needs about {needed / _GIB:.0f} of {memory / _GIB:.0f} GiB of memory; --only {name} tries it"
    return None


def run_contender(name: str, table: Table, work: Path, on_look: OnLook) -> Run:
    """Run one contender once, in a folder of its own, which it finds empty. It fails if it accepts other rows."""
    run = _run_job(name, table, work / name, on_look)
    accepted, expected = run.answer.rows["accepted"] if run.answer else 0, table.expected_rows["accepted"]
    if run.answer is None or accepted == expected:
        return run
    return Run(run.measured, failure=f"accepted {accepted:,} rows, {expected:,} were expected: no fair comparison")


def _run_job(name: str, table: Table, folder: Path, on_look: OnLook) -> Run:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if name == "a":
        job = [str(PROJECT / "jobs" / "nightly.py"), *_run_words(_write_conf(table, folder))]
        return _finish(job, folder / "log.txt", on_look, lambda: _our_answer(folder))
    answer = folder / "answer.json"
    words = [*_table_words(table), "--output", str(folder / "labels.parquet"), "--answer", str(answer)]
    if name == "c":
        job = ["-m", "benchmark.with_mllib", *words, "--memory-gib", str(driver_memory_gib())]
    else:
        job = ["-m", "benchmark.with_sklearn", *words, "--starts", name.strip("bs")]
        job += ["--sampled"] if name.endswith("s") else []
    return _finish(job, folder / "log.txt", on_look, lambda: Answer.read(answer))


def our_centres(table: Table, k: int, work: Path, on_look: OnLook) -> list[list[float]]:
    """Our centres of another k than the chosen one: the same customers fitted once more, not timed.

    Raises ChildProcessError if that fails.
    """
    folder = work / "a"
    job = [str(PROJECT / "jobs" / "fit_segments.py"), *_run_words(folder / "conf")]
    for setting in ("rule=fixed", f"k={k}", "min_segment_share=0"):
        job += ["--set", f"selection.{setting}"]
    run = _finish(job, folder / "fit.log", on_look, lambda: _our_answer(folder))
    if run.answer is None:
        raise ChildProcessError(run.failure)
    return run.answer.centres[k]


def judge(table: Table, centres: Mapping[str, list[list[float]]], work: Path, on_look: OnLook) -> dict[str, Any]:
    """The accepted rows, and the within sum of squares of every set of centres. Raises ChildProcessError."""
    asked, verdict = work / "centres.json", work / "verdict.json"
    asked.write_text(json.dumps(centres), encoding="utf-8")
    job = ["-m", "benchmark.judge", *_table_words(table), "--centres", str(asked), "--verdict", str(verdict)]
    run = _finish(job, work / "judge.log", on_look, lambda: None)
    if run.failure is not None:
        raise ChildProcessError(run.failure)
    found: dict[str, Any] = json.loads(verdict.read_text(encoding="utf-8"))
    return found


def original_units(model: Mapping[str, Any]) -> list[list[float]]:
    """The centres of a portable model in the units of the table; its features are all numbers."""
    return [
        [
            value / one["scale"] + one["shift"] if one["scale"] else one["shift"]
            for value, one in zip(segment["centre"], model["features"], strict=True)
        ]
        for segment in model["segments"]
    ]


def _write_conf(table: Table, folder: Path) -> Path:
    """The preparation that all contenders share: valid ranges, medians, standard scaling."""
    names = feature_names(table.spec.features)
    document = {
        "input": {"path": str(table.folder), "format": table.spec.format},
        "customer_id": CUSTOMER_ID,
        "output": {"path": str(folder / "output")},
        "features": {"columns": {name: {"valid": list(VALID[name])} if name in VALID else {} for name in names}},
        "training": {"max_customers": MAX_TRAINING_CUSTOMERS},
        "clustering": {"k": {"min": KS[0], "max": KS[-1]}},
    }
    (folder / "conf").mkdir()
    (folder / "conf" / "base.yml").write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return folder / "conf"


def _our_answer(folder: Path) -> Answer:
    """What the last run below a folder found, from its record and its model."""
    output = folder / "output"
    path = max((output / "runs").rglob("*.json"), key=lambda path: path.stat().st_mtime)
    record = json.loads(path.read_text(encoding="utf-8"))
    model = json.loads((output / "models" / record["model_id"] / "model.json").read_text(encoding="utf-8"))
    scores = {int(one["k"]): one["silhouette"] for one in record["scores"]}
    rows = {name: value for name, value in (record.get("rows") or {}).items() if isinstance(value, int)}
    chosen = int(record["chosen_k"])
    return Answer(rows, record["seconds"], chosen, {chosen: original_units(model)}, scores)


def _run_words(conf: Path) -> list[str]:
    return ["--run-date", RUN_DATE, "--conf-dir", str(conf)]


def _table_words(table: Table) -> list[str]:
    return [str(table.folder), "--format", table.spec.format, "--features", str(table.spec.features)]


def _finish(job: list[str], log: Path, on_look: OnLook, read: Callable[[], Answer | None]) -> Run:
    """Run Python to its end, and read the answer if it ended well."""
    paths = os.pathsep.join([str(PROJECT / "scripts"), str(PROJECT)])
    environment = os.environ | {"PYTHONPATH": paths, "PYTHONUNBUFFERED": "1"}
    measured = measure([sys.executable, *job], log, environment, PROJECT, on_look)
    if measured.exit_code:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        ending = "\n".join(line[:300] for line in lines[-_TAIL_LINES:])
        return Run(measured, failure=f"exit code {measured.exit_code}; the end of {log}:\n{ending}")
    return Run(measured, answer=read())
