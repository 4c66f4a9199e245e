"""A test row states only what matters; these fill in the rest."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from seg_spark.settings.layers import load_settings
from seg_spark.settings.schema import Settings

NUMBERS: dict[str, Any] = {"income": {}, "score": {}}


def settings(root: Path, features: Mapping[str, Any] | None = None, **changes: Any) -> Settings:
    """Settings for a table in `root`/input with small, quick fits; `changes` are dotted paths with __ for the dot."""
    assignments = [f"{path.replace('__', '.')}={value}" for path, value in changes.items()]
    return load_settings(conf_dir(root, features), None, assignments, environment={}).settings


def conf_dir(root: Path, features: Mapping[str, Any] | None = None, **sections: Any) -> Path:
    """A conf folder whose base.yml reads `root`/input and writes `root`/output."""
    import yaml

    folder = root / "conf"
    folder.mkdir(parents=True, exist_ok=True)
    document = {
        "input": {"path": str(root / "input")},
        "customer_id": "id",
        "output": {"path": str(root / "output")},
        "features": {"columns": dict(NUMBERS if features is None else features)},
        "clustering": {"k": {"min": 2, "max": 3}, "starts": 1},
        "cleaning": {"max_rejected_share": 1.0},
        **sections,
    }
    (folder / "base.yml").write_text(yaml.safe_dump(document), encoding="utf-8")
    return folder


def write_csv(
    root: Path, rows: Sequence[Mapping[str, Any]], files: int = 1, header: Iterable[str] | None = None
) -> Path:
    """Write the rows round robin into `files` CSV files below `root`/input; None is written as empty."""
    folder = root / "input"
    folder.mkdir(parents=True, exist_ok=True)
    names = list(header) if header is not None else list(rows[0])
    for number in range(files):
        with (folder / f"part-{number:03}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, names, restval="", extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows[number::files])
    return folder


def customer(number: int = 1, **values: Any) -> dict[str, Any]:
    """One raw customer of the table that `settings` describes."""
    return {"id": f"C{number:04}", "income": 50, "score": 40, **values}


def grouped_customers(per_group: int = 20) -> list[dict[str, Any]]:
    """Customers in three groups that nobody could confuse, of unequal size."""
    centres = [(20, 20), (80, 20), (50, 90)]
    rows = []
    for group, (income, score) in enumerate(centres):
        for i in range(per_group + 5 * group):
            rows.append(customer(len(rows) + 1, income=income + i % 5 - 2, score=score + i % 3 - 1))
    return rows
