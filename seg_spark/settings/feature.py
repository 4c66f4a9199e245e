"""Settings of the features: what a customer is described by."""

from typing import Annotated, Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from seg_spark import columns
from seg_spark.settings.section import Finite, Section, Share

MAX_FEATURES: Final = 500
LONGEST_LABEL: Final = 60
CALENDAR_YEAR: Final = "calendar year"
"""The unit of years, which are written without groups of digits: 1983, not 1,983."""


class ConstantText(Section):
    """A text that replaces a missing category."""

    constant: str


class TextForm(Section):
    """How numbers are written as text: `€ 1.234,50` is {decimal: ",", grouping: ".", symbols: ["€"]}."""

    decimal: Literal[".", ","] = "."
    """The decimal sign."""
    grouping: Literal[",", ".", " ", "'", ""] = ""
    """The sign between groups of digits; nothing unless set."""
    symbols: Annotated[tuple[str, ...], Field(max_length=20)] = ()
    """Texts allowed before or after the number, such as $, EUR or %."""

    @model_validator(mode="after")
    def _told_apart(self) -> Self:
        if self.decimal == self.grouping:
            raise ValueError("decimal and grouping are the same sign")
        for symbol in self.symbols:
            if (
                not symbol.strip()
                or symbol != symbol.strip()
                or len(symbol) > 16
                or set(symbol) & set("+-\u22120123456789")
            ):
                raise ValueError(
                    f"symbols: {symbol!r} is not a symbol; expected at most 16 characters, without digits or signs"
                )
        return self


class Feature(Section):
    """One property of a customer that the segments are made from."""

    source: str | None = None
    """Header of the raw column (address.city for a field of a nested one); the feature's own name unless set."""
    kind: Literal["number", "category"] = "number"
    """number or category."""
    unit: str | None = None
    """Unit of the values, for people; "calendar year" for years (1983, not 1,983)."""
    label: Annotated[str, Field(min_length=1, max_length=LONGEST_LABEL)] | None = None
    """Name shown to people, such as wine spend for mnt_wines; the words of the feature's name unless set."""
    text_form: TextForm | None = None
    """How numbers in text columns are written, where it is not 1234.5, for example
    {decimal: ",", grouping: ".", symbols: [€]}."""
    valid: tuple[Finite | None, Finite | None] | None = None
    """[lowest, highest] accepted value, either may be null; rows outside are rejected."""
    missing: Literal["median", "mean", "reject", "category"] | Finite | ConstantText | None = None
    """What a missing value gets: median (default), mean, a number, or reject; for a category:
    category (default: missing is a level of its own), {constant: TEXT}, or reject."""
    clip: tuple[Share, Share] | None = None
    """[low, high] quantiles of the training set; values beyond them are set to them, for example [0.01, 0.99]."""
    transform: Literal["none", "log1p"] = "none"
    """none, or log1p for skewed amounts: ln(1 + x)."""
    weight: Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)] = 1.0
    """Factor on this feature's coordinate: 2 makes a difference count double."""
    max_categories: Annotated[int, Field(ge=1, le=200)] = 20
    """Levels of a category kept apart; rarer ones are folded into 'other'."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        number_only = {
            "text_form": self.text_form,
            "valid": self.valid,
            "clip": self.clip,
            "transform": self.transform != "none" or None,
        }
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
            raise ValueError("missing: the constant is outside valid")
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
                raise ValueError(
                    f"{name!r} is not a column name: expected letters, digits and _, starting with a letter"
                )
            if name.lower() in columns.RESERVED:
                raise ValueError(f"{name!r} is the name of a published column; choose another and set its source")
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
