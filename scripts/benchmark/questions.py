"""What is asked of every contender: the columns, their valid ranges, the range of k."""

from dataclasses import dataclass
from typing import Final

CUSTOMER_ID: Final = "customer_id"
SIX: Final = ("age", "annual_income", "spending_score", "recency_days", "orders_per_year", "yearly_spend")
EXTRA_OF_20: Final = 14
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
SILHOUETTE_CUSTOMERS: Final = 10_000
RUN_DATE: Final = "2026-11-23"


def feature_names(features: int) -> list[str]:
    """The columns that describe a customer: the six, or these and 14 of `feature_01` and on."""
    return [*SIX, *(f"feature_{n:02d}" for n in range(1, features - len(SIX) + 1))]


@dataclass(frozen=True)
class Question:
    """One table to be segmented."""

    rows: int
    features: int = 6
    dirt: float = 0.02
    format: str = "parquet"

    @property
    def name(self) -> str:
        """The name of its folders."""
        return f"{size_text(self.rows)}-x{self.features}-dirt{self.dirt:g}-{self.format}"

    @property
    def title(self) -> str:
        """The same for people."""
        dirt = f"{self.dirt:.0%} dirt" if self.dirt else "clean"
        return f"{size_text(self.rows)} customers x {self.features} features, {dirt}, {self.format}"


def parse_size(text: str) -> int:
    """A number of rows: 200, 100k, 1.5m. Raises ValueError for anything else."""
    word = text.strip().lower().replace("_", "")
    factor = {"k": 1_000, "m": 1_000_000}.get(word[-1:], 1)
    number = float(word[:-1] if factor > 1 else word) * factor
    if not (number.is_integer() and 100 <= number <= 1e9):
        raise ValueError(f"{text!r} is no number of rows")
    return int(number)


def size_text(rows: int) -> str:
    """The shortest way to write a number of rows: 200, 100k, 1m."""
    for factor, letter in ((1_000_000, "m"), (1_000, "k")):
        if rows >= factor and rows % (factor // 10) == 0:
            return f"{rows / factor:g}{letter}"
    return str(rows)
