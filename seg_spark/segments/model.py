"""The portable model: everything that turns a clean customer into a segment, as one frozen value.

It says the same as the Spark ML PipelineModel beside it, in full precision, without Spark or
pickle. `model_id` is a hash of its content, so equal ids mean equal answers. What happened to each segment id from
date to date is not part of it: the commits carry those events.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from pydantic import TypeAdapter, ValidationError

from seg_spark.errors import FIT_AGAIN, InputError
from seg_spark.features.fitted import FittedFeature
from seg_spark.settings.raw_table import DEFAULT_NULL_VALUES, Exclusion

FORMAT_VERSION: Final = 4
What = Literal["born", "renamed", "split", "merged", "retired"]


@dataclass(frozen=True)
class NamedTrait:
    """What a name tells of a segment: that a feature is high or low in it, or a level of a category common."""

    feature: str
    level: str | None
    is_high: bool


@dataclass(frozen=True)
class Segment:
    """One segment. `cluster` is its index in the KMeansModel (its identity is segment_id alone);
    centre in scaled coordinates, one per axis; customers, share and outlier_distance are of the training set.
    `named_for` is what the name tells, None for a name that was set by hand."""

    segment_id: int
    name: str
    cluster: int
    centre: tuple[float, ...]
    customers: int
    share: float
    outlier_distance: float
    description: str = ""
    named_for: tuple[NamedTrait, ...] | None = None


@dataclass(frozen=True)
class Model:
    """The fitted features, whose axes span the space, and the segments, in the order of segment_id.

    `null_values` are the texts that mean missing in the raw table, `exclude` the rules for rows that get no label.
    """

    features: tuple[FittedFeature, ...]
    scaling: str
    segments: tuple[Segment, ...]
    training_customers: int
    null_values: tuple[str, ...] = DEFAULT_NULL_VALUES
    exclude: tuple[Exclusion, ...] = ()

    @property
    def model_id(self) -> str:
        """The first 16 hex digits of the SHA-256 of the content."""
        return _digest(self)[:16]

    @property
    def by_cluster(self) -> tuple[Segment, ...]:
        """The segments in the order of the KMeansModel's centres, which decides ties."""
        return tuple(sorted(self.segments, key=lambda segment: segment.cluster))


_MODEL: Final = TypeAdapter(Model)


def model_to_json(model: Model) -> str:
    """The model as JSON text with its format version and checksum."""
    content = _MODEL.dump_python(model, mode="json")
    document = {"format_version": FORMAT_VERSION, "model_id": model.model_id, "sha256": _digest(model), **content}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def model_from_json(text: str, where: str) -> Model:
    """Read `model_to_json`'s text. Raises InputError if it is damaged, or of another format."""
    try:
        document = json.loads(text)
        version = document.pop("format_version")
        digest = document.pop("sha256")
        model_id = document.pop("model_id")
        if not isinstance(version, int):
            raise ValueError("no format version")
        if version != FORMAT_VERSION:
            advice = "upgrade seg_spark" if version > FORMAT_VERSION else FIT_AGAIN
            raise InputError(f"{where}: has model format {version}; this version reads {FORMAT_VERSION}; {advice}")
        model = _MODEL.validate_json(json.dumps(document), strict=True)
    except (ValueError, ValidationError, KeyError, TypeError, AttributeError, RecursionError):
        raise InputError(f"{where}: is damaged, or not a model file; {FIT_AGAIN}") from None
    if _digest(model) != digest or model.model_id != model_id:
        raise InputError(f"{where}: its checksum does not match its content; {FIT_AGAIN}")
    return model


def _digest(model: Model) -> str:
    text = json.dumps(_MODEL.dump_python(model, mode="json"), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class SegmentEvent:
    """One event of one segment id.

    `others` are: of a birth the segments it came from by a split or a merge; of a split its parts (with its own id if
    that goes on); of a merge the segment that the id went into.
    """

    run_date: date
    segment_id: int
    what: What
    name: str
    others: tuple[int, ...] = ()


@dataclass(frozen=True)
class PendingK:
    """A k that has won so many fits in a row, and not enough to be published."""

    k: int
    runs: int


History = tuple[SegmentEvent, ...]


@dataclass(frozen=True)
class SegmentState:
    """What the commit of a date carries of segments: all that has happened to them, and a k that waits."""

    history: History = ()
    pending: PendingK | None = None


def born_on(history: Iterable[SegmentEvent], run_date: date) -> tuple[int, ...]:
    """The ids first given on a date, in the order in which they were given."""
    return tuple(one.segment_id for one in history if one.what == "born" and one.run_date == run_date)


def unused_ids(count: int, reserved: Sequence[int], used: Iterable[int]) -> tuple[int, ...]:
    """Ids for new segments: first those `reserved` for them, then numbers above all that were ever used."""
    first = max((0, *used, *reserved)) + 1
    return (*reserved[:count], *range(first, first + max(0, count - len(reserved))))
