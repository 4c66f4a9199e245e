"""The catalogue of bad settings: what is wrong, and the words of the message that help to mend it.

Numbers are those of the catalogue of bad input. A row changes one thing in a conf that is fine; its
message must name the place (file and line, variable or option), the setting, what was expected, and
the nearest right answer where there is one.
"""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from seg_spark.cli.main import main
from seg_spark.errors import SettingsError
from seg_spark.settings.layers import load_settings

FINE = """\
input: {path: customers}
customer_id: id
output: {path: segments}
features:
  columns:
    age: {}
    income: {}
"""
# rows that add lines to FINE begin in line 8; FINE ends inside features.columns


@dataclass(frozen=True)
class Bad:
    """One thing wrong: in base.yml (`conf` replaces FINE, `added` follows it), in `--set`, or around them."""

    number: int
    what: str
    says: tuple[str, ...]
    conf: str | None = None
    added: str = ""
    assigned: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    env: str | None = None
    environments: Mapping[str, str] = field(default_factory=dict)
    keeps_to_itself: str | None = None

    def write_conf(self, folder: Path) -> Path:
        files = {"base": (FINE if self.conf is None else self.conf) + self.added, **self.environments}
        folder.mkdir()
        for name, text in files.items():
            (folder / f"{name}.yml").write_text(text, encoding="utf-8")
        return folder


def added(number: int, what: str, lines: str, *says: str, keeps_to_itself: str | None = None) -> Bad:
    return Bad(number, what, says, added=lines, keeps_to_itself=keeps_to_itself)


def assigned(number: int, what: str, assignment: str, *says: str, keeps_to_itself: str | None = None) -> Bad:
    return Bad(number, what, says, assigned=(assignment,), keeps_to_itself=keeps_to_itself)


def instead(number: int, what: str, conf: str, *says: str) -> Bad:
    return Bad(number, what, says, conf=conf)


CATALOGUE = [
    # 1 invalid YAML, with line
    instead(1, "a bracket left open", "input: {path: customers\ncustomer_id: id\n", "base.yml:2",
        "invalid YAML"),
    instead(1, "a tab as indent", "input:\n\tpath: customers\n", "base.yml:2", "invalid YAML", "'\\t'"),
    instead(1, "a list", "- input\n", "base.yml:1", "expected 'key: value' lines"),
    instead(1, "two documents", FINE + "---\ninput: {}\n", "base.yml:8", "invalid YAML", "another document"),
    instead(1, "nested beyond reason", "input: " + 600 * "[" + 600 * "]", "base.yml", "nested too deeply"),
    instead(1, "longer than any conf", "# " + 1_000_000 * "x", "base.yml",
        "longer than 1,000,000 characters"),
    instead(1, "nothing", "", "input: is required", "customer_id: is required", "output: is required"),
    assigned(1, "in an assignment", "input.null_values=[a", "--set: input.null_values", "expected a list"),
    # 2 YAML tags or an alias bomb
    added(2, "a tag that runs code", "training: !!python/object/apply:os.system [true]\n", "base.yml:8",
        "tag", "os.system", "not accepted"),
    added(2, "a tag of one's own", "training: {seed: !secret x}\n", "base.yml:8", "tag '!secret'"),
    added(2, "an alias", "training: &t {seed: 1}\nclustering: *t\n", "base.yml:9", "aliases",
        "write the value out"),
    added(2, "a merge key", "training: &t {seed: 1}\ncleaning:\n  <<: *t\n", "base.yml:10", "aliases"),
    instead(2, "an alias bomb", "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n", "base.yml:2", "aliases"),
    # 3 unknown key (did you mean)
    added(3, "a section", "clusterin: {}\n", "base.yml:8", "clusterin: unknown setting",
        "did you mean 'clustering'?"),
    added(3, "a key", "clustering:\n  k:\n    mx: 3\n", "base.yml:10", "clustering.k.mx",
        "did you mean 'max'?"),
    added(3, "a key of a feature", "    size: {vald: [0, 1]}\n", "base.yml:8", "features.columns.size.vald",
        "did you mean 'valid'?"),
    added(3, "a decimal comma", "    size: {weight: 1,5}\n", "features.columns.size.5: unknown setting",
        "one and a half is written 1.5"),
    added(3, "a comma between thousands", "training: {max_customers: 10,000}\n", "training.000: unknown setting",
        "and a thousand 1000"),
    Bad(3, "a key of an environment",
        ("prod.yml:2", "clustering.parallel_fit", "did you mean 'parallel_fits'?"),
        environments={"prod": "clustering:\n  parallel_fit: 2\n"}, env="prod"),
    Bad(3, "a variable", ("SEG_SPARK_CLUSTERIN__K", "did you mean 'clustering'?"),
        variables={"SEG_SPARK_CLUSTERIN__K": "1"}),
    # 4 duplicate key
    added(4, "a setting twice", "customer_id: number\n", "base.yml:8", "customer_id is given twice"),
    added(4, "a setting of a section twice", "training:\n  seed: 1\n  seed: 2\n", "base.yml:10",
        "training.seed", "twice"),
    # 5 wrong type
    added(5, "a text for a number", "clustering:\n  k:\n    max: five\n", "base.yml:10", "clustering.k.max",
        "expected a whole number, found 'five'"),
    added(5, "a quoted number", 'training: {seed: "5"}\n', "base.yml:8", "training.seed",
        "whole number, found '5'"),
    added(5, "a bool for a number", "training: {seed: true}\n", "training.seed",
        "expected a whole number, found true"),
    added(5, "a fraction for a whole number", "training: {seed: 1.5}\n",
        "expected a whole number, found 1.5"),
    added(5, "a number for a bool", "clustering: {refine: 1}\n", "clustering.refine",
        "expected true or false, found 1"),
    added(5, "a bool for a share", "cleaning: {max_rejected_share: true}\n", "max_rejected_share",
        "a number, found true"),
    added(5, "a number for a text", "    size: {unit: 5}\n", "base.yml:8", "features.columns.size.unit",
        "expected a text, found 5"),
    added(5, "a value for a section", "clustering:\n  k: five\n", "base.yml:9", "clustering.k", "mapping",
        "'five'"),
    added(5, "nothing for a section", "clustering:\n", "base.yml:8", "clustering:", "mapping",
        "found nothing"),
    added(5, "a list for a section", "clustering: [k]\n", "base.yml:8", "clustering:", "mapping",
        "found a list"),
    assigned(5, "one text for a list", "input.null_values=none", "--set", "input.null_values",
        "a list, found 'none'"),
    assigned(5, "numbers in a list of texts", "input.null_values=[0]", "input.null_values",
        "expected a text, found 0"),
    assigned(5, "a text as a bound", "features.columns.age.valid=[old, 99]", "features.columns.age.valid",
        "expected a number, found 'old'"),
    assigned(5, "another rule for the missing", "features.columns.age.missing=modus",
        "features.columns.age.missing", "median, mean, reject", "found 'modus'"),
    Bad(5, "in a variable",
        ("SEG_SPARK_CLUSTERING__K__MAX", "clustering.k.max", "whole number, found 'five'"),
        variables={"SEG_SPARK_CLUSTERING__K__MAX": "five"}),
    Bad(5, "in an environment", ("prod.yml:3", "clustering.k.max", "found 'five'"),
        environments={"prod": "clustering:\n  k:\n    max: five\n"}, env="prod"),
    assigned(5, "another word of a choice", "features.columns.age.kind=categry",
        "expected number or category", "did you mean 'category'?"),
    # 6 k below 2
    added(6, "min", "clustering: {k: {min: 1}}\n", "base.yml:8", "clustering.k.min", "2, found 1"),
    assigned(6, "max", "clustering.k.max=0", "--set", "clustering.k.max", "2, found 0"),
    added(6, "above any sense", "clustering: {k: {max: 101}}\n", "base.yml:8", "clustering.k.max",
        "100, found 101"),
    # 7 k range upside down
    added(7, "min above max", "clustering:\n  k: {min: 8, max: 3}\n", "base.yml:9", "clustering.k",
        "min (8) is above max (3)"),
    added(7, "a fixed k outside the range", "clustering: {k: {min: 4}}\nselection: {rule: fixed, k: 3}\n",
        "selection.k", "clustering.k.min to clustering.k.max"),
    added(7, "a fixed rule without its k", "selection: {rule: fixed}\n", "base.yml:8", "selection",
        "k belongs to rule: fixed"),
    added(7, "a k for a rule that finds it", "selection: {k: 3}\n", "base.yml:8", "selection",
        "k belongs to rule: fixed"),
    assigned(7, "an exclusion without a condition", "cleaning.exclude=[{column: state}]", "--set", "cleaning.exclude",
        "exactly one of is_in: [...], equals: ... and is_true: true"),
    assigned(7, "an exclusion with two conditions", "cleaning.exclude=[{column: state, equals: x, is_true: true}]",
        "cleaning.exclude", "exactly one of"),
    assigned(3, "an unknown condition", "cleaning.exclude=[{column: state, equal: x}]", "cleaning.exclude",
        "unknown setting", "did you mean 'equals'?"),
    assigned(7, "an exclusion that is never met", "cleaning.exclude=[{column: state, is_in: []}]", "cleaning.exclude"),
    assigned(7, "a text form that contradicts itself", 'features.columns.age.text_form={decimal: ",", grouping: ","}',
        "features.columns.age.text_form", "decimal and grouping are the same sign"),
    assigned(7, "a symbol that looks like a number", 'features.columns.age.text_form={symbols: ["-1"]}',
        "features.columns.age.text_form", "'-1' is not a symbol"),
    assigned(7, "a text form of a category", "features.columns.age={kind: category, text_form: {}}",
        "text_form is for numbers"),
    # 8 no features
    assigned(8, "a feature dropped that is not there", "features.columns.agee=null", "features.columns.agee",
        "null drops a feature of a lower layer", "did you mean 'age'?"),
    instead(8, "no section", FINE.partition("features")[0], "features: is required"),
    instead(8, "an empty mapping", FINE.partition("  columns")[0] + "  columns: {}\n", "base.yml:5",
        "features.columns", "names no feature"),
    instead(8, "nothing", FINE.partition("    age")[0], "base.yml:5", "features.columns", "mapping",
        "found nothing"),
    # 9 a feature twice
    added(9, "under one name", "    age: {}\n", "base.yml:8", "features.columns.age is given twice"),
    added(9, "in two spellings", "    Age: {}\n", "base.yml", "'Age' and 'age' have the same name"),
    added(9, "from one source", "    salary: {source: income}\n", "features.columns", "'salary' and 'income'",
        "same source"),
    # 10 the customer id as a feature
    added(10, "by its name", "    id: {}\n", "features.columns.id", "the customer id cannot be a feature"),
    added(10, "as a source", "    tenure: {source: id}\n", "features.columns.tenure",
        "the customer id cannot be a feature"),
    # 11 is about an argument: see below
    # 12 input inside output, or output inside input
    assigned(12, "input inside output", "input.path=segments/raw", "input.path and output.path",
        "inside each other"),
    assigned(12, "output inside input", "output.path=customers/segments", "input.path and output.path"),
    assigned(12, "one folder, spelt in two ways", "output.path=./x/../customers/",
        "input.path and output.path"),
    Bad(12, "one of them a URL", ("input.path and output.path",),
        assigned=("input.path=file:///data/all/raw", "output.path=/data/all")),
    # 13 an unsupported scheme or format
    assigned(13, "a scheme", "input.path=ftp://host/customers", "--set", "input.path", "'ftp'", "s3a"),
    assigned(13, "a store to write to", "output.path=ftp://host/segments", "output.path", "'ftp'",
        "plain path"),
    assigned(13, "a pattern to write to", "output.path=out/{run_date}", "--set", "output.path", "'{'",
        "plain folder"),
    assigned(13, "a store without a bucket", "output.path=gs:///segments", "output.path", "gs://bucket/folder"),
    assigned(13, "one slash too few", "input.path=s3a:/bucket/x", "input.path", "s3a://bucket/folder"),
    assigned(13, "a port that is none", "output.path=hdfs://host:8020999/x", "output.path", "hdfs://host:8020/folder"),
    assigned(13, "a format", "input.format=xml", "input.format",
        "expected csv, parquet, json, orc or table, found 'xml'"),
    assigned(13, "a format, misspelt", "input.format=parqet", "did you mean 'parquet'?"),
    assigned(13, "a character set", "input.options.encoding=UTF-88", "input.options.encoding",
        "character set", "UTF-8"),
    assigned(13, "a delimiter of two characters", "input.options.delimiter=;;", "input.options.delimiter",
        "one character"),
    assigned(13, "no path", "input.path=", "--set", "input.path", "expected a file or folder"),
    assigned(13, "a control character", 'input.path="a\\u0007"', "input.path", "control character"),
    # 14 a secret written into conf
    assigned(14, "in a URL", "input.path=s3a://KEY:hunter2@bucket/x", "input.path", "credentials",
        keeps_to_itself="hunter2"),
    assigned(14, "in a URL, with a slash", "output.path=s3a://KEY:hun/ter2@bucket/x", "output.path", "credentials",
        keeps_to_itself="ter2"),
    added(14, "as a setting", "password: hunter2\n", "base.yml:8", "password: unknown setting",
        keeps_to_itself="hunter2"),
    assigned(14, "as an option", "input.options.token=hunter2", "input.options.token", "unknown",
        keeps_to_itself="hunter2"),
    # 15 a table or column name that is no identifier where one is needed
    added(15, "a space", "    yearly income: {}\n", "'yearly income'", "letters, digits and _"),
    added(15, "a digit in front", '    "1st": {}\n', "'1st'", "starting with a letter"),
    added(15, "SQL", '    "a`; drop table b": {}\n', "features.columns", "letters, digits and _"),
    added(15, "a number", "    7: {}\n", "base.yml:8", "'7' is not a column name"),
    added(15, "a name too long", f"    {65 * 'x'}: {{}}\n", "features.columns", "not a column name"),
    added(15, "the name of a column we write", "    Segment_ID: {}\n", "'Segment_ID'",
        "choose another and set its source"),
    assigned(15, "no customer id", "customer_id=", "--set", "customer_id"),
    # 16 negative seed, iterations, share or threshold
    assigned(16, "seed", "training.seed=-1", "--set", "training.seed", "0, found -1"),
    assigned(16, "iterations", "clustering.max_iterations=-1", "clustering.max_iterations", "1, found -1"),
    assigned(16, "no iterations", "clustering.max_iterations=0", "clustering.max_iterations", "1, found 0"),
    assigned(16, "starts", "clustering.starts=0", "clustering.starts", "1, found 0"),
    assigned(16, "share", "cleaning.max_rejected_share=-0.1", "cleaning.max_rejected_share", "0, found -0.1"),
    assigned(16, "share above 1", "cleaning.max_rejected_share=1.5", "cleaning.max_rejected_share",
        "1, found 1.5"),
    assigned(16, "share that is no number", "cleaning.max_rejected_share=.nan", "finite number, found nan"),
    assigned(16, "smallest share", "selection.min_segment_share=-0.1", "selection.min_segment_share",
        "0, found -0.1"),
    assigned(16, "tolerance", "clustering.tolerance=-1.0", "clustering.tolerance", "0, found -1.0"),
    assigned(16, "weight", "features.columns.age.weight=0", "features.columns.age.weight", "0, found 0"),
    assigned(16, "customers", "training.max_customers=-5", "training.max_customers", "10, found -5"),
    # declared rules of a feature that contradict each other
    assigned(16, "bounds upside down", "features.columns.age.valid=[99, 18]", "features.columns.age", "valid",
        "above"),
    assigned(16, "quantiles upside down", "features.columns.age.clip=[0.9, 0.1]", "features.columns.age",
        "clip", "[0.01, 0.99]"),
    assigned(16, "a quantile below 0", "features.columns.age.clip=[-0.1, 0.9]", "features.columns.age.clip",
        "0, found -0.1"),
    assigned(16, "a logarithm without a lower bound", "features.columns.age.transform=log1p",
        "features.columns.age", "log1p", "valid: [0, null]"),
    assigned(16, "a fill value out of bounds", "features.columns.age={valid: [18, 99], missing: 0}",
        "features.columns.age", "missing", "outside valid"),
    assigned(16, "a median of words", "features.columns.age={kind: category, missing: median}",
        "features.columns.age", "missing", "{constant: TEXT}"),
    assigned(16, "bounds for words", "features.columns.age={kind: category, valid: [0, 1]}",
        "features.columns.age", "valid is for numbers"),
    assigned(16, "a level for a number", "features.columns.age.missing=category", "features.columns.age",
        "missing", "median, mean, reject or a number"),
    # 18 a missing conf folder or unknown --env
    Bad(18, "--env misspelt", ("--env prd", "prd.yml", "did you mean 'prod'?"), env="prd",
        environments={"prod": ""}),
    Bad(18, "--env where there is none", ("--env prod", "prod.yml", "it holds base.yml alone"), env="prod"),
    Bad(18, "--env that leaves the folder", ("--env ../prod", "holds no ../prod.yml"), env="../prod",
        environments={"../prod": ""}),
    # 19 --set without =, or of an unknown key
    assigned(19, "no =", "clustering.k.max", "--set clustering.k.max: ", "key=value",
        "--set clustering.k.max=8"),
    assigned(19, "no key", "=8", "--set", "key=value"),
    assigned(19, "a dot too many", "clustering..k=8", "--set clustering..k: ", "key=value"),
    assigned(19, "unknown key", "clustering.k.mx=8", "--set clustering.k.mx", "unknown setting",
        "did you mean 'max'?"),
    assigned(19, "the end of a path", "k.max=8", "--set k.max: unknown setting 'k' (did you mean 'clustering.k.max'?)"),
    Bad(19, "one underscore for two", ("did you mean SEG_SPARK_CLUSTERING__K__MAX?",),
        variables={"SEG_SPARK_CLUSTERING_K_MAX": "8"}),
    Bad(18, "--env with its suffix", ("--env prod.yml", "did you mean 'prod'?"), env="prod.yml",
        environments={"prod": ""}),
    assigned(5, "a policy of no runs", "refit.policy={every: 0}", "--set: refit.policy.every: ", "1, found 0"),
    added(5, "a rule that is false", "cleaning: {exclude: [{column: x, is_true: false}]}\n",
        "expected true, found false"),
    Bad(16, "two settings that do not go together", (":8, --set: ", "run.max_minutes (2000) must be below"),
        added="run: {max_minutes: 2000}\n", assigned=("publish.grace_minutes=1000",)),
    assigned(19, "unknown section", "clusterin.k.max=8", "--set clusterin.k.max",
        "did you mean 'clustering'?"),
    assigned(19, "unknown key of a feature", "features.columns.age.wieght=2",
        "--set features.columns.age.wieght", "did you mean 'weight'?"),
    assigned(19, "unknown key inside a value", "clustering={k: {mx: 8}}", "--set", "clustering.k.mx",
        "did you mean 'max'?"),
    Bad(19, "a rule for a feature that only --set knows", ("--set: features.columns.incom", "(did you mean 'income'?)"),
        assigned=("features.columns.incom.transform=log1p",)),
    Bad(19, "a section that was given a value", ("--set clustering.k.max", "k is set to a single value already"),
        assigned=("clustering.k=8", "clustering.k.max=8")),
]  # fmt: skip


def test_the_conf_that_the_rows_spoil_is_fine(tmp_path: Path) -> None:
    fine = Bad(0, "nothing", ())
    assert list(load_settings(fine.write_conf(tmp_path / "conf"), environment={}).settings.features.columns) == [
        "age",
        "income",
    ]


@pytest.mark.parametrize("bad", CATALOGUE, ids=lambda bad: f"{bad.number}: {bad.what}")
def test_bad_settings_are_refused_with_the_words_that_help(bad: Bad, tmp_path: Path) -> None:
    folder = bad.write_conf(tmp_path / "conf")
    with pytest.raises(SettingsError) as caught:
        load_settings(folder, bad.env, bad.assigned, bad.variables)
    message = str(caught.value)
    assert [words for words in bad.says if words not in message] == [], message
    assert bad.keeps_to_itself is None or bad.keeps_to_itself not in message


def test_a_missing_conf_folder_is_named_with_the_option_that_sets_it(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(tmp_path / "cnf", environment={})
    assert f"{tmp_path}/cnf: the configuration folder does not exist" in str(caught.value)
    assert "--conf-dir" in str(caught.value)


def test_a_conf_folder_without_base_yml_is_refused(tmp_path: Path) -> None:
    (tmp_path / "prod.yml").write_text(FINE, encoding="utf-8")
    with pytest.raises(SettingsError, match=r"holds no base\.yml"):
        load_settings(tmp_path, "prod", environment={})


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_a_conf_file_that_is_not_utf8_is_refused_by_name(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "base.yml").write_bytes(FINE.replace("id", "größe").encode(encoding))
    with pytest.raises(SettingsError, match=r"base\.yml: is not UTF-8 text"):
        load_settings(tmp_path, environment={})


@pytest.mark.parametrize(
    ("run_date", "says"),
    [
        ("2026-02-30", "is not a calendar date"),
        ("2026-13-01", "is not a calendar date"),
        ("yesterday", "expected YYYY-MM-DD"),
        ("20261123", "expected YYYY-MM-DD"),
        ("2026-11-3", "expected YYYY-MM-DD"),
        ("2026-11-23T00:00", "expected YYYY-MM-DD"),
        ("{{ ds }}", "expected YYYY-MM-DD"),
        ("", "expected YYYY-MM-DD"),
        (f"{datetime.date.today() + datetime.timedelta(days=40)}", "days ahead"),
        ("9999-12-31", "days ahead"),
    ],
)
def test_an_impossible_run_date_exits_with_2(
    run_date: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Bad(11, "nothing else", ()).write_conf(tmp_path / "conf")
    assert main(["nightly", "--run-date", run_date, "--conf-dir", str(folder)]) == 2
    message = capsys.readouterr().err
    assert f"--run-date {run_date!r}" in message
    assert says in message


def test_bad_settings_exit_with_2_and_one_readable_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = Bad(3, "a section", (), added="clusterin: {}\n").write_conf(tmp_path / "conf")
    assert main(["print-config", "--conf-dir", str(folder)]) == 2
    assert (
        capsys.readouterr().err
        == f"ERROR {folder}/base.yml:8: clusterin: unknown setting (did you mean 'clustering'?)\n"
    )


def test_every_number_of_the_catalogue_that_settings_can_meet_has_a_row() -> None:
    met_elsewhere = {11}
    without_a_setting = {17}  # there is no time zone to set: everything is UTC
    assert {bad.number for bad in CATALOGUE} | met_elsewhere == set(range(1, 20)) - without_a_setting
