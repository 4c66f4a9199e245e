"""What every step of a run needs, and how Spark is started for it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructType

from seg_spark.errors import InputError, SettingsError
from seg_spark.input.files import find_input_files, input_path
from seg_spark.reporting.progress import StepProgress
from seg_spark.session import check_reachable, start_session, task_counter
from seg_spark.settings.paths import refuse_overlap
from seg_spark.settings.schema import Settings
from seg_spark.steps.stopping import stopping_waits
from seg_spark.storage.hadoop_store import store_at
from seg_spark.storage.publish import RunArea
from seg_spark.storage.retention import Retention
from seg_spark.storage.store import Store
from seg_spark.storage.tables import StagedTable, stage_table, staged_table

_SMALL_RUN_BYTES: Final = 32 * 2**20
"""Up to here a run of few features is faster without Java's slower compiler: a fifth of its time at 2,000 customers, a
tenth at 100,000 and at a million (25 MB of Parquet, 6 features, two cores); at 3 million it makes no difference."""
_SMALL_RUN_OF_MANY_FEATURES_BYTES: Final = 2**20
_FEW_FEATURES: Final = 10
"""With 20, MLlib's fits lose without that compiler what the rest of a run wins."""


@dataclass(frozen=True)
class RunContext:
    """What every step of one run needs."""

    spark: SparkSession
    settings: Settings
    store: Store
    area: RunArea
    progress: StepProgress
    is_trial: bool = False
    refit: bool = False
    """Whether the user asked for a new fit, whatever the policy says."""

    @property
    def run_date(self) -> date:
        """The date whose customers are segmented."""
        return self.area.run_date

    @property
    def run_id(self) -> str:
        """What tells this run from all others."""
        return self.area.run_id

    def folder_of(self, table: str) -> str:
        """Where this run writes a table."""
        if self.is_trial:
            return f"{self.area.staging}/{table}"
        return self.store.version_folder(table, self.run_date, self.run_id)

    def stage(self, frame: DataFrame, schema: StructType, table: str) -> StagedTable:
        """Write a whole table of this run; it is counted, and not yet published."""
        folder = self.folder_of(table)
        stage_table(frame, schema, self.store, folder, table)
        return staged_table(self.store, table, folder)


def refuse_own_output(settings: Settings, run_date: date) -> None:
    """Raise SettingsError if the input of a date, with the date filled in, overlaps the output."""
    if settings.input.format == "table":
        return
    try:
        refuse_overlap(input_path(settings.input, run_date), settings.output.path)
    except ValueError as error:
        raise SettingsError(f"{error} (for {run_date})") from None


def store_of(settings: Settings, spark: Callable[[], SparkSession]) -> Store:
    """The output of a run; Spark is asked for unless it is on a local disk.

    Raises PlatformError if it cannot be reached, or cannot be published to.
    """
    return store_at(settings.output.path, spark, allow_single_writer=settings.publish.allow_single_writer)


def retention_of(settings: Settings) -> Retention:
    """Which dates and replaced versions stay when a run has published."""
    rules = settings.publish
    return Retention(rules.keep_versions, 60.0 * rules.grace_minutes, rules.keep_dates)


def start_spark(name: str, settings: Settings, run_date: date, conf_dir: Path, progress: StepProgress) -> SparkSession:
    """Start Spark for a run over the input of a date; raises PlatformError if it does not start, or cannot serve."""
    with progress.step("start Spark"), stopping_waits():
        spark = start_session(
            name,
            conf_dir / "log4j2.properties",
            with_catalog=settings.input.format == "table",
            is_small=_is_small(settings, run_date),
        )
    progress.count_tasks = task_counter(spark)
    check_reachable(spark, settings)
    return spark


def _is_small(settings: Settings, run_date: date) -> bool:
    try:
        size = find_input_files(settings.input, run_date).total_bytes
    except InputError:
        return False  # the step that reads the input reports it
    has_few_features = len(settings.features.columns) <= _FEW_FEATURES
    return 0 < size <= (_SMALL_RUN_BYTES if has_few_features else _SMALL_RUN_OF_MANY_FEATURES_BYTES)
