"""Write conf/base.yml anew from the settings schema: `.venv/bin/python scripts/write_base_conf.py`.

Every setting with its default and its comment. What has no default (which table, which columns) comes from `SAMPLE`,
the table that scripts/make_sample_customers.py writes, so that the file runs as it is.
"""

import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from pydantic.fields import FieldInfo

from seg_spark.settings.feature import Feature
from seg_spark.settings.schema import Settings
from seg_spark.settings.section import Section
from seg_spark.settings.yaml_text import yaml_scalar

WIDTH: Final = 100
HEADER: Final = """\
# Settings of the nightly segmentation, for the sample customers of scripts/make_sample_customers.py.
# Every setting is here with its default; a conf of your own needs only what differs:
# input.path, customer_id, output.path and features.columns.
# Written by scripts/write_base_conf.py from seg_spark/settings/; a test keeps the two equal.
# Higher layers win: <env>.yml, then SEG_SPARK_A__B in the environment, then --set a.b=c.
"""
SAMPLE: Final[dict[str, Any]] = {
    "input": {"path": "data/sample/customers"},
    "customer_id": "customer_id",
    "output": {"path": "output"},
    "features": {
        "columns": {
            "annual_income": {"unit": "k$", "valid": [0, None]},
            "spending_score": {"unit": "points", "valid": [1, 100]},
        }
    },
}


def base_conf_text() -> str:
    """The whole text of conf/base.yml."""
    return HEADER + "\n" + "\n".join(_section(Settings, SAMPLE, 0)) + "\n"


def _section(section: type[Section], given: dict[str, Any], depth: int) -> Iterator[str]:
    indent = "  " * depth
    for name, field in section.model_fields.items():
        if depth == 0 and name != "input":
            yield ""
        yield from _comment(field, indent)
        value = given.get(name, field.get_default(call_default_factory=True) if not field.is_required() else None)
        if name == "columns":
            yield f"{indent}{name}:"
            yield from _feature_columns(given[name], depth + 1)
        elif isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            yield f"{indent}{name}:"
            yield from _section(field.annotation, given.get(name, {}), depth + 1)
        else:
            yield f"{indent}{name}: {yaml_scalar(value)}"


def _feature_columns(features: dict[str, dict[str, Any]], depth: int) -> Iterator[str]:
    indent = "  " * depth
    yield f"{indent}# A feature may say:"
    for name, field in Feature.model_fields.items():
        default = field.get_default()
        text = f"{name}: {field.description}".replace("\n", " ")
        shown = f" [{yaml_scalar(default)}]" if default is not None else ""
        yield from textwrap.wrap(
            text + shown, WIDTH, initial_indent=f"{indent}#   ", subsequent_indent=f"{indent}#     "
        )
    for name, feature in features.items():
        yield f"{indent}{name}: {yaml_scalar(feature)}"


def _comment(field: FieldInfo, indent: str) -> Iterator[str]:
    text = " ".join((field.description or "").split())
    yield from textwrap.wrap(text, WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ")


if __name__ == "__main__":
    (Path(__file__).resolve().parent.parent / "conf" / "base.yml").write_text(base_conf_text(), encoding="utf-8")
