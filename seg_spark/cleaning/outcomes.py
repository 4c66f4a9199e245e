"""What can happen to an input row: its outcome, the reasons to reject it, and the counts of a run. No Spark here."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from seg_spark.errors import InputError, QualityGateError
from seg_spark.settings.schema import Settings


class RowOutcome(StrEnum):
    """The outcome of an input row; every row has exactly one."""

    ACCEPTED = "accepted"
    MERGED = "merged"
    REJECTED = "rejected"
    EXCLUDED = "excluded"


class Reason(StrEnum):
    """Every reject reason, as written in rejected_customers and in the run record.

    A reason about a column carries its name: `out_of_range:annual_income`.
    """

    MISSING_ID = "missing_id"
    CONTROL_CHARACTERS = "control_characters"
    TOO_LONG = "too_long"
    NOT_UTF8 = "not_utf8"
    MALFORMED_ROW = "malformed_row"
    MISSING = "missing"
    UNPARSEABLE = "unparseable"
    NOT_FINITE = "not_finite"
    OUT_OF_RANGE = "out_of_range"
    IMPOSSIBLE_DATE = "impossible_date"
    CONFLICTING_DUPLICATE = "conflicting_duplicate"

    def of(self, column: str) -> str:
        """The reason together with the column it is about."""
        return f"{self.value}:{column}"


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


def check_rows(
    rows: RowCounts, settings: Settings, advice: str = "; seg-spark validate lists what is wrong, column by column"
) -> None:
    """Raise InputError if no row was accepted, QualityGateError if too many were rejected."""
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in list(rows.rejected_by_reason.items())[:5])
    most_frequent = next(iter(rows.rejected_by_reason), "").partition(":")[0]
    option = {Reason.NOT_UTF8.value: "encoding", Reason.MALFORMED_ROW.value: "delimiter"}.get(most_frequent)
    advice = (f"; check input.options.{option}" if option else "") + advice
    if rows.accepted == 0:
        excluded = f" and {rows.excluded:,} excluded by cleaning.exclude" if rows.excluded else ""
        outcome = f"every row was rejected ({reasons}){excluded}" if reasons else "every row was excluded"
        raise InputError(f"input.path: {outcome}{advice}")
    share = rows.rejected / (rows.input - rows.excluded)
    limit = settings.cleaning.max_rejected_share
    if share > limit:
        raise QualityGateError(
            f"input.path: {share:.2%} of the rows were rejected, above cleaning.max_rejected_share "
            f"({100 * limit:g}%): {reasons}{advice}"
        )
