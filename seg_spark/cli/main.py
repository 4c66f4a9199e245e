"""The entry points: one command line in, one exit code out."""

import logging
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from seg_spark.cli import (
    check_commands,
    inspect_commands,
    operation_commands,
    predict_command,
    run_commands,
)
from seg_spark.cli.options import app
from seg_spark.errors import SegSparkError

__all__ = [
    "check_commands",
    "inspect_commands",
    "main",
    "operation_commands",
    "predict_command",
    "program",
    "run_commands",
    "run_job",
]

log = logging.getLogger("seg_spark")

_ORDER: Final = (
    *("init", "validate", "doctor", "nightly", "clean", "fit", "label", "try"),
    *("predict", "segments", "compare", "report", "runs"),
    *("rollback", "backfill", "forget"),
    *("print-config", "java-options"),
)
"""Of the commands in --help: as they are needed."""
app.registered_commands.sort(key=lambda one: _ORDER.index(str(one.name)))


def program() -> None:
    """The program `seg-spark`; SystemExit tells of a failure, also to a platform that calls this in its own process."""
    if code := main():
        sys.exit(code)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; every foreseen error is one readable message on stderr."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    logging.basicConfig(
        format="%(asctime)s %(levelname)-7s %(message)s", datefmt="%Y-%m-%d %H:%M:%S", stream=sys.stderr
    )
    for handler in logging.getLogger().handlers:
        handler.addFilter(_is_not_of_py4j)
    log.setLevel(logging.INFO)
    if sys.stdout is None:  # closed by whoever started us
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    try:
        app(args=words, prog_name="seg-spark")
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 0
    except SegSparkError as error:
        return _fail(error, str(error), error.exit_code, words)
    except Exception as error:  # noqa: BLE001  # the last line of defence: no stack trace at 4 in the morning
        return _fail(
            error, f"unexpected {type(error).__name__}; --debug shows the details", SegSparkError.exit_code, words
        )
    return 0


def run_job(command: str, arguments: Sequence[str]) -> int:
    """One command as a spark-submit entry point; returns its exit code."""
    return main([command, *arguments])


def _is_not_of_py4j(record: logging.LogRecord) -> bool:
    """Whether a log record should be shown: py4j logs a stack trace of every call that a stopped run cuts off, and
    raises the error besides."""
    return Path(record.pathname).parent.name != "py4j"


def _fail(error: BaseException, message: str, code: int, words: Sequence[str]) -> int:
    if "--debug" in words:
        traceback.print_exception(error)
    sys.stderr.write(f"ERROR {message}\n")
    return code
