"""The commands that check before a run: the machine, the settings and the input; without Spark."""

from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from seg_spark.cli.options import CONF_DIR, Assignments, ConfDir, Debug, Env, app, load, out, parse_run_date

if TYPE_CHECKING:
    from seg_spark.checks.validation import Validation


@app.command("java-options")
def java_options(*, debug: Debug = False) -> None:
    """Print the Java options of local runs, for spark-submit --driver-java-options.

    Exits with 4 if Java is missing.

    Example: seg-spark java-options
    """
    from seg_spark.machine import find_java, local_java_options

    java, _ = find_java()
    out().print(local_java_options(java), markup=False, soft_wrap=True)


@app.command("doctor")
def doctor(
    run_date: Annotated[
        str | None, typer.Option("--run-date", help="The date whose input should be there; by default today.")
    ] = None,
    conf_dir: ConfDir = CONF_DIR,
    env: Env = None,
    assignments: Assignments = None,
    *,
    prepare: Annotated[
        bool,
        typer.Option(
            "--prepare",
            help="First make an archive of Java's classes (200 MB, about a minute, once): local runs start faster.",
        ),
    ] = False,
    repair: Annotated[
        bool,
        typer.Option("--repair", help="First put the output in order: finish or remove what killed runs have left."),
    ] = False,
    debug: Debug = False,
) -> None:
    """Check the machine, settings, input and output before a run, without Spark.

    Exits with 0 if no fault was found, else with 2 (settings), 3 (input), 4 (machine) or 7 (output).

    Example: seg-spark doctor --conf-dir conf --env prod
    """
    from seg_spark.checks.doctor import DoctorRequest, examine, exit_code_of
    from seg_spark.reporting.summary import show_findings

    if prepare:
        from seg_spark.checks.preparation import prepare_archive

        out().print("Looking for an archive of Java's classes; if there is none, making it takes about a minute.")
        prepare_archive()
    if repair:
        from seg_spark.reporting.progress import StepProgress
        from seg_spark.runner import repair_output

        settings = load(conf_dir, env, assignments).settings
        found = repair_output(settings, conf_dir, StepProgress())
        out().print(
            f"{settings.output.path}: {_counted(found.folders, 'folder')} brought in line with the commits, "
            f"{_counted(found.versions, 'version')} of dead runs removed",
            markup=False,
            soft_wrap=True,
        )
    findings = examine(
        DoctorRequest(
            conf_dir,
            env,
            assignments or (),
            parse_run_date(run_date) if run_date else date.today(),
            is_conf_named=bool(conf_dir != CONF_DIR or env or assignments),
            is_date_named=run_date is not None,
        )
    )
    show_findings(out(), findings)
    raise typer.Exit(exit_code_of(findings))


@app.command("validate")
def validate(
    run_date: Annotated[
        str | None, typer.Option("--run-date", help="Check the input of this date; by default the latest one.")
    ] = None,
    conf_dir: ConfDir = CONF_DIR,
    env: Env = None,
    assignments: Assignments = None,
    *,
    debug: Debug = False,
) -> None:
    """Check the settings, and the input against them, without Spark; nothing is fitted or written.

    Example: seg-spark validate --conf-dir my_conf
    """
    from seg_spark.checks.validation import validate_input
    from seg_spark.cleaning.outcomes import check_rows

    settings = load(conf_dir, env, assignments).settings
    found = validate_input(settings, parse_run_date(run_date) if run_date else None)
    _show(out(), found, settings.input.path)
    check_rows(found.rows, settings, advice="")


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _show(console: Console, found: "Validation", path: str) -> None:
    from seg_spark.reporting.summary import say

    sample, rows = found.sample, found.rows
    files = f"{sample.files:,} {'file' if sample.files == 1 else 'files'}"
    part = "every row" if sample.is_whole else f"{rows.input:,} rows"
    say(console, f"the settings are valid; checked {part} of {path} ({sample.settings.format}, {files})")
    table = Table(header_style="bold", box=None)
    for name in ("feature", "column", "kind"):
        table.add_column(name)
    for name in ("missing", "rejected", "different values"):
        table.add_column(name, justify="right")
    for feature in found.features:
        cells = (f"{count / rows.input:.1%}" if count else "" for count in (feature.missing, feature.rejected))
        table.add_row(feature.name, Text(feature.source), feature.kind, *cells, f"{feature.distinct:,}")
    console.print(table)
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in list(rows.rejected_by_reason.items())[:6])
    excluded = f" + {rows.excluded:,} excluded" if rows.excluded else ""
    say(
        console,
        f"rows: {rows.input:,} checked = {rows.accepted:,} valid + {rows.rejected:,} rejected"
        f"{f' ({reasons})' if reasons else ''}{excluded}",
    )
    for warning in found.warnings:
        say(console, f"warning: {warning}")
