"""Which model labels a run: a new fit, or the published one where no fit is needed or the new one is refused."""

import logging
from dataclasses import dataclass, replace
from datetime import date

import pyarrow as pa

from seg_spark.clustering.scores import Scores
from seg_spark.errors import DegenerateModelError, InputError
from seg_spark.segments.drift import reference_to_json
from seg_spark.segments.identity import with_names
from seg_spark.segments.model import Model, SegmentState, model_to_json
from seg_spark.segments.refit import RefitResult, refusals
from seg_spark.steps.champion import Champion, RefitDecision, decide_refit
from seg_spark.steps.context import RunContext
from seg_spark.steps.fitting import FittingResult, fit_segments, scores_json
from seg_spark.steps.published import unfit_features
from seg_spark.storage.commits import (
    PublishedModel,
    active_model,
    active_segments,
    read_model,
    read_reference,
    read_scores,
)
from seg_spark.storage.layout import PIPELINE
from seg_spark.storage.publish import ModelForms, stage_model

log = logging.getLogger("seg_spark")


@dataclass(frozen=True)
class EarlierFit:
    """The scores of every k and the choice of k on the date on which a model was fitted."""

    fitted_on: date
    scores: tuple[Scores, ...]
    chosen_because: str


@dataclass(frozen=True)
class ChosenModel:
    """The model that labels a run with what is known of its segments, and why it does.

    It comes from the fit of this run (`fitted`), or is that of `published`, under the names that are set by hand now;
    `earlier` is then its own fit, where that is known.
    """

    model: Model
    segment_state: SegmentState
    refit: RefitResult
    fitted: FittingResult | None = None
    published: PublishedModel | None = None
    earlier: EarlierFit | None = None


def choose_model(
    context: RunContext, training: pa.Table, champion: Champion | None, customers: int, *, refit: bool
) -> ChosenModel:
    """Fit anew where the policy (or `refit`) says so and the fit passes its gates; else the champion stays active.

    `customers` is the number of accepted ones. Raises InputError or DegenerateModelError if a fit fails and no
    published model can label these customers.
    """
    decision = RefitDecision(True, "no earlier date is published", True)
    if champion is not None:
        decision = decide_refit(context, champion, customers, asked=refit)
        log.log(
            logging.WARNING if decision.looks_broken else logging.INFO,
            "refit: %s: %s", "yes" if decision.fit else "no", decision.because,
        )  # fmt: skip
        if not decision.fit:
            kept = RefitResult(False, decision.because, drift=champion.drift, looks_broken=decision.looks_broken)
            return _kept(context, champion, kept)
    try:
        fitted = fit_segments(context, training, champion)
    except (DegenerateModelError, InputError) as error:
        return _fall_back(context, training, champion, decision, error)
    challenge, drift = fitted.challenge, champion.drift if champion else None
    pending = fitted.segment_state.pending
    refused: tuple[str, ...] = ()
    if challenge is not None:
        rules, must_gain = context.settings.refit, not decision.is_forced
        refused = refusals(challenge, rules, must_gain=must_gain, pending=pending)
    result = RefitResult(True, decision.because, refused, drift, challenge, pending)
    if champion is not None and refused:
        is_worse = challenge is not None and refusals(challenge, context.settings.refit, must_gain=False)
        log.log(
            logging.WARNING if is_worse else logging.INFO,  # a fit that is as good needs nobody's attention
            "the published model %s stays active: %s", champion.model.model_id, "; ".join(refused),
        )  # fmt: skip
        return _kept(context, champion, result)
    return ChosenModel(fitted.model, fitted.segment_state, result, fitted)


def stage_chosen(context: RunContext, chosen: ChosenModel) -> PublishedModel:
    """Where the chosen model lies, once it is written if it is not published already."""
    if chosen.fitted is not None:
        return _stage_fitted(context, chosen.fitted)
    published = chosen.published
    assert published is not None  # a model that was not fitted now is published
    if published.model_id == chosen.model.model_id:
        return published
    reference = reference_to_json(read_reference(context.store, published))
    forms = ModelForms(
        chosen.model.model_id,
        f"{published.folder}/{PIPELINE}",
        model_to_json(chosen.model),
        read_scores(context.store, published),
        reference,
    )
    return stage_model(context.store, context.run_id, forms)


def _stage_fitted(context: RunContext, fitted: FittingResult) -> PublishedModel:
    """Write a new fit in all its forms, and return where."""
    model = fitted.model
    reference = reference_to_json(fitted.reference)
    forms = ModelForms(model.model_id, fitted.pipeline, model_to_json(model), scores_json(fitted), reference)
    return stage_model(context.store, context.run_id, forms)


def _kept(context: RunContext, champion: Champion, result: RefitResult) -> ChosenModel:
    """The champion, under the names that are set by hand now, and with the labels and units of features as set now."""
    columns = context.settings.features.columns
    shown = tuple(
        replace(feature, label=columns[feature.name].label, unit=columns[feature.name].unit)
        if feature.name in columns
        else feature
        for feature in champion.model.features
    )
    own = replace(champion.model, features=shown)
    model, events = with_names(own, context.settings.segments.names, context.run_date)
    before = champion.run.commit.segment_state
    return ChosenModel(
        model,
        SegmentState(before.history + events, result.pending if result.fitted else before.pending),
        result,
        published=champion.run.commit.model,
        earlier=EarlierFit(champion.reference.fitted_on, champion.scores, champion.chosen_because),
    )


def _fall_back(
    context: RunContext,
    training: pa.Table,
    champion: Champion | None,
    decision: RefitDecision,
    error: DegenerateModelError | InputError,
) -> ChosenModel:
    """The published model, where a fit fails. Raises the error if none can label these customers."""
    refused = (str(error),)
    if champion is not None and champion.segment_ids is not None:
        log.warning("%s; the published model %s stays active", error, champion.model.model_id)
        return _kept(context, champion, RefitResult(True, decision.because, refused, champion.drift))
    active = active_model(context.store, context.run_date)
    if active is None or isinstance(error, InputError):
        raise error
    published = read_model(context.store, active)
    if unfit_features(published, {field.name: pa.types.is_floating(field.type) for field in training.schema}):
        raise error
    log.warning("%s; the published model %s stays active", error, published.model_id)
    segments = active_segments(context.store, context.run_date)
    return ChosenModel(published, segments, RefitResult(True, decision.because, refused), published=active)
