"""A signal ends the block in order, whatever Python is doing when it comes."""

import os
import signal
import sys
import time

import pytest

from seg_spark.errors import TerminatedError
from seg_spark.steps.stopping import sigterm_raises


class SignalledWhenCollected:
    """Gets a signal inside of `__del__`, where Python drops what its handler raises."""

    def __init__(self, signum: int) -> None:
        self.signum = signum

    def __del__(self) -> None:
        os.kill(os.getpid(), self.signum)
        time.sleep(0.01)


def wait() -> None:
    end = time.monotonic() + 5
    while time.monotonic() < end:
        time.sleep(0.01)


def test_sigterm_ends_the_block_with_its_own_error() -> None:
    with pytest.raises(TerminatedError) as caught, sigterm_raises():
        os.kill(os.getpid(), signal.SIGTERM)
        wait()
    assert caught.value.exit_code == 143


def test_a_block_that_takes_too_long_is_ended_and_one_that_does_not_is_left_alone() -> None:
    ended = pytest.raises(TerminatedError, match=r"ended after run\.max_minutes; each published date is whole")
    with ended as caught, sigterm_raises(0.05):
        wait()
    assert caught.value.exit_code == 143
    with sigterm_raises(0.2):
        pass
    time.sleep(0.3)  # the signal would end this process


def test_an_error_that_follows_from_the_signal_is_no_error_of_its_own() -> None:
    known: dict[str, int] = {}
    with pytest.raises(TerminatedError), sigterm_raises():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            wait()
        finally:
            known.pop("what the library was about to add")


def test_an_error_without_a_signal_stays_as_it_is() -> None:
    with pytest.raises(KeyError), sigterm_raises():
        raise KeyError


@pytest.mark.parametrize(("signum", "error"), [(signal.SIGTERM, TerminatedError), (signal.SIGINT, KeyboardInterrupt)])
def test_a_signal_during_garbage_collection_is_not_lost(signum: int, error: type[BaseException]) -> None:
    hook = sys.unraisablehook
    with pytest.raises(error), sigterm_raises():
        one = SignalledWhenCollected(signum)
        del one
        wait()
    assert sys.unraisablehook is hook
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0.0
