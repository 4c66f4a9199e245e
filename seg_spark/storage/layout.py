"""Where everything is below output.path. Table folders hold Parquet files and nothing else."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from seg_spark.settings.paths import local_path

SCORES: Final = "scores.json"
"""The scores of every k, in the folder of the model that was chosen."""
PORTABLE: Final = "model.json"
"""The portable form of a model, in its folder."""


@dataclass(frozen=True)
class Layout:
    """The folders of one output."""

    root: Path

    @classmethod
    def of(cls, output_path: str) -> "Layout":
        """The layout below a setting output.path, made absolute."""
        return cls(Path(local_path(output_path)).absolute())

    def table(self, name: str) -> Path:
        """A published table: its partitions are run_date=D folders."""
        return self.root / name

    def partition(self, table: str, run_date: date) -> Path:
        """One date of a published table."""
        return self.table(table) / partition_name(run_date)

    def model(self, model_id: str) -> Path:
        """One published model."""
        return self.root / "models" / model_id

    def records(self, run_date: date) -> Path:
        """The run records of one date."""
        return self.runs / partition_name(run_date)

    @property
    def runs(self) -> Path:
        """All run records."""
        return self.root / "runs"

    @property
    def internal(self) -> Path:
        """Staging, lock, manifests and replaced versions; the leading _ hides it from Spark and Hive."""
        return self.root / "_seg_spark"

    def staging(self, run_id: str) -> Path:
        """What one run has written and not yet published."""
        return self.internal / "staging" / run_id

    @property
    def replaced(self) -> Path:
        """Versions that a later run has replaced, kept until the next run for readers still at them."""
        return self.internal / "replaced"

    @property
    def trials(self) -> Path:
        """What trials write while they run."""
        return self.internal / "trials"

    @property
    def lock(self) -> Path:
        """The file whose lock a run holds."""
        return self.internal / "lock"

    @property
    def manifests(self) -> Path:
        """One manifest per date: what is published for it, and by which run."""
        return self.internal / "manifests"

    def manifest(self, run_date: date) -> Path:
        """The manifest of one date."""
        return self.manifests / f"{partition_name(run_date)}.json"


def partition_name(run_date: date) -> str:
    """The folder name of a date, in Hive's style."""
    return f"run_date={run_date.isoformat()}"
