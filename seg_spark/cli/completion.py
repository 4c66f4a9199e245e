"""What the shell offers after TAB. A completer that fails offers nothing."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

if TYPE_CHECKING:
    from seg_spark.settings.schema import Settings
    from seg_spark.storage.store import Files

Completer = Callable[[typer.Context, str], list[str]]

_FEATURES: Final = ("features", "columns")
_CONF_DIR: Final = Path("conf")


def _never_failing(complete: Completer) -> Completer:
    """A completer that offers nothing where it would fail: a stack trace would land in the user's command line."""

    @wraps(complete)
    def offer(ctx: typer.Context, incomplete: str) -> list[str]:
        try:
            return [word for word in complete(ctx, incomplete) if word.startswith(incomplete)]
        except Exception:  # noqa: BLE001  # broken conf, damaged model, no output yet: there is nothing to offer
            return []

    return offer


@_never_failing
def complete_env(ctx: typer.Context, incomplete: str) -> list[str]:
    """The environments of the conf folder."""
    return sorted(path.stem for path in _conf_dir(ctx).glob("*.yml") if path.stem != "base")


@_never_failing
def complete_assignment(ctx: typer.Context, incomplete: str) -> list[str]:
    """The dotted names of the settings, with `=`; those of a feature for every feature of the conf."""
    return [f"{name}=" for name in _setting_names((), _features(ctx))]


@_never_failing
def complete_published_date(ctx: typer.Context, incomplete: str) -> list[str]:
    """The dates that are published."""
    from seg_spark.storage.commits import published_dates

    return [date_.isoformat() for date_ in published_dates(_store(ctx))]


@_never_failing
def complete_feature(ctx: typer.Context, incomplete: str) -> list[str]:
    """The features of the published model, with `=`; those that have a value already are left out."""
    from seg_spark.storage.portable_models import published_model

    named = ctx.params.get("run_date")
    model = published_model(_store(ctx), date.fromisoformat(named) if named else date.max)
    given = {str(word).partition("=")[0].lower() for word in ctx.params.get("values") or ()}
    features = model.features if model is not None else ()
    return [f"{feature.name}=" for feature in features if feature.name.lower() not in given]


def _setting_names(path: Sequence[str], features: Sequence[str]) -> Iterator[str]:
    from seg_spark.settings.faults import known_keys

    known = tuple(features) if tuple(path) == _FEATURES else known_keys(path)
    if known is None:
        yield ".".join(path)
        return
    if path[-1:] in (("missing",), ("text_form",), ("policy",)):  # may be null or one value too
        yield ".".join(path)
    for key in known:
        yield from _setting_names((*path, key), features)


def _features(ctx: typer.Context) -> tuple[str, ...]:
    try:
        return tuple(_settings(ctx).features.columns)
    except Exception:  # noqa: BLE001  # the other settings have their names without a sound conf
        return ()


def _store(ctx: typer.Context) -> "Files":
    from seg_spark.storage.readers import files_at

    return files_at(_settings(ctx).output.path)


def _settings(ctx: typer.Context) -> "Settings":
    from seg_spark.settings.layers import load_settings

    # the word being completed is not among them yet
    assignments: Any = ctx.params.get("assignments") or ()
    return load_settings(
        _conf_dir(ctx), ctx.params.get("env"), [str(assignment) for assignment in assignments]
    ).settings


def _conf_dir(ctx: typer.Context) -> Path:
    return Path(ctx.params.get("conf_dir") or _CONF_DIR)
