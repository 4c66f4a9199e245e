"""Reading and cleaning the customers with Arrow and pandas, as a careful scikit-learn script would.

The rules are those of seg_spark: a row with a blank id, a number that cannot be read or one out of
range is rejected; equal rows of one customer are merged; rows of one customer that differ are all
rejected; an empty cell is missing and gets the median.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from benchmark.tables import CUSTOMER_ID, VALID

Matrix = npt.NDArray[np.float64]

_NULLS: Final = ["", "NULL", "null", "NA", "N/A"]
_NUMBER: Final = r"^\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*$"


@dataclass(frozen=True)
class Customers:
    """The accepted customers, one row each; `values` is NaN where a value is missing."""

    ids: Any
    values: Matrix
    input_rows: int
    merged: int

    @property
    def rows(self) -> dict[str, int]:
        """How every input row ended."""
        accepted = len(self.values)
        rejected = self.input_rows - accepted - self.merged
        return {"input": self.input_rows, "accepted": accepted, "merged_duplicates": self.merged, "rejected": rejected}


def read_customers(folder: Path, file_format: str, features: Sequence[str]) -> Any:
    """The raw table with only the columns in use; numbers that cannot be read are NaN, empty cells null."""
    columns = [CUSTOMER_ID, *features]
    if file_format == "parquet":
        return pq.read_table(folder, columns=columns)
    options = pyarrow.csv.ConvertOptions(
        include_columns=columns,
        column_types=dict.fromkeys(columns, pa.string()),
        null_values=_NULLS,
        strings_can_be_null=True,
        quoted_strings_can_be_null=True,
    )
    parts = [pyarrow.csv.read_csv(path, convert_options=options) for path in sorted(folder.glob("*.csv"))]
    table = pa.concat_tables(parts)
    return pa.table({CUSTOMER_ID: table[CUSTOMER_ID], **{name: _numbers(table[name]) for name in features}})


def clean_customers(table: Any, features: Sequence[str]) -> Customers:
    """Reject bad rows, merge equal ones, drop customers whose rows differ."""
    good = pc.not_equal(pc.utf8_trim_whitespace(pc.fill_null(table[CUSTOMER_ID], "")), "")
    for name in features:
        values = table[name]
        fits = pc.is_finite(values)
        low, high = VALID.get(name, (None, None))
        if low is not None:
            fits = pc.and_(fits, pc.greater_equal(values, low))
        if high is not None:
            fits = pc.and_(fits, pc.less_equal(values, high))
        good = pc.and_(good, pc.fill_null(fits, True))  # what is missing is imputed
    if not pc.all(good).as_py():
        table = table.filter(good)
    keep, merged = _settle_duplicates(table)
    settled = table if keep.all() else table.filter(pa.array(keep))
    values = np.empty((len(settled), len(features)))
    for position, name in enumerate(features):
        values[:, position] = settled[name].to_numpy()
    return Customers(settled[CUSTOMER_ID], values, len(good), merged)


def impute_median(values: Matrix) -> Matrix:
    """Fill what is missing with the median of its column, in place; returns the medians."""
    medians = np.nanmedian(values, axis=0)
    for column, median in zip(values.T, medians, strict=True):
        column[np.isnan(column)] = median
    return np.asarray(medians)


def _numbers(texts: Any) -> Any:
    try:
        return texts.cast(pa.float64())
    except pa.ArrowInvalid:
        readable = pc.match_substring_regex(texts, _NUMBER)
        numbers = pc.if_else(readable, texts, "nan")  # null stays null
        return pc.utf8_trim_whitespace(numbers).cast(pa.float64())


def _settle_duplicates(table: Any) -> tuple[npt.NDArray[np.bool_], int]:
    """Which rows stay, and how many were merged into one that stays."""
    codes = pc.dictionary_encode(table[CUSTOMER_ID].combine_chunks()).indices.to_numpy()
    keep = np.ones(len(codes), np.bool_)
    repeated = np.flatnonzero(np.bincount(codes)[codes] > 1) if len(codes) else codes
    if not len(repeated):
        return keep, 0
    rows = table.take(pa.array(repeated)).to_pandas()  # few: only customers with several rows
    first = ~rows.duplicated().to_numpy()
    differs = rows[first][CUSTOMER_ID].duplicated(keep=False).to_numpy()
    agreed = first.copy()
    agreed[first] = ~differs
    keep[repeated] = agreed
    # a copy counts as merged only where its customer stays
    staying = rows[CUSTOMER_ID].isin(rows[agreed][CUSTOMER_ID]).to_numpy()
    return keep, int((staying & ~agreed).sum())
