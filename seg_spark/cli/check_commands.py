"""The commands before a first run: they propose settings, and check the machine, the settings and the input."""

import shlex
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from seg_spark.cli.options import (
    CONF_DIR,
    Assignments,
    ConfDir,
    Debug,
    Env,
    app,
    load,
    out,
    parse_run_date,
    program_name,
)

if TYPE_CHECKING:
    from seg_spark.checks.validation import Validation
    from seg_spark.proposal.columns import Proposal, ProposedFeature


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

    Exits with 0 if no fault was found, else with 2 (settings), 3 (input), 4 (machine, or an output that cannot be
    written) or 7 (what is published is damaged).

    Example: seg-spark doctor --conf-dir conf --env prod
    """
    from seg_spark.checks.doctor import DoctorRequest, examine, exit_code_of
    from seg_spark.reporting.summary import show_findings

    if prepare:
        from seg_spark.cli.prepare import prepare_archive

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
    _show_validation(out(), found, settings.input.path)
    check_rows(found.rows, settings, advice="")


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _show_validation(console: Console, found: "Validation", path: str) -> None:
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
    judged = sample.rows - rows.excluded
    for feature in found.features:
        cells = (f"{count / judged:.1%}" if count else "" for count in (feature.missing, feature.rejected))
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


@app.command("init")
def init(
    *,
    input_path: Annotated[
        str,
        typer.Option(
            "--input",
            help="File or folder (CSV, Parquet, JSON, ORC; may contain {run_date}), or a table with --format table.",
        ),
    ],
    output_path: Annotated[str, typer.Option("--output-path", help="Where the segments will be published.")],
    conf_dir: Annotated[Path, typer.Option("--conf-dir", help="Folder to write base.yml into.")],
    customer_id: Annotated[
        str | None, typer.Option("--id", metavar="COLUMN", help="The column that identifies a customer.")
    ] = None,
    features: Annotated[
        list[str] | None,
        typer.Option("--features", metavar="A,B,...", help="Only these columns (headers or proposed names)."),
    ] = None,
    table_format: Annotated[
        str | None,
        typer.Option("--format", help="csv, parquet, json, orc or table; found from the content unless given."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a base.yml that is there.")] = False,
    debug: Debug = False,
) -> None:
    """Propose settings for a table: write a base.yml with comments that runs as it is.

    Example: seg-spark init --input customers.csv --id CustomerID --conf-dir my_conf --output-path out

    Example: seg-spark init --input 'exports/{run_date}/' --id id --conf-dir my_conf --output-path out

    Example: seg-spark init --input crm.customers --format table --id id --conf-dir my_conf --output-path out
    """
    from seg_spark.proposal.init import Request
    from seg_spark.proposal.init import init as write_conf

    today = date.today()
    request = Request(input_path, conf_dir, output_path, customer_id, tuple(features or ()), table_format, force)
    result = write_conf(request, today)
    console = out()
    _show_proposal(console, result.proposal)
    run_date = result.proposal.sample.run_date or today
    console.print(f"wrote [bold]{escape(str(result.path))}[/]; next:")
    for command in _next_commands(conf_dir, run_date, result.proposal):
        console.print(f"  {escape(command)}", soft_wrap=True)


def _show_proposal(console: Console, proposal: "Proposal") -> None:
    from seg_spark.proposal.init import rows_read
    from seg_spark.proposal.wording import concerns, feature_summary

    console.print(f"read {escape(rows_read(proposal))}: {escape(_how_read(proposal))}", soft_wrap=True)
    table = Table(header_style="bold", box=None)
    for name in ("feature", "column", "kind", "values"):
        table.add_column(name)
    for feature in proposal.features:
        table.add_row(*map(escape, (feature.name, feature.header, feature.kind, feature_summary(feature))))
    console.print(table)
    for column in proposal.omitted:
        console.print(f"left out: {escape(column.header)}: {escape(column.reason)}", soft_wrap=True)
    for text in concerns(proposal):
        console.print(f"[yellow]warning:[/] {escape(text)}", soft_wrap=True)


def _how_read(proposal: "Proposal") -> str:
    settings = proposal.sample.settings
    if settings.format != "csv":
        return settings.format
    names = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
    delimiter = names.get(settings.options.delimiter, repr(settings.options.delimiter))
    return f"csv, {delimiter} between fields, {settings.options.encoding}"


def _next_commands(conf_dir: Path, run_date: date, proposal: "Proposal") -> Iterator[str]:
    folder = shlex.quote(str(conf_dir))
    program = program_name()
    yield f"{program} validate --conf-dir {folder}"
    yield f"{program} nightly --run-date {run_date} --conf-dir {folder}"
    values = " ".join(shlex.quote(f"{feature.name}={_typical(feature)}") for feature in proposal.features[:50])
    yield f"{program} predict --conf-dir {folder} {values}"


def _typical(feature: "ProposedFeature") -> str:
    from seg_spark.proposal.wording import plain

    facts = feature.facts
    if feature.kind == "number" and facts.numbers is not None:
        form = facts.numbers.form
        return plain(facts.numbers.median).replace(".", form.decimal if form is not None else ".")
    value = facts.levels.top[0][0] if facts.levels.top else ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).lower() if isinstance(value, bool) else str(value)
