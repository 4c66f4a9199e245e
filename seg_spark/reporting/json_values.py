"""Values that every JSON parser reads: infinity and nan have no JSON, so they become null; dates become text."""

import math
from collections.abc import Mapping
from datetime import date
from typing import Any


def json_ready(value: Any) -> Any:
    """The value with every number that is not finite replaced by None, and every date by its text, at any depth."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {key: json_ready(inner) for key, inner in value.items()}
    return [json_ready(inner) for inner in value] if isinstance(value, list | tuple) else value
