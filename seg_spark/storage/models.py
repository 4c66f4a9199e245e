"""Published models: the Spark ML pipeline in Spark's own format, model.json and scores.json beside it."""

from pathlib import Path
from typing import Final

from pyspark.ml import PipelineModel

from seg_spark.errors import InputError
from seg_spark.storage.layout import PORTABLE, Layout, spark_path

_PIPELINE: Final = "pipeline"
_SCORES: Final = "scores.json"


def stage_model(folder: Path, pipeline: PipelineModel, portable: str, scores: str) -> None:
    """Write a model into the new folder `folder`."""
    folder.mkdir(parents=True)
    pipeline.write().save(spark_path(folder / _PIPELINE))
    (folder / PORTABLE).write_text(portable, encoding="utf-8")
    (folder / _SCORES).write_text(scores, encoding="utf-8")


def portable_path(layout: Layout, model_id: str) -> Path:
    """Where the portable form of a published model lies."""
    return layout.model(model_id) / PORTABLE


def read_portable(layout: Layout, model_id: str) -> str:
    """The text of a published model.json. Raises InputError if it is not there."""
    path = portable_path(layout, model_id)
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        raise InputError(f"{path}: the published model is not there; fit again") from None


def load_pipeline(layout: Layout, model_id: str) -> PipelineModel:
    """The Spark ML form of a published model. Loading can run code, so only our own model folder is read."""
    return PipelineModel.load(spark_path(layout.model(model_id) / _PIPELINE))
