"""Published models in their portable form, read without Spark."""

from datetime import date
from pathlib import Path

from seg_spark.errors import InputError
from seg_spark.segments.model import Model, model_from_json
from seg_spark.storage.layout import PORTABLE, SCORES, Layout
from seg_spark.storage.manifests import active_model


def published_model(layout: Layout, run_date: date) -> Model | None:
    """The model published for a date, or else for the last date before it; None if there is none.

    Raises InputError if its file is absent or damaged.
    """
    model_id = active_model(layout, run_date)
    if model_id is None:
        return None
    return read_model(layout, model_id)


def read_model(layout: Layout, model_id: str) -> Model:
    """A published model. Raises InputError if it is not there, or damaged."""
    return model_from_json(read_portable(layout, model_id), str(portable_path(layout, model_id)))


def portable_path(layout: Layout, model_id: str) -> Path:
    """The path of the portable form of a published model."""
    return layout.model(model_id) / PORTABLE


def read_portable(layout: Layout, model_id: str) -> str:
    """The text of a published model.json. Raises InputError if it is not there."""
    return _text(portable_path(layout, model_id), "the published model is")


def scores_path(layout: Layout, model_id: str) -> Path:
    """Where the scores of a published model lie."""
    return layout.model(model_id) / SCORES


def read_scores(layout: Layout, model_id: str) -> str:
    """The text of a published scores.json. Raises InputError if it is not there."""
    return _text(scores_path(layout, model_id), "the scores of the published model are")


def _text(path: Path, what: str) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")  # its reader finds the damage
    except OSError:
        raise InputError(f"{path}: {what} not there; fit again") from None
