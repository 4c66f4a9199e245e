"""Pydantic's errors in plain words: where, what, what was expected, the nearest right key."""

import re
from collections.abc import Iterator, Mapping, Sequence
from types import UnionType
from typing import Any, Final, Union, get_args, get_origin

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


def known_keys(path: Sequence[str]) -> tuple[str, ...] | None:
    """The keys that are possible below `path`; None where any name is possible (features) or none is (a leaf)."""
    section: Any = Settings
    for key in path:
        if _is_section(section) and key in section.model_fields:
            section = section.model_fields[key].annotation
        elif get_origin(section) is dict:
            section = get_args(section)[1]
        elif get_origin(section) is tuple and key.isdigit():
            section = get_args(section)[0]
        else:
            return None
        if _is_union(section):
            section = next((one for one in get_args(section) if _is_section(one)), section)
    if _is_section(section):
        return tuple(section.model_fields)
    return None


def _is_union(annotation: Any) -> bool:
    return get_origin(annotation) in (Union, UnionType)


def _is_section(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def describe_faults(
    error: ValidationError, values: Mapping[str, Any], origins: Mapping[str, str], base: str
) -> Iterator[str]:
    """One line per fault, in the order of the schema; `base` is the file that should name what nothing names."""
    described: set[str] = set()
    for fault in error.errors(include_url=False):
        path = _setting_path(fault["loc"], is_key=fault["type"] == "extra_forbidden")
        if path == "refit.policy" and isinstance(fault["input"], dict) and "every" in fault["input"]:
            continue  # of the other branches of the union
        if path == "refit.policy" and fault["loc"][-1] == "every" and fault["type"] != "missing":
            path = "refit.policy.every"
        line = _describe(fault, path)
        if path in described and _expected_of_union(path.split(".")):
            continue  # one fault per branch of the union
        described.add(path)
        origin = _nearest_origin(path, origins) or _origins_of_named(line, origins)
        origin = base if origin is None and fault["type"] == "missing" else origin
        line += _other_feature(path, values) if origin == "--set" else ""
        yield f"{origin}: {line}" if origin else line


def _other_feature(path: str, values: Mapping[str, Any]) -> str:
    """The nearest other feature, where --set gives a rule to one that only it knows."""
    if not path.startswith("features.columns."):
        return ""
    name = path.split(".")[2]
    return did_you_mean(name, [value for value in values["features"]["columns"] if value != name])


def _describe(fault: Any, path: str) -> str:
    if expected := _expected_of_union(path.split(".")):
        return f"{path}: expected {expected}, found {_found(fault['input'])}"
    if fault["type"] == "value_error":
        message = str(fault["ctx"]["error"])
        return f"{path}: {message}" if path else message
    return f"{path}: {_meaning(fault, path)}"


def _meaning(fault: Any, path: str) -> str:
    kind, found = fault["type"], fault["input"]
    parent, _, key = path.rpartition(".")
    if kind in _EXPECTED:
        return f"expected {_EXPECTED[kind]}, found {_found(found)}"
    match kind:
        case "extra_forbidden":
            meaning = f"unknown setting{did_you_mean(key, known_keys(parent.split('.') if parent else []) or ())}"
            meaning += "; one and a half is written 1.5, and a thousand 1000" if key.isdigit() else ""
        case "missing" | "too_long" if fault["loc"][-1] in ("valid", "clip", 0, 1):
            meaning = "expected two values, as in [0, 100]"
        case "missing":
            meaning = "is required"
        case "literal_error" if fault["ctx"]["expected"] == "True":
            meaning = f"expected true, found {_found(found)}"
        case "int_parsing" if fault["loc"][-1] == "[key]":
            meaning = "expected the id of a segment, as in {1: Gold}"
        case "string_too_short":
            meaning = "is empty"
        case "too_short" if path == "features.columns":
            meaning = "names no feature; expected at least one"
        case "too_short":
            meaning = "is empty; expected at least one value"
        case "literal_error":
            expected = fault["ctx"]["expected"].replace("'", "")
            choices = expected.replace(" or ", ", ").split(", ")
            meaning = f"expected {expected}, found {_found(found)}{did_you_mean(str(found), choices)}"
        case _:
            problem = _lower_first(fault["msg"]).replace("input should be", "expected a value")
            meaning = f"{problem}, found {_found(found)}"
    return meaning


def _setting_path(loc: Sequence[str | int], *, is_key: bool) -> str:
    """Keep the part of a location that names settings: union branches and list positions are dropped.

    A number at the end is no position where it `is_key`: {weight: 1,5} has one."""
    kept: list[str] = []
    for part in loc:
        if part == "[key]":
            break
        kept.append(str(part))
        if _expected_of_union(kept):
            break
    while kept and kept[-1].isdigit() and not is_key:
        kept.pop()
    return ".".join(kept)


def _expected_of_union(path: Sequence[str]) -> str | None:
    """What is expected of a setting of several types, None of any other."""
    if len(path) == 4 and path[0] == "features" and path[3] == "missing":
        return "median, mean, reject, category, a number or {constant: TEXT}"
    return "when_needed, always, never or {every: RUNS}" if list(path) == ["refit", "policy"] else None


def _nearest_origin(path: str, origins: Mapping[str, str]) -> str | None:
    """Where the value of a setting (or the last word about a part of it) came from, or else its section."""
    own = [origin for key, origin in origins.items() if key == path or (path and key.startswith(f"{path}."))]
    if own:
        return own[-1]
    parent = path.rpartition(".")[0]
    return _nearest_origin(parent, origins) if parent else None


def _origins_of_named(line: str, origins: Mapping[str, str]) -> str | None:
    """Where the settings that a line names came from: a rule over several settings has no place of its own."""
    named = {key: origin for key, origin in origins.items() if re.search(rf"(?<![\w.]){re.escape(key)}(?![\w.])", line)}
    return ", ".join(dict.fromkeys(named.values())) or None


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
