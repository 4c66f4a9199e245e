"""Published models: the Spark ML pipeline in Spark's own format, model.json and scores.json beside it."""

from pathlib import Path
from typing import Final

from pyspark.ml import PipelineModel

from seg_spark.storage.layout import PORTABLE, SCORES, Layout, spark_path

_PIPELINE: Final = "pipeline"


def stage_model(folder: Path, pipeline: PipelineModel, portable: str, scores: str) -> None:
    """Write a model into the new folder `folder`."""
    folder.mkdir(parents=True)
    pipeline.write().save(spark_path(folder / _PIPELINE))
    (folder / PORTABLE).write_text(portable, encoding="utf-8")
    (folder / SCORES).write_text(scores, encoding="utf-8")


def load_pipeline(layout: Layout, model_id: str) -> PipelineModel:
    """The Spark ML form of a published model. Loading can run code, so only our own model folder is read."""
    return PipelineModel.load(spark_path(layout.model(model_id) / _PIPELINE))
