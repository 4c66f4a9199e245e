"""The customers to be segmented: generated once, reused, and read once before anything is timed."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmark.questions import EXTRA_OF_20, SIX, Question

GENERATOR: Final = Path(__file__).parents[1] / "make_sample_customers.py"
_ROWS_PER_FILE: Final = 1_000_000
_GIB: Final = 1024**3


@dataclass(frozen=True)
class Table:
    """A generated table: where it lies, its size, and what cleaning must find in it."""

    question: Question
    folder: Path
    data_bytes: int
    expected_rows: dict[str, int]


def expected_rows(summary: dict[str, Any]) -> dict[str, int]:
    """What becomes of the rows, from the counts that the generator gives."""
    dirt = summary["dirt_by_kind"]
    rejected = dirt["out_of_range"] + dirt["unparseable"] + dirt["blank_id"] + 2 * dirt["conflicting_duplicate"]
    merged = dirt["exact_duplicate"]
    accepted = summary["rows"] - rejected - merged
    return {"input": summary["rows"], "accepted": accepted, "merged_duplicates": merged, "rejected": rejected}


def lacking_disk(question: Question, data: Path) -> str | None:
    """Why a table and one run on it would not fit on the disk, or None."""
    raw = question.rows * ((30 if question.format == "parquet" else 60) + 9 * (question.features - len(SIX)))
    # staged and published tables, and what Spark spills of the table it keeps while cleaning
    work = question.rows * (question.features * 8 + 80) * 4
    needed = work + (0 if _summary(question, data).exists() else 2 * raw)
    data.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(data).free
    if needed <= free:
        return None
    return f"needs about {needed / _GIB:.0f} GiB of disk, {free / _GIB:.0f} GiB are free at {data}"


def make_table(question: Question, data: Path, say: Callable[[str], None]) -> Table:
    """The table, generated unless it is there. Raises subprocess.CalledProcessError if that fails."""
    folder, summary = data / question.name, _summary(question, data)
    if not summary.exists():
        say(f"generating {question.title}")
        shutil.rmtree(folder, ignore_errors=True)
        unfinished = summary.with_suffix(".part")
        arguments = {
            "rows": question.rows,
            "format": question.format,
            "dirt": question.dirt,
            "features-extra": EXTRA_OF_20 if question.features > len(SIX) else 0,
            "files": min(100, max(1, question.rows // _ROWS_PER_FILE)),
            "output": folder,
            "summary-json": unfinished,
        }
        words = [word for name, value in arguments.items() for word in (f"--{name}", str(value))]
        subprocess.run([sys.executable, str(GENERATOR), *words], check=True, capture_output=True, text=True)
        unfinished.rename(summary)
    made = json.loads(summary.read_text(encoding="utf-8"))
    return Table(question, folder / "customers", made["customers_bytes"], expected_rows(made))


def warm_page_cache(table: Table) -> None:
    """Read the files once, so that the first contender finds what the second does."""
    for path in sorted(table.folder.iterdir()):
        with path.open("rb") as file:
            while file.read(16 * 1024 * 1024):
                pass


def _summary(question: Question, data: Path) -> Path:
    return data / f"{question.name}.json"
