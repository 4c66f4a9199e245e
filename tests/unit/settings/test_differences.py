"""What differs between settings, and what it bears on."""

from pathlib import Path
from typing import Any

import pytest
from builders import settings

from seg_spark.settings.differences import (
    Change,
    changed_settings,
    changes_between,
    cleans_alike,
    fit_settings,
    measures_alike,
)


def after(root: Path, **changes: Any) -> Any:
    return settings(root, {"income": {"unit": "k$", "valid": [0, None]}, "score": {}, "region": CATEGORY}, **changes)


CATEGORY = {"kind": "category"}


def test_changes_are_named_by_their_settings_with_both_values(tmp_path: Path) -> None:
    changed = after(
        tmp_path, clustering__k__max=8, features__scaling="robust", features__columns__score__clip="[0,0.9]"
    )
    assert changes_between(after(tmp_path), changed) == (
        Change("features.scaling", "standard", "robust"),
        Change("features.columns.score.clip", None, [0.0, 0.9]),
        Change("clustering.k.max", 3, 8),
    )


def test_a_dropped_or_added_feature_is_one_change_in_the_words_of_the_conf(tmp_path: Path) -> None:
    changed = after(tmp_path, features__columns__income="null", features__columns__age="{}")
    assert changes_between(after(tmp_path), changed) == (
        Change("features.columns.income", {"unit": "k$", "valid": [0.0, None]}, None),
        Change("features.columns.age", None, {}),
    )


def test_what_only_people_read_is_no_reason_to_fit_anew(tmp_path: Path) -> None:
    shown = after(tmp_path, features__columns__income__label="earnings", features__columns__income__unit="k€")
    assert changed_settings(fit_settings(after(tmp_path)), fit_settings(shown)) == ()
    weighed = after(tmp_path, features__columns__income__weight="2")
    assert changed_settings(fit_settings(after(tmp_path)), fit_settings(weighed)) == ("features.columns.income.weight",)


def test_what_the_search_leaves_to_mllib_is_no_reason_to_fit_anew(tmp_path: Path) -> None:
    more = {"clustering__starts": 40, "clustering__tolerance": 0.01, "clustering__max_iterations": 3}
    assert changed_settings(fit_settings(after(tmp_path)), fit_settings(after(tmp_path, **more))) == ()
    own = {"clustering__refine": "false"}
    assert changed_settings(fit_settings(after(tmp_path, **own)), fit_settings(after(tmp_path, **own, **more))) == (
        "clustering.starts", "clustering.max_iterations", "clustering.tolerance",
    )  # fmt: skip


def test_equal_settings_have_no_changes(tmp_path: Path) -> None:
    assert changes_between(after(tmp_path), after(tmp_path, clustering__k__max=3)) == ()


@pytest.mark.parametrize(
    ("setting", "value", "cleans", "measures"),
    [
        ("clustering.k.max", "8", True, True),
        ("selection.rule", "elbow", True, True),
        ("cleaning.max_rejected_share", "0.5", True, True),
        ("features.columns.score.unit", "points", True, True),
        ("features.columns.score.source", "score", True, True),
        ("features.columns.score.missing", "mean", True, True),
        ("features.columns.score.missing", "reject", False, True),
        ("features.columns.score.valid", "[0, 100]", False, True),
        ("features.columns.score.text_form", "{decimal: ','}", False, True),
        ("features.columns.score.source", "points", False, False),
        ("features.columns.score.kind", "category", False, False),
        ("features.columns.score", "null", False, False),
        ("features.columns.age", "{}", False, False),
        ("features.columns.score.weight", "2", True, False),
        ("features.columns.score.clip", "[0, 0.99]", True, False),
        ("features.columns.income.transform", "log1p", True, False),
        ("features.columns.region.max_categories", "3", True, False),
        ("features.scaling", "none", True, False),
        ("input.path", "elsewhere", False, True),
        ("input.null_values", "['-']", False, True),
        ("input.order_by", "seen", False, True),
        ("customer_id", "number", False, True),
        ("cleaning.exclude", "[{column: staff, is_true: true}]", False, True),
    ],
)
def test_what_a_change_bears_on(tmp_path: Path, setting: str, value: str, cleans: bool, measures: bool) -> None:
    changed = after(tmp_path, **{setting.replace(".", "__"): value})
    assert cleans_alike(after(tmp_path), changed) == cleans
    assert measures_alike(after(tmp_path), changed) == measures
