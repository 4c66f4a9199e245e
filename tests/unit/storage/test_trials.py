"""The folder of a trial goes with the trial."""

import os
import time
from pathlib import Path

import pytest

from seg_spark.errors import PlatformError
from seg_spark.storage.layout import Layout
from seg_spark.storage.trials import trial_area


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1), ValueError()])
def test_the_folder_is_gone_however_the_trial_ends(tmp_path: Path, error: BaseException) -> None:
    layout = Layout(tmp_path)
    with pytest.raises(type(error)), trial_area(layout, "one") as folder:
        assert folder == tmp_path / "_seg_spark" / "trials" / "one"
        (folder / "table").mkdir()
        (folder / "table" / "part.parquet").write_text("x", encoding="utf-8")
        raise error
    assert list(layout.trials.iterdir()) == []


def test_other_trials_at_work_stay_and_abandoned_ones_go(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    for name, days in (("at work", 0.5), ("abandoned", 2.0)):
        (layout.trials / name).mkdir(parents=True)
        started = time.time() - days * 24 * 3600
        os.utime(layout.trials / name, (started, started))
    with trial_area(layout, "one"):
        assert sorted(path.name for path in layout.trials.iterdir()) == ["at work", "one"]
    assert [path.name for path in layout.trials.iterdir()] == ["at work"]


def test_an_output_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "_seg_spark").write_text("a file", encoding="utf-8")
    with pytest.raises(PlatformError, match="cannot be written"), trial_area(Layout(tmp_path), "one"):
        pass
