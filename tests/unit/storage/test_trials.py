"""The folder of a trial goes with the trial."""

import os
import time
from pathlib import Path

import pytest

from seg_spark.errors import PlatformError
from seg_spark.storage.local_store import LocalStore
from seg_spark.storage.records import trial_area


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1), ValueError()])
def test_the_folder_is_gone_however_the_trial_ends(tmp_path: Path, error: BaseException) -> None:
    store = LocalStore(tmp_path)
    with pytest.raises(type(error)), trial_area(store, "one"):
        folder = "_seg_spark/trials/one"
        store.write(f"{folder}/table/part.parquet", b"x")
        raise error
    assert store.entries("_seg_spark/trials") == []


def test_other_trials_at_work_stay_and_abandoned_ones_go(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    for name, days in (("at work", 0.5), ("abandoned", 2.0)):
        folder = store.path("_seg_spark/trials") / name
        folder.mkdir(parents=True)
        started = time.time() - days * 24 * 3600
        os.utime(folder, (started, started))
    with trial_area(store, "one"):
        assert [one.name for one in store.entries("_seg_spark/trials")] == ["at work", "one"]
    assert [one.name for one in store.entries("_seg_spark/trials")] == ["at work"]


def test_an_output_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "_seg_spark").write_text("a file", encoding="utf-8")
    with pytest.raises(PlatformError, match="cannot be written"), trial_area(LocalStore(tmp_path), "one"):
        pass
