"""Rollback, backfill, forget, and what happens when a run fails, on real Spark; labels are read back by DuckDB."""

import gzip
import io
import json
import re
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from builders import conf_dir, customer, grouped_customers, settings, write_csv

from seg_spark import published_files, runner
from seg_spark.cli.main import main
from seg_spark.errors import TerminatedError
from seg_spark.reporting.progress import StepProgress
from seg_spark.settings.schema import Run
from seg_spark.storage.commits import latest_commit, stale_dates
from seg_spark.storage.local_store import LocalStore
from seg_spark.storage.repair import RepairResult, repair

pytestmark = pytest.mark.usefixtures("spark")

FIRST = date(2026, 11, 20)


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def arrange(root: Path, days: int) -> list[str]:
    """An input for each day, in which some customers change their values, and the words that name the conf."""
    for number in range(days):
        rows = grouped_customers(30)
        rows = [{**row, "income": row["income"] + (i * (number + 3)) % 11} for i, row in enumerate(rows)]
        write_csv(root / "days" / f"{day(number)}", rows)
    folder = conf_dir(root, input={"path": str(root / "days" / "{run_date}" / "input")}, clustering={"k": {"max": 4}})
    return ["--conf-dir", str(folder)]


def labels(root: Path, run_date: date) -> list[tuple[Any, ...]]:
    """All that the labels of a date say, but for the run that wrote them."""
    source = f"read_parquet('{root}/output/customer_segments/**/*.parquet', hive_partitioning = true)"
    return duckdb.sql(
        f"SELECT * EXCLUDE (run_id) FROM {source} WHERE run_date = DATE '{run_date}' ORDER BY customer_id"
    ).fetchall()


def statuses(root: Path) -> list[tuple[str, str]]:
    """(date, status) of all runs, in the order in which they ended."""
    paths = sorted((root / "output/runs").rglob("*.json"), key=lambda one: one.stat().st_mtime_ns)
    records = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    return [(one["run_date"], one["status"]) for one in records]


@pytest.mark.long
def test_a_date_is_rolled_back_and_the_next_goes_on_from_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = arrange(tmp_path, 2)
    assert main(["nightly", "--run-date", f"{day(0)}", *words]) == 0
    before = labels(tmp_path, day(0))
    assert main(["nightly", "--run-date", f"{day(1)}", *words]) == 0
    assert main(["nightly", "--run-date", f"{day(0)}", "--set", "clustering.k.max=2", *words]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith(f"stale     {day(1)}: made after another version")
    assert labels(tmp_path, day(0)) != before
    assert main(["rollback", "--run-date", f"{day(0)}", *words]) == 0
    shown = capsys.readouterr().out
    assert re.search(r"^rolled back: the version of run \S+ is current again$", shown, re.M)
    assert labels(tmp_path, day(0)) == before
    assert main(["runs", *words]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if "succeeded" in line]
    found = [(re.findall(r"nightly|rollback", line), re.findall("current|stale|rolled back", line)) for line in lines]
    assert found == [
        (["nightly"], ["current"]), (["nightly"], ["rolled back"]), (["rollback"], []), (["nightly"], ["current"]),
    ]  # fmt: skip
    assert main(["nightly", "--run-date", f"{day(0)}", *words]) == 0
    assert "nothing to do: run " in capsys.readouterr().out  # it is made from the same input and settings
    assert main(["rollback", "--run-date", f"{day(1)}", *words]) == 3
    assert "no version before the current one of 2026-11-21 is kept" in capsys.readouterr().err
    assert statuses(tmp_path)[-1] == (f"{day(1)}", "failed")


@pytest.mark.long
def test_many_dates_are_backfilled_in_order_and_a_stopped_backfill_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    for root in (whole, stopped):
        arrange(root, 4)
    range_ = ["--from", f"{day(0)}", "--to", f"{day(3)}"]
    assert main(["backfill", *range_, "--conf-dir", str(whole / "conf")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line[:21] for line in lines] == [f"{day(number)}  succeeded" for number in range(4)]
    away = (stopped / "days" / f"{day(2)}").rename(stopped / "away")
    words = ["backfill", *range_, "--conf-dir", str(stopped / "conf")]
    assert main(words) == 3
    assert f"backfill: 2 of 4 dates are done; the same command goes on at {day(2)}" in caplog.text
    away.rename(stopped / "days" / f"{day(2)}")
    assert main(words) == 0
    assert [status for _, status in statuses(stopped)] == [
        *("succeeded", "succeeded", "failed"),
        *("skipped", "skipped", "succeeded", "succeeded"),
    ]
    assert [labels(stopped, day(number)) for number in range(4)] == [labels(whole, day(number)) for number in range(4)]


@pytest.mark.long
def test_dates_after_a_backfill_are_stale_until_they_are_done_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = arrange(tmp_path, 4)
    for number in (1, 3):
        assert main(["nightly", "--run-date", f"{day(number)}", *words]) == 0
    assert main(["nightly", "--run-date", f"{day(0)}", "--set", "publish.keep_dates=2", *words]) == 2
    assert f"2 later dates are published, so {day(0)} would not be kept" in capsys.readouterr().err
    assert main(["backfill", "--from", f"{day(0)}", "--to", f"{day(2)}", "--every", "2", *words]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith(f"stale     {day(3)}: ")
    store = LocalStore(tmp_path / "output")
    assert stale_dates(latest_commit(store)) == [day(1), day(2), day(3)]  # each was made after a stale one
    assert main(["backfill", "--from", f"{day(0)}", "--to", f"{day(3)}", *words]) == 0
    assert stale_dates(latest_commit(store)) == []
    assert [status for _, status in statuses(tmp_path)][5:] == ["skipped", "succeeded", "succeeded", "succeeded"]


@pytest.mark.filterwarnings("ignore:Pydantic serializer")  # of a part of a minute
def test_a_run_that_is_stuck_is_ended_and_somebody_is_told(tmp_path: Path) -> None:
    write_csv(tmp_path, grouped_customers())
    told = tmp_path / "told"
    script = ["/bin/sh", "-c", f'cp "$2" {told}; echo "$1" >>{told}', "sh", "an argument of its own"]
    config = settings(
        tmp_path, clustering__refine=False, clustering__starts=100, clustering__k__max=8, on_failure__command=script
    )
    config = config.model_copy(update={"run": Run.model_construct(max_minutes=3 / 60)})
    progress = StepProgress()
    with pytest.raises(TerminatedError, match=r"ended after run\.max_minutes"):
        runner.run("nightly", config, FIRST, Path("conf"), progress)
    *lines, last = told.read_text(encoding="utf-8").splitlines()
    record = json.loads("\n".join(lines))
    assert (record["status"], record["exit_code"], last) == ("failed", 143, "an argument of its own")
    assert record["seconds"]["total"] >= 3
    assert not (tmp_path / "output/customer_segments").exists()
    assert not list((tmp_path / "output/_seg_spark").rglob("*.parquet"))


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["/no/such/program"], "on_failure.command: /no/such/program: No such file or directory"),
        (["false"], "on_failure.command: false ended with exit code 1"),
        (["true"], ""),
        ([], ""),
    ],
)
def test_a_failed_run_keeps_its_exit_code_whatever_is_started_then(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, command: list[str], said: str
) -> None:
    words = ["--conf-dir", str(conf_dir(tmp_path, on_failure={"command": command}))]
    assert main(["nightly", "--run-date", f"{FIRST}", *words]) == 3
    assert said in caplog.text
    assert ("on_failure" in caplog.text) == bool(said)


def test_somebody_is_told_of_a_failure_whose_record_cannot_be_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    told = tmp_path / "told"
    words = ["--conf-dir", str(conf_dir(tmp_path, on_failure={"command": ["/bin/sh", "-c", f'echo "$0" >{told}']}))]
    (tmp_path / "output").mkdir()
    (tmp_path / "output/runs").write_text("a file where the folder of the records should be", encoding="utf-8")
    assert main(["nightly", "--run-date", f"{FIRST}", *words]) == 3
    [said] = [one.message for one in caplog.records if "could not be written" in one.message]
    path = told.read_text(encoding="utf-8").strip()
    assert path.startswith(f"{tmp_path}/output/runs/run_date={FIRST}/")
    assert f"the run record {path} could not be written: Not a directory" in said


def test_somebody_is_told_where_there_is_no_store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = tmp_path / "told"
    command = ["/bin/sh", "-c", f'echo "$0" >{told}']
    folder = conf_dir(tmp_path, on_failure={"command": command}, output={"path": "s3a://nowhere/out"})
    assert main(["nightly", "--run-date", f"{FIRST}", "--conf-dir", str(folder)]) == 4
    assert told.read_text(encoding="utf-8").startswith(f"s3a://nowhere/out/runs/run_date={FIRST}/")


def test_somebody_is_told_where_the_output_is_no_folder(tmp_path: Path) -> None:
    told = tmp_path / "told"
    (tmp_path / "output").write_text("a file", encoding="utf-8")
    folder = conf_dir(tmp_path, on_failure={"command": ["/bin/sh", "-c", f'echo "$0" >{told}']})
    assert main(["nightly", "--run-date", f"{FIRST}", "--conf-dir", str(folder)]) == 4
    assert told.exists()


def test_going_back_leaves_nothing_where_there_is_no_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--conf-dir", str(conf_dir(tmp_path))]
    assert main(["rollback", "--run-date", f"{FIRST}", *words]) == 3
    said = capsys.readouterr().err
    assert f"output: nothing is published for {FIRST}; the last published dates: none" in said
    assert not (tmp_path / "output").exists()
    assert main(["backfill", "--from", "2026-11-0", "--to", f"{FIRST}", *words]) == 2
    assert "--from '2026-11-0': expected YYYY-MM-DD" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--from", "2026-11-23", "--to", "2026-11-22"], "--to 2026-11-22: is before --from 2026-11-23"),
        (["--from", "2026-11-23", "--to", "2026-11-31"], "is not a calendar date"),
        (["--from", "2026-11-22", "--to", "2026-11-23"], r"input is the same for every date; .* \{run_date\} in it"),
    ],
)
def test_a_backfill_that_makes_no_sense_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    write_csv(tmp_path, grouped_customers())
    assert main(["backfill", *words, "--conf-dir", str(conf_dir(tmp_path))]) == 2
    assert re.search(said, capsys.readouterr().err)
    assert not (tmp_path / "output").exists()


GONE = ("C0007", "C0042", "C0901", "X-902")


def arrange_to_forget(root: Path) -> list[str]:
    """Two dates, the first published twice; some of those to be forgotten are accepted, others rejected."""
    for number in range(2):
        folder = write_csv(root / "days" / f"{day(number)}", [*grouped_customers(30), customer(901, income="x")])
        with (folder / "part-000.csv").open("a", encoding="utf-8") as file:
            file.write("X-902,1,2,3,4,5,6,7,8\n")  # more fields than the header: no column is known
    path = str(root / "days" / "{run_date}" / "input")
    words = ["--conf-dir", str(conf_dir(root, input={"path": path}, publish={"keep_versions": 3}))]
    for number, more in ((0, "clustering.k.max=2"), (0, "clustering.k.max=3"), (1, "clustering.k.max=3")):
        assert main(["nightly", "--run-date", f"{day(number)}", "--set", more, *words]) == 0
    return words


def files_that_name(root: Path, ids: Sequence[str]) -> set[str]:
    """Every file below the output with one of the ids in its bytes, its text, or a value of its table."""
    found = set()
    for path in (root / "output").rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        if path.name.endswith(".gz"):
            content = gzip.decompress(content)
        if path.suffix == ".parquet":
            content += str(pq.read_table(path, partitioning=None).to_pylist()).encode()
        if any(re.search(rb"(?<!\w)" + one.encode() + rb"(?!\w)", content) for one in ids):
            found.add(str(path.relative_to(root / "output")))
    return found


@pytest.mark.long
def test_customers_are_forgotten_everywhere_and_all_others_stay(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = arrange_to_forget(tmp_path)
    store = LocalStore(tmp_path / "output")
    kinds = {path.split("/")[0] for path in files_that_name(tmp_path, GONE)}
    assert kinds == {"_seg_spark", "clean_customers", "customer_segments", "rejected_customers", "runs"}
    before = {number: labels(tmp_path, day(number)) for number in range(2)}
    (tmp_path / "ids").write_text("\n".join([*GONE, "nobody", ""]), encoding="utf-8")
    forget = ["forget", "--file", str(tmp_path / "ids"), *words]
    capsys.readouterr()
    assert main(forget) == 3
    assert re.search(r"input.path: .*: 4 rows are of customers to be forgotten", capsys.readouterr().err)
    assert labels(tmp_path, day(0)) == before[0]
    for folder in (tmp_path / "days").iterdir():
        for part in (folder / "input").iterdir():
            lines = part.read_text(encoding="utf-8").splitlines(keepends=True)
            lines[0] = lines[0].replace("score", "points" if folder.name == f"{day(0)}" else "score")
            part.write_text("".join(line for line in lines if not line.startswith(GONE)), encoding="utf-8")
    store.write("_seg_spark/trials/killed/clean_customers/part-0.parquet", b"whatever a killed trial has left")
    monkeypatch.setattr("sys.stdin", io.StringIO((tmp_path / "ids").read_text(encoding="utf-8")))
    monkeypatch.setattr("seg_spark.forget.FEWEST", 100)
    caplog.clear()
    assert main(["forget", "--file", "-", *words]) == 0
    shown = capsys.readouterr()
    assert f"warning: segment 3 of {day(0)} has " in shown.out
    assert "rows removed: 4 of clean_customers, 4 of customer_segments, 4 of rejected_customers" in shown.out.replace(
        "4 of rejected_customers, 4 of customer_segments", "4 of customer_segments, 4 of rejected_customers"
    )
    assert not [one for one in GONE if one in shown.out + shown.err + caplog.text]
    assert files_that_name(tmp_path, GONE) == set()
    for number in range(2):
        assert labels(tmp_path, day(number)) == [row for row in before[number] if row[0] not in GONE]
    assert stale_dates(latest_commit(store)) == []
    assert repair(store) == RepairResult(0, 0)
    assert main(["rollback", "--run-date", f"{day(0)}", *words]) == 3
    assert "no version before the current one" in capsys.readouterr().err
    assert main(["report", "--run-date", f"{day(1)}", *words]) == 0
    assert main(forget) == 0
    assert "rows removed: none: they were not there; reports changed: 0" in capsys.readouterr().out
    assert main(["nightly", "--run-date", f"{day(1)}", "--set", "clustering.k.max=3", *words]) == 0
    assert labels(tmp_path, day(1)) == [row for row in before[1] if row[0] not in GONE]
    moves = pq.read_table(published_files(store.root, "segment_transitions", f"{day(1)}")).to_pylist()
    came = sum(one["customers"] for one in moves if one["from_segment_id"] is not None)
    assert came == len(labels(tmp_path, day(0)))  # those who were forgotten have not left


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("", 3, r"ids: no id was found; expected one customer id per line"),
        (None, 3, r"ids: cannot be read: No such file or directory"),
        ("C0001", 3, "nothing is published there, so there is nobody to forget"),
    ],
)
def test_nobody_can_be_forgotten_without_ids_and_a_published_date(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None, code: int, said: str
) -> None:
    if text is not None:
        (tmp_path / "ids").write_text(text, encoding="utf-8")
    words = ["--conf-dir", str(conf_dir(tmp_path))]
    assert main(["forget", "--file", str(tmp_path / "ids"), *words]) == code
    assert re.search(said, capsys.readouterr().err)
