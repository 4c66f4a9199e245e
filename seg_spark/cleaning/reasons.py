"""Why a row is rejected. A reason about a column carries its name: `out_of_range:annual_income`."""

from enum import StrEnum


class Reason(StrEnum):
    """Every reject reason, as written in rejected_customers and in the run record."""

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
