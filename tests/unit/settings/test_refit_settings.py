"""The settings of segments and refits, as they are written in a conf."""

from pathlib import Path

import pytest
from builders import conf_dir

from seg_spark.errors import SettingsError
from seg_spark.settings.layers import load_settings
from seg_spark.settings.schema import EveryRuns


def loaded(root: Path, text: str, *assignments: str):  # type: ignore[no-untyped-def]
    folder = conf_dir(root)
    base = folder / "base.yml"
    base.write_text(base.read_text(encoding="utf-8") + text, encoding="utf-8")
    return load_settings(folder, None, assignments, environment={}).settings


def test_names_are_given_by_segment_id(tmp_path: Path) -> None:
    assert loaded(tmp_path, "segments: {names: {3: Loyal savers}}\n").segments.names == {3: "Loyal savers"}
    assert loaded(tmp_path / "set", "", "segments.names.3=Loyal savers").segments.names == {3: "Loyal savers"}


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        ("{x: Savers}", "segments.names"),
        ("{0: Savers}", "segments.names"),
        ("{1: Savers, 2: Savers}", "'Savers' is given to two segments"),
        ("{1: ''}", "segments.names"),
    ],
)
def test_other_names_are_refused(tmp_path: Path, names: str, problem: str) -> None:
    with pytest.raises(SettingsError, match=problem):
        loaded(tmp_path, f"segments: {{names: {names}}}\n")


def test_a_policy_is_a_word_or_a_number_of_runs(tmp_path: Path) -> None:
    assert loaded(tmp_path / "a", "").refit.policy == "when_needed"
    assert loaded(tmp_path / "b", "refit: {policy: {every: 7}}\n").refit.policy == EveryRuns(every=7)
    assert loaded(tmp_path / "c", "", "refit.policy.every=7").refit.policy == EveryRuns(every=7)
    assert loaded(tmp_path / "d", "", "refit.policy=never").refit.policy == "never"


def test_a_policy_that_counts_more_dates_than_are_kept_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"no run would fit anew; set keep_dates to 7 or more"):
        loaded(tmp_path / "a", "refit: {policy: {every: 7}}\n", "publish.keep_dates=6")
    assert loaded(tmp_path / "b", "refit: {policy: {every: 7}}\n", "publish.keep_dates=7").publish.keep_dates == 7


@pytest.mark.parametrize("policy", ["sometimes", "7", "{each: 7}"])
def test_other_policies_are_refused_in_one_line(tmp_path: Path, policy: str) -> None:
    with pytest.raises(SettingsError) as caught:
        loaded(tmp_path, f"refit: {{policy: {policy}}}\n")
    assert "expected when_needed, always, never or {every: RUNS}" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
