"""The run record: what a run did, how it ended, and what it ran on, as JSON-ready values."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from pydantic_core import to_jsonable_python

from seg_spark.errors import SegSparkError
from seg_spark.machine import package_versions
from seg_spark.settings.schema import Settings

if TYPE_CHECKING:
    from seg_spark.segments.model import Model
    from seg_spark.segments.refit import RefitResult
    from seg_spark.steps.choosing import EarlierFit
    from seg_spark.steps.cleaning import CleaningResult
    from seg_spark.steps.fitting import FittingResult
    from seg_spark.steps.labelling import LabellingResult

RECORD_VERSION: Final = 1
_INTERRUPTED: Final = 130


@dataclass(frozen=True)
class RunOutcome:
    """What a run did, as far as it came; the run record is written from it."""

    cleaned: "CleaningResult | None" = None
    fitted: "FittingResult | None" = None
    labelled: "LabellingResult | None" = None
    model: "Model | None" = None
    refit: "RefitResult | None" = None
    earlier: "EarlierFit | None" = None
    skipped_for: str | None = None
    """The run that has published the same before, so that there was nothing to do."""
    restored_run: str | None = None
    """The run whose version a rollback has made current again."""
    forgotten: "Mapping[str, Any] | None" = None
    """How many customers were removed, with how many rows of each table, and from how many reports."""


@dataclass(frozen=True)
class RunStart:
    """One start of one command."""

    command: str
    settings: Settings
    run_date: date
    run_id: str


def record_of(
    run: RunStart, outcome: RunOutcome, seconds: Mapping[str, float], error: BaseException | None
) -> dict[str, Any]:
    """The run record: what the run did as far as it came, how it ended, and how long each step took."""
    cleaned, fitted, labelled, model = outcome.cleaned, outcome.fitted, outcome.labelled, outcome.model
    earlier, scored = outcome.earlier, fitted or outcome.earlier
    content = {
        "schema_version": RECORD_VERSION,
        "run_id": run.run_id,
        "run_date": run.run_date,
        "command": run.command,
        "status": "failed" if error else "skipped" if outcome.skipped_for else "succeeded",
        "exit_code": _exit_code(error),
        "error": _error_text(error),
        "rows": cleaned.rows if cleaned else None,
        "missing": _missing(outcome),
        "clipped": _clipped(labelled) if labelled else None,
        "input": {"files": cleaned.input_files, "bytes": cleaned.input_bytes} if cleaned else None,
        "chosen_k": fitted.choice.k if fitted else len(model.segments) if model else None,
        "chosen_because": fitted.choice.because if fitted else earlier.chosen_because if earlier else None,
        "fitted_on": run.run_date if fitted else earlier.fitted_on if earlier else None,
        "excluded_k": fitted.choice.excluded if fitted else None,
        "refit": asdict(outcome.refit) | {"max_psi": run.settings.refit.max_psi} if outcome.refit else None,
        "skipped_for": outcome.skipped_for,
        "restored_run": outcome.restored_run,
        "forgotten": outcome.forgotten,
        "mllib": fitted.mllib if fitted else None,
        "scores": scored.scores if scored else None,
        "published_scores": labelled.scores if labelled else None,
        "segments": _segments(labelled, model) if labelled and model else None,
        "movement": _movement(labelled),
        "model_id": model.model_id if model else None,
        "seconds": dict(seconds),
        "versions": package_versions(),
        "settings_sha256": run.settings.sha256,
    }
    ready: dict[str, Any] = to_jsonable_python(content, inf_nan_mode="null")
    return ready


def _segments(labelled: "LabellingResult", model: "Model") -> list[dict[str, Any]]:
    everybody = sum(total.customers for total in labelled.totals)
    names = {segment.segment_id: segment.name for segment in model.segments}
    return [
        {
            "segment_id": total.segment_id,
            "segment_name": names[total.segment_id],
            "customers": total.customers,
            "share": total.customers / everybody,
            "outliers": total.outliers,
            "means": {
                profile.feature: profile.mean
                for profile in labelled.profile_rows
                if profile.segment_id == total.segment_id and profile.mean is not None
            },
        }
        for total in labelled.totals
    ]


def _movement(labelled: "LabellingResult | None") -> dict[str, Any] | None:
    """Who moved since the preceding date, and how many of them by a refit alone."""
    if labelled is None or labelled.movement is None:
        return None
    found = labelled.movement
    return {"since": found.since, **asdict(found.sums), "moved_by_refit": found.moved_by_refit}


def _missing(outcome: RunOutcome) -> dict[str, int] | None:
    """Accepted customers without a value, by feature."""
    if outcome.labelled is None or outcome.model is None:
        return dict(outcome.cleaned.missing) if outcome.cleaned else None
    totals = outcome.labelled.totals
    return {
        feature.name: sum(own.customers - own.known[feature.name] for own in totals)
        for feature in outcome.model.features
    }


def _clipped(labelled: "LabellingResult") -> dict[str, int]:
    """Values beyond the bounds of `clip`, which count as the bound, by feature."""
    names = labelled.totals[0].clipped if labelled.totals else {}
    return {name: sum(own.clipped[name] for own in labelled.totals) for name in names}


def _exit_code(error: BaseException | None) -> int:
    if isinstance(error, KeyboardInterrupt):
        return _INTERRUPTED
    return 0 if error is None else error.exit_code if isinstance(error, SegSparkError) else 1


def _error_text(error: BaseException | None) -> str | None:
    if error is None:
        return None
    if isinstance(error, KeyboardInterrupt):
        return "interrupted (Ctrl-C)"
    # the text of an unexpected error may hold a customer's values
    return str(error) if isinstance(error, SegSparkError) else f"unexpected {type(error).__name__}"
