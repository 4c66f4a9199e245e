"""reference.json: on which date, with which settings and on what customers a model was fitted."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from seg_spark.errors import InputError
from seg_spark.segments.drift import Reference


@dataclass(frozen=True)
class FitReference:
    """The run date of a fit, the settings that affected it (as JSON values), and the distribution of its customers."""

    fitted_on: date
    settings: Mapping[str, Any]
    customers: Reference


_REFERENCE: Final = TypeAdapter(FitReference)


def reference_to_json(reference: FitReference) -> str:
    """The text of reference.json."""
    return json.dumps(_REFERENCE.dump_python(reference, mode="json"), indent=1, ensure_ascii=False) + "\n"


def reference_from_json(text: str, where: str) -> FitReference:
    """Read `reference_to_json`'s text. Raises InputError if it is damaged."""
    try:
        return _REFERENCE.validate_json(text)
    except (ValidationError, ValueError):
        raise InputError(f"{where}: is damaged") from None
