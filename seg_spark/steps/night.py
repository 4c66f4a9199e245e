"""What every step of a run knows."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pyspark.sql import SparkSession

from seg_spark.reporting.progress import StepProgress
from seg_spark.settings.schema import Settings
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
