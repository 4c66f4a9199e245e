"""Published models in their portable form, read without Spark."""

from datetime import date
from typing import TYPE_CHECKING

from seg_spark.errors import FIT_AGAIN, InputError
from seg_spark.segments.model import Model, model_from_json
from seg_spark.storage.commits import PublishedModel, active_model
from seg_spark.storage.layout import PORTABLE, REFERENCE, SCORES
from seg_spark.storage.store import Files

if TYPE_CHECKING:
    from seg_spark.segments.drift import FitReference


def published_model(store: Files, run_date: date) -> Model | None:
    """The model published for a date, or else for the last date before it; None if there is none.

    Raises InputError if its file is absent or damaged.
    """
    found = active_model(store, run_date)
    return read_model(store, found) if found is not None else None


def read_model(store: Files, published: PublishedModel) -> Model:
    """A published model. Raises InputError if it is not there, or damaged."""
    path = f"{published.folder}/{PORTABLE}"
    return model_from_json(_text(store, path, "the published model is"), f"{store.root}/{path}")


def scores_path(store: Files, published: PublishedModel) -> str:
    """Where the scores of a published model lie, as it is shown to people."""
    return f"{store.root}/{published.folder}/{SCORES}"


def read_scores(store: Files, published: PublishedModel) -> str:
    """The text of a published scores.json. Raises InputError if it is not there."""
    return _text(store, f"{published.folder}/{SCORES}", "the scores of the published model are")


def read_reference(store: Files, published: PublishedModel) -> "FitReference":
    """What a published model was fitted on. Raises InputError if it is not there, or damaged."""
    from seg_spark.segments.drift import reference_from_json  # slow, and of no use to `predict`

    path = f"{published.folder}/{REFERENCE}"
    return reference_from_json(_text(store, path, "what the published model was fitted on is"), f"{store.root}/{path}")


def _text(store: Files, path: str, what: str) -> str:
    try:
        return store.read(path).decode("utf-8", errors="replace")  # its reader finds the damage
    except OSError:
        raise InputError(f"{store.root}/{path}: {what} not there; {FIT_AGAIN}") from None
