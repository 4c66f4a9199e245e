"""Settings for a new table: read a sample, propose, check that the proposal loads, write it."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final, cast, get_args

from pydantic import ValidationError

from seg_spark.errors import SettingsError, did_you_mean
from seg_spark.input.discovery import TableFormat, discover
from seg_spark.input.sample import read_sample
from seg_spark.proposal.columns import Proposal, propose
from seg_spark.proposal.conf_text import conf_text
from seg_spark.settings.layers import load_settings
from seg_spark.settings.raw_table import Input
from seg_spark.storage.local_files import write_atomically

FORMATS: Final[tuple[str, ...]] = get_args(TableFormat)


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
    _check(text, target)
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


def _check(text: str, target: Path) -> None:
    """Load the settings as a run would, before anything is replaced."""
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / "base.yml"
        draft.write_text(text, encoding="utf-8")
        try:
            load_settings(draft.parent, environment={})
        except SettingsError as error:
            raise SettingsError(str(error).replace(str(draft), f"{target} (not written)")) from None
