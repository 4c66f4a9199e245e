"""The least that writing a column costs, and what our labels cost, in one warm session.

python -m benchmark.floor CONF_DIR CLEAN_FOLDER --work FOLDER --answer FILE
"""

import argparse
import json
import shutil
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, Final

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from rich.console import Console

from benchmark.questions import RUN_DATE
from seg_spark.reporting.progress import StepProgress
from seg_spark.schemas import CLEAN_CUSTOMERS
from seg_spark.session import start_session
from seg_spark.settings.layers import load_settings
from seg_spark.settings.schema import Settings
from seg_spark.steps.fitting import read_clean, training_customers
from seg_spark.steps.labelling import label_customers
from seg_spark.steps.night import Night
from seg_spark.storage.layout import Layout
from seg_spark.storage.portable_models import published_model

REPETITIONS: Final = 3


def copy(table: DataFrame, target: Path) -> float:
    """Seconds to copy a table with one more column."""
    begin = time.perf_counter()
    table.withColumn("one_more", F.lit("x")).write.mode("overwrite").parquet(str(target))
    return time.perf_counter() - begin


def labelling(spark: SparkSession, settings: Settings, work: Path) -> Callable[[], float]:
    """Something that does the step `label` of the published night again and tells its seconds; no profiles in it."""
    layout = Layout.of(settings.output.path)
    run_date = date.fromisoformat(RUN_DATE)
    model = published_model(layout, run_date)
    if model is None:
        raise FileNotFoundError(f"no model below {layout.root}")
    staging = work / "labels"
    night = Night(spark, settings, run_date, "warm", layout, staging, _silent())
    customers = read_clean(night, layout.partition(CLEAN_CUSTOMERS, run_date))
    sample, rows = training_customers(night, customers), customers.count()

    def label() -> float:
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(parents=True)
        again = replace(night, progress=_silent())
        label_customers(again, customers, model, sample, rows)
        return again.progress.seconds["label"]

    return label


def in_turns(works: Mapping[str, Callable[[], float]]) -> dict[str, Any]:
    """Do every work in turns, so that none finds the machine warmer; the first turn warms up, the others count."""
    turns = [{name: round(work(), 3) for name, work in works.items()} for _ in range(1 + REPETITIONS)]
    found = {}
    for name in works:
        first, *seconds = [turn[name] for turn in turns]
        found[name] = {"cold": first, "seconds": seconds, "min": min(seconds), "median": statistics.median(seconds)}
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the copy, and our labelling where the clean customers are those of a night."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("conf", type=Path)
    parser.add_argument("table", type=Path)
    parser.add_argument("--labels", action="store_true")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--answer", type=Path, required=True)
    asked = parser.parse_args(arguments)
    settings = load_settings(asked.conf, None, [], environment={}).settings
    spark = start_session("benchmark floor")
    table = _read(spark, asked.table, "parquet" if asked.labels else settings.input.format)
    works = {"copy": lambda: copy(table, asked.work / "copy")}
    if asked.labels:
        works["label"] = labelling(spark, settings, asked.work)
    asked.answer.write_text(json.dumps(in_turns(works)), encoding="utf-8")
    spark.stop()
    return 0


def _read(spark: SparkSession, folder: Path, file_format: str) -> DataFrame:
    return spark.read.parquet(str(folder)) if file_format == "parquet" else spark.read.csv(str(folder), header=True)


def _silent() -> StepProgress:
    return StepProgress(Console(stderr=True, quiet=True))


if __name__ == "__main__":
    raise SystemExit(main())
