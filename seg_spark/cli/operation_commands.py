"""The commands that change what is published: rollback, backfill and forget."""

import logging
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated

import typer

from seg_spark.cli.options import (
    CONF_DIR,
    Assignments,
    ConfDir,
    Debug,
    Env,
    RunDate,
    app,
    load,
    out,
    parse_run_date,
    printing_what_is_done,
)
from seg_spark.cli.run_commands import show_result, show_stale_dates
from seg_spark.errors import InputError, SegSparkError, SettingsError

log = logging.getLogger("seg_spark")


@app.command("rollback")
def rollback(
    run_date: RunDate,
    to_run: Annotated[
        str | None, typer.Option("--to", help="The run_id whose version to restore; by default the one before.")
    ] = None,
    conf_dir: ConfDir = CONF_DIR,
    env: Env = None,
    assignments: Assignments = None,
    *,
    debug: Debug = False,
) -> None:
    """Go back to the version of a date before its last run; `runs` lists the versions that are kept.

    Example: seg-spark rollback --run-date 2026-11-23
    """
    from seg_spark.reporting.progress import StepProgress
    from seg_spark.runner import run_rollback

    date_ = parse_run_date(run_date)
    settings = load(conf_dir, env, assignments).settings
    show_result(run_rollback(settings, date_, conf_dir, StepProgress(), to_run), date_)


@app.command("backfill")
def backfill(
    first: Annotated[str, typer.Option("--from", help="The first date, as YYYY-MM-DD.", show_default=False)],
    last: Annotated[str, typer.Option("--to", help="The last date.", show_default=False)],
    conf_dir: ConfDir = CONF_DIR,
    env: Env = None,
    assignments: Assignments = None,
    *,
    every: Annotated[int, typer.Option("--every", min=1, help="Days from one date to the next.")] = 1,
    force: Annotated[
        bool, typer.Option("--force", help="Run also dates that are published from the same input and settings.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Run the whole job for many dates in order. It stops at the first that fails; the same command goes on there.

    Example: seg-spark backfill --from 2026-11-01 --to 2026-11-23
    """
    from seg_spark.input.files import PLACEHOLDER
    from seg_spark.reporting.progress import StepProgress
    from seg_spark.reporting.summary import dated_line
    from seg_spark.runner import run
    from seg_spark.storage.commits import latest_commit
    from seg_spark.storage.readers import files_at
    from seg_spark.storage.retention import is_too_old

    dates = _dates(parse_run_date(first, "--from"), parse_run_date(last, "--to"), every)
    settings = load(conf_dir, env, assignments).settings
    if PLACEHOLDER not in settings.input.path:
        raise SettingsError(
            f"input.path: {settings.input.path} is the same for every date; backfill expects {PLACEHOLDER} in it"
        )
    keep_dates = settings.publish.keep_dates
    store = files_at(settings.output.path) if keep_dates is not None else None
    result = None
    for done, run_date in enumerate(dates):
        if store is not None and is_too_old(latest_commit(store), run_date, keep_dates):
            out().print(f"{run_date}  passed over: publish.keep_dates ({keep_dates}) would not keep it", markup=False)
            continue
        try:
            result = run("nightly", settings, run_date, conf_dir, StepProgress(), force=force)
        except SegSparkError:
            log.info("backfill: %d of %d dates are done; the same command goes on at %s", done, len(dates), run_date)
            raise
        with printing_what_is_done():
            out().print(dated_line(result.record), markup=False, soft_wrap=True)
    if result is not None:
        show_stale_dates(result.store, dates[-1])


def _dates(first: date, last: date, every: int) -> list[date]:
    if last < first:
        raise SettingsError(f"--to {last}: is before --from {first}")
    return [first + timedelta(days=days) for days in range(0, (last - first).days + 1, every)]


@app.command("forget")
def forget(
    file: Annotated[
        str, typer.Option("--file", help="A file with one customer id per line; - reads them from standard input.")
    ],
    conf_dir: ConfDir = CONF_DIR,
    env: Env = None,
    assignments: Assignments = None,
    *,
    debug: Debug = False,
) -> None:
    """Remove customers from every table, kept version, report and trial, and check that nothing of them is left.

    Refused while the input still has one of them. Versions that had them can no longer be rolled back to.

    Example: seg-spark forget --file ids.txt
    """
    from seg_spark.reporting.progress import StepProgress
    from seg_spark.reporting.summary import show_forgotten
    from seg_spark.runner import run_forget

    settings = load(conf_dir, env, assignments).settings
    try:
        text = sys.stdin.read().removeprefix("\ufeff") if file == "-" else Path(file).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise InputError(f"--file {file}: cannot be read: {reason}") from None
    # an id is published as it came, perhaps with blanks around it
    ids = frozenset(one for line in text.splitlines() if line.strip() for one in (line, line.strip()))
    if not ids:
        raise InputError(f"--file {file}: no id was found; expected one customer id per line")
    result = run_forget(settings, ids, conf_dir, StepProgress())
    with printing_what_is_done():
        show_forgotten(out(), result.record, result.record_path)
