"""Fitting: clean customers in, a chosen model out."""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic_core import to_jsonable_python
from pyspark.ml import PipelineModel
from pyspark.ml.clustering import KMeansModel
from pyspark.sql import DataFrame

from seg_spark import schemas
from seg_spark.clustering.points import Matrix, SegmentIds, distinct_points, skewness_of
from seg_spark.clustering.scores import Scores, euclidean_silhouettes, prediction_strengths, score_training_set
from seg_spark.clustering.selection import Choice, choose_k
from seg_spark.clustering.sweep import (
    Fit,
    MllibFits,
    fit_every_k,
    keep_last,
    published_form,
    to_matrix,
    training_frame,
    training_table,
)
from seg_spark.errors import DegenerateModelError, InputError
from seg_spark.features.fitted import FittedFeature
from seg_spark.features.learning import learn_features
from seg_spark.features.pipeline import fit_preparation
from seg_spark.segments.drift import FitReference, reference_of
from seg_spark.segments.identity import Clusters, Identity, IdRules, Past, by_size, identify, make_segments
from seg_spark.segments.matching import NOTHING_BEFORE, Succession, follow_segments
from seg_spark.segments.model import Model, PendingK, SegmentState
from seg_spark.segments.names import describe_segments
from seg_spark.segments.refit import Challenge, confirm_k, moved_share, within_ss_of
from seg_spark.settings.differences import fit_settings
from seg_spark.spark_errors import spark_errors_as
from seg_spark.steps.champion import Champion
from seg_spark.steps.context import RunContext
from seg_spark.steps.published import labels_of
from seg_spark.storage.commits import DataFile, latest_commit
from seg_spark.storage.tables import read_table

log = logging.getLogger("seg_spark")

_STRONG_SKEW: Final = 3.0


@dataclass(frozen=True)
class FittingResult:
    """A chosen model in both forms, the scores of every k, and why this k."""

    model: Model
    pipeline: PipelineModel
    scores: tuple[Scores, ...]
    choice: Choice
    mllib: MllibFits
    segment_state: SegmentState
    reference: FitReference
    challenge: Challenge | None = None
    """The fit beside the published model, where the two can be compared."""


def read_clean(context: RunContext, files: Sequence[DataFile]) -> DataFrame:
    """The clean customers in some files, staged or published."""
    return read_table(context.spark, context.store, files, schemas.clean_customers_schema(context.settings.features))


def training_customers(context: RunContext, customers: DataFrame, rows: int) -> pa.Table:
    """The training set of a run, on the driver."""
    with context.progress.step("training set"), spark_errors_as(InputError, "reading the clean customers"):
        return training_table(customers, rows, list(context.settings.features.columns), context.settings.training)


def fit_segments(context: RunContext, training: pa.Table, champion: Champion | None = None) -> FittingResult:
    """Fit the preparation and every k on the training set, choose k, give the segments ids and names.

    Segments that go on keep the champion's ids and names; its k and its centres stay unless others are clearly better.

    Raises InputError if there are fewer customers than the smallest k, or they do not differ enough for it,
    DegenerateModelError if no k is acceptable.
    """
    smallest = context.settings.clustering.k.min
    if len(training) < smallest:
        raise InputError(
            f"clustering.k.min: only {len(training)} customers were accepted, fewer than k.min ({smallest})"
        )
    prepared, settings = _prepare(context, training), context.settings
    chosen = _fit_and_choose(context, prepared, champion)
    matrix, fit = prepared.matrix, chosen.fit
    clusters = Clusters(prepared.features, matrix, fit.labels, by_size(fit.centres, fit.labels))
    labellings = _labellings(context, champion, training)
    identity, succession = _identity(context, clusters, champion, labellings)
    descriptions = describe_segments(prepared.features, training, matrix, fit.labels, fit.k)
    model = Model(
        features=prepared.features,
        scaling=settings.features.scaling,
        segments=make_segments(fit.centres, fit.labels, fit.squared_distances, identity, descriptions),
        training_customers=len(training),
        null_values=settings.input.null_values,
        exclude=settings.cleaning.exclude,
    )
    ids = np.array(identity.ids)[fit.labels]
    challenge = None
    if champion is not None and champion.comparable_ids is not None:
        moved = moved_share(labellings[succession.labelling], ids, succession, identity.ids)
        challenge = _challenge(matrix, chosen, champion, moved)
    return FittingResult(
        model=model,
        pipeline=PipelineModel(stages=[*prepared.pipeline.stages, chosen.kmeans]),
        scores=chosen.scores,
        choice=chosen.choice,
        mllib=MllibFits.of(settings.clustering),
        segment_state=SegmentState(identity.history, chosen.pending),
        reference=FitReference(
            context.run_date,
            fit_settings(settings),
            reference_of(prepared.features, training, ids, np.sqrt(fit.squared_distances)),
        ),
        challenge=challenge,
    )


@dataclass(frozen=True, eq=False)
class _Prepared:
    """The fitted preparation, and the coordinates it gives to the training customers (n x axes)."""

    pipeline: PipelineModel
    features: tuple[FittedFeature, ...]
    matrix: Matrix


@dataclass(frozen=True, eq=False)
class _Chosen:
    """The fit of the chosen k in both forms, the scores of every k, and another k that waits to be confirmed."""

    fit: Fit
    kmeans: KMeansModel
    scores: tuple[Scores, ...]
    choice: Choice
    pending: PendingK | None


def _prepare(context: RunContext, training: pa.Table) -> _Prepared:
    features = context.settings.features
    with context.progress.step("prepare"):
        numbers, categories = learn_features(features.columns, training)
        frame = training_frame(context.spark, training)
        pipeline, fitted = fit_preparation(frame, features, numbers, categories)
        prepared = _Prepared(pipeline, fitted, to_matrix(pipeline, frame))
    _warn_of_constants(fitted, training)
    return prepared


def _fit_and_choose(context: RunContext, prepared: _Prepared, champion: Champion | None) -> _Chosen:
    """Fit and score every k, and choose one. Raises the errors of `fit_segments`."""
    settings, matrix = context.settings, prepared.matrix
    ks, distinct = settings.clustering.k, distinct_points(matrix)
    if distinct < ks.min:
        raise InputError(
            f"clustering.k.min: the customers form only {distinct} distinct points, fewer than k.min ({ks.min})"
        )
    with context.progress.step("fit", counting="fits") as advance:
        fits = fit_every_k(context.spark, matrix, settings.clustering, settings.training.seed, advance)
    before = champion.comparable_ids if champion else None
    if before is not None and settings.clustering.refine:
        fits = keep_last(fits, matrix, before, settings.refit.keep_within)
    with context.progress.step("score"):
        faults = {k: fit.fault for k, fit in fits.items() if fit.fault is not None}
        faults |= dict.fromkeys(range(distinct + 1, ks.max + 1), f"there are only {distinct} distinct points")
        usable = [fit for k, fit in fits.items() if k not in faults]
        scores = _score_fits(usable, matrix) if usable else ()
        try:
            choice, pending = choose_k(scores, faults, settings.selection), None
        except DegenerateModelError as error:
            raise DegenerateModelError(f"{error}{_advice(prepared.features, matrix)}") from None
        if champion is not None and before is not None:
            choice, pending = _confirmed(context, choice, scores, champion)
        kmeans, fit = published_form(context.spark, fits[choice.k], matrix)
    log.info("%s", choice.because)
    return _Chosen(fit, kmeans, scores, choice, pending)


def _confirmed(
    context: RunContext, choice: Choice, scores: Sequence[Scores], champion: Champion
) -> tuple[Choice, PendingK | None]:
    k, settings = len(champion.model.segments), context.settings
    pending = champion.run.commit.segment_state.pending
    return confirm_k(choice, scores, champion.scores, k, pending, rule=settings.selection.rule, rules=settings.refit)


def _labellings(context: RunContext, champion: Champion | None, training: pa.Table) -> list[SegmentIds]:
    """What the training customers were before: by the champion's look at them, and as published."""
    if champion is None:
        return []
    with context.progress.step("compare"):
        published = labels_of(context, champion.run, training)
    return [published] if champion.segment_ids is None else [champion.segment_ids, published]


def _identity(
    context: RunContext, clusters: Clusters, champion: Champion | None, labellings: Sequence[SegmentIds]
) -> tuple[Identity, Succession]:
    """Which segments the clusters of a fit are; the labellings say what the customers were before."""
    settings, issued = context.settings.segments, latest_commit(context.store).issued
    used = tuple(id_ for ids in issued.values() for id_ in ids)
    rules = IdRules(context.run_date, settings.names, issued.get(context.run_date, ()), used)
    if champion is None:
        return identify(clusters, Past(), NOTHING_BEFORE, rules), NOTHING_BEFORE
    succession = follow_segments(labellings, clusters.labels, clusters.matrix, settings.min_similarity)
    past = Past(champion.model.segments, champion.run.commit.segment_state.history)
    return identify(clusters, past, succession, rules), succession


def _challenge(matrix: Matrix, chosen: _Chosen, champion: Champion, moved: float) -> Challenge:
    """The chosen fit beside the champion's partition, both in the feature space of the fit."""
    before, fit = champion.comparable_ids, chosen.fit
    assert before is not None  # else there is nothing to compare
    parts, positions = np.unique(before, return_inverse=True)
    its_own = within_ss_of(matrix, before)
    return Challenge(
        k=fit.k,
        champion_k=len(champion.model.segments),
        gain=1 - fit.within_ss / its_own if its_own > 0 else 0.0,
        silhouette=next(one.silhouette for one in chosen.scores if one.k == fit.k),
        champion_silhouette=(
            score_training_set(matrix, positions, len(parts), None).silhouette if len(parts) > 1 else -1.0
        ),
        moved_share=moved,
    )


def scores_json(fitted: FittingResult) -> str:
    """scores.json: the scores of every k and the choice among them."""
    return json.dumps(
        to_jsonable_python(
            {
                "chosen_k": fitted.choice.k,
                "chosen_because": fitted.choice.because,
                "excluded": fitted.choice.excluded,
                "mllib": fitted.mllib,
                "scores": fitted.scores,
            },
            inf_nan_mode="null",
        ),
        indent=2,
        allow_nan=False,
    )


def _warn_of_constants(features: Sequence[FittedFeature], training: pa.Table) -> None:
    weightless = [feature.name for feature in features if feature.kind == "number" and feature.scale == 0.0]
    varied = [name for name in weightless if pc.count_distinct(training[name], mode="only_valid").as_py() > 1]
    constant = [name for name in weightless if name not in varied]
    if constant:
        log.warning(
            "features.columns: the same value for all training customers, so without effect: %s", ", ".join(constant)
        )
    if varied:
        log.warning(
            "features.columns: within their clip bounds or their middle half all training customers have the same "
            "value, so without effect: %s; change clip or features.scaling", ", ".join(varied),
        )  # fmt: skip


def _advice(features: Sequence[FittedFeature], matrix: Matrix) -> str:
    """What to do where no k is acceptable: mostly a few huge values take every centre for themselves."""
    skewness = skewness_of(matrix)
    numbers = [feature.name for feature in features if feature.kind == "number"]  # their axes come first
    skewed = [name for name, value in zip(numbers, skewness, strict=False) if abs(value) > _STRONG_SKEW]
    if not skewed:
        return "; lower selection.min_segment_share, or change clustering.k or the features"
    return (
        f"; a few extreme values of {', '.join(skewed[:10])} take the centres for themselves: give these features "
        "clip: [0.01, 0.99], or transform: log1p with valid: [0, null] (or lower selection.min_segment_share)"
    )


def _score_fits(fits: Sequence[Fit], matrix: Matrix) -> tuple[Scores, ...]:
    euclidean = euclidean_silhouettes(matrix, {fit.k: fit.labels for fit in fits})
    strengths = prediction_strengths(matrix, [fit.k for fit in fits])
    return tuple(
        replace(
            score_training_set(matrix, fit.labels, fit.k, euclidean[fit.k]),
            prediction_strength=strengths[fit.k],
            mllib_within_ss=fit.mllib_within_ss,
        )
        for fit in fits
    )
