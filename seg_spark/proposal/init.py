"""Settings for a new table: read a sample, propose, write base.yml: only what differs from the defaults, with facts."""

import re
import tempfile
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final, cast, get_args

import yaml
from pydantic import ValidationError

from seg_spark.cleaning.one_value import is_excluded
from seg_spark.errors import SettingsError, did_you_mean
from seg_spark.input.discovery import TableFormat, discover
from seg_spark.input.sample import read_sample
from seg_spark.proposal.columns import Proposal, ProposedFeature, propose
from seg_spark.proposal.wording import concerns, feature_summary, percent, remarks, skew_of, warnings
from seg_spark.settings.layers import load_settings
from seg_spark.settings.raw_table import DEFAULT_NULL_VALUES, Exclusion, Input, TextOptions
from seg_spark.settings.yaml_text import parse_document
from seg_spark.storage.local_files import write_atomically

FORMATS: Final[tuple[str, ...]] = get_args(TableFormat)
WIDTH: Final = 110
_ENDLESS: Final = 1_000_000


@dataclass(frozen=True)
class InitResult:
    """The file that was written, and the proposal in it."""

    path: Path
    proposal: Proposal


@dataclass(frozen=True)
class Request:
    """The arguments of `seg-spark init`."""

    path: str
    """File, folder or catalog table."""
    conf_dir: Path
    output_path: str
    customer_id: str | None = None
    features: Sequence[str] = ()
    """Headers or proposed names, each text one or several with commas between; none means whatever suits."""
    format: str | None = None
    """One of FORMATS; found from the content unless given."""
    replace: bool = False
    """Whether a base.yml that is there may go."""


def init(request: Request, today: date) -> InitResult:
    """Propose settings for a table and write them to base.yml in the conf folder.

    Raises SettingsError if the request is wrong or there is a base.yml that may not be replaced, InputError if the
    table cannot be used. Then nothing is written.
    """
    target = request.conf_dir / "base.yml"
    if target.exists() and not request.replace:
        raise SettingsError(f"{target} already exists; --force replaces it, or name another --conf-dir")
    sample = read_sample(_discovered(request.path, request.format))
    proposal = propose(sample, request.customer_id, request.features, today.year)
    text = conf_text(proposal, request.output_path)
    _check(text)
    try:
        write_atomically(target, text.encode())
    except OSError as error:
        raise SettingsError(f"--conf-dir {request.conf_dir}: cannot be written: {error.strerror}") from None
    return InitResult(target, proposal)


def _discovered(path: str, declared_format: str | None) -> Input:
    if declared_format is not None and declared_format not in FORMATS:
        near = did_you_mean(declared_format, FORMATS)
        raise SettingsError(f"--format {declared_format!r}: expected one of {', '.join(FORMATS)}{near}")
    try:
        return discover(path, cast(TableFormat | None, declared_format))
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        cause = fault.get("ctx", {}).get("error", fault["msg"])
        raise SettingsError(f"--input {path}: {cause}") from None


def _check(text: str) -> None:
    """Load the settings as a run would, before anything is replaced."""
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / "base.yml"
        draft.write_text(text, encoding="utf-8")
        try:
            load_settings(draft.parent, environment={})
        except SettingsError as error:
            places = rf"{re.escape(str(draft))}:\d+"
            message = re.sub(rf"^{places}(, {places})*: ", "", str(error), flags=re.MULTILINE)
            raise SettingsError(f"{message} (nothing was written)") from None


def conf_text(proposal: Proposal, output_path: str) -> str:
    """The whole text of base.yml."""
    sections = (
        _heading(proposal),
        _input(proposal),
        [f"customer_id: {scalar(proposal.customer_id)}  # {_id_words(proposal)}"],
        ["output:", f"  path: {scalar(output_path)}"],
        _features(proposal),
        _exclusions(proposal),
    )
    return "\n\n".join("\n".join(lines) for lines in map(list, sections) if lines) + "\n"


def scalar(value: Any) -> str:
    """A value as YAML that reads back as the same one, inside [] and {} too."""
    for style in (None, '"'):
        text = yaml.safe_dump(
            [value], default_flow_style=True, default_style=style, width=_ENDLESS, allow_unicode=True, sort_keys=False
        )
        inside = text.strip()[1:-1]
        if len(inside.splitlines()) > 1:
            continue  # a second line would be outside its comment
        if parse_document(f"value: [{inside}]", "value").values["value"] == [value] or not isinstance(value, str):
            break
    return str(inside)


def rows_read(proposal: Proposal) -> str:
    """What was read: `all 200 rows of mall.csv`, or how many of how many."""
    sample = proposal.sample
    notes = [f"{sample.files:,} files"] if sample.files > 1 else []
    if sample.is_whole:
        rows = "the only row" if sample.rows == 1 else f"all {sample.rows:,} rows"
    elif sample.total_rows is not None:
        rows = f"{sample.rows:,} of {sample.total_rows:,} rows"
    else:
        rows = f"{sample.rows:,} rows"
        notes.append("there are more")
    noted = f" ({', '.join(notes)})" if notes else ""
    on = f" of {sample.run_date}" if sample.run_date else ""
    return f"{rows} of {sample.settings.path}{on}{noted}"


def _heading(proposal: Proposal) -> Iterator[str]:
    yield from comment(f"Settings of a nightly segmentation, proposed by seg-spark init from {rows_read(proposal)}.")
    yield from comment(
        "Comments state the facts of each column; you decide what to do about them. Every setting that is not here has "
        "its default: seg-spark print-config shows every setting."
    )
    if not proposal.sample.is_whole:
        yield from comment(
            "The rest of the table may hold what those rows do not: more levels, wider ranges, other faults."
        )
    doubts = list(concerns(proposal))
    if doubts:
        yield "#"
        yield "# Check these before the first run:"
        for text in doubts:
            yield from comment(text, first="# - ", later="#   ")


def _input(proposal: Proposal) -> Iterator[str]:
    settings = proposal.sample.settings
    yield "input:"
    yield f"  path: {scalar(settings.path)}"
    if settings.format != "csv":
        yield f"  format: {settings.format}"
    defaults = TextOptions()
    options = {name: value for name, value in settings.options.model_dump().items() if value != getattr(defaults, name)}
    if options:
        yield "  options:"
        yield from (f"    {name}: {scalar(value)}" for name, value in options.items())
    if proposal.null_values:
        where = "; ".join(f"{mark!r} in {', '.join(headers[:5])}" for mark, headers in proposal.null_values.items())
        yield from comment(f"Texts that mean missing, beside the empty one, in every column. Found: {where}", "  # ")
        yield f"  null_values: {scalar([*DEFAULT_NULL_VALUES, *proposal.null_values])}"
    if proposal.order_by:
        first, *others = proposal.order_by
        instead = f" (or: {', '.join(others[:5])})" if others else ""
        yield from comment(
            f"Among several rows of one customer, the highest value of this column wins{instead}:", "  # "
        )
        yield f"  # order_by: {scalar(first)}"


def _id_words(proposal: Proposal) -> str:
    ids = proposal.ids
    blank = f"{ids.blank_rows:,} blank" if ids.blank_rows else "none blank"
    repeated = f"{ids.repeated:,} in more than one row" if ids.repeated else "none twice"
    return f"{ids.distinct:,} customers, {blank}, {repeated}"


def _features(proposal: Proposal) -> Iterator[str]:
    yield "features:"
    yield "  columns:"
    is_typed = proposal.sample.settings.format != "csv"
    for feature in proposal.features:
        yield from comment("; ".join([feature_summary(feature), *remarks(feature, is_typed)]), "    # ")
        for text in filter(None, (*warnings(feature), skew_of(feature))):
            yield from comment(text, "    # ! ", "    #   ")
        yield f"    {feature_line(feature)}"
    usable = [column for column in proposal.omitted if column.as_feature is not None]
    unusable = [column for column in proposal.omitted if column.as_feature is None]
    if usable:
        yield ""
        yield "    # Left out. Remove the # to use one anyway:"
        lines = [(feature_line(column.as_feature), column.reason) for column in usable if column.as_feature is not None]
        width = min(70, max(len(line) for line, _ in lines))
        yield from (f"    # {line:<{width}}  # {_one_line(reason)}" for line, reason in lines)
    if unusable:
        yield ""
        yield "    # Left out, since they cannot be features:"
        yield from (f"    # - {_one_line(column.header)}: {_one_line(column.reason)}" for column in unusable)


def feature_line(feature: ProposedFeature) -> str:
    """The line of a feature: `age: {source: Age}`."""
    values: dict[str, Any] = {}
    if feature.header != feature.name:
        values["source"] = feature.header
    if feature.kind != "number":
        values["kind"] = feature.kind
    if feature.unit is not None:
        values["unit"] = feature.unit
    if feature.label is not None:
        values["label"] = feature.label
    if feature.form is not None:
        values["text_form"] = feature.form.model_dump(mode="json", exclude_defaults=True)
    return f"{scalar(feature.name)}: {_mapping(values)}"


def _mapping(values: Mapping[str, Any]) -> str:
    pairs = (
        f"{name}: {_mapping(value) if isinstance(value, dict) else scalar(value)}" for name, value in values.items()
    )
    return "{" + ", ".join(pairs) + "}"


def _exclusions(proposal: Proposal) -> Iterator[str]:
    if proposal.exclusions:
        yield "# Rows that may not be customers. Remove the # where a rule is right; such rows are counted apart,"
        yield "# and the columns should then not be features:"
        yield "# cleaning:"
        yield "#   exclude:"
        for rule in proposal.exclusions:
            share = _share_of(proposal, rule)
            yield f"#     - {_mapping(dict(rule))}  # {percent(share)} of the rows"


def _share_of(proposal: Proposal, rule: Mapping[str, Any]) -> float:
    values = proposal.sample.columns[rule["column"]]
    meant = Exclusion.model_validate({**rule, "is_in": tuple(rule["is_in"])} if "is_in" in rule else rule)
    return sum(is_excluded(value, meant) for value in values) / len(values)


def comment(text: str, first: str = "# ", later: str | None = None) -> list[str]:
    """A text as comment lines."""
    return textwrap.wrap(
        _one_line(text),
        WIDTH,
        initial_indent=first,
        subsequent_indent=first if later is None else later,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _one_line(text: str) -> str:
    """A text that no header can smuggle lines or control characters into."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())
