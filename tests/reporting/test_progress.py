import io
import logging
import time

import pytest
from rich.console import Console

from seg_spark.reporting import progress
from seg_spark.reporting.progress import StepProgress


def test_plain_lines_tell_step_k_and_how_far(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.0)
    steps = StepProgress(Console(file=io.StringIO()))
    with caplog.at_level(logging.INFO, "seg_spark"), steps.step("fit", counting="fits") as advance:
        advance(3, 18, "k = 7")
    assert [record.message for record in caplog.records][:2] == ["fit: started", "fit: 3 of 18 fits, k = 7"]
    assert caplog.records[-1].message.startswith("fit: done in ")


def test_a_terminal_shows_a_bar() -> None:
    screen = io.StringIO()
    with StepProgress(Console(file=screen, force_terminal=True, width=100)).step("fit", counting="fits") as advance:
        advance(3, 18, "k = 7")
        time.sleep(0.3)
    assert "fit k = 7" in screen.getvalue()
    assert "3/18" in screen.getvalue()


def test_tasks_are_looked_at_while_a_step_says_nothing() -> None:
    screen = io.StringIO()
    steps = StepProgress(Console(file=screen, force_terminal=True, width=100))
    steps.look = lambda: (12, 40)
    with steps.step("clean"):
        time.sleep(1.2)
    assert "12/40" in screen.getvalue()


def test_times_are_kept_also_of_a_step_that_fails() -> None:
    steps = StepProgress(Console(file=io.StringIO()))
    with pytest.raises(ValueError, match="no"), steps.step("clean"):
        raise ValueError("no")
    assert 0 <= steps.seconds["clean"] < 5
