"""Defaults, base.yml, <env>.yml, environment and --set: which one wins, and who says so."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from pydantic import ValidationError

from seg_spark.errors import SettingsError
from seg_spark.settings.layers import EffectiveSettings, leaves_of, load_settings

BASE = """\
input:
  path: customers
customer_id: id
output:
  path: segments
features:
  columns:
    age: {}
    income: {valid: [0, null], unit: k$}
"""


def conf(folder: Path, extra: str = "", **environments: str) -> Path:
    """A conf folder with BASE + `extra` as base.yml, and one file per environment."""
    folder.mkdir(exist_ok=True)
    (folder / "base.yml").write_text(BASE + extra, encoding="utf-8")
    for name, text in environments.items():
        (folder / f"{name}.yml").write_text(text, encoding="utf-8")
    return folder


def load(
    conf_dir: Path,
    env: str | None = None,
    assignments: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> EffectiveSettings:
    """Load with an environment of our own, so that a developer's variables do not leak in."""
    return load_settings(conf_dir, env, assignments, environment or {})


@pytest.fixture(scope="module")
def plain_conf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return conf(tmp_path_factory.mktemp("conf"))


def test_each_layer_wins_over_the_ones_below(tmp_path: Path) -> None:
    folder = conf(tmp_path, "clustering: {k: {max: 21}}\n", prod="clustering: {k: {max: 22}}")
    variable = {"SEG_SPARK_CLUSTERING__K__MAX": "23"}
    layers = [
        load(conf(tmp_path / "bare")),
        load(folder),
        load(folder, "prod"),
        load(folder, "prod", environment=variable),
        load(folder, "prod", ["clustering.k.max=24"], variable),
    ]
    assert [layer.settings.clustering.k.max for layer in layers] == [10, 21, 22, 23, 24]


def test_the_origin_of_a_value_is_its_file_and_line_or_variable_or_option(tmp_path: Path) -> None:
    folder = conf(tmp_path, "clustering:\n  k:\n    max: 7\n", prod="\n\ncleaning:\n  max_rejected_share: 0.5\n")
    origins = load(folder, "prod", ["clustering.starts=3"], {"SEG_SPARK_CLUSTERING__K__MIN": "3"}).origins
    assert origins["customer_id"] == f"{folder}/base.yml:3"
    assert origins["clustering.k.max"] == f"{folder}/base.yml:12"
    assert origins["cleaning.max_rejected_share"] == f"{folder}/prod.yml:4"
    assert origins["clustering.k.min"] == "SEG_SPARK_CLUSTERING__K__MIN"
    assert origins["clustering.starts"] == "--set"
    assert origins["training.seed"] == "default"


def test_a_value_overridden_by_a_higher_layer_takes_its_origin_too(tmp_path: Path) -> None:
    folder = conf(tmp_path, "training: {seed: 1}\n", prod="training: {seed: 2}\n")
    assert load(folder).origins["training.seed"].endswith("base.yml:10")
    assert load(folder, "prod").origins["training.seed"].endswith("prod.yml:1")
    assert load(folder, "prod", ["training.seed=3"]).origins["training.seed"] == "--set"


def test_an_override_leaves_its_neighbours_alone(tmp_path: Path) -> None:
    folder = conf(tmp_path, "clustering: {k: {min: 3, max: 7}, starts: 2}\n", prod="clustering: {k: {max: 9}}\n")
    clustering = load(folder, "prod").settings.clustering
    assert (clustering.k.min, clustering.k.max, clustering.starts) == (3, 9, 2)


def test_a_list_replaces_the_list_below_it(tmp_path: Path) -> None:
    folder = conf(tmp_path, prod="input: {null_values: [missing]}")
    assert load(folder).settings.input.null_values == ("NULL", "null", "NA", "N/A")
    assert load(folder, "prod").settings.input.null_values == ("missing",)


def test_an_environment_can_add_a_feature_and_change_another(tmp_path: Path) -> None:
    columns = load(
        conf(tmp_path, prod="features: {columns: {income: {weight: 2}, orders: {}}}"), "prod"
    ).settings.features.columns
    assert list(columns) == ["age", "income", "orders"]
    assert (columns["income"].weight, columns["income"].unit) == (2.0, "k$")


def test_an_empty_environment_file_changes_nothing(tmp_path: Path) -> None:
    folder = conf(tmp_path, prod="# nothing differs yet\n")
    assert load(folder, "prod").settings == load(folder).settings


def test_a_file_that_begins_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    folder = conf(tmp_path)
    expected = load(folder).settings
    (folder / "base.yml").write_text("\ufeff" + BASE, encoding="utf-8")
    assert load(folder).settings == expected


def test_the_last_of_several_assignments_of_a_key_wins(plain_conf: Path) -> None:
    assert load(plain_conf, assignments=["training.seed=1", "training.seed=2"]).settings.training.seed == 2


@pytest.mark.parametrize(
    ("assignment", "path", "value"),
    [
        ("clustering.k.max=8", "clustering.k.max", 8),
        ("clustering.refine=false", "clustering.refine", False),
        ("selection.min_segment_share=0.05", "selection.min_segment_share", 0.05),
        ("features.columns.age.valid=[18, null]", "features.columns.age.valid", [18.0, None]),
        ("input.null_values=[n/a, '-']", "input.null_values", ["n/a", "-"]),
        ("input.order_by=null", "input.order_by", None),
        ("customer_id=Customer Number", "customer_id", "Customer Number"),
        ('customer_id="007"', "customer_id", "007"),
        ("customer_id=2026-11-23", "customer_id", "2026-11-23"),
        ("input.path=/data/{run_date}/a=b.csv", "input.path", "/data/{run_date}/a=b.csv"),
        (
            "features.columns.age={kind: category, missing: {constant: none}}",
            "features.columns.age.missing.constant",
            "none",
        ),
        ("input.options.delimiter=|", "input.options.delimiter", "|"),
        ("input.options.delimiter=~", "input.options.delimiter", "~"),
        ("input.options.delimiter=\t", "input.options.delimiter", "\t"),
        ("input.options.encoding=utf-8-sig", "input.options.encoding", "UTF-8"),
        ("features.columns.tenure.weight=2", "features.columns.tenure.weight", 2.0),
    ],
)
def test_an_assignment_is_one_yaml_value(plain_conf: Path, assignment: str, path: str, value: object) -> None:
    assert dict(leaves_of(load(plain_conf, assignments=[assignment]).settings))[path] == value


@given(unit=st.text(st.characters(exclude_categories=["Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"])))
@examples(max_examples=50, derandomize=True, deadline=None)
def test_any_quoted_text_arrives_as_it_is(plain_conf: Path, unit: str) -> None:
    quoted = json.dumps(unit, ensure_ascii=False)
    assignment = load(plain_conf, assignments=[f"features.columns.age.unit={quoted}"])
    variable = load(plain_conf, environment={"SEG_SPARK_FEATURES__COLUMNS__AGE__UNIT": quoted})
    assert assignment.settings.features.columns["age"].unit == variable.settings.features.columns["age"].unit == unit


def test_every_single_setting_can_be_assigned_under_its_own_path(plain_conf: Path) -> None:
    effective = load(plain_conf)
    leaves = list(leaves_of(effective.settings))
    again = load(plain_conf, assignments=[f"{path}={json.dumps(value)}" for path, value in leaves])
    assert again.settings == effective.settings
    assert {again.origins[path] for path, _ in leaves} == {"--set"}
    assert len(leaves) > 40


def test_every_leaf_has_an_origin(plain_conf: Path) -> None:
    effective = load(plain_conf)
    assert list(effective.origins) == [path for path, _ in leaves_of(effective.settings)]


def test_variables_of_other_programs_are_ignored(plain_conf: Path) -> None:
    others = {"SPARK_HOME": "/opt/spark", "CLUSTERING__K__MAX": "3", "PATH": "/bin"}
    assert load(plain_conf, environment=others).settings == load(plain_conf).settings


def test_the_environment_of_the_process_counts_unless_another_is_given(
    plain_conf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEG_SPARK_TRAINING__SEED", "77")
    assert load_settings(plain_conf).settings.training.seed == 77
    assert load(plain_conf).settings.training.seed == 42


def test_every_fault_of_every_layer_is_told_at_once(tmp_path: Path) -> None:
    folder = conf(tmp_path, "training: {seed: -1}\n", prod="clustering:\n  starts: none\n")
    with pytest.raises(SettingsError) as caught:
        load(folder, "prod", ["cleaning.max_rejected_share=2"], {"SEG_SPARK_SELECTION__RULE": "elbo"})
    lines = str(caught.value).splitlines()
    assert len(lines) == 4
    for place in (
        f"{folder}/base.yml:10: training.seed:",
        f"{folder}/prod.yml:2: clustering.starts:",
        "SEG_SPARK_SELECTION__RULE: selection.rule:",
        "--set: cleaning.max_rejected_share:",
    ):
        assert [line for line in lines if line.startswith(place)], place


def test_settings_cannot_be_changed_after_loading(plain_conf: Path) -> None:
    effective = load(plain_conf)
    with pytest.raises(ValidationError, match="frozen"):
        effective.settings.training.seed = 1
    with pytest.raises(TypeError):
        effective.origins["training.seed"] = "me"
