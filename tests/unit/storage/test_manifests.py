"""The manifest of a date, and the model that is active on it."""

import json
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from seg_spark.errors import PublishError
from seg_spark.storage.layout import Layout
from seg_spark.storage.manifests import (
    VERSION,
    Manifest,
    active_model,
    published_dates,
    read_manifest,
    write_manifest,
)

RUN_DATE = date(2026, 11, 23)
TABLES: Mapping[str, Mapping[str, Any]] = {
    "clean_customers": {"run_id": "r1", "rows": 12, "files": [{"name": "part-0.parquet", "bytes": 345}]}
}


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path)


def days_before(number: int) -> date:
    return RUN_DATE - timedelta(days=number)


def publish(layout: Layout, *models: str | None) -> None:
    """One manifest per model, the last one of RUN_DATE, the others of the days before."""
    for age, model_id in enumerate(reversed(models)):
        write_manifest(layout, Manifest(days_before(age), model_id, TABLES))


def test_a_manifest_is_read_back_as_it_was_written(layout: Layout) -> None:
    manifest = Manifest(RUN_DATE, "abc", TABLES)
    write_manifest(layout, manifest)
    assert read_manifest(layout, RUN_DATE) == manifest


def test_its_file_is_json_outside_the_tables_with_version_and_date(layout: Layout) -> None:
    write_manifest(layout, Manifest(RUN_DATE, None, {}))
    path = layout.root / "_seg_spark/manifests/run_date=2026-11-23.json"
    assert json.loads(path.read_text(encoding="utf-8")) == {
        "version": VERSION,
        "run_date": "2026-11-23",
        "model_id": None,
        "tables": {},
    }


def test_a_date_without_a_manifest_has_an_empty_one(layout: Layout) -> None:
    publish(layout, "abc")
    assert read_manifest(layout, days_before(1)) == Manifest(days_before(1), None, {})


def test_a_manifest_written_again_replaces_the_first(layout: Layout) -> None:
    write_manifest(layout, Manifest(RUN_DATE, "old", TABLES))
    write_manifest(layout, Manifest(RUN_DATE, "new", {}))
    assert read_manifest(layout, RUN_DATE) == Manifest(RUN_DATE, "new", {})


@pytest.mark.parametrize(
    "text", ['{"version": 1, "model', "", "[]", "null", "7", '{"model_id": "abc"}', '{"tables": {}}']
)
def test_a_damaged_manifest_is_named_with_what_to_do(layout: Layout, text: str) -> None:
    publish(layout, "abc")
    layout.manifest(RUN_DATE).write_text(text, encoding="utf-8")
    with pytest.raises(PublishError, match=r"run_date=2026-11-23\.json: is damaged; remove it and run this date again"):
        read_manifest(layout, RUN_DATE)


def test_published_dates_are_those_with_a_manifest_oldest_first(layout: Layout) -> None:
    assert published_dates(layout) == []
    for age in (5, 400, 0):
        write_manifest(layout, Manifest(days_before(age), "abc", {}))
    (layout.manifests / ".run_date=2026-11-22.json.9.tmp").write_text("{", encoding="utf-8")
    (layout.manifests / "README").write_text("", encoding="utf-8")
    assert published_dates(layout) == [days_before(400), days_before(5), RUN_DATE]


@pytest.mark.parametrize(
    ("models", "in_charge", "before"),
    [
        ((), None, None),
        (("a",), "a", None),
        (("a", "b"), "b", "a"),
        (("a", None), "a", "a"),
        (("a", None, None), "a", "a"),
        (("a", None, "c"), "c", "a"),
        ((None,), None, None),
    ],
)
def test_the_model_in_charge_is_the_last_one_published_up_to_the_date(
    layout: Layout, models: tuple[str | None, ...], in_charge: str | None, before: str | None
) -> None:
    publish(layout, *models)
    assert active_model(layout, RUN_DATE) == in_charge
    assert active_model(layout, RUN_DATE, before=True) == before


def test_a_model_published_for_a_later_date_is_not_in_charge(layout: Layout) -> None:
    write_manifest(layout, Manifest(RUN_DATE + timedelta(days=1), "tomorrow", TABLES))
    assert active_model(layout, RUN_DATE) is None
    assert active_model(layout, RUN_DATE + timedelta(days=300)) == "tomorrow"
