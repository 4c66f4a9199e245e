"""The command that tries settings without publishing."""

import json
import sys
from typing import Annotated

import typer
from rich.console import Console

from seg_spark.cli.options import (
    CONF_DIR,
    Assignments,
    ConfDir,
    Debug,
    Env,
    PublishedDate,
    app,
    load,
    out,
    parse_run_date,
)
from seg_spark.errors import SettingsError


@app.command("try")
def try_(
    assignments: Assignments = None,
    run_date: PublishedDate = None,
    conf_dir: ConfDir = CONF_DIR,
    env: Env = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")] = False,
    debug: Debug = False,
) -> None:
    """Fit the customers of a date with changed settings and compare with what is published; publish nothing.

    Example: seg-spark try --set clustering.k.max=8 --set features.columns.age=null
    """
    if not assignments:
        raise SettingsError(
            "try: nothing to try; name the settings to change, for example: seg-spark try --set clustering.k.max=8"
        )
    date_ = parse_run_date(run_date) if run_date else None
    tried = load(conf_dir, env, assignments).settings
    usual = load(conf_dir, env, None).settings

    from seg_spark.reporting.comparison import comparison_document, show_comparison
    from seg_spark.reporting.progress import StepProgress
    from seg_spark.trial import try_settings

    comparison = try_settings(usual, tried, date_, conf_dir, StepProgress(Console(stderr=True)))
    if as_json:
        document = comparison_document(comparison)
        sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
    else:
        show_comparison(out(), comparison)
