"""The manifest of a date: what is published for it, and which run put it there."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from seg_spark.errors import PublishError
from seg_spark.storage.layout import Layout
from seg_spark.storage.local_files import write_text_atomically

VERSION = 1


@dataclass(frozen=True)
class Manifest:
    """What is published for one date: `tables` maps a table to its run_id, rows and files."""

    run_date: date
    model_id: str | None
    tables: Mapping[str, Mapping[str, Any]]


def read_manifest(layout: Layout, run_date: date) -> Manifest:
    """The manifest of a date; an empty one if nothing was published for it."""
    path = layout.manifest(run_date)
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["version"] != VERSION or document["run_date"] != run_date.isoformat():
            raise ValueError("another version or date")
        return Manifest(run_date, document["model_id"], dict(document["tables"]))
    except FileNotFoundError:
        return Manifest(run_date, None, {})
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise PublishError(f"{path}: is damaged; remove it and run this date again") from None


def write_manifest(layout: Layout, manifest: Manifest) -> None:
    """Replace the manifest of a date, atomically."""
    document = {
        "version": VERSION,
        "run_date": manifest.run_date.isoformat(),
        "model_id": manifest.model_id,
        "tables": dict(manifest.tables),
    }
    write_text_atomically(layout.manifest(manifest.run_date), json.dumps(document, indent=2) + "\n")


def published_dates(layout: Layout) -> list[date]:
    """Every date that has a manifest, oldest first."""
    if not layout.manifests.is_dir():
        return []
    names = (re.fullmatch(r"run_date=(\d{4}-\d\d-\d\d)\.json", path.name) for path in layout.manifests.iterdir())
    return sorted(date.fromisoformat(name[1]) for name in names if name)


def last_date_with(layout: Layout, table: str) -> date | None:
    """The last date for which a table is published."""
    for published in reversed(published_dates(layout)):
        if table in read_manifest(layout, published).tables:
            return published
    return None


def active_model(layout: Layout, run_date: date, before: bool = False) -> str | None:
    """The model published for a date, or else for the last date before it; None if there is none.

    With `before`, the date itself is passed over.
    """
    for published in reversed(published_dates(layout)):
        if published < run_date or (published == run_date and not before):
            model_id = read_manifest(layout, published).model_id
            if model_id is not None:
                return model_id
    return None
