"""Trials on real Spark: they say what a run would publish, and they leave no trace."""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from itertools import permutations
from pathlib import Path
from typing import Any

import duckdb
import pytest
from builders import conf_dir, customer, grouped_customers, settings, write_csv
from pyspark.sql import SparkSession
from rich.console import Console
from sklearn.metrics import adjusted_rand_score
from stores import commit

from seg_spark import runner
from seg_spark.cli.main import main
from seg_spark.errors import DegenerateModelError, InputError, QualityGateError, SegSparkError
from seg_spark.reporting.progress import Advance, StepProgress
from seg_spark.segments.matching import Comparison
from seg_spark.settings.schema import Settings
from seg_spark.storage.commits import commit_of
from seg_spark.storage.layout import LOCK
from seg_spark.storage.local_store import LocalStore, exclusive_lock
from seg_spark.trial import try_settings

RUN_DATE = date(2026, 11, 23)
MODEL = "_seg_spark/versions/*/models"
FEATURES: dict[str, Any] = {"income": {"valid": [0, None]}, "score": {}}


def usual(root: Path, **changes: Any) -> Settings:
    return settings(root, FEATURES, **changes)


def run_nightly(root: Path, config: Settings, run_date: date = RUN_DATE) -> dict[str, Any]:
    return dict(runner.run("nightly", config, run_date, Path("conf"), StepProgress()).record)


def try_(root: Path, run_date: date | None = None, **changes: Any) -> Comparison:
    progress = StepProgress()
    return try_settings(usual(root), usual(root, **changes), run_date, Path("conf"), progress)


@contextmanager
def untouched(root: Path) -> Iterator[None]:
    """Nothing below the output changes, in content or time, but the folder where trials work; that ends empty."""
    before = tree(root / "output")
    try:
        yield
    finally:
        assert tree(root / "output") == before
        trials = root / "output" / "_seg_spark" / "trials"
        assert not trials.exists() or list(trials.iterdir()) == []


def tree(output: Path) -> dict[str, tuple[int, bytes]]:
    parent, trials = output / "_seg_spark", output / "_seg_spark" / "trials"
    return {
        str(path): (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path in output.rglob("*")
        if path != parent and not path.is_relative_to(trials)  # to hold the trials changes the time of their parent
    }


def labels(root: Path) -> dict[str, int]:
    return dict(
        duckdb.sql(f"SELECT customer_id, segment_id FROM '{root}/output/customer_segments/*/*.parquet'").fetchall()
    )


@pytest.fixture(scope="module")
def published(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published run of three groups (30, 25 and 20 customers), one merged and two rejected rows."""
    root = tmp_path_factory.mktemp("published")
    copy = customer(1, income=20 - 2, score=20 - 1)
    write_csv(root, [*grouped_customers(), copy, customer(900, income="x"), customer(901, id="")])
    run_nightly(root, usual(root))
    return root


@pytest.fixture
def copied(published: Path, tmp_path: Path) -> Path:
    """The published output, to be damaged."""
    shutil.copytree(published, tmp_path / "copy")
    return tmp_path / "copy"


def test_unchanged_settings_give_every_customer_the_published_label(published: Path) -> None:
    with untouched(published):
        result = try_(published, clustering__k__max=3)
    assert not (published / "output/_seg_spark/trials").exists()
    assert (result.changes, result.remarks) == ((), ())
    assert (result.cleaned_again, result.comparable_scores) == (False, True)
    assert result.tried == result.published
    assert result.tried_segments == result.published_segments
    assert [(one.segment_id, one.matched_segment_id) for one in result.tried_segments] == [(1, 1), (2, 2), (3, 3)]
    assert [one.customers for one in result.tried_segments] == [30, 25, 20]
    matching = result.matching
    assert (matching.in_both, matching.moved, matching.entered, matching.left) == (75, 0, 0, 0)
    assert matching.adjusted_rand_index == 1.0


@pytest.mark.parametrize(
    ("changes", "cleaned_again", "comparable"),
    [
        ({"features__columns__income__valid": "[0, 80]"}, True, True),
        pytest.param({"clustering__k__max": 2}, False, True, marks=pytest.mark.long),
        pytest.param(
            {"features__scaling": "none", "clustering__k__max": 4, "selection__rule": "calinski_harabasz"},
            *(False, False),
            marks=pytest.mark.long,
        ),
        pytest.param(
            {"features__columns__score": "null", "clustering__k__max": 2}, True, False, marks=pytest.mark.long
        ),
    ],
)
def test_a_trial_says_what_a_run_with_these_settings_publishes(
    published: Path, tmp_path: Path, changes: dict[str, Any], cleaned_again: bool, comparable: bool
) -> None:
    with untouched(published):
        result = try_(published, RUN_DATE, **changes)
    shutil.copytree(published / "input", tmp_path / "input")
    real = run_nightly(tmp_path, usual(tmp_path, **changes))
    assert (result.cleaned_again, result.comparable_scores) == (cleaned_again, comparable)
    assert (result.tried.k, result.tried.chosen_because) == (real["chosen_k"], real["chosen_because"])
    assert result.tried.model_id == real["model_id"]
    assert [vars(one) for one in result.tried.scores_by_k] == real["scores"]
    assert vars(result.tried.rows) == real["rows"]
    assert [(one.segment_id, one.name, one.customers, one.share) for one in result.tried_segments] == [
        (one["segment_id"], one["segment_name"], one["customers"], one["share"]) for one in real["segments"]
    ]
    before, after = labels(published), labels(tmp_path)
    both = sorted(before.keys() & after.keys())
    assert result.matching.in_both == len(both)
    assert result.matching.entered == len(after.keys() - before.keys())
    assert result.matching.left == len(before.keys() - after.keys())
    one, other = [before[id_] for id_ in both], [after[id_] for id_ in both]
    assert result.matching.adjusted_rand_index == pytest.approx(adjusted_rand_score(one, other))
    assert result.matching.moved == len(both) - most_in_place(one, other)


def most_in_place(one: list[int], other: list[int]) -> int:
    """How many customers can be in matched segments at most, by trying every one-to-one matching."""
    return max(
        sum(order[a - 1] == b for a, b in zip(one, other, strict=True)) for order in permutations(range(1, 7), 3)
    )


def test_a_trial_runs_beside_a_run_that_holds_the_lock(published: Path) -> None:
    with exclusive_lock(published / "output" / LOCK, "a run"):
        assert try_(published, clustering__k__max=2).tried.k == 2


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        (
            {"features__columns__income__valid": "[0, 90]", "selection__min_segment_share": 0.5},
            DegenerateModelError,
            "no k gives an acceptable model",
        ),
        (
            {"features__columns__income__valid": "[90, null]"},
            InputError,
            r"every row was rejected \(out_of_range:income 77",
        ),
        (
            {"features__columns__income__valid": "[30, null]", "cleaning__max_rejected_share": 0.1},
            QualityGateError,
            r"of the rows were rejected, above cleaning.max_rejected_share \(10%\)",
        ),
        ({"cleaning__max_rejected_share": 0.01}, QualityGateError, r"2.56% of the rows were rejected"),
        ({"customer_id": "nummer"}, InputError, "the input has no column 'nummer'"),
    ],
)
def test_a_failing_trial_says_why_and_leaves_no_trace(
    published: Path, changes: dict[str, Any], error: type[SegSparkError], words: str
) -> None:
    with untouched(published), pytest.raises(error, match=words):
        try_(published, **changes)


def test_without_a_date_the_last_labelled_run_is_tried(published: Path, copied: Path) -> None:
    later = date(2026, 11, 24)
    runner.run("clean", usual(copied), later, Path("conf"), StepProgress())
    assert try_(copied, clustering__k__max=2).run_date == RUN_DATE
    with pytest.raises(InputError, match="no labels are published for 2026-11-24; the last published dates: "):
        try_(copied, later, clustering__k__max=2)


def test_before_the_first_run_there_is_nothing_to_compare_with(tmp_path: Path) -> None:
    write_csv(tmp_path, grouped_customers())
    with pytest.raises(InputError, match="nothing is published there yet; run seg-spark nightly --run-date"):
        try_(tmp_path, clustering__k__max=2)
    assert not (tmp_path / "output").exists()


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        (f"{MODEL}/model.json", None, "the published model is not there; fit again"),
        (f"{MODEL}/model.json", "{}", "model.json: is damaged, or not a model file; fit again"),
        (
            f"{MODEL}/model.json",
            '{"k": "\udcff"}',
            "model.json: is damaged, or not a model file; fit again",
        ),
        (
            f"{MODEL}/scores.json",
            None,
            "the scores of the published model are not there; fit again",
        ),
        (f"{MODEL}/scores.json", '{"scores": []}', "scores.json: is damaged; fit again"),
        ("runs/*/*.json", None, "the record of the run that published customer_segments is missing or damaged"),
        ("runs/*/*.json", "[", "the record of the run that published customer_segments is missing or damaged"),
        ("_seg_spark/versions/*/segment_profiles/*", "no parquet", "the published segment_profiles of .* are damaged"),
    ],
)
def test_what_is_damaged_behind_the_published_labels_is_named(
    copied: Path, file: str, text: str | None, words: str
) -> None:
    [path] = (copied / "output").glob(file)
    if text is None:
        path.unlink()
    else:
        path.write_text(text, encoding="utf-8", errors="surrogateescape")
    with untouched(copied), pytest.raises(InputError, match=words):
        try_(copied, clustering__k__max=2)


def test_a_conf_that_changed_since_the_run_is_remarked(published: Path) -> None:
    progress = StepProgress()
    conf = usual(published, selection__min_segment_share=0.02)
    tried = usual(published, selection__min_segment_share=0.02, clustering__k__max=2)
    [remark] = try_settings(conf, tried, None, Path("conf"), progress).remarks
    assert "had other settings than the conf" in remark


def test_scores_of_a_fit_on_another_date_are_told(copied: Path) -> None:
    for path in (copied / "output").rglob("reference.json"):
        text = path.read_text(encoding="utf-8")
        assert text.count('"2026-11-23"') == 1
        path.write_text(text.replace('"2026-11-23"', '"2026-11-20"'), encoding="utf-8")
    progress = StepProgress()
    found = try_settings(usual(copied), usual(copied, clustering__k__max=2), None, Path("conf"), progress)
    assert found.remarks[-1].startswith(
        "the published scores are those of the fit on 2026-11-20; a new fit on the cust"
    )


def test_a_run_that_publishes_the_date_meanwhile_ends_the_trial(copied: Path) -> None:
    store = LocalStore(copied / "output")

    class Meanwhile(StepProgress):
        @contextmanager
        def step(self, name: str, counting: str = "tasks") -> Iterator[Advance]:
            with super().step(name, counting) as advance:
                yield advance
            if name == "fit":
                commit(store, RUN_DATE, "another", commit_of(store, RUN_DATE).tables)

    with pytest.raises(InputError, match="2026-11-23 was published again during the trial; try again"):
        try_settings(
            usual(copied), usual(copied, clustering__k__max=2), None, Path("conf"), Meanwhile(Console(stderr=True))
        )


def test_the_command_prints_tables_or_one_json_object(
    published: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    conf = conf_dir(tmp_path, FEATURES, input={"path": str(published / "input")})
    words = ["try", "--conf-dir", str(conf), "--set", "clustering.k.max=2"]
    words += ["--set", f"output.path={published / 'output'}"]
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert "clustering.k.max: 3 -> 2" in shown
    assert "output.path" not in shown  # it says where to look, and is not what is tried
    assert "had other settings" not in shown
    assert "20 of 75 customers would move to another segment (26.7%)" in shown
    assert main([*words, "--json", "--run-date", "2026-11-23"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["published"]["k"], document["tried"]["k"], document["moves"]["moved"]) == (3, 2, 20)


def test_without_a_setting_the_command_shows_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["try", "--conf-dir", "nowhere"]) == 2
    assert "for example: seg-spark try --set clustering.k.max=8" in capsys.readouterr().err


@pytest.mark.long
@pytest.mark.process
@pytest.mark.parametrize(("step", "stop", "code"), [("clean", signal.SIGTERM, 143), ("fit", signal.SIGINT, 130)])
def test_a_stopped_trial_takes_its_folder_with_it(published: Path, step: str, stop: signal.Signals, code: int) -> None:
    conf = conf_dir(published, FEATURES)
    program = "import sys; from seg_spark.cli.main import main; sys.exit(main())"
    command = [sys.executable, "-c", program, "try", "--conf-dir", str(conf), "--set", "clustering.starts=40"]
    command += ["--set", "features.columns.income.valid=[0, 80]"]
    trials = published / "output" / "_seg_spark" / "trials"
    with (
        untouched(published),
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process,
    ):
        assert process.stderr is not None
        for line in process.stderr:
            if f"{step}: started" in line:
                break
        time.sleep(1)
        assert len(list(trials.iterdir())) == 1
        process.send_signal(stop)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == code, stderr
    assert "Traceback" not in stderr
