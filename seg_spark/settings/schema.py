"""Every setting with its type, range, default and meaning.

The field descriptions become the comments of conf/base.yml (see scripts/write_base_conf.py), so this package is
the only place where a setting is explained and the only home of its default.
"""

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from seg_spark.settings.feature import Features
from seg_spark.settings.paths import checked_path, local_path, path_scheme, refuse_overlap
from seg_spark.settings.raw_table import Exclusion, Input
from seg_spark.settings.section import Section, Share

MAX_K: Final = 100
STABLE: Final = 0.8
"""From this prediction strength on Tibshirani & Walther (2005) call the clusters of a k well supported."""


def _whole_number(key: object) -> object:
    """A key of a mapping comes as text from YAML and from --set."""
    return int(key) if isinstance(key, str) and key.isdecimal() else key


SegmentId = Annotated[int, BeforeValidator(_whole_number), Field(ge=1)]


class Output(Section):
    """Where everything is published."""

    path: str
    """Folder for all tables, models and run records: a local path, or hdfs://, s3a://, s3://, gs://, abfss://."""
    shared_filesystem: bool = False
    """Set true when a cluster's machines all see output.path (NFS and the like)."""

    @field_validator("path")
    @classmethod
    def _supported_path(cls, value: str) -> str:
        whole = str(Path(local_path(value)).absolute()) if path_scheme(value) == "file" else value
        found = set(whole) & set("{}[]*?\\")
        if found:
            where = "" if found & set(value) else f"lies in {Path.cwd()}, which "
            raise ValueError(
                f"{where}contains {sorted(found)[0]!r}, which Spark reads as a pattern; expected a plain folder"
            )
        return checked_path(value)


class Cleaning(Section):
    """Which rows may take part."""

    exclude: Annotated[tuple[Exclusion, ...], Field(max_length=50)] = ()
    """Rows to leave out by declared rules (staff, closed accounts), counted apart from rejected ones:
    a list of {column: HEADER, is_in: [A, B]}, {column: HEADER, equals: A} or {column: HEADER, is_true: true}."""
    max_rejected_share: Share = 0.2
    """Highest accepted share of rejected rows among those not excluded; above it the run stops with exit code 5."""
    min_customers_ratio: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] | None = None
    """If fewer are accepted than this share of the last date's customers (or of the median of refit.usual_dates, if
    lower), the run stops with exit code 5. By default they are labelled with the last model, with a warning."""


class Training(Section):
    """Which customers the model is fitted on."""

    max_customers: Annotated[int, Field(ge=10, le=10_000_000)] = 100_000
    """At most so many, picked by a hash of the customer id: the same ones in every run."""
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 42
    """Picks the customers where there are more, and starts MLlib's fits; the search has no random choice to start."""


class KRange(Section):
    """Numbers of segments to try."""

    min: Annotated[int, Field(ge=2, le=MAX_K)] = 2
    """Fewest segments."""
    max: Annotated[int, Field(ge=2, le=MAX_K)] = 10
    """Most segments."""

    @model_validator(mode="after")
    def _right_way_up(self) -> Self:
        if self.min > self.max:
            raise ValueError(f"min ({self.min}) is above max ({self.max})")
        return self


class Clustering(Section):
    """The KMeans fits."""

    k: KRange = KRange()
    """Range of k."""
    starts: Annotated[int, Field(ge=1, le=100)] = 2
    """With refine: false, independent k-means|| starts per k; the one with the lowest within sum of squares wins."""
    refine: bool = True
    """Whether a search on the driver finds the centres of each k, with short MLlib fits beside it for comparison;
    false publishes MLlib's own full fits."""
    max_iterations: Annotated[int, Field(ge=1, le=10_000)] = 20
    """With refine: false, upper limit of MLlib's Lloyd iterations per start."""
    tolerance: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 1e-4
    """With refine: false, MLlib stops a fit when no centre moves further than this (in scaled units)."""
    parallel_fits: Annotated[int, Field(ge=1, le=64)] = 4
    """Fits running at the same time."""


class Selection(Section):
    """How k is chosen among the fitted ones."""

    rule: Literal[
        "silhouette", "elbow", "davies_bouldin", "calinski_harabasz", "consensus", "prediction_strength", "fixed"
    ] = "silhouette"
    """silhouette, elbow, davies_bouldin or calinski_harabasz; consensus: the k that most of these four choose;
    prediction_strength: the largest k whose clusters both halves of the customers agree on; or fixed."""
    k: Annotated[int, Field(ge=2, le=MAX_K)] | None = None
    """The k of rule fixed."""
    min_segment_share: Annotated[float, Field(ge=0, le=0.5, allow_inf_nan=False)] = 0.01
    """A k with a segment smaller than this share of the customers is not chosen."""

    @model_validator(mode="after")
    def _fixed_names_its_k(self) -> Self:
        if (self.rule == "fixed") != (self.k is not None):
            raise ValueError("k belongs to rule: fixed; set both or neither")
        return self


class Segments(Section):
    """What segments are called, and when a new one counts as an old one."""

    names: dict[SegmentId, Annotated[str, Field(min_length=1, max_length=100, pattern=r"\S")]] = Field(
        default_factory=dict
    )
    """Names set by hand, by segment id, as in {3: Loyal savers}; other segments are named after their traits."""
    min_similarity: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = 0.4
    """After a refit a segment carries on the id and name of an earlier one if at least this share of the
    customers of either is in both (Jaccard similarity); else it gets a new id."""

    @model_validator(mode="after")
    def _unique_names(self) -> Self:
        repeated = [name for name, count in Counter(self.names.values()).items() if count > 1]
        if repeated:
            raise ValueError(f"names: {repeated[0]!r} is given to two segments; expected a name of its own for each")
        return self


class EveryRuns(Section):
    """A refit after a number of runs."""

    every: Annotated[int, Field(ge=1, le=10_000)]
    """A model labels so many dates. Where the fit that is due is refused, the next run fits again."""


class Refit(Section):
    """When the model is fitted anew, and when a new fit is published."""

    policy: Literal["when_needed", "always", "never"] | EveryRuns = "when_needed"
    """when_needed: when the customers have drifted from those of the last fit; always; never; or {every: 7} runs.
    A changed setting that affects the fit, or nightly --refit, fits anew under any policy."""
    max_psi: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 0.25
    """A feature has drifted above this population stability index (and above what chance explains)."""
    max_distance_ratio: Annotated[float, Field(ge=1, allow_inf_nan=False)] = 1.2
    """Customers have drifted if their mean distance to the centres is so many times that of the fit."""
    max_share_change: Share = 0.1
    """A segment has drifted if its share of the customers has changed by more than this."""
    max_missing_rise: Share = 0.2
    """If a feature's share of missing values has risen by more than this, the input counts as broken: no refit."""
    min_customers_ratio: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.7
    """If fewer customers than this share of the usual number are accepted, the input counts as broken: no refit."""
    usual_dates: Annotated[int, Field(ge=1, le=365)] = 7
    """The usual number of customers is the highest of so many published dates before."""
    keep_within: Share = 0.01
    """With refine, the last centres, moved to today's means, are kept unless the search is better by this share."""
    k_margin: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.02
    """Another k must win by so much (of calinski_harabasz by this share) more than at the last fit; a rule that
    compares no single score (elbow, consensus, prediction_strength) must just prefer it ..."""
    k_runs: Annotated[int, Field(ge=1, le=100)] = 2
    """... on so many fits in a row."""
    split_gain: Share = 0.1
    """k + 1 wins too if a further split saves so much more of the within sum of squares than at the last fit."""
    min_gain: Share = 0.01
    """With when_needed, a refit that keeps k is published if it lowers the within sum of squares by this share."""
    max_score_loss: Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)] = 0.05
    """A refit is not published if its silhouette is lower by more than this."""
    max_moved_share: Share = 0.1
    """A refit is not published if it moves more than this share of the customers to another segment; parts of
    a split or merge do not count."""


class Publish(Section):
    """How long published dates are kept, and versions that a later run of the same date has replaced."""

    keep_dates: Annotated[int, Field(ge=1, le=100_000)] | None = None
    """Published dates kept: older ones end at once, their files go after grace_minutes; run records stay. null: all."""
    keep_versions: Annotated[int, Field(ge=0, le=100)] = 1
    """Replaced versions kept of each date, whatever their age."""
    grace_minutes: Annotated[int, Field(ge=2, le=1_051_200)] = 1_440
    """Minutes for which every replaced version is kept, for readers who began before."""
    allow_single_writer: bool = False
    """Publish also where S3 cannot create a file only if absent (Hadoop before 3.4.2). Set true
    only if never two runs write there at once."""


class Run(Section):
    """Limits of a run."""

    max_minutes: Annotated[int, Field(ge=1, le=525_600)] = 720
    """A run that takes longer is ended like one that is terminated (exit code 143). Below publish.grace_minutes,
    for which what a run reads is kept."""


class OnFailure(Section):
    """What is done when a run fails."""

    command: tuple[str, ...] = ()
    """A program and its arguments, started when a run has failed, with the path of the run record as last
    argument. For example [/opt/tell_us.sh, seg_spark]."""


class Report(Section):
    """The report page of a run."""

    enabled: bool = True
    """Whether a run ends with a report, one HTML page beside its record."""


class Settings(Section):
    """All settings of a run."""

    input: Input
    """The raw customer table."""
    customer_id: Annotated[str, Field(min_length=1, pattern=r"\S")]
    """Header of the column that identifies a customer; its text is kept as it comes."""
    output: Output
    """Where everything is published."""
    features: Features
    """What a customer is described by."""
    cleaning: Cleaning = Cleaning()
    """Which rows may take part."""
    training: Training = Training()
    """Which customers the model is fitted on."""
    clustering: Clustering = Clustering()
    """The KMeans fits."""
    selection: Selection = Selection()
    """How k is chosen."""
    segments: Segments = Segments()
    """Names and identity of segments."""
    refit: Refit = Refit()
    """When to fit anew."""
    run: Run = Run()
    """Limits of a run."""
    on_failure: OnFailure = OnFailure()
    """What is done when a run fails."""
    publish: Publish = Publish()
    """How long published dates and replaced versions are kept."""
    report: Report = Report()
    """The report page of a run."""

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        for name in self.features.columns:
            source = self.features.source_of(name)
            if source == self.customer_id:
                raise ValueError(f"features.columns.{name}: the customer id cannot be a feature")
        if self.input.format != "table":
            refuse_overlap(self.input.path, self.output.path)
        if self.input.order_by == self.customer_id:
            raise ValueError("input.order_by: is the customer id, which is the same in all rows of a customer")
        if self.run.max_minutes >= self.publish.grace_minutes:
            raise ValueError(
                f"run.max_minutes ({self.run.max_minutes}) must be below publish.grace_minutes "
                f"({self.publish.grace_minutes})"
            )
        every, keep_dates = getattr(self.refit.policy, "every", 0), self.publish.keep_dates
        if keep_dates is not None and keep_dates < every:
            raise ValueError(
                f"refit.policy: {{every: {every}}} counts published dates, of which publish.keep_dates keeps "
                f"{keep_dates}: no run would fit anew; set keep_dates to {every} or more"
            )
        if self.selection.k is not None and not self.clustering.k.min <= self.selection.k <= self.clustering.k.max:
            raise ValueError("selection.k is outside clustering.k.min to clustering.k.max")
        return self

    @property
    def sha256(self) -> str:
        """The SHA-256 of all settings: equal digests mean equal settings."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def used_columns(self) -> dict[str, str]:
        """The raw columns that the settings name: header -> the setting that names it."""
        named = {self.customer_id: "customer_id"}
        if self.input.order_by is not None:
            named.setdefault(self.input.order_by, "input.order_by")
        for name in self.features.columns:
            named.setdefault(self.features.source_of(name), f"features.columns.{name}")
        for rule in self.cleaning.exclude:
            named.setdefault(rule.column, "cleaning.exclude")
        return named
