"""The conf files that ship: base.yml is the schema written out, prod.yml what differs."""

import json
import sys

from processes import PROJECT

from seg_spark.settings.layers import leaves_of, load_settings
from seg_spark.settings.schema import Settings

sys.path.insert(0, str(PROJECT / "scripts"))

from write_base_conf import SAMPLE, base_conf_text

CONF = PROJECT / "conf"


def test_base_yml_is_what_the_schema_writes() -> None:
    assert (CONF / "base.yml").read_text(encoding="utf-8") == base_conf_text()


def test_base_yml_gives_the_sample_table_and_otherwise_every_default() -> None:
    # from JSON: strict settings take a list for a tuple there only
    defaults = Settings.model_validate_json(json.dumps(SAMPLE))
    assert load_settings(CONF, environment={}).settings == defaults


def test_every_setting_stands_in_base_yml_on_a_line_of_its_own_below_a_comment() -> None:
    lines = base_conf_text().splitlines()
    effective = load_settings(CONF, environment={})
    paths = [path for path, _ in leaves_of(effective.settings) if not path.startswith("features.columns.")]
    assert "selection.min_segment_share" in paths
    for path in paths:
        file, _, line = effective.origins[path].rpartition(":")
        assert file == str(CONF / "base.yml"), path
        assert lines[int(line) - 1].strip().startswith(f"{path.rpartition('.')[2]}: "), path
        assert lines[int(line) - 2].strip().startswith("# "), path


def test_prod_yml_loads_and_says_only_what_differs() -> None:
    base = dict(leaves_of(load_settings(CONF, environment={}).settings))
    prod = load_settings(CONF, "prod", environment={})
    given = {path: value for path, value in leaves_of(prod.settings) if "prod.yml" in prod.origins[path]}
    assert given["input.path"] == "/data/customers/{run_date}"
    assert [path for path in given if given[path] == base[path]] == []
