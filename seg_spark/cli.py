"""The command line. Spark is imported only by the commands that need it."""

import logging
import re
import sys
import traceback
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from seg_spark.errors import InputError, SegSparkError, SettingsError

if TYPE_CHECKING:
    from seg_spark.settings.layers import EffectiveSettings

log = logging.getLogger("seg_spark")

LAST_DATE_AHEAD: Final = timedelta(days=31)

app = typer.Typer(
    name="seg-spark",
    help="Nightly customer segmentation on Apache Spark.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

RunDate = Annotated[str, typer.Option("--run-date", help="The night, as YYYY-MM-DD.", show_default=False)]
ConfDir = Annotated[Path, typer.Option("--conf-dir", help="Folder with base.yml and <env>.yml.")]
Env = Annotated[str | None, typer.Option("--env", help="Read <env>.yml over base.yml, for example prod.")]
Assignments = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a setting: --set clustering.k.max=8")
]
Debug = Annotated[bool, typer.Option("--debug", help="Show the stack trace of an error.")]

CONF_DIR: Final = Path("conf")


@app.command()
def nightly(
    run_date: RunDate,
    conf_dir: ConfDir = CONF_DIR,
    env: Env = None,
    assignments: Assignments = None,
    debug: Debug = False,
) -> None:
    """The whole night: clean, fit, label, publish.

    Example: seg-spark nightly --run-date 2026-11-23 --set clustering.k.max=8
    """
    _run("nightly", run_date, conf_dir, env, assignments)


@app.command()
def clean(
    run_date: RunDate,
    conf_dir: ConfDir = CONF_DIR,
    env: Env = None,
    assignments: Assignments = None,
    debug: Debug = False,
) -> None:
    """Only clean: publish clean_customers and rejected_customers.

    Example: seg-spark clean --run-date 2026-11-23
    """
    _run("clean", run_date, conf_dir, env, assignments)


@app.command()
def fit(
    run_date: RunDate,
    conf_dir: ConfDir = CONF_DIR,
    env: Env = None,
    assignments: Assignments = None,
    debug: Debug = False,
) -> None:
    """Only fit: a model on the clean customers of the date.

    Example: seg-spark fit --run-date 2026-11-23 --set selection.rule=elbow
    """
    _run("fit", run_date, conf_dir, env, assignments)


@app.command()
def label(
    run_date: RunDate,
    conf_dir: ConfDir = CONF_DIR,
    env: Env = None,
    assignments: Assignments = None,
    debug: Debug = False,
) -> None:
    """Only label: the clean customers of the date, with its model or the last one before it.

    Example: seg-spark label --run-date 2026-11-23
    """
    _run("label", run_date, conf_dir, env, assignments)


@app.command()
def segments(
    run_date: Annotated[
        str | None, typer.Option("--run-date", help="The night; the last published one unless given.")
    ] = None,
    conf_dir: ConfDir = CONF_DIR,
    env: Env = None,
    assignments: Assignments = None,
    debug: Debug = False,
) -> None:
    """Show the published segments: id, name, size, share and typical values.

    Example: seg-spark segments --run-date 2026-11-23
    """
    from seg_spark.reporting.summary import show_segments
    from seg_spark.storage.layout import Layout
    from seg_spark.storage.profiles import last_profiled_date, read_profiles

    layout = Layout.of(_load(conf_dir, env, assignments).settings.output.path)
    night = _parse_run_date(run_date) if run_date else last_profiled_date(layout)
    if night is None:
        raise InputError(
            f"{layout.root}: nothing is published there yet; run seg-spark nightly --run-date YYYY-MM-DD first"
        )
    show_segments(_out(), read_profiles(layout, night), f"Segments of {night}")


@app.command()
def runs(
    run_date: Annotated[str | None, typer.Option("--run-date", help="Only the runs of this night.")] = None,
    conf_dir: ConfDir = CONF_DIR,
    env: Env = None,
    assignments: Assignments = None,
    debug: Debug = False,
) -> None:
    """List the runs and how they ended.

    Example: seg-spark runs --run-date 2026-11-23
    """
    from seg_spark.reporting.summary import show_runs
    from seg_spark.storage.layout import Layout
    from seg_spark.storage.records import read_records

    layout = Layout.of(_load(conf_dir, env, assignments).settings.output.path)
    records = read_records(layout, _parse_run_date(run_date) if run_date else None)
    if not records:
        raise InputError(f"{layout.runs}: there is no run record{f' of {run_date}' if run_date else ''} yet")
    show_runs(_out(), records)


@app.command("print-config")
def print_config(
    conf_dir: ConfDir = CONF_DIR, env: Env = None, assignments: Assignments = None, debug: Debug = False
) -> None:
    """Show the settings in force and where each came from.

    Example: seg-spark print-config --env prod
    """
    from seg_spark.settings.layers import leaves_of

    effective = _load(conf_dir, env, assignments)
    table = Table("setting", "value", "from", header_style="bold", box=None)
    for path, value in leaves_of(effective.settings):
        table.add_row(path, escape(_shown(value)), escape(effective.origins[path]))
    _out().print(table)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; every foreseen error is one readable message on stderr."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    logging.basicConfig(
        format="%(asctime)s %(levelname)-7s %(message)s", datefmt="%Y-%m-%d %H:%M:%S", stream=sys.stderr
    )
    log.setLevel(logging.INFO)
    try:
        app(args=words, prog_name="seg-spark")
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 0
    except SegSparkError as error:
        return _fail(error, str(error), error.exit_code, words)
    except Exception as error:  # noqa: BLE001  # the last line of defence: no stack trace at 4 in the morning
        return _fail(
            error, f"unexpected {type(error).__name__}; --debug shows the details", SegSparkError.exit_code, words
        )
    return 0


def run_job(command: str, arguments: Sequence[str]) -> int:
    """One command as a spark-submit entry point; returns its exit code."""
    return main([command, *arguments])


def _run(command: str, run_date: str, conf_dir: Path, env: str | None, assignments: list[str] | None) -> None:
    night = _parse_run_date(run_date)
    settings = _load(conf_dir, env, assignments).settings

    from seg_spark.nightly import run
    from seg_spark.reporting.progress import StepProgress
    from seg_spark.reporting.summary import show_run, show_segments
    from seg_spark.storage.layout import Layout

    result = run(command, settings, night, conf_dir, StepProgress(Console(stderr=True)))
    out = _out()
    if result.outcome.labelled is not None:
        show_segments(out, result.outcome.labelled.profile_rows, f"Segments of {night} (typical value: median)")
    show_run(out, result.record, result.record_path, Layout.of(settings.output.path).root)


def _load(conf_dir: Path, env: str | None, assignments: list[str] | None) -> "EffectiveSettings":
    from seg_spark.settings.layers import load_settings

    return load_settings(conf_dir, env, assignments or ())


def _parse_run_date(text: str) -> date:
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        raise SettingsError(f"--run-date {text!r}: expected YYYY-MM-DD, as in 2026-11-23")
    try:
        night = date.fromisoformat(text)
    except ValueError:
        raise SettingsError(f"--run-date {text!r}: there is no such day") from None
    if night > date.today() + LAST_DATE_AHEAD:
        raise SettingsError(f"--run-date {text!r}: lies more than {LAST_DATE_AHEAD.days} days ahead")
    return night


def _fail(error: BaseException, message: str, code: int, words: Sequence[str]) -> int:
    if "--debug" in words:
        traceback.print_exception(error)
    sys.stderr.write(f"ERROR {message}\n")
    return code


def _out() -> Console:
    # piped output is for other programs and for README examples: wide enough that nothing is cut
    return Console(highlight=False) if sys.stdout.isatty() else Console(width=160, highlight=False)


def _shown(value: Any) -> str:
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)
