"""From conf files, environment and `--set` to one validated Settings, with the origin of every value."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from pydantic import ValidationError

from seg_spark.errors import SettingsError, did_you_mean
from seg_spark.settings.faults import describe_faults, known_keys
from seg_spark.settings.schema import Settings
from seg_spark.settings.yaml_text import parse_document, parse_value

ENVIRONMENT_PREFIX: Final = "SEG_SPARK_"
DEFAULT_ORIGIN: Final = "default"
_OF_KUBERNETES: Final = re.compile(r"SEG_SPARK_(SERVICE_HOST|SERVICE_PORT(_.*)?|PORT(_.*)?)")
"""What Kubernetes puts into the environment of pods beside a service called seg-spark."""


@dataclass(frozen=True)
class EffectiveSettings:
    """The settings in force, and for each leaf (path joined by dots) where its value came from."""

    settings: Settings
    origins: Mapping[str, str]


@dataclass(frozen=True)
class _Layer:
    values: dict[str, Any]
    origins: dict[str, str]
    name: str = ""


def load_settings(
    conf_dir: Path,
    env: str | None = None,
    assignments: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> EffectiveSettings:
    """Layer the settings, low to high: defaults, base.yml, <env>.yml, `SEG_SPARK_A__B`, `--set a.b=c`.

    Raises SettingsError naming every fault at once, each with its file and line or variable, and
    the nearest right key.
    """
    variables = os.environ if environment is None else environment
    layers = [_file_layer(path) for path in _files(conf_dir, env)]
    layers.append(_environment_layer(variables, layers))
    layers.append(_assignment_layer(assignments))
    merged: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for layer in layers:
        merged = _merge(merged, layer.values)
        for key, origin in layer.origins.items():  # the last one given comes last
            origins.pop(key, None)
            origins[key] = origin
    _drop_features(merged, origins, layers)
    try:
        settings = Settings.model_validate(_lists_to_tuples(merged))
    except ValidationError as error:
        raise SettingsError("\n".join(describe_faults(error, merged, origins, layers[0].name))) from None
    leaves = {path: origins.get(path, DEFAULT_ORIGIN) for path, _ in leaves_of(settings)}
    return EffectiveSettings(settings, MappingProxyType(leaves))


def leaves_of(settings: Settings) -> Iterator[tuple[str, Any]]:
    """Every single setting as (path joined by dots, value), in the order of the schema."""
    return _flatten(settings.model_dump(mode="json"), "")


def _files(conf_dir: Path, env: str | None) -> list[Path]:
    if conf_dir.is_file():
        raise SettingsError(f"{conf_dir}: is a file; expected the folder it lies in, --conf-dir {conf_dir.parent}")
    if not conf_dir.is_dir():
        raise SettingsError(f"{conf_dir}: the configuration folder does not exist; name one with --conf-dir")
    base = conf_dir / "base.yml"
    if not base.is_file():
        raise SettingsError(f"{conf_dir}: holds no base.yml; expected the settings in {base}")
    if env is None:
        return [base]
    environments = sorted(path.stem for path in conf_dir.glob("*.yml") if path.stem != "base")
    if env == "base":
        raise SettingsError("--env base: base.yml is always read; name what comes over it, for example prod")
    if env not in environments:
        known = f"there is {', '.join(environments)}" if environments else "it holds base.yml alone"
        name = env.removesuffix(".yml")
        meant = f" (did you mean {name!r}?)" if name in environments else did_you_mean(env, environments)
        raise SettingsError(f"--env {env}: {conf_dir} holds no {env}.yml; {known}{meant}")
    return [base, conf_dir / f"{env}.yml"]


def _file_layer(path: Path) -> _Layer:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = "is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else f"cannot be read: {error.strerror}"
        raise SettingsError(f"{path}: {reason}") from None
    document = parse_document(text, str(path))
    return _Layer(document.values, {key: f"{path}:{line}" for key, line in document.lines.items()}, str(path))


def _environment_layer(variables: Mapping[str, str], below: Sequence[_Layer]) -> _Layer:
    layer = _Layer({}, {})
    features = {key.split(".")[2] for one in below for key in one.origins if key.startswith("features.columns.")}
    spelling = {name.lower(): name for name in features}
    for variable in sorted(name for name in variables if name.startswith(ENVIRONMENT_PREFIX)):
        if _OF_KUBERNETES.fullmatch(variable):
            continue
        path = variable.removeprefix(ENVIRONMENT_PREFIX).lower().split("__")
        if path[:2] == ["features", "columns"] and len(path) > 2:
            path[2] = spelling.get(path[2], path[2])
        _assign(layer, path, parse_value(variables[variable], variable), variable)
    return layer


def _assignment_layer(assignments: Sequence[str]) -> _Layer:
    layer = _Layer({}, {})
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not equals or not re.fullmatch(r"[^.\s]+(\.[^.\s]+)*", key.strip()):
            word = re.match(r"[\w.]*", assignment)
            raise SettingsError(
                f"--set {word[0] if word else ''}: expected key=value, as in --set clustering.k.max=8"
            )  # the rest may be a secret
        _assign(layer, key.strip().split("."), parse_value(text, f"--set {key.strip()}"), "--set")
    return layer


def _assign(layer: _Layer, path: list[str], value: Any, origin: str) -> None:
    for depth, key in enumerate(path):
        known = known_keys(path[:depth])
        if known is not None and key not in known:
            name = origin if origin != "--set" else f"--set {'.'.join(path)}"
            nearest = _meant(path, origin) or did_you_mean(key, known)
            raise SettingsError(f"{name}: unknown setting {'.'.join(path[: depth + 1])!r}{nearest}")
    target = layer.values
    for key in path[:-1]:
        inner = target.setdefault(key, {})
        if not isinstance(inner, dict):
            raise SettingsError(
                f"{origin} {'.'.join(path)}: {key} is set to a single value already, so it has no settings of its own"
            )
        target = inner
    target[path[-1]] = value
    dotted = ".".join(path)
    layer.origins[dotted] = origin
    layer.origins.update((leaf, origin) for leaf, _ in _flatten(value, dotted))


def _meant(path: Sequence[str], origin: str) -> str:
    """The one setting whose path ends so, or is written so but for underscores, as a clause for a message."""
    written = ".".join(path)
    ends = [known for known in _setting_paths(()) if known.endswith(f".{written}")]
    if len(ends) == 1:
        return f" (did you mean {ends[0]!r}?)"
    alike = [known for known in _setting_paths(()) if known.replace(".", "_") == written.replace(".", "_")]
    if not alike or origin == "--set":
        return f" (did you mean {alike[0]!r}?)" if alike else ""
    return f" (did you mean {ENVIRONMENT_PREFIX}{alike[0].replace('.', '__').upper()}?)"


def _setting_paths(above: tuple[str, ...]) -> Iterator[str]:
    """Every setting with a name of its own, as path joined by dots."""
    for key in known_keys(above) or ():
        path = (*above, key)
        yield ".".join(path)
        yield from _setting_paths(path)


def _drop_features(merged: dict[str, Any], origins: dict[str, str], layers: Sequence[_Layer]) -> None:
    """A higher layer drops a feature with `features.columns.NAME: null`."""
    features = merged.get("features")
    named = features.get("columns") if isinstance(features, dict) else None
    if not isinstance(named, dict):
        return
    for name in [name for name, feature in named.items() if feature is None]:
        path = f"features.columns.{name}"
        if not any(_declares(layer, name) for layer in layers):
            others = [other for other, feature in named.items() if feature is not None]
            raise SettingsError(
                f"{origins[path]}: {path}: null drops a feature of a lower layer, but none has that name"
                f"{did_you_mean(name, others)}; for a feature without settings of its own write {{}}"
            )
        del named[name]


def _declares(layer: _Layer, name: str) -> bool:
    features = layer.values.get("features")
    named = features.get("columns") if isinstance(features, dict) else None
    return isinstance(named, dict) and named.get(name) is not None


def _merge(low: dict[str, Any], high: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(low)
    for key, value in high.items():
        below = merged.get(key)
        merged[key] = _merge(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def _lists_to_tuples(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _lists_to_tuples(inner) for key, inner in value.items()}
    return tuple(_lists_to_tuples(inner) for inner in value) if isinstance(value, list) else value


def _flatten(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _flatten(inner, f"{path}.{key}" if path else key)
    else:
        yield path, value
