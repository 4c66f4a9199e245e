"""The night itself, as a user runs it: its conf for a table, its command, and what its record says."""

import json
import sys
from pathlib import Path
from typing import Any, Final

import yaml

from benchmark.answers import Answer
from benchmark.generated import Table
from benchmark.questions import CUSTOMER_ID, KS, MAX_TRAINING_CUSTOMERS, RUN_DATE, VALID, feature_names

PROJECT: Final = Path(__file__).parents[2]


def write_conf(table: Table, folder: Path) -> Path:
    """A conf with the preparation that all contenders share: valid ranges, medians, standard scaling."""
    conf = folder / "conf"
    conf.mkdir(parents=True, exist_ok=True)
    columns = {name: _feature(name) for name in feature_names(table.question.features)}
    document = {
        "input": {"path": str(table.folder), "format": table.question.format},
        "customer_id": CUSTOMER_ID,
        "output": {"path": str(folder / "output")},
        "features": {"scaling": "standard", "columns": columns},
        "training": {"max_customers": MAX_TRAINING_CUSTOMERS},
        "clustering": {"k": {"min": KS[0], "max": KS[-1]}},
    }
    (conf / "base.yml").write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return conf


def nightly_command(conf: Path) -> list[str]:
    """The whole night."""
    return [sys.executable, str(PROJECT / "jobs" / "nightly.py"), "--run-date", RUN_DATE, "--conf-dir", str(conf)]


def fit_command(conf: Path, k: int) -> list[str]:
    """The same fit of the same customers once more, with k settled beforehand."""
    job = [sys.executable, str(PROJECT / "jobs" / "fit_segments.py"), "--run-date", RUN_DATE, "--conf-dir", str(conf)]
    settled = {"rule": "fixed", "k": k, "min_segment_share": 0}
    return job + [word for name, value in settled.items() for word in ("--set", f"selection.{name}={value}")]


def read_answer(folder: Path) -> Answer:
    """What the last run below a folder found, from its record and its model.json."""
    output = folder / "output"
    record = _last_record(output)
    model = json.loads((output / "models" / record["model_id"] / "model.json").read_text(encoding="utf-8"))
    chosen = int(record["chosen_k"])
    scores = {int(one["k"]): one["silhouette"] for one in record["scores"]}
    more = {name: record.get(name) for name in ("chosen_because", "scores", "published_scores", "versions")}
    rows = {name: value for name, value in (record.get("rows") or {}).items() if isinstance(value, int)}
    return Answer(rows, record["seconds"], chosen, {chosen: original_units(model)}, scores, more)


def original_units(model: dict[str, Any]) -> list[list[float]]:
    """The centres of a portable model in the units of the table; its features are all numbers."""
    features = model["features"]
    return [
        [
            value / one["scale"] + one["shift"] if one["scale"] else one["shift"]
            for value, one in zip(segment["centre"], features, strict=True)
        ]
        for segment in model["segments"]
    ]


def clean_folder(folder: Path) -> Path:
    """The clean customers that the last run below a folder published."""
    return folder / "output" / "clean_customers" / f"run_date={RUN_DATE}"


def _last_record(output: Path) -> dict[str, Any]:
    paths = list((output / "runs").rglob("*.json"))
    record: dict[str, Any] = json.loads(max(paths, key=lambda path: path.stat().st_mtime).read_text(encoding="utf-8"))
    return record


def _feature(name: str) -> dict[str, Any]:
    return {"valid": list(VALID[name])} if name in VALID else {}
