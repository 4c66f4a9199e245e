"""The benchmark's own arithmetic, and its scikit-learn contender, which must do the same job as a run. No Spark."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from processes import PROJECT
from typer.testing import CliRunner

sys.path.insert(0, str(PROJECT / "scripts"))

from benchmark import contenders, with_sklearn
from benchmark.__main__ import app, contenders_of, sizes_of
from benchmark.answers import Answer
from benchmark.contenders import Run, original_units, why_skipped
from benchmark.customer_table import clean_customers, read_customers
from benchmark.figures import TARGETS, Results, as_json, comparison_grid, ratios, write_json
from benchmark.judge import within_ss
from benchmark.measure import Measured, measure
from benchmark.tables import Table, TableSpec, feature_names, make_table, parse_size, size_text

SIX = feature_names(6)


def customers(*rows: tuple[Any, ...]) -> pa.Table:
    """Rows of (id, age, annual_income); the other four features are the same for all."""
    columns = {"customer_id": pa.array([row[0] for row in rows], pa.string())}
    for position, name in enumerate(SIX):
        values = [row[1 + position] if position < 2 else 50.0 for row in rows]
        columns[name] = pa.array(values, pa.float64(), from_pandas=False)
    return pa.table(columns)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("200", 200),
        ("100k", 100_000),
        ("1m", 1_000_000),
        (" 1.5M", 1_500_000),
        ("10_000", 10_000),
        ("2.01m", 2_010_000),
        ("123456700", 123_456_700),
    ],
)
def test_sizes_are_read_as_people_write_them(text: str, rows: int) -> None:
    assert parse_size(text) == rows
    assert parse_size(size_text(rows)) == rows


@pytest.mark.parametrize("text", ["", "k", "-5", "5", "1.5", "10g", "nan", "inf", "1e99m"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_size(text)


@pytest.mark.parametrize(
    "words",
    [("--sizes", "ten"), ("--only", "a,z"), ("--features", "5"), ("--repeat", "0"), ("--dirt", "2"),
     ("--quick", "--sizes", "200,1k"), ("--against", "nowhere.json"), ("--against", str(PROJECT / "uv.lock")),
     ("--only", "")],
)  # fmt: skip
def test_a_wrong_argument_is_refused_before_anything_runs(words: tuple[str, ...]) -> None:
    refused = CliRunner().invoke(app, words)
    assert refused.exit_code == 2
    assert words[-2] in refused.output


def test_sizes_ascend_and_contenders_keep_their_order() -> None:
    assert sizes_of("1m,200, 100k,200") == [200, 100_000, 1_000_000]
    assert contenders_of("c, a") == ["a", "c"]


@pytest.mark.parametrize("form", ["parquet", "csv"])
@pytest.mark.parametrize("rows", [200, 20_000])
def test_cleaning_finds_exactly_the_dirt_that_was_put_in(tmp_path: Path, rows: int, form: str) -> None:
    table = make_table(TableSpec(rows, dirt=0.1, format=form), tmp_path)
    cleaned = clean_customers(read_customers(table.folder, form, SIX), SIX)
    assert cleaned.rows == table.expected_rows
    assert len(set(cleaned.ids.to_pylist())) == len(cleaned.ids) == len(cleaned.values)


def test_both_formats_give_the_same_customers(tmp_path: Path) -> None:
    found = []
    for form in ("parquet", "csv"):
        table = make_table(TableSpec(2000, dirt=0.2, format=form), tmp_path)
        found.append(clean_customers(read_customers(table.folder, form, SIX), SIX))
    assert found[0].ids.to_pylist() == found[1].ids.to_pylist()
    np.testing.assert_array_equal(found[0].values, found[1].values)
    assert np.isnan(found[0].values).any()


def test_each_kind_of_bad_row_is_treated_as_the_run_treats_it() -> None:
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
    first = make_table(TableSpec(200), tmp_path)
    times = [path.stat().st_mtime_ns for path in first.folder.iterdir()]
    assert make_table(TableSpec(200), tmp_path) == first
    assert [path.stat().st_mtime_ns for path in first.folder.iterdir()] == times


@pytest.mark.parametrize("spoilt", ["cut short", "of another generator"])
def test_a_table_that_is_not_what_the_generator_makes_is_made_anew(tmp_path: Path, spoilt: str) -> None:
    first = make_table(TableSpec(200), tmp_path)
    [part], [summary] = first.folder.iterdir(), tmp_path.glob("*.json")
    whole = part.read_bytes()
    part.write_bytes(whole[:-9] if spoilt == "cut short" else b"x" * len(whole))
    if spoilt == "of another generator":
        made = json.loads(summary.read_text(encoding="utf-8"))
        summary.write_text(json.dumps(made | {"generator": "another"}), encoding="utf-8")
    assert make_table(TableSpec(200), tmp_path) == first
    assert part.read_bytes() == whole


def test_the_scikit_learn_contender_labels_every_accepted_customer(tmp_path: Path) -> None:
    table = make_table(TableSpec(200), tmp_path / "data")
    with_sklearn.main(table.folder, output=tmp_path / "labels.parquet", answer=tmp_path / "answer.json", starts=10)
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
    assert original_units(model) == [[42.0, 7.0], [36.0, 7.0]]


def finished(seconds: float, failure: str | None = None) -> Run:
    answer = None if failure else Answer({"accepted": 9}, {"fit": seconds / 2}, 3, {3: [[0.0]]}, {3: 0.5})
    return Run(Measured(1 if failure else 0, seconds, 2 * seconds, 10), answer, failure)


def measured(spec: TableSpec, **seconds: float) -> Results:
    return Results(Table(spec, Path("nowhere"), {"accepted": 9}), {name: [finished(s)] for name, s in seconds.items()})


def test_ratios_stand_beside_what_is_asked() -> None:
    found = ratios(
        [measured(TableSpec(10**6), a=20.0, b1=25.0, c=100.0), measured(TableSpec(10**7), a=70.0, b10=700.0)]
    )
    assert {one.what: (one.value, one.must, one.aim) for one in found} == {
        "1m-x6-dirt0.02-parquet: ours / b1": (0.8, 2.0, 1.0),
        "1m-x6-dirt0.02-parquet: ours / c": (0.2, 0.25, None),
        "10m-x6-dirt0.02-parquet: ours / b10": (0.1, None, None),
        "10m-x6-dirt0.02-parquet: ours / ours at 1m": (3.5, 3.0, 2.0),
    }


def test_every_target_belongs_to_something_that_can_be_measured() -> None:
    everybody = dict.fromkeys(("a", "b1", "b10", "c"), 1.0)
    sizes = (200, 10**6, 10**7, 3 * 10**7)
    assert sum(
        one.must is not None for one in ratios([measured(TableSpec(rows), **everybody) for rows in sizes])
    ) == len(TARGETS)
    assert all(one.must is None for one in ratios([measured(TableSpec(rows, 20), **everybody) for rows in sizes]))


def test_growth_is_told_only_between_tables_of_one_kind() -> None:
    assert ratios([measured(TableSpec(200), a=1.0), measured(TableSpec(1000, format="csv"), a=2.0)]) == []


def test_the_json_keeps_medians_failures_and_reasons(tmp_path: Path) -> None:
    results = measured(TableSpec(1_000_000), a=9.0, b1=4.0)
    results.runs["a"] += [finished(1.0), finished(2.0), finished(0.1, failure="no Java")]
    results.skipped["c"] = "too long"
    write_json(tmp_path / "deep" / "figures.json", {"begun": "now"}, [results])
    read = json.loads((tmp_path / "deep" / "figures.json").read_text(encoding="utf-8"))
    (table,) = read["results"]
    assert table["contenders"]["a"]["median_wall_seconds"] == 2.0
    assert table["contenders"]["a"]["runs"][3]["failure"] == "no Java"
    assert table["skipped"] == {"c": "too long"}
    assert [(one["what"], one["value"]) for one in read["ratios"]] == [("1m-x6-dirt0.02-parquet: ours / b1", 0.5)]


def test_earlier_figures_stand_beside_those_of_now_by_run_and_step() -> None:
    about = {"begun": "yesterday", "machine": {"cpu": "one", "cores": 2}}
    then = as_json(about, [measured(TableSpec(200), a=20.0, b1=1.0)])
    now = as_json(about, [measured(TableSpec(200), a=10.0, c=5.0), measured(TableSpec(1000), a=1.0)])
    grid = comparison_grid(then, now)
    columns = [list(column.cells) for column in grid.columns]
    assert columns == [
        ["200-x6-dirt0.02-parquet a", "200-x6-dirt0.02-parquet a fit"],
        ["20.0", "10.0"], ["10.0", "5.0"], ["0.50", "0.50"],
    ]  # fmt: skip
    assert "ANOTHER" not in str(grid.title)
    assert "ANOTHER" in str(comparison_grid(then, now | {"machine": {"cpu": "two", "cores": 2}}).title)


def test_what_does_not_fit_is_skipped_with_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contenders, "memory_bytes", lambda: 16 * 2**30)
    assert "--only c" in str(why_skipped("c", TableSpec(10_000_000)))
    assert "memory" in str(why_skipped("b1", TableSpec(10**9, features=20)))
    assert "everybody" in str(why_skipped("b1s", TableSpec(100_000)))
    assert [name for name in ("a", "b1", "b10", "c") if why_skipped(name, TableSpec(200))] == []


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
    command = [sys.executable, str(tmp_path / "parent.py")]
    taken = measure(command, tmp_path / "log.txt", os.environ, tmp_path, lambda *_: None)
    assert taken.exit_code == 3
    assert 1 <= taken.wall_seconds < 2
    assert taken.cpu_seconds >= 0.4
    assert taken.peak_bytes > 60_000_000


@pytest.mark.process
def test_an_interruption_ends_all_that_was_started(tmp_path: Path) -> None:
    (tmp_path / "parent.py").write_text(
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(child.pid, flush=True)\n"
        "child.wait()\n"
    )
    log = tmp_path / "log.txt"

    def interrupt_once_the_child_runs(*_: float) -> None:
        if log.read_text().endswith("\n"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure([sys.executable, str(tmp_path / "parent.py")], log, os.environ, tmp_path, interrupt_once_the_child_runs)
    assert not psutil.pid_exists(int(log.read_text()))
