"""What every step of a run knows."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pyspark.sql import SparkSession

from seg_spark.errors import SettingsError
from seg_spark.reporting.progress import StepProgress
from seg_spark.settings.paths import refuse_overlap
from seg_spark.settings.schema import Settings
from seg_spark.storage.input_files import input_path
from seg_spark.storage.layout import Layout


@dataclass(frozen=True)
class Night:
    """What every step of one run knows."""

    spark: SparkSession
    settings: Settings
    run_date: date
    run_id: str
    layout: Layout
    staging: Path
    progress: StepProgress


def refuse_own_output(settings: Settings, run_date: date) -> None:
    """Raise SettingsError if the input of a date, with the date filled in, overlaps the output."""
    if settings.input.format == "table":
        return
    try:
        refuse_overlap(input_path(settings.input, run_date), settings.output.path)
    except ValueError as error:
        raise SettingsError(f"{error} (for {run_date})") from None
