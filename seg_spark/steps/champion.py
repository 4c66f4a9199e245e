"""The active model beside the customers of a run: what it says of them, how far they are from those of its fit."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from seg_spark import columns as c
from seg_spark.clustering.points import SegmentIds
from seg_spark.clustering.scores import Scores
from seg_spark.clustering.sweep import training_frame
from seg_spark.segments.drift import Drift, FitReference, measure_drift
from seg_spark.segments.model import Model
from seg_spark.segments.refit import broken_feed, drifted
from seg_spark.segments.scoring import score
from seg_spark.settings.differences import changed_settings, fit_settings
from seg_spark.settings.schema import EveryRuns
from seg_spark.steps.context import RunContext
from seg_spark.steps.published import PrecedingRun, customers_before, published_choice, unfit_features
from seg_spark.storage.commits import published_dates, read_reference

_DECIDE_WHO_IS_ACCEPTED: Final = ("input", "customer_id", "features", "cleaning")
"""Sections of the settings: after a change there, fewer customers or more missing values are no sign of a fault."""


@dataclass(frozen=True)
class Champion:
    """The model of the preceding run, and the training customers of this one as it sees them.

    `segment_ids` are those it gives them, None where they lack what it needs; `changed` the settings that affect a
    fit and are others than at its own.
    """

    run: PrecedingRun
    reference: FitReference
    scores: tuple[Scores, ...]
    chosen_because: str
    segment_ids: SegmentIds | None
    changed: tuple[str, ...]
    drift: Drift | None

    @property
    def model(self) -> Model:
        """The model."""
        return self.run.model

    @property
    def comparable_ids(self) -> SegmentIds | None:
        """Its segment ids, if a new fit can be measured against it: None after a change of what affects the fit."""
        return None if self.changed else self.segment_ids


def champion_of(context: RunContext, run: PrecedingRun, training: pa.Table) -> Champion:
    """Look at today's training customers with the model of the preceding run.

    Raises InputError if anything of that run is absent or damaged.
    """
    with context.progress.step("compare"):
        published = run.commit.model
        assert published is not None  # a preceding run has one
        because, scores = published_choice(context.store, published, len(run.model.segments))
        reference = read_reference(context.store, published)
        segment_ids, drift = None, None
        if not unfit_features(run.model, {field.name: pa.types.is_floating(field.type) for field in training.schema}):
            scored = (
                score(training_frame(context.spark, training), run.model).select(c.SEGMENT_ID, c.DISTANCE).toArrow()
            )
            if not scored[c.SEGMENT_ID].null_count:  # a logarithm may not be possible any more
                segment_ids = np.asarray(scored[c.SEGMENT_ID].to_numpy(), dtype=np.int64)
                drift = measure_drift(reference.customers, training, segment_ids, scored[c.DISTANCE].to_numpy())
        changed = changed_settings(reference.settings, fit_settings(context.settings))
    return Champion(run, reference, scores, because, segment_ids, changed, drift)


@dataclass(frozen=True)
class RefitDecision:
    """Whether to fit anew, and why (not). One that `is_forced` is not refused for gaining little."""

    fit: bool
    because: str
    is_forced: bool = False
    looks_broken: bool = False
    """Whether it is not fitted because the input looks broken."""


def decide_refit(context: RunContext, champion: Champion, customers: int, *, asked: bool) -> RefitDecision:
    """Whether a run of so many accepted customers fits anew; `asked` by the user, whatever the policy says.

    Nothing is fitted on an input that looks broken.
    """
    rules, drift = context.settings.refit, champion.drift
    if drift is not None and not any(one.startswith(_DECIDE_WHO_IS_ACCEPTED) for one in champion.changed):
        fitted_on = champion.reference.fitted_on  # what was before may have been other customers, by other settings
        usual = max(customers_before(context.store, context.run_date, rules.usual_dates, fitted_on), default=0)
        broken = broken_feed(drift, customers, usual, rules)
        if broken is not None:
            return RefitDecision(False, f"the input looks broken: {broken}", looks_broken=True)
    if champion.changed or drift is None:
        changed = ", ".join(champion.changed[:5]) or "the features"
        return RefitDecision(True, f"{changed} changed since the last fit", True)
    if asked:
        return RefitDecision(True, "a fit was asked for", True)
    if rules.policy != "when_needed":
        return _by_rule(context, champion, rules.policy)
    found = drifted(drift, context.settings.selection.min_segment_share, rules)
    pending = champion.run.commit.segment_state.pending
    if found or pending is not None:
        return RefitDecision(True, "; ".join(found) or f"k = {pending.k if pending else 0} is to be confirmed")
    return RefitDecision(False, f"the customers are still like those of the fit on {champion.reference.fitted_on}")


def _by_rule(context: RunContext, champion: Champion, policy: str | EveryRuns) -> RefitDecision:
    """The decision where drift plays no part."""
    if isinstance(policy, str):
        return RefitDecision(policy == "always", f"refit.policy is {policy}", True)
    fitted_on = champion.reference.fitted_on
    runs = sum(fitted_on <= published < context.run_date for published in published_dates(context.store))
    because = f"{runs} dates are published since the fit on {fitted_on} (refit.policy.every {policy.every})"
    return RefitDecision(runs >= policy.every, because, True)
