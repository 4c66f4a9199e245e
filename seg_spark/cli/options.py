"""What the commands share: the app, its options and their completion, and how settings, dates and output are had."""

import json
import logging
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from functools import wraps
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console

from seg_spark.errors import SettingsError

if TYPE_CHECKING:
    from seg_spark.settings.layers import EffectiveSettings
    from seg_spark.settings.schema import Settings
    from seg_spark.storage.store import Files

log = logging.getLogger("seg_spark")

Completer = Callable[[typer.Context, str], list[str]]
_FEATURES: Final = ("features", "columns")
LAST_DATE_AHEAD: Final = timedelta(days=31)
app = typer.Typer(
    name="seg-spark",
    help="""Nightly customer segmentation on Apache Spark.

    Example: seg-spark init --input customers.csv --id ID --conf-dir c --output-path out

    Example: seg-spark nightly --run-date 2026-11-23

    Example: seg-spark predict annual_income=70 spending_score=82
    """,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
RunDate = Annotated[str, typer.Option("--run-date", help="The date of the run, as YYYY-MM-DD.", show_default=False)]
ConfDir = Annotated[Path, typer.Option("--conf-dir", help="Folder with base.yml and <env>.yml.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the stack trace of an error.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
CONF_DIR: Final = Path("conf")


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
    from seg_spark.storage.commits import published_model

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
    return Path(ctx.params.get("conf_dir") or CONF_DIR)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(version("seg-spark"))
        raise typer.Exit


@app.callback()
def _options_of_the_whole(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", is_eager=True, callback=_show_version)
    ] = False,
) -> None:
    pass


DateOption = Annotated[
    str | None,
    typer.Option(
        "--run-date",
        help="A published date, as YYYY-MM-DD; by default the last one.",
        autocompletion=complete_published_date,
    ),
]
Env = Annotated[
    str | None,
    typer.Option("--env", help="Read <env>.yml over base.yml, for example prod.", autocompletion=complete_env),
]
Assignments = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Override a setting: --set clustering.k.max=8",
        autocompletion=complete_assignment,
    ),
]


def load(conf_dir: Path, env: str | None, assignments: list[str] | None) -> "EffectiveSettings":
    """The settings in force. Raises SettingsError naming every fault."""
    from seg_spark.settings.layers import load_settings

    return load_settings(conf_dir, env, assignments or ())


def parse_run_date(text: str, option: str = "--run-date") -> date:
    """The date that an option names. Raises SettingsError for another form, no such day, or one far ahead."""
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        raise SettingsError(f"{option} {text!r}: expected YYYY-MM-DD, as in 2026-11-23")
    try:
        run_date = date.fromisoformat(text)
    except ValueError:
        raise SettingsError(f"{option} {text!r}: is not a calendar date") from None
    today = date.today()
    if run_date > today + LAST_DATE_AHEAD:
        raise SettingsError(
            f"{option} {text!r}: is more than {LAST_DATE_AHEAD.days} days ahead of this machine's date, {today}"
        )
    return run_date


def program_name() -> str:
    """How this program was called, so that a command it shows can be called the same way."""
    called = Path(sys.argv[0])
    if called.name != "seg-spark" or shutil.which("seg-spark") == str(called.absolute()):
        return "seg-spark"
    return str(called)


def out() -> Console:
    """Standard output."""
    # piped output is for other programs and for README examples: wide enough that nothing is cut
    # names of segments and levels may look like emoji codes
    return Console(highlight=False, emoji=False, width=None if sys.stdout.isatty() else 160)


def print_json(document: Any) -> None:
    """Print a document for programs; a number that is not finite becomes null, a date its text."""

    from pydantic_core import to_jsonable_python

    ready = to_jsonable_python(document, inf_nan_mode="null")
    sys.stdout.write(json.dumps(ready, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


@contextmanager
def printing_what_is_done() -> Iterator[None]:
    """Print what a run has published: where nobody reads that (a closed pipe, a full disk) it is no failure."""
    try:
        yield
        sys.stdout.flush()
    except (OSError, SystemExit) as error:  # rich ends the program where a pipe is closed
        reason = error.strerror if isinstance(error, OSError) else "nobody reads it"
        log.warning("the run is done, but its summary could not be printed: %s", reason)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left is flushed at the end
