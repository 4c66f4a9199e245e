"""Will the next run work? All checks that need no Spark; each one runs, whatever the others find."""

import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Final

from seg_spark.checks.machine_checks import (
    check_class_archive,
    check_disk,
    check_java,
    check_memory,
    check_packages,
    check_python,
    check_spark_disks,
    check_spark_variables,
    nearest_existing,
)
from seg_spark.errors import InputError, PlatformError, PublishError, SegSparkError, SettingsError
from seg_spark.input.files import InputFiles, find_input_files, input_path, is_local
from seg_spark.reporting.summary import Finding, readable_bytes
from seg_spark.settings.layers import load_settings
from seg_spark.settings.schema import Settings
from seg_spark.storage.commits import commit_of, published_dates, published_model
from seg_spark.storage.layout import INTERNAL, LOCK
from seg_spark.storage.local_store import LocalStore, lock_holder
from seg_spark.storage.readers import files_at
from seg_spark.storage.repair import find_leftovers, is_intact, replaced_versions
from seg_spark.storage.store import Files

_FAULTS_BY_WEIGHT: Final = (SettingsError, PlatformError, InputError, PublishError)
_DATES_LOOKED_INTO: Final = 30
_DATE: Final = "{run_date}"


@dataclass(frozen=True)
class DoctorRequest:
    """What `doctor` checks: a configuration, and the date whose input should be there.

    `is_conf_named` and `is_date_named`: whether the user named them, rather than relied on the defaults.
    """

    conf_dir: Path
    env: str | None
    assignments: Sequence[str]
    run_date: date
    is_conf_named: bool
    is_date_named: bool


def examine(request: DoctorRequest) -> tuple[Finding, ...]:
    """Every check in turn: machine, conf, input, output. Nothing is changed, no lock is kept."""
    findings: list[Finding] = []

    def check(what: str, run_check: Callable[[], Iterable[Finding]], kind: type[SegSparkError] = PlatformError) -> None:
        findings.extend(_findings_of(what, run_check, kind))

    check("Python", check_python)
    check("Java", check_java)
    check("class archive", check_class_archive)
    check("Spark's variables", check_spark_variables)
    check("packages", check_packages)
    check("memory", check_memory)
    settings, conf_findings = _conf(request)
    files: InputFiles | None = None
    input_findings: list[Finding] = []
    if settings is not None:
        files, input_findings = _input(settings, request)
    size = files.total_bytes if files is not None and files.files else None
    check("Spark's disk", partial(check_spark_disks, size))
    findings += conf_findings + input_findings
    if settings is not None:
        store = files_at(settings.output.path)
        if isinstance(store, LocalStore):
            folder = store.folder
            check("output", partial(check_output, store))
            check("output's disk", lambda: [check_disk("output's disk", folder, size, "free some, or move the output")])
            check("lock", partial(check_lock, store))
        else:
            check("output", partial(check_reached, store))
        if isinstance(store, LocalStore) or findings[-1].status == "ok":
            check("leftovers", partial(check_leftovers, store))
            check("published", partial(check_published, store))
    return tuple(findings)


def exit_code_of(findings: Iterable[Finding]) -> int:
    """0 without a fault, else the exit code of what must be corrected first: conf, machine or output, input."""
    kinds = {finding.kind for finding in findings if finding.status == "fault"}
    return next((kind.exit_code for kind in _FAULTS_BY_WEIGHT if kind in kinds), PlatformError.exit_code * bool(kinds))


def check_output(store: LocalStore) -> Iterator[Finding]:
    """Check that a run can write there. A test file is written only in the folder of this package, if it exists."""
    root = store.folder
    advice = "fix its permissions, or set output.path to another folder"
    if not root.exists():
        above = nearest_existing(root)
        if above.is_dir() and os.access(above, os.W_OK | os.X_OK):
            yield Finding("ok", "output", f"{root} does not exist yet; it can be created")
        else:
            problem = "cannot be written" if above.is_dir() else "is not a folder"
            yield Finding("fault", "output", f"{root} cannot be created: {above} {problem}", advice)
        return
    if not root.is_dir():
        yield Finding("fault", "output", f"{root} is not a folder", "set output.path to a folder")
        return
    places = [root, *sorted(path for path in root.iterdir() if path.is_dir())]
    closed = [place for place in places if not os.access(place, os.R_OK | os.W_OK | os.X_OK)]
    if closed:
        yield Finding("fault", "output", f"{closed[0]} cannot be read and written", advice)
        return
    if store.path(INTERNAL).is_dir():
        _try_to_write(store.path(INTERNAL))
    yield Finding("ok", "output", f"{root} exists and can be written")


def check_reached(store: Files) -> Iterator[Finding]:
    """Check that an output elsewhere than on a local disk can be read, as `segments`, `predict` and `report` do."""
    store.entries("")
    yield Finding("ok", "output", f"{store.root} can be read; whether Spark can write there shows in a run")


def check_lock(store: LocalStore) -> Iterator[Finding]:
    """Whether a run holds the lock now."""
    holder = lock_holder(store.path(LOCK))
    if holder is None:
        yield Finding("ok", "lock", "free")
    else:
        yield Finding("warning", "lock", f"held by {holder}", "a run that starts before it ends is refused (exit 75)")


def check_leftovers(store: Files) -> Iterator[Finding]:
    """What have dead runs left behind, and replaced versions kept for readers?"""
    found, replaced = find_leftovers(store), replaced_versions(store)
    if replaced is not None:
        what = f"{replaced.runs} replaced {'version' if replaced.runs == 1 else 'versions'}"
        size = readable_bytes(replaced.size_bytes)
        yield Finding("ok", "replaced", f"{what}, {size} in {replaced.folder}", "kept as publish.keep_versions says")
    if not found:
        yield Finding("ok", "leftovers", "none")
        return
    is_local = isinstance(store, LocalStore)
    is_at_work = isinstance(store, LocalStore) and lock_holder(store.path(LOCK)) is not None
    for one in found:
        size = f"of {one.runs} {'run' if one.runs == 1 else 'runs'}, {readable_bytes(one.size_bytes)}"
        what = f"{one.what} {size} in {one.folder}"
        if not is_local:
            yield Finding("ok", "leftovers", what, "of active runs, or of dead ones: then a later run removes it")
        elif is_at_work:
            yield Finding("ok", "leftovers", what, "of the active run")
        else:
            yield Finding("warning", "leftovers", what, "a run died; nothing to do, the next run removes it")


def check_published(store: Files) -> Iterator[Finding]:
    """The date published last, and whether its model can be read."""
    dates = published_dates(store)
    if not dates:
        yield Finding("ok", "published", "nothing yet")
        return
    model = published_model(store, dates[-1])
    what = f"{model.model_id} with {len(model.segments)} segments" if model is not None else "none yet"
    dates_ = f"{len(dates):,} {'date' if len(dates) == 1 else 'dates'}"
    yield Finding("ok", "published", f"{dates_}, the last one {dates[-1]}; active model: {what}")
    for run_date in dates[-_DATES_LOOKED_INTO:]:
        try:
            found = "" if is_intact(store, commit_of(store, run_date)) else "files that its commit lists are missing"
        except PublishError as error:
            found = str(error)
        if found:
            advice = f"run seg-spark nightly --run-date {run_date} --force"
            yield Finding("fault", "published", f"{run_date}: {found}", advice, PublishError)


def _conf(request: DoctorRequest) -> tuple[Settings | None, list[Finding]]:
    """The settings, or one finding per fault in them."""
    folder = request.conf_dir
    if not folder.exists() and not request.is_conf_named:
        found = f"the folder {folder} does not exist, so only the machine was checked"
        return None, [Finding("warning", "conf", found, "name one with --conf-dir to check input and output too")]
    try:
        settings = load_settings(folder, request.env, request.assignments).settings
    except SettingsError as error:
        faults = [Finding("fault", "conf", line, kind=SettingsError) for line in str(error).splitlines()]
        unseen = Finding("warning", "conf", "input and output were not checked", "correct the configuration first")
        return None, [*faults, unseen]
    except OSError as error:
        return None, [Finding("fault", "conf", f"{folder} cannot be read: {error.strerror}", kind=SettingsError)]
    files = " and ".join(["base.yml", *([f"{request.env}.yml"] if request.env else [])])
    count = len(settings.features.columns)
    found = f"{folder}: {files} are valid" if request.env else f"{folder}: {files} is valid"
    return settings, [Finding("ok", "conf", f"{found}, {count} feature{'s' if count != 1 else ''}")]


def _input(settings: Settings, request: DoctorRequest) -> tuple[InputFiles | None, list[Finding]]:
    """The input files of the date, and the findings about them."""
    raw, run_date = settings.input, request.run_date
    path = input_path(raw, run_date)
    if not is_local(raw):
        what = "a table of the catalog" if raw.format == "table" else "not on this machine"
        return None, [Finding("ok", "input", f"{path} is {what}; Spark checks it during the run")]
    found: list[InputFiles] = []

    def check() -> Iterator[Finding]:
        files = find_input_files(raw, run_date)
        found.append(files)
        count = len(files.files)
        size = readable_bytes(files.total_bytes)
        yield Finding("ok", "input", f"{path}: {count} {raw.format} file{'s' if count != 1 else ''}, {size}")

    findings = list(_findings_of("input", check, InputError))
    advice = "put it there, or correct input.path"
    findings = [
        replace(finding, advice=advice) if "does not exist" in finding.found else finding for finding in findings
    ]
    if _DATE in raw.path and not request.is_date_named:
        advice = "name the date of the input with --run-date"
        findings = [
            replace(finding, status="warning", advice=advice) if finding.status == "fault" else finding
            for finding in findings
        ]
    return (found[0] if found else None), findings


def _try_to_write(folder: Path) -> None:
    probe = folder / f".probe-{secrets.token_hex(6)}"
    try:
        try:
            probe.write_text("written by seg-spark doctor\n", encoding="utf-8")
        finally:
            probe.unlink(missing_ok=True)
    except OSError as error:
        raise PlatformError(f"{folder} cannot be written: {error.strerror}") from None


def _findings_of(what: str, run_check: Callable[[], Iterable[Finding]], kind: type[SegSparkError]) -> Iterator[Finding]:
    """What a check finds; one that raises has found a fault, of `kind`, and does not stop the others."""
    try:
        yield from run_check()
    except SegSparkError as error:  # expected: its message says what to do
        yield Finding("fault", what, " ".join(str(error).splitlines()), kind=kind)
    except Exception as error:  # noqa: BLE001  # the other checks are still worth their answer
        text = " ".join(str(error).splitlines())
        yield Finding("fault", what, f"could not be checked: {type(error).__name__}: {text}", kind=kind)
