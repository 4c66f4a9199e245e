"""Pydantic's findings in the words of this project: where, what, what was expected, the nearest right key."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from seg_spark.errors import did_you_mean
from seg_spark.settings.schema import Settings

_EXPECTED: Final = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "string_type": "a text",
    "bool_type": "true or false",
    "dict_type": "a mapping (key: value lines)",
    "model_type": "a mapping (key: value lines)",
    "model_attributes_type": "a mapping (key: value lines)",
    "tuple_type": "a list",
}
_SECTION_TYPES: Final = ("model_type", "model_attributes_type", "dict_type")


def known_keys(path: Sequence[str]) -> tuple[str, ...] | None:
    """The keys that may stand below `path`; None where any name is possible (features) or none is (a leaf)."""
    section: Any = Settings
    for key in path:
        if isinstance(section, type) and issubclass(section, BaseModel) and key in section.model_fields:
            section = section.model_fields[key].annotation
        elif getattr(section, "__origin__", None) is dict:
            section = section.__args__[1]
        else:
            return None
    if isinstance(section, type) and issubclass(section, BaseModel):
        return tuple(section.model_fields)
    return None


def describe_faults(error: ValidationError, values: Mapping[str, Any], origins: Mapping[str, str]) -> Iterator[str]:
    """One line per fault, in the order of the schema."""
    told: set[str] = set()
    for fault in error.errors(include_url=False):
        path = _setting_path(fault["loc"])
        line = _describe(fault, path)
        if path in told and path.endswith(".missing"):
            continue  # one fault per branch of the union
        told.add(path)
        origin = _nearest_origin(path, origins)
        yield f"{origin}: {line}" if origin else line


def _describe(fault: Any, path: str) -> str:
    if path.endswith(".missing"):
        expected = "expected median, mean, reject, category, a number or {constant: TEXT}"
        return f"{path}: {expected}, found {_found(fault['input'])}"
    if fault["type"] == "value_error":
        message = str(fault["ctx"]["error"])
        return f"{path}: {message}" if path else message
    return f"{path}: {_meaning(fault, path)}"


def _meaning(fault: Any, path: str) -> str:
    kind, found = fault["type"], fault["input"]
    parent, _, key = path.rpartition(".")
    match kind:
        case "extra_forbidden":
            return f"unknown setting{did_you_mean(key, known_keys(parent.split('.') if parent else []) or ())}"
        case "missing":
            return "is required"
        case "too_short" if path == "features.columns":
            return "names no feature; expected at least one"
        case "literal_error":
            expected = fault["ctx"]["expected"].replace("'", "")
            choices = expected.replace(" or ", ", ").split(", ")
            return f"expected {expected}, found {_found(found)}{did_you_mean(str(found), choices)}"
        case _ if kind in _EXPECTED:
            return f"expected {_EXPECTED[kind]}, found {_found(found)}"
        case _:
            return f"{_lower_first(fault['msg'])}, found {_found(found)}"


def _setting_path(loc: Sequence[str | int]) -> str:
    """Keep the part of a location that names settings: union branches and list positions are dropped."""
    kept: list[str] = []
    for part in loc:
        kept.append(str(part))
        if part == "missing":
            break
    while kept and kept[-1].isdigit():
        kept.pop()
    return ".".join(kept)


def _nearest_origin(path: str, origins: Mapping[str, str]) -> str | None:
    inside = [origin for key, origin in origins.items() if key.startswith(f"{path}.")]
    if path and path not in origins and inside:
        return inside[-1]
    while path:
        if path in origins:
            return origins[path]
        path = path.rpartition(".")[0]
    return None


def _found(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    return "a list" if isinstance(value, list | tuple) else repr(value)


def _lower_first(message: str) -> str:
    return message[:1].lower() + message[1:]
