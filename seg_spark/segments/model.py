"""The portable model: everything that turns a clean customer into a segment, as one frozen value.

It says the same as the Spark ML PipelineModel beside it, in full precision, without Spark or
pickle. `model_id` is a hash of its content, so equal ids mean equal answers.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from pydantic import TypeAdapter, ValidationError

from seg_spark.clustering.points import Labels, Matrix
from seg_spark.errors import InputError
from seg_spark.features.fitted import FittedFeature

FORMAT_VERSION: Final = 1
OUTLIER_QUANTILE: Final = 0.995


@dataclass(frozen=True)
class Segment:
    """One segment. `cluster` is its index in the KMeansModel (its identity lies in segment_id alone);
    centre in scaled coordinates, one per axis; customers, share and outlier_distance are of the training set."""

    segment_id: int
    name: str
    cluster: int
    centre: tuple[float, ...]
    customers: int
    share: float
    outlier_distance: float


@dataclass(frozen=True)
class Model:
    """The fitted features, whose axes span the space, and the segments, in the order of segment_id."""

    features: tuple[FittedFeature, ...]
    scaling: str
    segments: tuple[Segment, ...]
    training_customers: int

    @property
    def model_id(self) -> str:
        """The first 16 hex digits of the SHA-256 of the content."""
        return _digest(self)[:16]

    @property
    def by_cluster(self) -> tuple[Segment, ...]:
        """The segments in the order of the KMeansModel's centres, which decides ties."""
        return tuple(sorted(self.segments, key=lambda one: one.cluster))


_MODEL: Final = TypeAdapter(Model)


def number_segments(
    centres: Matrix, labels: Labels, squared_distances: Matrix, names: Sequence[str] | None = None
) -> tuple[Segment, ...]:
    """Give the clusters of the training set their segment ids: 1, 2, ... by descending size.

    Equal sizes are ordered by their centres. `names` are in the order of the clusters.
    """
    sizes = np.bincount(labels, minlength=len(centres))
    distances = np.sqrt(squared_distances)
    order = sorted(range(len(centres)), key=lambda cluster: (-int(sizes[cluster]), tuple(centres[cluster])))
    return tuple(
        Segment(
            segment_id=position,
            name=names[cluster] if names else f"Segment {position}",
            cluster=cluster,
            centre=tuple(map(float, centres[cluster])),
            customers=int(sizes[cluster]),
            share=float(sizes[cluster] / len(labels)),
            outlier_distance=float(np.quantile(distances[labels == cluster], OUTLIER_QUANTILE)),
        )
        for position, cluster in enumerate(order, start=1)
    )


def model_to_json(model: Model) -> str:
    """The model as JSON text with its format version and checksum."""
    content = _MODEL.dump_python(model, mode="json")
    document = {"format_version": FORMAT_VERSION, "model_id": model.model_id, "sha256": _digest(model), **content}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def model_from_json(text: str, where: str) -> Model:
    """Read `model_to_json`'s text. Raises InputError if it is damaged, or of a newer format."""
    try:
        document = json.loads(text)
        version = document.pop("format_version")
        digest = document.pop("sha256")
        model_id = document.pop("model_id")
        if not isinstance(version, int) or version < 1:
            raise ValueError("no format version")
        if version > FORMAT_VERSION:
            raise InputError(
                f"{where}: has model format {version}; this version reads up to {FORMAT_VERSION}; upgrade it"
            )
        model = _MODEL.validate_json(json.dumps(document), strict=True)
    except (ValueError, ValidationError, KeyError, TypeError, AttributeError, RecursionError):
        raise InputError(f"{where}: is no model file, or a damaged one; fit again") from None
    if _digest(model) != digest or model.model_id != model_id:
        raise InputError(f"{where}: its checksum does not match its content; fit again")
    return model


def _digest(model: Model) -> str:
    content = json.dumps(_MODEL.dump_python(model, mode="json"), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{FORMAT_VERSION}{content}".encode()).hexdigest()
