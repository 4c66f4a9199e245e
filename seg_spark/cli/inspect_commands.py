"""Commands that show settings and what was published, without Spark."""

import tempfile
import webbrowser
from datetime import date
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from seg_spark.cli.options import (
    CONF_DIR,
    AsJson,
    Assignments,
    ConfDir,
    DateOption,
    Debug,
    Env,
    app,
    complete_published_date,
    load,
    out,
    parse_run_date,
    print_json,
)
from seg_spark.errors import InputError, SettingsError
from seg_spark.settings.paths import path_scheme

if TYPE_CHECKING:
    from seg_spark.storage.store import Files


@app.command("segments")
def segments(
    run_date: DateOption = None,
    conf_dir: ConfDir = CONF_DIR,
    env: Env = None,
    assignments: Assignments = None,
    *,
    all_features: Annotated[bool, typer.Option("--all", help="Show every feature of every segment.")] = False,
    history: Annotated[bool, typer.Option("--history", help="Show what happened to every segment id so far.")] = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Show the published segments: name, size, and what sets each apart from everybody.

    Example: seg-spark segments --run-date 2026-11-23 --all
    """
    from seg_spark.reporting.segment_cards import show_all_features, show_history, show_segments
    from seg_spark.storage.commits import commit_of
    from seg_spark.storage.published_tables import read_profiles

    store, date_ = _published(load(conf_dir, env, assignments).settings.output.path, run_date)
    if history:
        events = commit_of(store, date_).segment_state.history
        if as_json:
            print_json({"run_date": date_, "history": events})
        else:
            show_history(out(), events, f"History of the segments up to {date_}")
        return
    profiles = read_profiles(store, date_)
    if as_json:
        print_json({"run_date": date_, "profiles": profiles})
        return
    show = show_all_features if all_features else show_segments
    show(out(), profiles, f"Segments of {date_}")


@app.command("compare")
def compare(
    before: Annotated[str, typer.Argument(help="A published date, as YYYY-MM-DD.", show_default=False)],
    now: Annotated[str, typer.Argument(help="A later published date.", show_default=False)],
    conf_dir: ConfDir = CONF_DIR,
    env: Env = None,
    assignments: Assignments = None,
    *,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Show who moved between the segments of two published dates, who entered and left, and which features drifted.

    Example: seg-spark compare 2026-11-22 2026-11-23
    """
    from seg_spark.report import compare_dates
    from seg_spark.reporting.comparison import movement_document, show_movement
    from seg_spark.storage.readers import files_at

    store = files_at(load(conf_dir, env, assignments).settings.output.path)
    dates = parse_run_date(before, "compare"), parse_run_date(now, "compare")
    if dates[0] >= dates[1]:
        raise SettingsError(f"compare {before} {now}: expected an earlier date and then a later one")
    found = compare_dates(store, *dates)
    if as_json:
        print_json(movement_document(found))
    else:
        show_movement(out(), found)


@app.command("report")
def report(
    run_date: DateOption = None,
    conf_dir: ConfDir = CONF_DIR,
    env: Env = None,
    assignments: Assignments = None,
    *,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    debug: Debug = False,
) -> None:
    """Make the report page of a published date again, from what is published.

    Example: seg-spark report --run-date 2026-11-23 --open
    """
    from seg_spark.report import make_report

    store, date_ = _published(load(conf_dir, env, assignments).settings.output.path, run_date)
    path = make_report(store, date_)
    out().print(f"{store.root}/{path}", markup=False, soft_wrap=True)
    if open_page:
        webbrowser.open(_local_copy(store, path).as_uri())


@app.command("runs")
def runs(
    run_date: Annotated[
        str | None,
        typer.Option("--run-date", help="Only the runs of this date.", autocompletion=complete_published_date),
    ] = None,
    conf_dir: ConfDir = CONF_DIR,
    env: Env = None,
    assignments: Assignments = None,
    *,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """List the runs, how they ended, and what became of their versions; with --json their whole records.

    Example: seg-spark runs --run-date 2026-11-23
    """
    from seg_spark.reporting.summary import show_runs
    from seg_spark.storage.layout import RUNS
    from seg_spark.storage.readers import files_at
    from seg_spark.storage.records import read_records
    from seg_spark.storage.retention import version_states

    store = files_at(load(conf_dir, env, assignments).settings.output.path)
    records = read_records(store, parse_run_date(run_date) if run_date else None)
    if not records:
        raise InputError(f"{store.root}/{RUNS}: no run record exists{f' of {run_date}' if run_date else ''} yet")
    states = version_states(store)
    if as_json:
        print_json([record | {"version": states.get(record["run_id"])} for record in records])
    else:
        show_runs(out(), records, states)


@app.command("print-config")
def print_config(
    conf_dir: ConfDir = CONF_DIR, env: Env = None, assignments: Assignments = None, debug: Debug = False
) -> None:
    """Show the settings in force and where each came from.

    Example: seg-spark print-config --env prod
    """
    from seg_spark.settings.layers import leaves_of

    effective = load(conf_dir, env, assignments)
    table = Table("setting", "value", "from", header_style="bold", box=None)
    for path, value in leaves_of(effective.settings):
        table.add_row(path, escape(_shown(value)), escape(effective.origins[path]))
    out().print(table)


def _published(output_path: str, run_date: str | None) -> "tuple[Files, date]":
    """The store of an output, and the date asked for or the last one with profiles. Raises InputError without any."""
    from seg_spark.columns import SEGMENT_PROFILES
    from seg_spark.storage.commits import last_date_with
    from seg_spark.storage.readers import files_at

    store = files_at(output_path)
    found = parse_run_date(run_date) if run_date else last_date_with(store, SEGMENT_PROFILES)
    if found is None:
        raise InputError(
            f"{store.root}: nothing is published there yet; run seg-spark nightly --run-date YYYY-MM-DD first"
        )
    return store, found


def _local_copy(store: "Files", path: str) -> Path:
    """A file of the store as a browser on this machine opens it."""
    if path_scheme(store.root) == "file":
        return Path(store.root) / path
    copy = Path(tempfile.mkdtemp(prefix="seg_spark-")) / PurePosixPath(path).name
    copy.write_bytes(store.read(path))
    return copy


def _shown(value: Any) -> str:
    from seg_spark.settings.yaml_text import yaml_scalar

    return value if isinstance(value, str) else yaml_scalar(value)
