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
    steps.count_tasks = lambda: (12, 40)
    with steps.step("clean"):
        time.sleep(1.2)
    assert "12/40" in screen.getvalue()


@pytest.mark.parametrize(
    ("looks", "told"),
    [
        ([(0, 0, 40), (10, 20, 40)], "20 of 40 tasks, 2.0 a second"),
        ([(0, 0, 40), (30, 4, 40)], "4 of 40 tasks, 8.0 a minute"),
        ([(0, 0, 40), (10, 40, 40), (20, 0, 8), (24, 2, 8)], "2 of 8 tasks, 30.0 a minute"),  # the next stage
        ([(0, 0, 8), (10, 8, 8), (20, 1, 8), (30, 6, 8)], "6 of 8 tasks, 30.0 a minute"),  # another of equal size
        ([(0, 3, 8), (10, 3, 8)], "3 of 8 tasks"),
    ],
)
def test_the_rate_is_that_of_the_work_that_runs_now(
    looks: list[tuple[float, int, int]], told: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.0)
    seconds = 0.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: seconds)
    steps = StepProgress(Console(file=io.StringIO()))
    with caplog.at_level(logging.INFO, "seg_spark"), steps.step("clean", counting="own tasks") as advance:
        for seconds, done, planned in looks:  # noqa: B007  # the clock reads it
            advance(done, planned, "")
    assert caplog.records[-2].message == f"clean: {told}".replace("tasks", "own tasks")


def test_times_are_kept_also_of_a_step_that_fails() -> None:
    steps = StepProgress(Console(file=io.StringIO()))
    with pytest.raises(ValueError, match="no"), steps.step("clean"):
        raise ValueError("no")
    assert 0 <= steps.seconds["clean"] < 5
