"""The report of a run as one HTML page: no network, no inline styles, scripts named by their hash."""

import base64
import hashlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from seg_spark.reporting import charts
from seg_spark.reporting.changes import changes, warnings_of
from seg_spark.reporting.report_sections import (
    MOST_CARDS,
    MOST_COLUMNS,
    ReportData,
    choice,
    distributions,
    form,
    profiles,
    quality,
    segments,
    separation,
    verdict_of,
)
from seg_spark.segments.model import model_to_json
from seg_spark.segments.wording import shown_level

_TEMPLATES: Final = Path(__file__).with_name("templates")


def render_report(data: ReportData) -> str:
    """The page as HTML text."""
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            document=_document(data),
            record=data.record,
            model=data.model,
            features={feature.name: feature for feature in data.model.features},
            names=data.names,
            warnings=warnings_of(data.record),
            verdict=verdict_of(data),
            segments=segments(data),
            changes=changes(data.record, data.transitions, data.sizes),
            choice=choice(data),
            separation=separation(data),
            profiles=profiles(data),
            distributions=distributions(data),
            quality=quality(data),
            form=form(data),
        )
    )


def _document(data: ReportData) -> dict[str, Any]:
    style, script = _file("report.css"), _file("report.js")
    policy = (
        "default-src 'none'",
        f"style-src '{_hash(style)}'",
        f"script-src '{_hash(script)}'",
        "base-uri 'none'",
        "form-action 'none'",
    )
    page_data = {"model": json.loads(model_to_json(data.model)), "distributions": data.figures["distributions"]}
    return {
        "style": Markup(style),  # our own files
        "script": Markup(script),
        "policy": "; ".join(policy),
        "data": _json(page_data),
        "sampled": data.figures["customers"],
    }


def _json(value: Mapping[str, Any]) -> Markup:
    """JSON that no text in it can break out of: `</script>` and `<!--` cannot occur."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _file(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8").replace("\r\n", "\n").strip()


def _score(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = lambda share: f"{share:.1%}"
    environment.filters["count"] = lambda number: f"{number:,}"
    environment.filters["score"] = _score
    environment.globals |= {
        "colour": charts.segment_class,
        "level": shown_level,
        "most_cards": MOST_CARDS,
        "most_columns": MOST_COLUMNS,
    }
    return environment
