"""Values that every JSON parser reads."""

from typing import Any

from pydantic_core import to_jsonable_python


def json_ready(value: Any) -> Any:
    """The value as JSON has it: what is not finite is null, a date its text, a dataclass its fields."""
    return to_jsonable_python(value, inf_nan_mode="null")
