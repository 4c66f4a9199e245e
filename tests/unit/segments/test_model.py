"""The portable model: nothing lost on the way through JSON, nothing damaged let in."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from seg_spark.clustering.points import Labels, Matrix
from seg_spark.errors import InputError
from seg_spark.features.fitted import FittedCategory, FittedNumber
from seg_spark.segments.identity import Identity, by_size, make_segments, outlier_distance
from seg_spark.segments.model import (
    FORMAT_VERSION,
    Model,
    Segment,
    model_from_json,
    model_to_json,
)
from seg_spark.segments.names import SegmentName
from seg_spark.settings.feature import TextForm
from seg_spark.settings.raw_table import Exclusion

WHERE = "models/abc/model.json"


def number(**values: Any) -> FittedNumber:
    usual = {
        "name": "income",
        "source": "Annual Income",
        "unit": "k$",
        "valid": (0.0, None),
        "reject_missing": False,
        "fill": 61.5,
        "clip": (15.0, 137.0),
        "transform": "log1p",
        "shift": 1 / 3,
        "scale": 0.1,
    }
    return FittedNumber(**(usual | values))


def category(**values: Any) -> FittedCategory:
    usual = {
        "name": "region",
        "source": "region",
        "unit": None,
        "reject_missing": False,
        "fill": None,
        "levels": ("north", "other", None),
        "folded": ("süd", "'; --"),
        "weight": 1.0,
    }
    return FittedCategory(**(usual | values))


def segment(segment_id: int, cluster: int, **values: Any) -> Segment:
    usual = {
        "name": f"Segment {segment_id}",
        "centre": (0.1 * segment_id, -2.5, 1e-300, 0.0),
        "customers": 100,
        "share": 1 / 3,
        "outlier_distance": 2.5,
    }
    return Segment(segment_id=segment_id, cluster=cluster, **(usual | values))


def model(**values: Any) -> Model:
    usual = {
        "features": (number(), category()),
        "scaling": "standard",
        "segments": (segment(1, 1), segment(2, 0)),
        "training_customers": 200,
    }
    return Model(**(usual | values))


def bits(one: Model) -> list[str]:
    """The floats of a model in hexadecimal, so that -0.0 and the last bit count."""
    numbers = [feature for feature in one.features if isinstance(feature, FittedNumber)]
    floats = [value for own in numbers for value in (own.fill, own.shift, own.scale, *(own.clip or ()))]
    floats += [value for own in one.segments for value in (*own.centre, own.share, own.outlier_distance)]
    return [value.hex() for value in floats]


def test_a_model_comes_back_from_json_as_it_went() -> None:
    text = model_to_json(model())
    assert model_from_json(text, WHERE) == model()
    assert model_to_json(model_from_json(text, WHERE)) == text


any_finite = st.floats(allow_nan=False, allow_infinity=False)


@given(
    floats=st.lists(any_finite, min_size=6, max_size=6),
    centre=st.lists(any_finite, min_size=4, max_size=4),
    name=st.text(st.characters(exclude_categories=["Cs"])),
    level=st.text(st.characters(exclude_categories=["Cs"])),
)
@examples(max_examples=80, derandomize=True, deadline=None)
def test_every_bit_of_every_number_and_text_survives(
    floats: list[float], centre: list[float], name: str, level: str
) -> None:
    fill, shift, scale, low, high, outlier = floats
    one = model(
        features=(number(fill=fill, shift=shift, scale=scale, clip=(low, high)), category(levels=(level, None))),
        segments=(segment(1, 0, name=name, centre=tuple(centre), outlier_distance=outlier), segment(2, 1)),
    )
    again = model_from_json(model_to_json(one), WHERE)
    assert again == one
    assert bits(again) == bits(one)


def test_the_text_is_plain_json_with_version_id_and_checksum() -> None:
    document = json.loads(model_to_json(model()))
    assert document["format_version"] == FORMAT_VERSION
    assert document["model_id"] == model().model_id == document["sha256"][:16]
    assert document["segments"][0]["centre"] == [0.1, -2.5, 1e-300, 0.0]
    assert document["features"][1]["folded"] == ["süd", "'; --"]


def test_how_raw_values_are_read_belongs_to_the_content() -> None:
    form = TextForm(decimal=",", grouping=".", symbols=("€",))
    others = [
        model(null_values=("?",)),
        model(exclude=(Exclusion(column="Staff", is_true=True),)),
        model(features=(number(text_form=form), category())),
        model(segments=(segment(1, 1, description="Rich"), segment(2, 0))),
    ]
    assert len({one.model_id for one in [model(), *others]}) == 5
    for one in others:
        assert model_from_json(model_to_json(one), WHERE) == one


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict | list) and value:
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(inner, (*path, key))
    else:
        yield path


CONTENT = [
    path
    for path in leaves(json.loads(model_to_json(model())))
    if path not in [("format_version",), ("model_id",)]  # the version has a test of its own; the id is not read
]


def slightly_other(value: Any) -> Any:
    match value:
        case bool():
            return not value
        case float():
            return float(np.nextafter(value, np.inf))
        case int():
            return value + 1
        case str():
            return f"{value}x"
        case _:
            return 1.0


@pytest.mark.parametrize("path", CONTENT, ids=lambda path: ".".join(map(str, path)))
def test_a_change_of_any_value_is_noticed(path: tuple[Any, ...]) -> None:
    document = json.loads(model_to_json(model()))
    target = document
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = slightly_other(target[path[-1]])
    with pytest.raises(InputError, match=f"^{WHERE}: .*fit again with seg-spark nightly --run-date DATE --refit$"):
        model_from_json(json.dumps(document), WHERE)


def test_every_key_is_needed() -> None:
    for key in set(json.loads(model_to_json(model()))) - {"null_values", "exclude"}:
        document = json.loads(model_to_json(model()))
        del document[key]
        with pytest.raises(InputError, match="not a model file"):
            model_from_json(json.dumps(document), WHERE)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "7", '"model"', "{}", "PK\x03\x04", "[[1, 2], [3, 4]]"])
def test_a_text_that_is_no_model_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=f"{WHERE}: is damaged, or not a model file; fit again"):
        model_from_json(text, WHERE)


@given(st.data())
@examples(max_examples=60, derandomize=True, deadline=None)
def test_a_file_that_was_cut_off_anywhere_is_refused(data: st.DataObject) -> None:
    text = model_to_json(model())
    length = data.draw(st.integers(0, len(text.rstrip()) - 1))
    with pytest.raises(InputError, match="damaged"):
        model_from_json(text[:length], WHERE)


@pytest.mark.parametrize(
    ("step", "advice"), [(1, "upgrade seg_spark"), (-1, "fit again with seg-spark nightly --run-date DATE --refit")]
)
def test_a_file_of_another_format_is_refused_with_both_versions(step: int, advice: str) -> None:
    other = FORMAT_VERSION + step
    document = json.loads(model_to_json(model())) | {"format_version": other, "new": "thing"}
    message = f"{WHERE}: has model format {other}; this version reads {FORMAT_VERSION}; {advice}"
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        model_from_json(json.dumps(document), WHERE)


def test_layout_of_the_text_does_not_matter() -> None:
    document = json.loads(model_to_json(model()))
    assert model_from_json(json.dumps(document, sort_keys=True, separators=(",", ":")), WHERE) == model()


@pytest.mark.parametrize(
    "other",
    [
        model(scaling="robust"),
        model(training_customers=201),
        model(features=(number(fill=np.nextafter(61.5, 62)), category())),
        model(features=(category(), number())),
        model(features=(number(unit=None), category())),
        model(features=(number(), category(levels=("north", None)))),
        model(segments=(segment(2, 0), segment(1, 1))),
        model(segments=(segment(1, 1, name="Savers"), segment(2, 0))),
        model(segments=(segment(1, 0), segment(2, 1))),
        model(segments=(segment(1, 1, outlier_distance=2.6), segment(2, 0))),
    ],
)
def test_models_of_different_content_have_different_ids(other: Model) -> None:
    assert other.model_id != model().model_id


def test_the_id_is_that_of_the_content_alone() -> None:
    assert model().model_id == model().model_id == replace(model(), scaling="standard").model_id
    assert model_from_json(model_to_json(model()), "elsewhere").model_id == model().model_id
    assert len(model().model_id) == 16
    assert int(model().model_id, 16) >= 0


CENTRES = np.array([[5.0, 0.0], [0.0, 0.0], [9.0, 9.0]])
LABELS = np.array([0] * 3 + [1] * 10 + [2] * 7)
SQUARED = np.arange(20, dtype=float) ** 2


def segments_of(centres: Matrix = CENTRES, labels: Labels = LABELS) -> tuple[Segment, ...]:
    """Segments whose ids count up by descending size, and whose names are those of their centres."""
    order = by_size(centres, labels)
    ids = tuple(order.index(cluster) + 1 for cluster in range(len(centres)))
    names = tuple(SegmentName(f"at {centre[0]:g}", ()) for centre in centres)
    return make_segments(centres, labels, SQUARED[: len(labels)], Identity(ids, names, ()), ["", "", ""])


def test_the_clusters_are_ordered_by_size_and_equal_ones_by_their_centres() -> None:
    assert by_size(CENTRES, LABELS) == (1, 2, 0)
    assert by_size(CENTRES, np.array([0, 1, 2])) == (1, 0, 2)


def test_segments_are_in_the_order_of_their_ids_with_the_name_and_size_of_their_cluster() -> None:
    segments = segments_of()
    assert [(one.segment_id, one.cluster, one.customers) for one in segments] == [(1, 1, 10), (2, 2, 7), (3, 0, 3)]
    assert [one.share for one in segments] == [0.5, 0.35, 0.15]
    assert [one.centre for one in segments] == [(0.0, 0.0), (9.0, 9.0), (5.0, 0.0)]
    assert [one.name for one in segments] == ["at 0", "at 9", "at 5"]


def test_an_outlier_lies_beyond_nearly_all_customers_of_its_own_segment() -> None:
    for one in segments_of():
        own = np.sqrt(SQUARED[one.cluster == LABELS])
        assert one.outlier_distance == pytest.approx(own.max())  # of ten customers none is an outlier
        assert not (own > one.outlier_distance).any()
    far = np.sort(np.random.default_rng(0).exponential(size=1000))
    assert (far > outlier_distance(far, 0.0)).sum() == 4


def test_customers_who_are_all_equal_are_no_outliers_by_rounding() -> None:
    distances = np.array([3e-16] * 100)
    assert outlier_distance(distances, 1e-12) > 1.1e-15  # as another form of the scorer may compute it


def test_segments_are_the_same_whatever_index_their_clusters_have() -> None:
    plain = segments_of()
    for order in ([1, 2, 0], [2, 1, 0], [0, 2, 1]):
        index = np.argsort(order)
        moved = segments_of(CENTRES[order], index[LABELS])
        assert [replace(one, cluster=order[one.cluster]) for one in moved] == list(plain)


def test_by_cluster_gives_the_segments_in_the_order_of_their_centres_in_the_model() -> None:
    segments = segments_of()
    assert [one.cluster for one in model(segments=segments).by_cluster] == [0, 1, 2]
