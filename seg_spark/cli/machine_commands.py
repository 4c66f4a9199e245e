"""Commands about the machine, without Spark."""

from datetime import date
from typing import Annotated

import typer

from seg_spark.cli.options import CONF_DIR, Assignments, ConfDir, Debug, Env, app, out, parse_run_date


@app.command()
def java_options(*, debug: Debug = False) -> None:
    """Print the Java options of local runs, for spark-submit --driver-java-options.

    Exits with 4 if Java is missing.

    Example: seg-spark java-options
    """
    from seg_spark.machine import find_java, local_java_options

    java, _ = find_java()
    out().print(local_java_options(java), markup=False, soft_wrap=True)


@app.command()
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
    debug: Debug = False,
) -> None:
    """Check the machine, settings, input and output before a run, without Spark.

    Exits with 0 if no fault was found, else with 2 (settings), 4 (machine or output) or 3 (input).

    Example: seg-spark doctor --conf-dir conf --env prod
    """
    from seg_spark.checks.doctor import DoctorRequest, examine, exit_code_of
    from seg_spark.reporting.findings import show_findings

    if prepare:
        from seg_spark.checks.preparation import prepare_archive

        out().print("Looking for an archive of Java's classes; if there is none, making it takes about a minute.")
        prepare_archive()
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
