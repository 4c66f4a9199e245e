"""The benchmark's own arithmetic, and its scikit-learn contender, which must do the same job as the night. No Spark."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

PROJECT = Path(__file__).parents[2]
sys.path.insert(0, str(PROJECT / "scripts"))

from benchmark import ours, with_sklearn  # noqa: E402
from benchmark.answers import Answer  # noqa: E402
from benchmark.arguments import read_arguments  # noqa: E402
from benchmark.contenders import Run, why_skipped  # noqa: E402
from benchmark.customer_table import clean_customers, read_customers  # noqa: E402
from benchmark.generated import Table, lacking_disk, make_table  # noqa: E402
from benchmark.judge import within_ss  # noqa: E402
from benchmark.process_tree import Measured  # noqa: E402
from benchmark.questions import Question, feature_names, parse_size, size_text  # noqa: E402
from benchmark.results import Quality, Results, Tried  # noqa: E402
from benchmark.targets import COPY, LABEL, TARGETS, ratios  # noqa: E402

SIX = feature_names(6)


def silent(*_: object) -> None:
    pass


def customers(*rows: tuple[Any, ...]) -> pa.Table:
    """Rows of (id, age, annual_income); the other four features are the same for all."""
    columns = {"customer_id": pa.array([row[0] for row in rows], pa.string())}
    for position, name in enumerate(SIX):
        values = [row[1 + position] if position < 2 else 50.0 for row in rows]
        columns[name] = pa.array(values, pa.float64(), from_pandas=False)
    return pa.table(columns)


@pytest.mark.parametrize(
    ("text", "rows"), [("200", 200), ("100k", 100_000), ("1m", 1_000_000), (" 1.5M", 1_500_000), ("10_000", 10_000)]
)
def test_sizes_are_read_as_people_write_them(text: str, rows: int) -> None:
    assert parse_size(text) == rows
    assert parse_size(size_text(rows)) == rows


@pytest.mark.parametrize("text", ["", "k", "-5", "5", "1.5", "10g", "nan", "inf", "1e99m"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_size(text)


def test_a_wrong_argument_is_one_line_and_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--sizes", "ten"], ["--only", "a,z"], ["--features", "7"], ["--repeat", "0"], ["--dirt", "2"]):
        with pytest.raises(SystemExit) as stop:
            read_arguments(words)
        assert stop.value.code == 2
        assert len(capsys.readouterr().err.splitlines()) == 1


def test_features_and_dirt_multiply_and_sizes_ascend() -> None:
    asked = read_arguments(["--sizes", "1m,200", "--features", "6,20", "--dirt", "0,0.02", "--only", "c,a"])
    assert [(one.features, one.dirt, one.rows) for one in asked.questions] == [
        (6, 0, 200), (6, 0, 1_000_000), (6, 0.02, 200), (6, 0.02, 1_000_000),
        (20, 0, 200), (20, 0, 1_000_000), (20, 0.02, 200), (20, 0.02, 1_000_000),
    ]  # fmt: skip
    assert asked.contenders == ("a", "c")
    assert len({one.name for one in asked.questions}) == 8


@pytest.mark.parametrize("form", ["parquet", "csv"])
@pytest.mark.parametrize("rows", [200, 20_000])
def test_cleaning_finds_exactly_the_dirt_that_was_put_in(tmp_path: Path, rows: int, form: str) -> None:
    table = make_table(Question(rows, dirt=0.1, format=form), tmp_path, silent)
    cleaned = clean_customers(read_customers(table.folder, form, SIX), SIX)
    assert cleaned.rows == table.expected_rows
    assert len(set(cleaned.ids.to_pylist())) == len(cleaned.ids) == len(cleaned.values)


def test_both_formats_give_the_same_customers(tmp_path: Path) -> None:
    found = []
    for form in ("parquet", "csv"):
        table = make_table(Question(2000, dirt=0.2, format=form), tmp_path, silent)
        found.append(clean_customers(read_customers(table.folder, form, SIX), SIX))
    assert found[0].ids.to_pylist() == found[1].ids.to_pylist()
    np.testing.assert_array_equal(found[0].values, found[1].values)
    assert np.isnan(found[0].values).any()


def test_each_kind_of_bad_row_is_treated_as_the_night_treats_it() -> None:
    cleaned = clean_customers(
        customers(
            ("kept", 40.0, 10.0), (" ", 40.0, 10.0), (None, 40.0, 10.0), ("not a number", float("nan"), 10.0),
            ("too old", 190.0, 10.0), ("negative", 40.0, -1.0), ("endless", 40.0, float("inf")),
            ("missing", None, 10.0),
            ("twice", 30.0, None), ("twice", 30.0, None), ("disputed", 30.0, 1.0), ("disputed", 31.0, 1.0),
            ("disputed", 31.0, 1.0), ("once bad", 30.0, 1.0), ("once bad", 300.0, 1.0),
        ),
        SIX,
    )  # fmt: skip
    assert cleaned.ids.to_pylist() == ["kept", "missing", "twice", "once bad"]
    assert cleaned.rows == {"input": 15, "accepted": 4, "merged_duplicates": 1, "rejected": 10}
    assert np.isnan(cleaned.values[1, 0])


def test_a_table_is_generated_once(tmp_path: Path) -> None:
    said: list[str] = []
    first = make_table(Question(200), tmp_path, said.append)
    assert make_table(Question(200), tmp_path, said.append) == first
    assert len(said) == 1


def test_the_scikit_learn_contender_labels_every_accepted_customer(tmp_path: Path) -> None:
    table = make_table(Question(200), tmp_path / "data", silent)
    words = [str(table.folder), "--starts", "10", "--output", str(tmp_path / "labels.parquet")]
    assert with_sklearn.main([*words, "--answer", str(tmp_path / "answer.json")]) == 0
    answer = Answer.read(tmp_path / "answer.json")
    labels = pq.read_table(tmp_path / "labels.parquet").to_pandas()
    assert len(labels) == answer.rows["accepted"] == table.expected_rows["accepted"]
    assert labels["segment"].nunique() == answer.chosen_k == max(answer.scores, key=lambda k: answer.scores[k])
    assert {k: len(centres) for k, centres in answer.centres.items()} == {k: k for k in range(2, 11)}
    # the centres are in the units of the table: each is the mean of its customers
    raw = pd.read_parquet(table.folder).drop_duplicates("customer_id").merge(labels, on="customer_id")
    raw = raw.fillna(raw[SIX].median())
    means = raw.groupby("segment")[SIX].mean().to_numpy()
    np.testing.assert_allclose(means, np.array(answer.centres[answer.chosen_k]), rtol=0.02)


def test_the_sample_holds_the_lowest_hashes_whatever_the_order() -> None:
    rows = 120_000
    ids = pa.chunked_array([[f"C{number}" for number in range(rows)]])
    points = np.arange(rows, dtype=float).reshape(-1, 1)
    order = np.random.default_rng(0).permutation(rows)
    samples = []
    for wanted in (np.arange(rows), order):
        table = with_sklearn.Customers(ids.take(pa.array(wanted)), points[wanted], rows, 0)
        samples.append(np.sort(with_sklearn._hash_sample(table, points[wanted]).ravel()))
    assert len(samples[0]) == 100_000
    np.testing.assert_array_equal(*samples)


def test_within_ss_takes_every_point_to_its_nearest_centre() -> None:
    points = np.array([[0.0, 0.0], [0.0, 2.0], [10.0, 0.0], [11.0, 0.0]])
    assert within_ss(points, np.array([[0.0, 1.0], [10.0, 0.0]])) == pytest.approx(1 + 1 + 0 + 1)


def test_our_centres_return_to_the_units_of_the_table() -> None:
    features = [{"shift": 40.0, "scale": 0.5}, {"shift": 7.0, "scale": 0.0}]
    model = {"features": features, "segments": [{"centre": [1.0, 0.0]}, {"centre": [-2.0, 0.0]}]}
    assert ours.original_units(model) == [[42.0, 7.0], [36.0, 7.0]]


def test_our_conf_is_one_that_the_night_accepts(tmp_path: Path) -> None:
    from seg_spark.settings.layers import load_settings

    table = Table(Question(200, features=20), tmp_path / "customers", 1, {})
    settings = load_settings(ours.write_conf(table, tmp_path), None, [], environment={}).settings
    assert list(settings.features.columns) == feature_names(20)
    assert {one.transform for one in settings.features.columns.values()} == {"none"}
    words = ours.fit_command(tmp_path / "conf", 7)
    changes = [words[position + 1] for position, word in enumerate(words) if word == "--set"]
    fixed = load_settings(tmp_path / "conf", None, changes, environment={}).settings
    assert (fixed.selection.rule, fixed.selection.k) == ("fixed", 7)


def test_ratios_stand_beside_their_targets() -> None:
    seconds = {
        (1_000_000, "a"): 20.0, (1_000_000, "b1"): 25.0, (1_000_000, "c"): 100.0,
        (10_000_000, "a"): 70.0, (10_000_000, "b10"): 700.0, (10_000_000, COPY): 4.0, (10_000_000, LABEL): 6.0,
    }  # fmt: skip
    found = {one.what: (one.value, one.limit, one.met) for one in ratios(seconds)}
    assert found == {
        "1m: ours": (20.0, None, None),
        "1m: ours / b1": (0.8, 1.0, True),
        "1m: ours / c": (0.2, 0.25, True),
        "10m: ours": (70.0, 60.0, False),
        "10m: ours / b10": (0.1, 0.15, True),
        "10m: label and write, warm / bare copy, warm": (1.5, 1.5, True),
        "10m: growth from 1m": (3.5, 3.0, False),
    }


def test_every_target_is_met_by_something_that_can_be_measured() -> None:
    seconds = dict.fromkeys(
        ((rows, name) for rows in (200, 10**6, 10**7, 10**8) for name in ("a", "b1", "b10", "c", COPY, LABEL)), 1.0
    )
    assert sum(one.limit is not None for one in ratios(seconds)) == len(TARGETS)
    assert all(one.limit is None for one in ratios(seconds, with_targets=False))


def finished(seconds: float, k: int = 3, failure: str | None = None) -> Run:
    answer = None if failure else Answer({"accepted": 9}, {"fit": 1.0}, k, {k: [[0.0]]})
    return Run(Measured(1 if failure else 0, seconds, 2 * seconds, 10), answer, failure=failure)


def test_the_json_keeps_medians_failures_and_reasons(tmp_path: Path) -> None:
    question = Question(1_000_000)
    tried = Tried(Table(question, tmp_path, 5, {"accepted": 9}))
    tried.runs["a"] = [finished(9.0), finished(1.0), finished(2.0), finished(0.1, failure="no Java")]
    tried.runs["b1"] = [finished(4.0)]
    tried.skipped["c"] = "too long"
    tried.quality = Quality(7, {"a": 10.0, "b1": 15.0}, {"a": 20.0, "b1": 30.0}, 9)
    results = Results({"begun": "now"}, {question: tried})
    results.write(tmp_path / "deep" / "figures.json")
    read = json.loads((tmp_path / "deep" / "figures.json").read_text(encoding="utf-8"))
    (table,) = read["results"]
    assert table["contenders"]["a"]["median_wall_seconds"] == 2.0
    assert table["contenders"]["a"]["wall_seconds_range"] == [1.0, 9.0]
    assert table["contenders"]["a"]["runs"][3]["failure"] == "no Java"
    assert table["skipped"] == {"c": "too long"}
    assert {one["what"]: one["value"] for one in read["ratios"]["6 features, 2% dirt, parquet"]} == {
        "1m: ours": 2.0,
        "1m: ours / b1": 0.5,
    }
    assert results.failed
    assert tried.quality.above_best("b1") == 1.5
    assert tried.quality.above_best("c") is None


def test_what_does_not_fit_is_skipped_with_a_reason(tmp_path: Path) -> None:
    assert "--only c" in str(why_skipped("c", Question(10_000_000), forced=False))
    assert why_skipped("c", Question(10_000_000), forced=True) is None
    assert "memory" in str(why_skipped("b1", Question(10**9, features=20), forced=False))
    assert "everybody" in str(why_skipped("b1s", Question(100_000), forced=False))
    assert [name for name in ("a", "b1", "b10", "c", "d") if why_skipped(name, Question(200), forced=False)] == []
    assert lacking_disk(Question(200), tmp_path) is None
    assert "GiB of disk" in str(lacking_disk(Question(10**12), tmp_path))


def test_the_crossover_lies_between_the_last_win_and_the_first_loss() -> None:
    from benchmark.scoring import crossovers

    found = [
        {"shape": {"segments": k}, "axes": axes, "axes_title": f"{axes} numbers", "ratio": ratio}
        for axes, k, ratio in [(6, 3, 0.2), (6, 10, 0.9), (20, 3, 0.5), (20, 10, 1.5), (50, 3, 2.0), (50, 10, 9.0)]
    ]
    assert crossovers(found) == [
        "6 numbers: SQL is faster for every k tried",
        "20 numbers: SQL is faster up to k = 3, transform from k = 10",
        "50 numbers: transform is faster for every k tried",
        "k x axes: largest with SQL faster 60, smallest with transform faster 150",
    ]


@pytest.mark.process
def test_processor_and_memory_of_children_and_orphans_count(tmp_path: Path) -> None:
    (tmp_path / "child.py").write_text(
        "import time\n"
        "block = b'x' * 60_000_000\n"
        "print('ready', flush=True)\n"
        "while time.process_time() < 0.5: pass\n"
        "time.sleep(1.5)\n"
    )
    (tmp_path / "parent.py").write_text(
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, {str(tmp_path / 'child.py')!r}], stdout=subprocess.PIPE)\n"
        "child.stdout.readline()\n"
        "time.sleep(1)\n"
        "sys.exit(3)\n"  # and leaves an orphan
    )
    harness = (  # in a process of its own, for it adopts orphans
        "import os, pathlib, sys\n"
        "from benchmark.process_tree import measure\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "command = [sys.executable, str(folder / 'parent.py')]\n"
        "got = measure(command, folder / 'log.txt', os.environ, folder, lambda *_: None)\n"
        "print(got.exit_code, got.wall_seconds, got.cpu_seconds, got.peak_bytes)\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", harness, str(tmp_path)],
        cwd=PROJECT / "scripts", capture_output=True, text=True, check=True,
    )  # fmt: skip
    code, wall, cpu, peak = map(float, answer.stdout.split())
    assert code == 3
    assert wall >= 1
    assert cpu >= 0.5 or sys.platform != "linux"
    assert peak > 60_000_000
