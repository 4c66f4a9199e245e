"""Published models: the Spark ML pipeline in Spark's own format, model.json and scores.json beside it."""

from pathlib import Path
from typing import Final

from pyspark.ml import PipelineModel

from seg_spark.settings.paths import spark_path
from seg_spark.storage.layout import PORTABLE, SCORES

_PIPELINE: Final = "pipeline"


def stage_model(folder: Path, pipeline: PipelineModel, portable: str, scores: str) -> None:
    """Write a model into the new folder `folder`."""
    folder.mkdir(parents=True)
    pipeline.write().save(spark_path(folder / _PIPELINE))
    (folder / PORTABLE).write_text(portable, encoding="utf-8")
    (folder / SCORES).write_text(scores, encoding="utf-8")
