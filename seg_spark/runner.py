"""What surrounds every command that publishes: the lock, the staging folder, Spark, and the run record."""

import logging
import secrets
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from seg_spark.errors import InputError, LockedError, PublishError, SegSparkError
from seg_spark.input.files import input_path
from seg_spark.reporting.progress import StepProgress
from seg_spark.run_record import RunOutcome, RunStart, record_of
from seg_spark.session import ending_work
from seg_spark.settings.paths import path_scheme
from seg_spark.settings.schema import Settings
from seg_spark.steps.context import RunContext, refuse_own_output, retention_of, start_spark, store_of
from seg_spark.steps.fingerprint import fingerprint_of, published_with
from seg_spark.steps.stopping import sigterm_raises
from seg_spark.storage.commits import latest_commit, named_dates, published_dates
from seg_spark.storage.forgetting import Forgetting
from seg_spark.storage.hadoop_store import HadoopStore
from seg_spark.storage.local_store import only_run
from seg_spark.storage.publish import RunArea, run_area, swap_committed
from seg_spark.storage.readers import files_at
from seg_spark.storage.records import record_path, write_figures, write_record
from seg_spark.storage.repair import RepairResult, repair
from seg_spark.storage.retention import refuse_old_date
from seg_spark.storage.rollback import roll_back
from seg_spark.storage.store import Files, Store

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from seg_spark.nightly import Remember, Work

log = logging.getLogger("seg_spark")

_TELLING_SECONDS: Final = 15.0  # within the 30 that platforms give a run that they terminate


@dataclass(frozen=True)
class RunResult:
    """A finished run: its outcome, its record, where record and report (if one was made) lie, and its output."""

    outcome: RunOutcome
    record: Mapping[str, Any] = field(repr=False)
    record_path: str
    report_path: str | None
    store: Files


def run(
    command: str,
    settings: Settings,
    run_date: date,
    conf_dir: Path,
    progress: StepProgress,
    *,
    force: bool = False,
    refit: bool = False,
) -> RunResult:
    """Run one command of `nightly.WORK` under the lock, and write its run record, also if it fails.

    A nightly run whose result is published already does nothing, unless with `force` or `refit`, which fits anew
    whatever the policy says.
    Raises the SegSparkError that ended it (its record is written by then).
    """
    refuse_own_output(settings, run_date)

    @cache
    def start() -> "tuple[SparkSession, Work]":
        with ThreadPoolExecutor(1) as pool:  # importing takes most of a second, so Java starts meanwhile
            work = pool.submit(_work_of, command)
            spark = start_spark(f"seg_spark {command} {run_date}", settings, run_date, conf_dir, progress)
        return spark, work.result()

    def remote_input() -> Files:
        return HadoopStore.of(input_path(settings.input, run_date), start()[0])

    def run_command(store: Store, begun: RunArea, remember: "Remember") -> RunOutcome:
        refuse_old_date(latest_commit(store), run_date, settings.publish.keep_dates)
        fingerprint = fingerprint_of(settings, store, run_date, remote_input) if command == "nightly" else None
        area = replace(begun, fingerprint=fingerprint)
        published = None if force or refit else published_with(fingerprint, store, run_date)
        if published is not None:
            swap_committed(store, published, area)  # somebody may have removed a folder
            return RunOutcome(skipped_for=published.run_id)
        spark, work = start()
        context = RunContext(spark, settings, store, area, progress, refit=refit)
        with ending_work(spark):
            return work(context, remember)

    return _run_recorded(_new_run(command, settings, run_date), progress, lambda: start()[0], run_command)


def run_rollback(
    settings: Settings, run_date: date, conf_dir: Path, progress: StepProgress, to_run: str | None = None
) -> RunResult:
    """Make an earlier version of a date current again (see `roll_back`), under the lock, and write a run record.

    Spark is started only for a store that is not on a local disk. Raises the SegSparkError that ended it.
    """

    if path_scheme(settings.output.path) == "file":  # nothing is made where there is no output
        store = files_at(settings.output.path)
        if run_date not in published_dates(store):
            raise InputError(f"{store.root}: nothing is published for {run_date}; {named_dates(store)}")

    def start() -> "SparkSession":
        return start_spark(f"seg_spark rollback {run_date}", settings, run_date, conf_dir, progress)

    def restore(store: Store, area: RunArea, remember: "Remember") -> RunOutcome:
        with progress.step("roll back"):
            return RunOutcome(restored_run=roll_back(store, area, retention_of(settings), to_run).run_id)

    return _run_recorded(_new_run("rollback", settings, run_date), progress, start, restore)


def run_forget(settings: Settings, ids: frozenset[str], conf_dir: Path, progress: StepProgress) -> RunResult:
    """Remove customers from all that is published or kept (see `forget_customers`), and write a run record.

    The record is of the last published date. Raises InputError if nothing is published, and the SegSparkError that
    ended it.
    """
    dates = published_dates(files_at(settings.output.path))
    if not dates:
        raise InputError(f"{settings.output.path}: nothing is published there, so there is nobody to forget")
    run = _new_run("forget", settings, dates[-1])

    @cache
    def start() -> "SparkSession":
        return start_spark("seg_spark forget", settings, dates[-1], conf_dir, progress)

    def work(store: Store, area: RunArea, remember: "Remember") -> RunOutcome:
        from seg_spark.forget import forget_customers

        spark = start()
        with ending_work(spark):
            found = forget_customers(run, store, Forgetting(ids), spark, progress)
            return RunOutcome(forgotten=asdict(found))

    return _run_recorded(run, progress, start, work)


def _new_run(command: str, settings: Settings, run_date: date) -> RunStart:
    return RunStart(command, settings, run_date, f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(3)}")


def _run_recorded(
    run: RunStart,
    progress: StepProgress,
    start: "Callable[[], SparkSession]",
    work: "Callable[[Store, RunArea, Remember], RunOutcome]",
) -> RunResult:
    """Do work under the lock, in the run's own area, and write its record, also if it fails."""
    what, max_seconds = f"{run.command} {run.run_date}", 60.0 * run.settings.run.max_minutes
    reported: list[RunOutcome] = [RunOutcome()]
    clock = time.monotonic()
    path = f"{run.settings.output.path.rstrip('/')}/{record_path(run.run_date, run.run_id)}"
    with ExitStack() as stack:
        try:
            with sigterm_raises(max_seconds):
                store = store_of(run.settings, start)
            path = f"{store.root}/{record_path(run.run_date, run.run_id)}"
            stack.enter_context(only_run(store, f"run {run.run_id} ({what})"))
        except LockedError:
            raise
        except Exception:  # there is no store that could take a record
            _tell(run.settings.on_failure.command, path)
            raise

        def record(error: BaseException | None) -> dict[str, Any]:
            seconds = progress.seconds | {"total": round(time.monotonic() - clock, 3)}
            content = record_of(run, reported[-1], seconds, error)
            write_record(store, run.run_date, run.run_id, content)
            return content

        try:
            with sigterm_raises(max_seconds), run_area(store, run.run_date, run.run_id, max_seconds) as area:
                reported.append(work(store, area, reported.append))
        except BaseException as error:
            try:
                record(error)
                log.info("run record: %s", path)
            except Exception as unwritten:  # noqa: BLE001  # the error that ended the run is the one to raise
                reason = getattr(unwritten, "strerror", None) or f"unexpected {type(unwritten).__name__}"
                log.warning("the run record %s could not be written: %s", path, reason)
            if isinstance(error, Exception):
                _tell(run.settings.on_failure.command, path)
            elif isinstance(error, KeyboardInterrupt):
                log.info("interrupted (Ctrl-C); each published date is whole, the old one or the new one")
            raise
        try:
            content = record(None)
        except OSError as error:
            _tell(run.settings.on_failure.command, path)
            raise PublishError(
                f"{run.command} of {run.run_date} is done, but its run record could not be written: {error.strerror}; "
                "correct that and run again"
            ) from error
        report = _report(store, run.run_date, run.run_id, reported[-1])
        return RunResult(reported[-1], content, path, report, store)


def repair_output(settings: Settings, conf_dir: Path, progress: StepProgress) -> RepairResult:
    """Put all dates of an output in order; Spark is started unless it is on a local disk.

    Raises LockedError if a run is active, PlatformError if the store cannot be reached, PublishError if a commit is
    damaged.
    """

    def start() -> "SparkSession":
        return start_spark("seg_spark doctor --repair", settings, date.min, conf_dir, progress)

    return repair(store_of(settings, start))


def _report(store: Store, run_date: date, run_id: str, outcome: RunOutcome) -> str | None:
    """The report page of a run that labelled. What is published stays published if the page cannot be made."""
    if outcome.labelled is None or outcome.labelled.figures is None:
        return None
    from seg_spark.report import make_report

    try:
        write_figures(store, run_date, run_id, outcome.labelled.figures())
        return f"{store.root}/{make_report(store, run_date)}"
    except Exception as error:  # noqa: BLE001  # the labels are published: a page must not turn that into a failure
        reason = str(error) if isinstance(error, SegSparkError) else f"unexpected {type(error).__name__}"
        log.warning("the labels are published, but no report was made: %s; seg-spark report makes it again", reason)
        return None


def _tell(command: Sequence[str], path: str) -> None:
    """Start what the user wants to run when a run fails, with the path of its record as last argument.

    The record is not there if the store did not take it.
    """
    if not command:
        return
    try:
        done = subprocess.run(
            [*command, path], stdin=subprocess.DEVNULL, stdout=2, timeout=_TELLING_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        reason = error.strerror if isinstance(error, OSError) else f"it took longer than {_TELLING_SECONDS:.0f} seconds"
        log.warning("on_failure.command: %s: %s", command[0], reason)
    else:
        if done.returncode:
            log.warning("on_failure.command: %s ended with exit code %d", command[0], done.returncode)


def _work_of(command: str) -> "Work":
    from seg_spark.nightly import WORK

    return WORK[command]
