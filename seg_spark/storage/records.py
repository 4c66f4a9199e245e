"""Run records: one JSON file per run, also for failed ones."""

import gzip
import json
import zlib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from seg_spark.errors import InputError
from seg_spark.storage.layout import Layout
from seg_spark.storage.local_files import write_text_atomically


def write_record(layout: Layout, run_date: date, run_id: str, record: Mapping[str, Any]) -> Path:
    """Write the record of a run and return its path."""
    path = layout.records(run_date) / f"{run_id}.json"
    write_text_atomically(path, json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
    return path


def write_figures(layout: Layout, run_date: date, run_id: str, figures: Mapping[str, Any]) -> None:
    """Write the figures of a run's report beside its record, so that the page can be made again."""
    path = _figures(layout, run_date, run_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(json.dumps(figures, ensure_ascii=False, allow_nan=False).encode(), mtime=0))


def read_figures(layout: Layout, run_date: date, run_id: str) -> dict[str, Any]:
    """The figures of a run's report. Raises InputError if they are not there, or damaged."""
    path = _figures(layout, run_date, run_id)
    try:
        figures: dict[str, Any] = json.loads(gzip.decompress(path.read_bytes()))
    except (OSError, EOFError, ValueError, zlib.error):
        raise InputError(f"{path}: is missing or damaged; run seg-spark label --run-date {run_date} again") from None
    return figures


def _figures(layout: Layout, run_date: date, run_id: str) -> Path:
    return layout.records(run_date) / f"{run_id}.figures.json.gz"


def read_records(layout: Layout, run_date: date | None = None) -> list[dict[str, Any]]:
    """All run records (of one date), by date and then start; one that cannot be read is left out."""
    pattern = f"run_date={run_date.isoformat() if run_date else '*'}/*.json"
    records: list[dict[str, Any]] = []
    for path in sorted(layout.runs.glob(pattern)):
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            continue
        if isinstance(record, dict):
            records.append(record)
    return records
