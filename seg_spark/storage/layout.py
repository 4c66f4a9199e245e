"""Where everything is below output.path, as relative paths. Table folders hold Parquet files and nothing else."""

from datetime import date
from typing import Final

INTERNAL: Final = "_seg_spark"
"""Staging, lock, commits and versions; the leading _ hides it from Spark and Hive."""
LOCK: Final = f"{INTERNAL}/lock"
"""The file whose lock a run holds."""
COMMITS: Final = f"{INTERNAL}/commits"
"""One numbered file per commit."""
VERSIONS: Final = f"{INTERNAL}/versions"
"""On a local disk, what each run has written, in a folder of its run_id."""
STAGING: Final = f"{INTERNAL}/staging"
"""What each active run needs until it ends, in a folder of its run_id."""
STARTED: Final = "started.json"
"""What tells in the staging folder of a run what it is at, and when it must have ended."""
TRIALS: Final = f"{INTERNAL}/trials"
"""What trials write while they run."""
RUNS: Final = "runs"
"""All run records."""
MODELS: Final = "models"
"""Published models."""
SCORES: Final = "scores.json"
"""The scores of every k, in the folder of the model that was chosen."""
REFERENCE: Final = "reference.json"
"""What a later run compares its customers with, in the folder of the model that was fitted."""
PORTABLE: Final = "model.json"
"""The portable form of a model, in its folder."""
PIPELINE: Final = "pipeline"
"""The form of a model that Spark ML loads, in its folder."""


def partition_name(run_date: date) -> str:
    """The folder name of a date, in Hive's style."""
    return f"run_date={run_date.isoformat()}"


def date_of(folder: str) -> date | None:
    """The date of a folder that `partition_name` has named; None for any other folder."""
    try:
        run_date = date.fromisoformat(folder.removeprefix("run_date="))
    except ValueError:
        return None
    return run_date if folder == partition_name(run_date) else None


def partition(table: str, run_date: date) -> str:
    """One date of a published table."""
    return f"{table}/{partition_name(run_date)}"


def run_folder(run_id: str) -> str:
    """The folder name of what one run wrote, in Hive's style."""
    return f"run_id={run_id}"


def records(run_date: date) -> str:
    """The run records of one date."""
    return f"{RUNS}/{partition_name(run_date)}"


def model(model_id: str) -> str:
    """One published model."""
    return f"{MODELS}/{model_id}"


def staging(run_id: str) -> str:
    """What one run needs until it ends."""
    return f"{STAGING}/{run_id}"


def trial(trial_id: str) -> str:
    """What one trial writes."""
    return f"{TRIALS}/{trial_id}"
