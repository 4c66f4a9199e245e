"""YAML as data only: no tags, no aliases, no duplicate keys, and every value knows its line."""

import re
from dataclasses import dataclass
from typing import Any, Final

import yaml

from seg_spark.errors import SettingsError

MAX_CHARACTERS: Final = 1_000_000
_PLAIN_TAGS: Final = frozenset(
    f"tag:yaml.org,2002:{name}" for name in ("map", "seq", "str", "int", "float", "bool", "null")
)


class _PlainLoader(yaml.SafeLoader):
    """SafeLoader for which 2026-11-23 is a text, not a date."""


# The plain words of YAML 1.2: 1e-4 is a number, 010 is ten, NO and 1:30 are texts.
_PlainLoader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+.0123456789",
    ),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
):
    _PlainLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), list(_first))
_PlainLoader.add_constructor("tag:yaml.org,2002:int", lambda loader, node: int(str(node.value)))


@dataclass(frozen=True)
class Document:
    """A mapping read from YAML, and the line of each of its keys (path joined by dots -> line from 1)."""

    values: dict[str, Any]
    lines: dict[str, int]


def parse_document(text: str, origin: str) -> Document:
    """Read one YAML mapping; `origin` names the file in messages.

    Raises SettingsError for invalid YAML (with line), a tag, an alias, a duplicate key, a text over
    1,000,000 characters, or anything but a mapping. An empty text is an empty mapping.
    """
    if len(text) > MAX_CHARACTERS:
        raise SettingsError(f"{origin}: longer than {MAX_CHARACTERS:,} characters; expected a settings file")
    try:
        for event in yaml.parse(text, Loader=_PlainLoader):
            if isinstance(event, yaml.AliasEvent):
                raise SettingsError(f"{_at(origin, event)}: YAML aliases (*name) are not accepted; write the value out")
        node = yaml.compose(text, Loader=_PlainLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{origin}:{mark.line + 1}" if mark else origin
        problem = getattr(error, "problem", None) or "it cannot be read"
        raise SettingsError(f"{where}: invalid YAML: {problem}") from None
    except RecursionError:
        raise SettingsError(f"{origin}: invalid YAML: nested too deeply") from None
    if node is None or (isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null")):
        return Document({}, {})
    if not isinstance(node, yaml.MappingNode):
        raise SettingsError(f"{_at(origin, node)}: expected 'key: value' lines at the top level")
    lines: dict[str, int] = {}
    _inspect(node, origin, "", lines)
    try:
        values: dict[str, Any] = _PlainLoader("").construct_document(node)
    except (yaml.YAMLError, ValueError, TypeError):
        raise SettingsError(f"{origin}: invalid YAML: a value does not fit its tag, or is too long a number") from None
    return Document(values, lines)


def parse_value(text: str, origin: str) -> Any:
    """One value of `--set` or the environment: `8` is a number, `[1, 2]` a list, `abc` a text."""
    if len(text) == 1 and not text.isalnum():
        return text  # a delimiter, whatever it means in YAML
    if not text.strip():
        return ""
    quoted = text.lstrip().startswith(("'", '"'))
    if not quoted and any(sign in text for sign in ("\n", "\r", " #", "{run_date}")):
        return text  # not YAML's idea of such a text, but what was meant
    try:
        return parse_document(f"value: {text}", origin).values.get("value", text)
    except SettingsError:
        return text


def yaml_scalar(value: Any) -> str:
    """A value as YAML on one line."""
    plain = list(value) if isinstance(value, tuple) else value
    text: str = yaml.safe_dump(plain, default_flow_style=True, width=10_000, allow_unicode=True, sort_keys=False)
    return text.removesuffix("\n").removesuffix("\n...").strip()


def _inspect(node: yaml.Node, origin: str, path: str, lines: dict[str, int]) -> None:
    if node.tag not in _PLAIN_TAGS:
        raise SettingsError(f"{_at(origin, node)}: the YAML tag {node.tag!r} is not accepted; settings are plain data")
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _inspect(item, origin, path, lines)
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise SettingsError(f"{_at(origin, key)}: a key must be a plain word")
            if key.tag == "tag:yaml.org,2002:int":
                key.tag = "tag:yaml.org,2002:str"  # such as a segment id
            if key.tag != "tag:yaml.org,2002:str":
                raise SettingsError(f"{_at(origin, key)}: the key {key.value!r} must be a text; put it in quotes")
            here = f"{path}.{key.value}" if path else key.value
            if key.value in seen:
                raise SettingsError(f"{_at(origin, key)}: {here} is given twice; keep one of them")
            seen.add(key.value)
            lines[here] = key.start_mark.line + 1
            _inspect(value, origin, here, lines)


def _at(origin: str, marked: yaml.Node | yaml.Event) -> str:
    return f"{origin}:{marked.start_mark.line + 1}" if marked.start_mark else origin
