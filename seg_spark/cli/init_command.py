"""The command that proposes settings for a new table."""

import shlex
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from seg_spark.cli.options import Debug, app, out, program_name

if TYPE_CHECKING:
    from seg_spark.proposal.columns import Proposal, ProposedFeature


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
    _show(console, result.proposal)
    run_date = result.proposal.sample.run_date or today
    console.print(f"wrote [bold]{escape(str(result.path))}[/]; next:")
    for command in _next_commands(conf_dir, run_date, result.proposal):
        console.print(f"  {escape(command)}", soft_wrap=True)


def _show(console: Console, proposal: "Proposal") -> None:
    from seg_spark.proposal.conf_text import rows_read
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
