"""What the commands share: the app, its options, and how settings, dates and output are had."""

import json
import logging
import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console

from seg_spark.cli.completion import complete_assignment, complete_env, complete_published_date
from seg_spark.errors import SettingsError

if TYPE_CHECKING:
    from seg_spark.settings.layers import EffectiveSettings

log = logging.getLogger("seg_spark")

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


RunDate = Annotated[str, typer.Option("--run-date", help="The date of the run, as YYYY-MM-DD.", show_default=False)]
DateOption = Annotated[
    str | None,
    typer.Option(
        "--run-date",
        help="A published date, as YYYY-MM-DD; by default the last one.",
        autocompletion=complete_published_date,
    ),
]
ConfDir = Annotated[Path, typer.Option("--conf-dir", help="Folder with base.yml and <env>.yml.")]
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
Debug = Annotated[bool, typer.Option("--debug", help="Show the stack trace of an error.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]

CONF_DIR: Final = Path("conf")


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
    from seg_spark.reporting.json_values import json_ready

    sys.stdout.write(json.dumps(json_ready(document), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


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
