"""Names of the published tables and their columns, stated once."""

from typing import Final

CLEAN_CUSTOMERS: Final = "clean_customers"
REJECTED_CUSTOMERS: Final = "rejected_customers"
CUSTOMER_SEGMENTS: Final = "customer_segments"
SEGMENT_PROFILES: Final = "segment_profiles"
SEGMENT_TRANSITIONS: Final = "segment_transitions"
TABLES: Final = (CLEAN_CUSTOMERS, REJECTED_CUSTOMERS, SEGMENT_PROFILES, SEGMENT_TRANSITIONS, CUSTOMER_SEGMENTS)

CUSTOMER_ID: Final = "customer_id"
RUN_DATE: Final = "run_date"
RUN_ID: Final = "run_id"
MODEL_ID: Final = "model_id"

REJECT_REASONS: Final = "reject_reasons"
RAW_ROW: Final = "raw_row"

SEGMENT_ID: Final = "segment_id"
SEGMENT_NAME: Final = "segment_name"
DISTANCE: Final = "distance"
RUNNER_UP_SEGMENT_ID: Final = "runner_up_segment_id"
MARGIN: Final = "margin"
IS_OUTLIER: Final = "is_outlier"
PREVIOUS_SEGMENT_ID: Final = "previous_segment_id"
SINCE: Final = "since"
FROM_SEGMENT_ID: Final = "from_segment_id"
TO_SEGMENT_ID: Final = "to_segment_id"

FEATURE: Final = "feature"
CUSTOMERS: Final = "customers"

RESERVED: Final = frozenset(
    {
        CUSTOMER_ID, RUN_DATE, RUN_ID, MODEL_ID, REJECT_REASONS, RAW_ROW, SEGMENT_ID, SEGMENT_NAME, DISTANCE,
        RUNNER_UP_SEGMENT_ID, MARGIN, IS_OUTLIER, PREVIOUS_SEGMENT_ID, SINCE,
    }
)  # fmt: skip
"""Names no feature may take, because a published table uses them."""
