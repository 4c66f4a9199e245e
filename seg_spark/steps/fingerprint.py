"""What the labels of a date are made from, as one hash: equal hashes mean that a run would give them again."""

import hashlib
import json
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import seg_spark
from seg_spark.errors import InputError, PublishError
from seg_spark.input.files import find_input_files, is_hidden, is_local
from seg_spark.machine import package_versions
from seg_spark.settings.raw_table import Input
from seg_spark.settings.schema import Settings
from seg_spark.storage.commits import Commit, commit_of, latest_commit, origin_before
from seg_spark.storage.records import read_records
from seg_spark.storage.repair import is_intact
from seg_spark.storage.store import Files


def fingerprint_of(
    settings: Settings, store: Files, run_date: date, remote: Callable[[], Files] | None = None
) -> str | None:
    """The hash of input files (name, size, time), settings, code, versions, run date and the run of the date before.

    `remote` is asked for the files below an input that is not on a local disk; without it, for a catalog table, and
    where there is no input (the step that reads it reports that) the result is None.
    """
    files = _input_files(settings.input, run_date, remote)
    if files is None:
        return None
    content = {
        "input": files,
        "settings": settings.sha256,
        "code": _code_sha256(),
        "versions": package_versions(),
        "run_date": run_date.isoformat(),
        "preceding_version": origin_before(latest_commit(store), run_date),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def published_with(fingerprint: str | None, store: Files, run_date: date) -> Commit | None:
    """The commit of a date if a run with this fingerprint would give it again; None if anything of it is gone."""
    try:
        commit = commit_of(store, run_date)
    except PublishError:
        return None  # the run makes the date anew
    if fingerprint is None or fingerprint != commit.fingerprint or not is_intact(store, commit):
        return None
    has_record = any(record.get("run_id") == commit.run_id for record in read_records(store, run_date))
    return commit if has_record else None


def _input_files(rules: Input, run_date: date, remote: Callable[[], Files] | None) -> Sequence[Sequence[Any]] | None:
    try:
        if is_local(rules):
            return find_input_files(rules, run_date).files
        return _remote_files(remote(), "") if remote and rules.format != "table" else None
    except (InputError, OSError):
        return None


def _remote_files(files: Files, folder: str) -> list[tuple[str, int, float]]:
    """Path, bytes and time of each file below a folder that Spark would read."""
    found = []
    for entry in files.entries(folder):
        path = f"{folder}/{entry.name}".lstrip("/")
        if not is_hidden(entry.name):
            found += _remote_files(files, path) if entry.is_folder else [(path, entry.size_bytes, entry.modified)]
    return found


def _code_sha256() -> str:
    """The hash of this package's own files; of none where it is imported from an archive."""
    folder = Path(seg_spark.__file__).parent
    content = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.suffix != ".pyc" and path.is_file():
            content.update(f"{path.relative_to(folder)}\n".encode())
            content.update(path.read_bytes())
    return content.hexdigest()
