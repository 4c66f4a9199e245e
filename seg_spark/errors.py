"""Everything that can go wrong, by who must act. Each class owns its exit code."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

FIT_AGAIN: Final = "fit again with seg-spark nightly --run-date DATE --refit"
"""What to do about a damaged model, as the end of a message."""


class SegSparkError(Exception):
    """Root of every error this project raises on purpose; on its own, something unexpected."""

    exit_code = 1


class SettingsError(SegSparkError):
    """A setting or an argument is wrong: correct the configuration or the command line."""

    exit_code = 2


class InputError(SegSparkError):
    """The customer table cannot be read, or is not what the settings say."""

    exit_code = 3


class PlatformError(SegSparkError):
    """The machine lacks something the job needs: Java, Python, memory, a writable folder."""

    exit_code = 4


class QualityGateError(SegSparkError):
    """The input was read, but a declared limit on its quality is broken."""

    exit_code = 5


class DegenerateModelError(SegSparkError):
    """No k gave an acceptable model, and there is no published model to use instead."""

    exit_code = 6


class PublishError(SegSparkError):
    """What was staged failed its audit, or could not be swapped in.

    Unless its message says that the date is committed, or that this is not known, nothing published has changed.
    """

    exit_code = 7


class LockedError(SegSparkError):
    """Another run holds the output."""

    exit_code = 75


class TerminatedError(SegSparkError):
    """The run was terminated (SIGTERM)."""

    exit_code = 143


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The nearest known word as a clause for a message: ` (did you mean 'age'?)`, or nothing."""
    by_lower_case = {name.lower(): name for name in known}
    close = get_close_matches(word.lower(), by_lower_case, n=1, cutoff=0.6)
    return f" (did you mean {by_lower_case[close[0]]!r}?)" if close else ""
