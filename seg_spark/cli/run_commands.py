"""The commands that start Spark: the whole job, one of its steps, or a trial."""

import logging
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from seg_spark.cli.options import (
    CONF_DIR,
    AsJson,
    Assignments,
    ConfDir,
    DateOption,
    Debug,
    Env,
    RunDate,
    app,
    load,
    out,
    parse_run_date,
    print_json,
    printing_what_is_done,
)
from seg_spark.errors import SettingsError

if TYPE_CHECKING:
    from seg_spark.runner import RunResult
    from seg_spark.settings.schema import Settings
    from seg_spark.storage.store import Files

log = logging.getLogger("seg_spark")

DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be read, done and written, and do nothing.")]
_COMMANDS: Final = {
    "clean": ("Only clean: publish clean_customers and rejected_customers.", ""),
    "fit": ("Only fit a model on the clean customers of the date, and publish it.", " --set selection.rule=elbow"),
    "label": ("Only label the clean customers of the date, with its model or the last one before it.", ""),
}
"""What each command does, and what its example adds to the date."""


@app.command("nightly")
def nightly(
    run_date: RunDate,
    conf_dir: ConfDir = CONF_DIR,
    env: Env = None,
    assignments: Assignments = None,
    *,
    force: Annotated[
        bool, typer.Option("--force", help="Run also if the same input is published with the same settings.")
    ] = False,
    refit: Annotated[
        bool, typer.Option("--refit", help="Fit anew, whatever refit.policy says, unless the input looks broken.")
    ] = False,
    dry_run: DryRun = False,
    debug: Debug = False,
) -> None:
    """Run the whole job for a date: clean, fit, label, publish.

    Example: seg-spark nightly --run-date 2026-11-23 --set clustering.k.max=8
    """
    _run("nightly", run_date, conf_dir, env, assignments, dry_run=dry_run, force=force, refit=refit)


def _add(name: str, summary: str, addition: str) -> None:
    def command(
        run_date: RunDate,
        conf_dir: ConfDir = CONF_DIR,
        env: Env = None,
        assignments: Assignments = None,
        *,
        dry_run: DryRun = False,
        debug: Debug = False,
    ) -> None:
        _run(name, run_date, conf_dir, env, assignments, dry_run=dry_run)

    example = f"Example: seg-spark {name} --run-date 2026-11-23{addition}"
    app.command(name, help=f"{summary}\n\n{example}")(command)


for _name, _texts in _COMMANDS.items():
    _add(_name, *_texts)


@app.command("try")
def try_(
    assignments: Assignments = None,
    run_date: DateOption = None,
    conf_dir: ConfDir = CONF_DIR,
    env: Env = None,
    *,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Fit the customers of a date with changed settings and compare with what is published; publish nothing.

    Example: seg-spark try --set clustering.k.max=8 --set features.columns.age=null
    """
    if not assignments and env is None:
        raise SettingsError(
            "try: nothing to try; name the settings to change, for example: seg-spark try --set clustering.k.max=8, or "
            "the --env to try"
        )
    date_ = parse_run_date(run_date) if run_date else None
    tried = load(conf_dir, env, assignments).settings
    usual = load(conf_dir, env if assignments else None, None).settings  # an --env alone is what is tried

    from seg_spark.reporting.comparison import comparison_document, show_comparison
    from seg_spark.reporting.progress import StepProgress
    from seg_spark.trial import try_settings

    comparison = try_settings(usual, tried, date_, conf_dir, StepProgress())
    if as_json:
        print_json(comparison_document(comparison))
    else:
        show_comparison(out(), comparison)


def _run(
    command: str,
    run_date: str,
    conf_dir: Path,
    env: str | None,
    assignments: list[str] | None,
    *,
    dry_run: bool,
    force: bool = False,
    refit: bool = False,
) -> None:
    date_ = parse_run_date(run_date)
    settings = load(conf_dir, env, assignments).settings
    if dry_run:
        _show_plan(command, settings, date_)
        return

    from seg_spark.reporting.progress import StepProgress
    from seg_spark.runner import run

    progress = StepProgress()
    show_result(run(command, settings, date_, conf_dir, progress, force=force, refit=refit), date_)
    _suggest_archive()


def show_result(result: "RunResult", run_date: date) -> None:
    """Print the segments that a run has published, skipped or restored, and its summary."""
    with printing_what_is_done():
        _show_result(result, run_date)


def _show_result(result: "RunResult", run_date: date) -> None:
    from seg_spark.reporting.segment_cards import show_segments
    from seg_spark.reporting.summary import show_run
    from seg_spark.storage.published_tables import read_profiles

    console, outcome, store = out(), result.outcome, result.store
    if outcome.skipped_for or outcome.restored_run:
        show_segments(console, read_profiles(store, run_date), f"Segments of {run_date}")
    elif outcome.labelled is not None:
        show_segments(console, outcome.labelled.profile_rows, f"Segments of {run_date}")
    show_run(console, result.record, result.record_path, store.root, result.report_path)
    show_stale_dates(store, run_date)


def show_stale_dates(store: "Files", run_date: date) -> None:
    """Tell which published dates after another were made before it was published last; nothing if there is none."""
    from seg_spark.storage.commits import latest_commit, stale_dates

    stale = [date_ for date_ in stale_dates(latest_commit(store)) if date_ > run_date]
    if stale:
        dates = f"{stale[0]}" if len(stale) == 1 else f"{stale[0]} to {stale[-1]} ({len(stale)} dates)"
        out().print(
            f"stale     {dates}: made after another version of the date before; run them again (seg-spark backfill)",
            markup=False,
            soft_wrap=True,
        )


def _suggest_archive() -> None:
    """Tell, after the first run alone, how later ones would start sooner."""
    from seg_spark.machine import find_java, is_first_run, lacks_archive
    from seg_spark.session import is_submitted

    if not is_submitted() and is_first_run() and lacks_archive(*find_java()):
        log.info("tip: `seg-spark doctor --prepare` (once, about a minute) lets later runs start some seconds sooner")


def _show_plan(command: str, settings: "Settings", run_date: date) -> None:
    from seg_spark.checks.dry_run import plan_of
    from seg_spark.reporting.summary import show_plan

    plan = [(line.what, line.text) for line in plan_of(command, settings, run_date)]
    show_plan(out(), f"What {command} would do for {run_date}; nothing is done:", plan)
