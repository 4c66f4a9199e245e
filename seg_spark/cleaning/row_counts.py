"""Counts of input rows by outcome, and whether they are good enough. No Spark here."""

from collections.abc import Mapping
from dataclasses import dataclass

from seg_spark.errors import InputError, QualityGateError
from seg_spark.settings.schema import Settings


@dataclass(frozen=True)
class RowCounts:
    """Counts of input rows by outcome; they add up to `input`."""

    input: int
    accepted: int
    merged_duplicates: int
    rejected: int
    excluded: int
    rejected_by_reason: Mapping[str, int]
    excluded_by_rule: Mapping[str, int]


def check_rows(rows: RowCounts, settings: Settings) -> None:
    """Raise InputError if no row was accepted, QualityGateError if too many were rejected."""
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in list(rows.rejected_by_reason.items())[:5])
    if rows.accepted == 0:
        excluded = f" and {rows.excluded:,} excluded by cleaning.exclude" if rows.excluded else ""
        outcome = f"every row was rejected ({reasons}){excluded}" if reasons else "every row was excluded"
        raise InputError(f"input.path: {outcome}; seg-spark validate shows the columns")
    share = rows.rejected / (rows.input - rows.excluded)
    limit = settings.cleaning.max_rejected_share
    if share > limit:
        raise QualityGateError(
            f"input.path: {share:.1%} of the rows were rejected, above cleaning.max_rejected_share ({limit:.1%}): "
            f"{reasons}; seg-spark validate shows the columns"
        )
