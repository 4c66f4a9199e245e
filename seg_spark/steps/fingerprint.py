"""What the labels of a date are made from, as one hash: equal hashes mean that a run would give them again."""

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import seg_spark
from seg_spark.input.files import find_input_files, is_local
from seg_spark.settings.schema import Settings
from seg_spark.storage.commits import latest_commit
from seg_spark.storage.store import Store


def fingerprint_of(
    settings: Settings, settings_sha256: str, versions: Mapping[str, str], store: Store, run_date: date
) -> str | None:
    """The hash of input files (name, size, time), settings, code, versions, run date and the run of the date before.

    None where the input is no local file, so that nobody can tell whether it has changed.
    Raises InputError if the input is absent or of another format.
    """
    if not is_local(settings.input):
        return None
    last = latest_commit(store)
    before = [one for one in (last.dates if last else ()) if one < run_date]
    content = {
        "input": find_input_files(settings.input, run_date).files,
        "settings": settings_sha256,
        "code": _code_sha256(),
        "versions": dict(versions),
        "run_date": run_date.isoformat(),
        "preceding_commit": last.dates[max(before)].commit if last and before else None,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _code_sha256() -> str:
    """The hash of this package's own files; only their names where it is not unpacked."""
    folder = Path(seg_spark.__file__).parent
    content = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.suffix != ".pyc" and path.is_file():
            content.update(f"{path.relative_to(folder)}\n".encode())
            content.update(path.read_bytes())
    return content.hexdigest()
