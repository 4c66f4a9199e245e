"""The tables of customers: what they hold, and how they are made once and reused."""

import hashlib
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

CUSTOMER_ID: Final = "customer_id"
SIX: Final = ("age", "annual_income", "spending_score", "recency_days", "orders_per_year", "yearly_spend")
VALID: Final[dict[str, tuple[float | None, float | None]]] = {
    "age": (0, 120),
    "annual_income": (0, None),
    "spending_score": (1, 100),
    "recency_days": (0, None),
    "orders_per_year": (0, None),
    "yearly_spend": (0, None),
}
"""Rows outside are rejected; the extra features may have any value."""
KS: Final = range(2, 11)
MAX_TRAINING_CUSTOMERS: Final = 100_000
RUN_DATE: Final = "2026-11-23"

_GENERATOR: Final = Path(__file__).parents[1] / "make_sample_customers.py"
_ROWS_PER_FILE: Final = 1_000_000
_FACTORS: Final = {"k": 1_000, "m": 1_000_000}


def feature_names(features: int) -> list[str]:
    """The columns that describe a customer: the six, then `feature_01` and on."""
    return [*SIX, *(f"feature_{number:02d}" for number in range(1, features - len(SIX) + 1))]


@dataclass(frozen=True)
class TableSpec:
    """What a table shall hold; `dirt` is the share of dirty rows."""

    rows: int
    features: int = 6
    dirt: float = 0.02
    format: str = "parquet"

    @property
    def name(self) -> str:
        """The name of its folders."""
        return f"{size_text(self.rows)}-x{self.features}-dirt{self.dirt}-{self.format}"


@dataclass(frozen=True)
class Table:
    """A table on the disk, and what cleaning must find in it."""

    spec: TableSpec
    folder: Path
    expected_rows: dict[str, int]


def make_table(spec: TableSpec, data: Path) -> Table:
    """The table, generated unless this generator has made it, and read once, so that no contender pays for the disk
    alone.

    Raises subprocess.CalledProcessError if it cannot be generated.
    """
    folder, summary = data / spec.name, data / f"{spec.name}.json"
    if not _is_made(folder, summary):
        shutil.rmtree(folder, ignore_errors=True)
        unfinished = summary.with_suffix(".part")
        options = {
            "rows": spec.rows,
            "format": spec.format,
            "dirt": spec.dirt,
            "features-extra": spec.features - len(SIX),
            "files": min(100, max(1, spec.rows // _ROWS_PER_FILE)),
            "output": folder,
            "summary-json": unfinished,
        }
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        subprocess.run([sys.executable, str(_GENERATOR), *words], check=True, capture_output=True, text=True)
        made = json.loads(unfinished.read_text(encoding="utf-8")) | {"generator": _generator_sha256()}
        unfinished.write_text(json.dumps(made, indent=2) + "\n", encoding="utf-8")
        unfinished.rename(summary)
    table = Table(spec, folder / "customers", expected_rows(json.loads(summary.read_text(encoding="utf-8"))))
    for path in sorted(table.folder.iterdir()):
        with path.open("rb") as file:
            while file.read(16 * 1024 * 1024):
                pass
    return table


def _is_made(folder: Path, summary: Path) -> bool:
    if not summary.exists():
        return False
    made = json.loads(summary.read_text(encoding="utf-8"))
    files = (folder / "customers").glob("*") if made.get("generator") == _generator_sha256() else ()
    return bool(made["customers_bytes"] == sum(path.stat().st_size for path in files))


def _generator_sha256() -> str:
    return hashlib.sha256(_GENERATOR.read_bytes()).hexdigest()


def expected_rows(summary: dict[str, Any]) -> dict[str, int]:
    """How many rows end as what, from the counts that the generator gives."""
    dirt = summary["dirt_by_kind"]
    rejected = dirt["out_of_range"] + dirt["unparseable"] + dirt["blank_id"] + 2 * dirt["conflicting_duplicate"]
    merged = dirt["exact_duplicate"]
    accepted = summary["rows"] - rejected - merged
    return {"input": summary["rows"], "accepted": accepted, "merged_duplicates": merged, "rejected": rejected}


def needed_disk_bytes(spec: TableSpec) -> int:
    """About what the table, the outputs of a run on it and what Spark spills take together."""
    return spec.rows * (2 * (60 + 9 * spec.features) + 4 * (80 + 8 * spec.features))


def parse_size(text: str) -> int:
    """A number of rows: 200, 100k, 1.5m. Raises ValueError for anything else."""
    word = text.strip().lower().replace("_", "")
    factor = _FACTORS.get(word[-1:], 1)
    try:
        number = Decimal(word[:-1] if factor > 1 else word) * factor
    except ArithmeticError:
        number = Decimal(0)
    if not (number.is_finite() and 100 <= number <= 10**9 and number == int(number)):
        raise ValueError(f"{text!r} is not a number of rows from 100 to 1000m")
    return int(number)


def size_text(rows: int) -> str:
    """The shortest way to write a number of rows: 200, 100k, 1m."""
    for letter, factor in reversed(_FACTORS.items()):
        if rows >= factor and rows % (factor // 10) == 0:
            return f"{(Decimal(rows) / factor).normalize():f}{letter}"
    return str(rows)
