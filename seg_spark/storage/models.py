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
    return _text(portable_path(layout, model_id), "the published model is")


def scores_path(layout: Layout, model_id: str) -> Path:
    """Where the scores of a published model lie."""
    return layout.model(model_id) / _SCORES


def read_scores(layout: Layout, model_id: str) -> str:
    """The text of a published scores.json. Raises InputError if it is not there."""
    return _text(scores_path(layout, model_id), "the scores of the published model are")


def load_pipeline(layout: Layout, model_id: str) -> PipelineModel:
    """The Spark ML form of a published model. Loading can run code, so only our own model folder is read."""
    return PipelineModel.load(spark_path(layout.model(model_id) / _PIPELINE))


def _text(path: Path, what: str) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")  # its reader finds the damage
    except OSError:
        raise InputError(f"{path}: {what} not there; fit again") from None
