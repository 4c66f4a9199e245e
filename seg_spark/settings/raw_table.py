"""Settings of the raw customer table: where it is, how it is read, and which rows of it are left out."""

import codecs
import re
from typing import Annotated, Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from seg_spark.settings.paths import checked_path
from seg_spark.settings.section import Section

DEFAULT_NULL_VALUES: Final = ("NULL", "null", "NA", "N/A")
"""What means missing in most exports, beside the empty text."""


class TextOptions(Section):
    """How the text of CSV and JSON files is read."""

    delimiter: str = ","
    """The character between two CSV fields; \\t for a tab."""
    encoding: str = "UTF-8"
    """Character set of CSV files, by its IANA name."""
    quote: Annotated[str, Field(min_length=1, max_length=1)] = '"'
    """Surrounds fields that contain a delimiter."""
    escape: Annotated[str, Field(min_length=1, max_length=1)] = '"'
    """Stands before a quote inside a quoted field."""
    multi_line: bool = False
    """Whether one CSV field or one JSON value may span several lines (such files cannot be split between cores)."""

    @field_validator("delimiter")
    @classmethod
    def _one_character(cls, value: str) -> str:
        character = "\t" if value == "\\t" else value
        if len(character) != 1 or character in "\r\n":
            raise ValueError("expected one character, such as ',' or ';' or \\t")
        return character

    @property
    def is_read_whole(self) -> bool:
        """Whether a file must be read in one piece: line breaks inside values, or lines that no byte ends."""
        return self.multi_line or "\n".encode(self.encoding) != b"\n"

    @property
    def java_encoding(self) -> str:
        """The character set by a name that Java knows."""
        name = codecs.lookup(self.encoding).name
        if name.startswith("iso8859-"):
            return name.replace("iso8859-", "ISO-8859-")
        if name.startswith(("utf-16-", "utf-32-")):  # utf-16-le
            return name[:6].upper() + name[7:].upper()
        return {"mac-roman": "x-MacRoman", "mac-cyrillic": "x-MacCyrillic"}.get(name, name.replace("_", "-"))

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
        return "UTF-8" if codecs.lookup(value).name == "utf-8-sig" else value  # a mark is passed over anyhow


class Input(Section):
    """The raw customer table."""

    path: str
    """File or folder, which may contain {run_date}; for format table the name of a catalog table, as in
    crm.customers."""
    format: Literal["csv", "parquet", "json", "orc", "table"] = "csv"
    """csv, parquet, json, orc, or table."""
    options: TextOptions = TextOptions()
    """How CSV and JSON text is read."""
    null_values: tuple[str, ...] = DEFAULT_NULL_VALUES
    """Texts that mean missing, beside the empty one."""
    order_by: str | None = None
    """Column (a number, date or timestamp) whose highest value wins among several rows of one customer."""

    @field_validator("path")
    @classmethod
    def _supported_path(cls, value: str) -> str:
        unknown = set(re.findall(r"\{(\w+)\}", value)) - {"run_date"}
        if unknown:
            raise ValueError(f"contains {{{sorted(unknown)[0]}}}; the only part that is filled in is {{run_date}}")
        return checked_path(value)

    @model_validator(mode="after")
    def _table_or_path(self) -> Self:
        if self.format == "table" and not re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*){0,2}", self.path):
            raise ValueError("path: expected the name of a table, as in customers or crm.customers, for format: table")
        return self


class Exclusion(Section):
    """Rows that are to be left out: a column and one condition on it."""

    column: Annotated[str, Field(min_length=1)]
    """Header of the raw column."""
    is_in: Annotated[tuple[str | int | float | bool, ...], Field(min_length=1)] | None = None
    """The values of the rows to leave out."""
    equals: str | int | float | bool | None = None
    """The one value of the rows to leave out."""
    is_true: Literal[True] | None = None
    """Leave out where the column says true, t, yes, y or 1 (or yes in another language), in any case."""

    @model_validator(mode="after")
    def _one_condition(self) -> Self:
        if sum(value is not None for value in (self.is_in, self.equals, self.is_true)) != 1:
            raise ValueError("expected exactly one of is_in: [...], equals: ... and is_true: true")
        if any(isinstance(value, str) and not value.strip() for value in self.values):
            raise ValueError("a blank text is a missing value, which no rule of cleaning.exclude meets")
        return self

    @property
    def values(self) -> tuple[str | int | float | bool, ...]:
        """The values that are left out."""
        if self.is_in is not None:
            return self.is_in
        return (True,) if self.equals is None else (self.equals,)
