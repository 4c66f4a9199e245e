"""Segments keep their identity from date to date, and movement is told; labels are read back by DuckDB."""

import json
import random
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from builders import conf_dir, customer, write_csv

from seg_spark.cli.main import main
from seg_spark.segments.prediction import label_customer
from seg_spark.storage.commits import commit_of, read_model
from seg_spark.storage.local_store import LocalStore

pytestmark = [pytest.mark.usefixtures("spark"), pytest.mark.long]

FIRST = date(2026, 11, 20)
Row = dict[str, Any]


def at(numbers: Iterable[int], income: int, score: int) -> list[Row]:
    """Customers around one place."""
    return [customer(one, income=income + one % 5 - 2, score=score + one % 3 - 1) for one in numbers]


SAVERS, SPENDERS, SMALL = at(range(100, 140), 80, 20), at(range(200, 230), 80, 90), at(range(300, 320), 20, 50)


def run(root: Path, day: int, rows: list[Row], *more: str, command: str = "nightly") -> int:
    """Run a command for a day of the series, on these customers."""
    for old in (root / "input").glob("*"):
        old.unlink()
    write_csv(root, rows)
    words = ["--run-date", str(FIRST + timedelta(day)), "--conf-dir", str(root / "conf")]
    return main([command, *words, *more])


def query(root: Path, columns: str, day: int, table: str = "customer_segments") -> list[tuple[Any, ...]]:
    """Columns of a published table on a day."""
    folder = root / "output" / table / f"run_date={FIRST + timedelta(day)}"
    return duckdb.sql(f"SELECT {columns} FROM read_parquet('{folder}/*.parquet')").fetchall()


def ids_of(root: Path, day: int) -> Mapping[str, int]:
    """Segment id by customer."""
    return dict(query(root, "customer_id, segment_id", day))


def names_of(root: Path, day: int) -> Mapping[int, str]:
    return dict(query(root, "DISTINCT segment_id, segment_name", day))


def events_of(root: Path, day: int) -> list[tuple[int, str, tuple[int, ...]]]:
    """What happened to segments on a day."""
    commit = commit_of(LocalStore(root / "output"), FIRST + timedelta(day))
    return [
        (one.segment_id, one.what, one.others)
        for one in commit.segment_state.history
        if one.run_date == commit.run_date
    ]


def days() -> list[list[Row]]:
    """Four days: plain; the same shuffled and in another order of columns (on that day the features in conf are in
    another order too); a segment that splits, with customers who move, enter and leave; and one that dies."""
    plain = [*SAVERS, *SPENDERS, *SMALL]
    shuffled = [{name: row[name] for name in ("score", "id", "income")} for row in plain]
    random.Random(1).shuffle(shuffled)
    moved = [*at(range(100, 110), 80, 90), *at(range(110, 138), 80, 20)]
    split = [*moved, *at(range(200, 215), 50, 140), *at(range(215, 230), 110, 140), *at(range(301, 321), 20, 50)]
    dead = [row for row in split if not row["id"].startswith("C03")]
    return [plain, shuffled, split, dead]


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All days, run in order."""
    root = tmp_path_factory.mktemp("series")
    conf = conf_dir(root, clustering={"k": {"min": 2, "max": 5}}, refit={"policy": "always", "k_runs": 1}) / "base.yml"
    plain = conf.read_text(encoding="utf-8")
    reordered = plain.replace("    income: {}\n    score: {}\n", "    score: {}\n    income: {}\n")
    assert reordered != plain
    for day, rows in enumerate(days()):
        conf.write_text(reordered if day == 1 else plain, encoding="utf-8")
        assert run(root, day, rows) == 0
    return root


def test_a_refit_of_the_same_customers_changes_nothing_whatever_their_order(series: Path) -> None:
    assert ids_of(series, 0) == ids_of(series, 1)
    assert names_of(series, 0) == names_of(series, 1)
    assert [what for _, what, _ in events_of(series, 0)] == ["born"] * 3
    assert events_of(series, 1) == []


def test_the_preceding_segment_and_the_date_of_entering_stand_beside_each_label(series: Path) -> None:
    assert query(series, "DISTINCT previous_segment_id, since", 0) == [(None, FIRST)]
    assert set(query(series, "previous_segment_id = segment_id, since", 1)) == {(True, FIRST)}
    today = FIRST + timedelta(2)
    rows = query(series, "customer_id, segment_id, previous_segment_id, since", 2)
    before = ids_of(series, 1)
    for customer_id, now, previous, since in rows:
        assert previous == before.get(customer_id)
        assert since == (FIRST if previous == now else today)
    assert [previous for customer_id, _, previous, _ in rows if customer_id == "C0320"] == [None]


def test_a_part_of_a_split_segment_keeps_the_id_and_the_others_are_new(series: Path) -> None:
    before, now = ids_of(series, 1), ids_of(series, 2)
    assert now["C0110"] == before["C0110"]
    assert now["C0310"] == before["C0310"]
    assert set(now.values()) - set(before.values()) >= {4}
    whole = before["C0210"]
    assert {now["C0210"], now["C0220"]} & {whole}
    assert any(what == "split" and segment_id == whole for segment_id, what, _ in events_of(series, 2))


def test_a_segment_that_dies_is_retired_and_its_id_is_not_given_again(series: Path) -> None:
    dead = ids_of(series, 2)["C0310"]
    assert dead not in ids_of(series, 3).values()
    assert (dead, "retired", ()) in events_of(series, 3)


@pytest.mark.parametrize("day", [1, 2, 3])
def test_transitions_add_up_to_the_sizes_of_both_dates(series: Path, day: int) -> None:
    moves = query(series, "from_segment_id, to_segment_id, customers", day, "segment_transitions")
    for position, other in ((0, day - 1), (1, day)):
        sums = Counter[int]()
        for move in moves:
            if move[position] is not None:
                sums[move[position]] += move[2]
        assert sums == Counter(ids_of(series, other).values())
    entered = set(ids_of(series, day)) - set(ids_of(series, day - 1))
    left = set(ids_of(series, day - 1)) - set(ids_of(series, day))
    assert sum(count for before, _, count in moves if before is None) == len(entered)
    assert sum(count for _, now, count in moves if now is None) == len(left)


def test_segments_history_and_runs_are_printed_for_programs(series: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def printed(*words: str) -> Any:
        assert main([*words, "--conf-dir", str(series / "conf"), "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    segments = printed("segments")
    assert segments["run_date"] == str(FIRST + timedelta(3))
    sizes = Counter(ids_of(series, 3).values())
    assert {one["segment_id"]: one["customers"] for one in segments["profiles"]} == sizes
    assert {one["feature"] for one in segments["profiles"]} == {"income", "score"}
    born = [one for one in printed("segments", "--history")["history"] if one["what"] == "born"]
    assert sizes.keys() <= {one["segment_id"] for one in born}
    runs = printed("runs", "--run-date", str(FIRST))
    assert [(one["run_date"], one["status"], one["version"]) for one in runs] == [(str(FIRST), "succeeded", "current")]
    assert sum(one["customers"] for one in runs[0]["segments"]) == runs[0]["rows"]["accepted"]


def test_two_dates_are_compared_without_spark(series: Path, capsys: pytest.CaptureFixture[str]) -> None:
    days = [str(FIRST + timedelta(day)) for day in (1, 2)]
    words = ["compare", *days, "--conf-dir", str(series / "conf")]
    assert main([*words, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    published = query(series, "from_segment_id, to_segment_id, customers", 2, "segment_transitions")
    assert {tuple(one.values()) for one in document["transitions"]} == set(published)
    assert (document["entered"], document["left"]) == (1, 3)
    assert document["stayed"] + document["moved"] == len(SAVERS) + len(SPENDERS) + len(SMALL) - 3
    assert {one["feature"] for one in document["drift"]} == {"income", "score"}
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert "drift of the features" in shown
    assert f"{days[0]} to {days[1]}: {document['stayed']} stayed, {document['moved']} moved, 1 entered, 3 left" in shown
    assert "largest moves:" in shown
    assert main(["compare", *reversed(days), "--conf-dir", str(series / "conf")]) == 2
    assert "expected an earlier date and then a later one" in capsys.readouterr().err
    assert main(["compare", "2026-01-01", days[0], "--conf-dir", str(series / "conf")]) == 3
    assert "no labels are published for 2026-01-01" in capsys.readouterr().err


def test_the_run_tells_who_moved(series: Path) -> None:
    [path] = (series / f"output/runs/run_date={FIRST + timedelta(1)}").glob("*[0-9a-f].json")
    movement = json.loads(path.read_text(encoding="utf-8"))["movement"]
    assert movement == {
        "since": str(FIRST), "stayed": 90, "moved": 0, "entered": 0, "left": 0, "moved_by_refit": 0,
    }  # fmt: skip


def test_a_refit_has_moved_those_whom_the_model_before_would_have_left_in_their_segment(series: Path) -> None:
    store, today = LocalStore(series / "output"), FIRST + timedelta(2)
    published = commit_of(store, FIRST + timedelta(1)).model
    assert published is not None
    earlier = read_model(store, published)
    before, now = ids_of(series, 1), ids_of(series, 2)
    left = {
        customer_id: label_customer(earlier, {"income": income, "score": score}).segment_id
        for customer_id, income, score in query(series, "customer_id, income, score", 2, "clean_customers")
    }
    moved = [one for one in now if one in before and before[one] != now[one]]
    by_refit = [one for one in moved if left[one] == before[one]]
    assert 0 < len(by_refit) < len(moved)
    [path] = (series / f"output/runs/run_date={today}").glob("*[0-9a-f].json")
    movement = json.loads(path.read_text(encoding="utf-8"))["movement"]
    assert (movement["moved"], movement["moved_by_refit"]) == (len(moved), len(by_refit))


def test_the_first_date_has_no_transitions(series: Path) -> None:
    assert not (series / "output/segment_transitions" / f"run_date={FIRST}").exists()


def test_running_the_dates_again_gives_the_same_ids(series: Path) -> None:
    before = [(ids_of(series, day), names_of(series, day), events_of(series, day)) for day in (2, 3)]
    assert run(series, 2, days()[2], "--force") == 0
    assert (ids_of(series, 2), names_of(series, 2), events_of(series, 2)) == before[0]
    assert run(series, 3, days()[3]) == 0
    assert (ids_of(series, 3), names_of(series, 3), events_of(series, 3)) == before[1]


def test_a_damaged_model_of_the_date_before_is_named_with_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    conf_dir(tmp_path)
    assert run(tmp_path, 0, days()[0]) == 0
    store = LocalStore(tmp_path / "output")
    model = commit_of(store, FIRST).model
    assert model is not None
    store.write(f"{model.folder}/model.json", b"{")
    capsys.readouterr()
    assert run(tmp_path, 1, days()[1]) == 3
    assert f"run seg-spark nightly --run-date {FIRST} --force, then this date" in capsys.readouterr().err
    assert commit_of(store, FIRST + timedelta(1)).number == 0
    assert run(tmp_path, 0, days()[0], "--force") == 0
    assert run(tmp_path, 1, days()[1]) == 0
    assert ids_of(tmp_path, 1) == ids_of(tmp_path, 0)
