"""Every setting with its type, range, default and meaning.

The field descriptions become the comments of conf/base.yml (see `base_conf.py`), so this file is
the only place where a setting is explained and the only home of its default.
"""

import re
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from seg_spark import columns
from seg_spark.settings.paths import INPUT_SCHEMES, OUTPUT_SCHEMES, checked_path, refuse_overlap

MAX_K: Final = 100
MAX_FEATURES: Final = 500

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class Section(BaseModel):
    """A part of the settings: frozen, strict about types, and without room for unknown keys."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", use_attribute_docstrings=True)


class CsvOptions(Section):
    """How the text of a CSV file is cut into fields."""

    delimiter: str = ","
    """The character between two fields; \\t for a tab."""
    encoding: str = "UTF-8"
    """Character set of the files, by its IANA name."""
    quote: Annotated[str, Field(min_length=1, max_length=1)] = '"'
    """Surrounds fields that contain a delimiter."""
    escape: Annotated[str, Field(min_length=1, max_length=1)] = '"'
    """Stands before a quote inside a quoted field."""
    multi_line: bool = False
    """Whether quoted fields may contain line breaks (such files cannot be split between cores)."""

    @field_validator("delimiter")
    @classmethod
    def _one_character(cls, value: str) -> str:
        character = "\t" if value == "\\t" else value
        if len(character) != 1 or character in "\r\n":
            raise ValueError("expected one character, such as ',' or ';' or \\t")
        return character

    @model_validator(mode="after")
    def _told_apart(self) -> Self:
        if self.quote == self.delimiter or not (self.quote + self.escape).isprintable():
            raise ValueError("quote and escape must be printable, and the quote another character than the delimiter")
        return self

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str) -> str:
        try:
            "".encode(value)
        except LookupError:
            raise ValueError("is not a known character set; expected a name like UTF-8 or ISO-8859-1") from None
        return value


class Input(Section):
    """The raw customer table."""

    path: str
    """File or folder; may contain {run_date}."""
    format: Literal["csv", "parquet"] = "csv"
    """csv or parquet."""
    options: CsvOptions = CsvOptions()
    """How CSV text is read."""
    null_values: tuple[str, ...] = ("NULL", "null", "NA", "N/A")
    """Texts that mean missing, beside the empty one."""
    order_by: str | None = None
    """Column (a number, date or timestamp) whose highest value wins among several rows of one customer."""

    @field_validator("path")
    @classmethod
    def _supported_path(cls, value: str) -> str:
        unknown = set(re.findall(r"\{(\w+)\}", value)) - {"run_date"}
        if unknown:
            raise ValueError(f"contains {{{sorted(unknown)[0]}}}; the only part that is filled in is {{run_date}}")
        return checked_path(value, INPUT_SCHEMES)


class Output(Section):
    """Where everything is published."""

    path: str
    """Folder for all tables, models and run records."""
    shared_filesystem: bool = False
    """Set true when a cluster's machines all see output.path (NFS and the like)."""

    @field_validator("path")
    @classmethod
    def _supported_path(cls, value: str) -> str:
        found = set(value) & set("{}[]*?\\")
        if found:
            raise ValueError(f"contains {sorted(found)[0]!r}, which Spark reads as a pattern; expected a plain folder")
        return checked_path(value, OUTPUT_SCHEMES)


class ConstantText(Section):
    """A text that stands in for a missing category."""

    constant: str


class Feature(Section):
    """One property of a customer that the segments are made from."""

    source: str | None = None
    """Header of the raw column; the feature's own name unless set."""
    kind: Literal["number", "category"] = "number"
    """number or category."""
    unit: str | None = None
    """Unit of the values, for people."""
    valid: tuple[Finite | None, Finite | None] | None = None
    """[lowest, highest] accepted value, either may be null; rows outside are rejected."""
    missing: Literal["median", "mean", "reject", "category"] | Finite | ConstantText | None = None
    """What a missing value gets: median (default), mean, a number, or reject; for a category:
    category (default: missing is a level of its own), {constant: TEXT}, or reject."""
    clip: tuple[Share, Share] | None = None
    """[low, high] quantiles of the training set, between which values are drawn, for example [0.01, 0.99]."""
    transform: Literal["none", "log1p"] = "none"
    """none, or log1p for skewed amounts: ln(1 + x)."""
    weight: Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)] = 1.0
    """Factor on this feature's coordinate: 2 makes a difference count twice as far."""
    max_categories: Annotated[int, Field(ge=1, le=200)] = 20
    """Levels of a category kept apart; rarer ones are folded into 'other'."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        number_only = {"valid": self.valid, "clip": self.clip, "transform": self.transform != "none" or None}
        if self.kind == "category":
            wrong = [name for name, value in number_only.items() if value is not None]
            if wrong:
                raise ValueError(f"{wrong[0]} is for numbers; this feature is a category")
            if isinstance(self.missing, float | int) or self.missing in ("median", "mean"):
                raise ValueError("missing: expected category, {constant: TEXT} or reject for a category")
        elif isinstance(self.missing, ConstantText) or self.missing == "category":
            raise ValueError("missing: expected median, mean, reject or a number for a number")
        low, high = self.valid or (None, None)
        if low is not None and high is not None and low > high:
            raise ValueError("valid: the lowest accepted value is above the highest")
        if self.clip and self.clip[0] >= self.clip[1]:
            raise ValueError("clip: the low quantile must be below the high one, as in [0.01, 0.99]")
        if self.transform == "log1p" and (low is None or low <= -1):
            raise ValueError("transform: log1p needs values above -1; declare valid: [0, null]")
        if isinstance(self.missing, float | int) and (
            (low is not None and self.missing < low) or (high is not None and self.missing > high)
        ):
            raise ValueError("missing: the constant lies outside valid")
        return self

    @property
    def missing_rule(self) -> str | float | ConstantText:
        """What a missing value gets, with the default of the kind filled in."""
        if self.missing is None:
            return "median" if self.kind == "number" else "category"
        return self.missing


class Features(Section):
    """What a customer is described by."""

    scaling: Literal["standard", "robust", "min_max", "none"] = "standard"
    """standard ((x - mean) / sample deviation), robust ((x - median) / interquartile range), min_max or none."""
    columns: Annotated[dict[str, Feature], Field(min_length=1, max_length=MAX_FEATURES)]
    """The features, by name."""

    @field_validator("columns")
    @classmethod
    def _names_and_sources(cls, value: dict[str, Feature]) -> dict[str, Feature]:
        seen: dict[str, str] = {}
        for name, feature in value.items():
            if not name.isidentifier() or name.startswith("_") or len(name) > 64:
                raise ValueError(f"{name!r} is no column name: expected letters, digits and _, starting with a letter")
            if name.lower() in columns.RESERVED:
                raise ValueError(f"{name!r} is the name of a column we write; choose another and set its source")
            for key, what in ((f"name {name.lower()}", "name"), (f"source {feature.source or name}", "source")):
                if key in seen:
                    raise ValueError(
                        f"{name!r} and {seen[key]!r} have the same {what}; a feature counts once (use weight)"
                    )
                seen[key] = name
        return value

    def source_of(self, name: str) -> str:
        """Header of the raw column behind the feature `name`."""
        return self.columns[name].source or name


class Cleaning(Section):
    """Which rows may take part."""

    max_rejected_share: Share = 0.2
    """Highest accepted share of rejected rows; above it the night stops with exit code 5."""


class Training(Section):
    """Which customers the model is fitted on."""

    max_customers: Annotated[int, Field(ge=10, le=10_000_000)] = 100_000
    """At most so many, picked by a hash of the customer id: the same ones every night."""
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 42
    """Start of every random choice."""


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
    """Independent k-means|| starts per k; the one with the lowest within sum of squares stands."""
    refine: bool = True
    """Whether the best start of each k is improved on the driver: iterated to convergence, centres swapped."""
    max_iterations: Annotated[int, Field(ge=1, le=10_000)] = 20
    """Upper limit of MLlib's Lloyd iterations per start."""
    tolerance: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 1e-4
    """MLlib stops a fit when no centre moves further than this (in scaled units)."""
    parallel_fits: Annotated[int, Field(ge=1, le=64)] = 4
    """Fits running at the same time."""


class Selection(Section):
    """How k is chosen among the fitted ones."""

    rule: Literal["silhouette", "elbow", "davies_bouldin", "calinski_harabasz", "fixed"] = "silhouette"
    """silhouette, elbow, davies_bouldin, calinski_harabasz, or fixed."""
    k: Annotated[int, Field(ge=2, le=MAX_K)] | None = None
    """The k of rule fixed."""
    min_segment_share: Annotated[float, Field(ge=0, le=0.5, allow_inf_nan=False)] = 0.01
    """A k with a segment smaller than this share of the customers is not chosen."""

    @model_validator(mode="after")
    def _fixed_names_its_k(self) -> Self:
        if (self.rule == "fixed") != (self.k is not None):
            raise ValueError("k belongs to rule: fixed; set both or neither")
        return self


class Settings(Section):
    """All settings of a night."""

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

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        for name in self.features.columns:
            source = self.features.source_of(name)
            if source == self.customer_id:
                raise ValueError(f"features.columns.{name}: the customer id cannot be a feature")
        refuse_overlap(self.input.path, self.output.path)
        if self.input.order_by == self.customer_id:
            raise ValueError("input.order_by: is the customer id, which cannot tell rows of one customer apart")
        if self.selection.k is not None and not self.clustering.k.min <= self.selection.k <= self.clustering.k.max:
            raise ValueError("selection.k lies outside clustering.k.min to clustering.k.max")
        return self
