"""What the labels of a date are made from, as one hash: equal hashes mean that a run would give them again."""

import hashlib
import json
from datetime import date
from pathlib import Path

import seg_spark
from seg_spark.errors import InputError
from seg_spark.input.files import find_input_files, is_local
from seg_spark.machine import package_versions
from seg_spark.settings.schema import Settings
from seg_spark.storage.commits import Commit, commit_of, latest_commit
from seg_spark.storage.records import read_records
from seg_spark.storage.repair import is_intact
from seg_spark.storage.store import Files


def fingerprint_of(settings: Settings, store: Files, run_date: date) -> str | None:
    """The hash of input files (name, size, time), settings, code, versions, run date and the run of the date before.

    None where the input cannot be looked at: elsewhere than on a local disk nobody can tell whether it has changed,
    and one that is absent is reported by the step that reads it.
    """
    if not is_local(settings.input):
        return None
    try:
        files = find_input_files(settings.input, run_date).files
    except InputError:
        return None
    last = latest_commit(store)
    before = [one for one in (last.dates if last else ()) if one < run_date]
    content = {
        "input": files,
        "settings": settings.sha256,
        "code": _code_sha256(),
        "versions": package_versions(),
        "run_date": run_date.isoformat(),
        "preceding_commit": last.dates[max(before)].since if last and before else None,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def published_with(fingerprint: str | None, store: Files, run_date: date) -> Commit | None:
    """The commit of a date if a run with this fingerprint would give it again; None if its files or record are gone."""
    commit = commit_of(store, run_date)
    if fingerprint is None or fingerprint != commit.fingerprint or not is_intact(store, commit):
        return None
    has_record = any(one.get("run_id") == commit.run_id for one in read_records(store, run_date))
    return commit if has_record else None


def _code_sha256() -> str:
    """The hash of this package's own files; of none where it is imported from an archive."""
    folder = Path(seg_spark.__file__).parent
    content = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.suffix != ".pyc" and path.is_file():
            content.update(f"{path.relative_to(folder)}\n".encode())
            content.update(path.read_bytes())
    return content.hexdigest()
