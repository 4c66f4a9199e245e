"""TAB offers what there is, quickly, and never a stack trace."""

import os
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from builders import conf_dir
from processes import PROJECT
from stores import commit, commit_model

from seg_spark.cli.main import main
from seg_spark.features.fitted import FittedNumber
from seg_spark.segments.model import Model, Segment
from seg_spark.settings.layers import load_settings
from seg_spark.storage.layout import COMMITS, PORTABLE
from seg_spark.storage.local_store import LocalStore

INCOME = FittedNumber("income", "Annual Income (k$)", "k$", (0.0, 500.0), False, 60.0, None, "none", 60.0, 0.05)
SCORE = FittedNumber("score", "score", None, None, False, 50.0, None, "none", 50.0, 0.05)
MODEL = Model(
    (INCOME, SCORE),
    "standard",
    tuple(Segment(i, f"Segment {i}", i - 1, (i - 1.5, 0.0), 10, 0.5, 3.0, "") for i in (1, 2)),
    20,
)


@pytest.fixture
def offered(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """What bash is offered for a line that ends where the cursor stands."""

    def ask(line: str) -> list[str]:
        words = line.split(" ")
        monkeypatch.setenv("_SEG_SPARK_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
        assert main([]) == 0
        shown = capsys.readouterr()
        assert shown.err == ""
        return shown.out.split()

    return ask


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    """A conf with two environments, of which two dates and a model are published."""
    folder = conf_dir(tmp_path)
    for name in ("prod", "staging"):
        (folder / f"{name}.yml").write_text("training: {seed: 1}\n", encoding="utf-8")
    store = LocalStore(tmp_path / "output")
    commit(store, date(2026, 11, 22))
    commit_model(store, date(2026, 11, 23), MODEL)
    return folder


def test_commands_are_offered(offered: Any) -> None:
    assert offered("seg-spark ru") == ["runs"]
    assert offered("seg-spark doc") == ["doctor"]


def test_zsh_is_answered_in_its_own_words(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_SEG_SPARK_COMPLETE", "complete_zsh")
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", "seg-spark ru")
    assert main([]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith('_arguments \'*: :(("runs":')
    assert "print-config" not in shown


def test_environments_are_those_of_the_conf_folder(offered: Any, conf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert offered(f"seg-spark nightly --conf-dir {conf} --env ") == ["prod", "staging"]
    assert offered(f"seg-spark nightly --conf-dir {conf} --env s") == ["staging"]
    monkeypatch.chdir(conf.parent)
    assert offered("seg-spark nightly --env p") == ["prod"]


def test_settings_are_offered_with_an_equals_sign(offered: Any, conf: Path) -> None:
    assert offered(f"seg-spark nightly --conf-dir {conf} --set clustering.k") == [
        "clustering.k.min=",
        "clustering.k.max=",
    ]
    assert f"features.columns.{INCOME.name}.missing=" in offered(f"seg-spark fit --conf-dir {conf} --set features.")


def test_every_setting_but_those_of_features_is_offered_without_a_conf(
    offered: Any, conf: Path, tmp_path: Path
) -> None:
    names = {word.removesuffix("=") for word in offered(f"seg-spark fit --conf-dir {tmp_path}/nowhere --set ")}
    assert not any(name.startswith("features.columns") for name in names)
    leaves = load_settings(conf, environment={}).origins
    known = {path for path in leaves if not path.startswith("features.columns")}
    assert known <= names


def test_every_offered_setting_is_a_known_one(offered: Any, conf: Path, tmp_path: Path) -> None:
    from seg_spark.settings.faults import known_keys

    for word in offered(f"seg-spark fit --conf-dir {conf} --set "):
        *parents, key = word.removesuffix("=").split(".")
        assert key in (known_keys(parents) or ()), word


@pytest.mark.parametrize("command", ["segments", "runs", "predict"])
def test_published_dates_are_offered(command: str, offered: Any, conf: Path) -> None:
    line = f"seg-spark {command} --conf-dir {conf} --run-date "
    assert offered(line) == ["2026-11-22", "2026-11-23"]
    assert offered(f"{line}2026-11-23") == ["2026-11-23"]


def test_features_of_the_published_model_are_offered_once(offered: Any, conf: Path) -> None:
    line = f"seg-spark predict --conf-dir {conf} "
    assert offered(line) == ["income=", "score="]
    assert offered(f"{line}s") == ["score="]
    assert offered(f"{line}income=70 ") == ["score="]
    assert offered(f"{line}--run-date 2026-11-22 ") == []


@pytest.mark.parametrize(
    "what", ["nightly --env ", "fit --set x", "segments --run-date ", "runs --run-date ", "predict i"]
)
@pytest.mark.parametrize("state", ["nothing there", "broken conf", "broken output"])
def test_where_nothing_is_known_nothing_is_offered(
    what: str, state: str, offered: Any, conf: Path, tmp_path: Path
) -> None:
    folder = conf if state == "broken output" else tmp_path / "other"
    if state == "broken conf":
        folder.mkdir()
        (folder / "base.yml").write_text("input: [", encoding="utf-8")
    if state == "broken output":
        for name in ("prod", "staging"):
            (conf / f"{name}.yml").unlink()
        (tmp_path / "output" / "models" / MODEL.model_id / PORTABLE).write_text("{", encoding="utf-8")
        for path in (tmp_path / "output" / COMMITS).iterdir():
            path.write_text("[]", encoding="utf-8")
    command, _, rest = what.partition(" ")
    assert offered(f"seg-spark {command} --conf-dir {folder} {rest}") == []


def test_no_completion_imports_spark(conf: Path) -> None:
    """A TAB that waits for Spark is no help."""
    lines = [f"seg-spark predict --conf-dir {conf} ", f"seg-spark runs --conf-dir {conf} --run-date ",
             f"seg-spark fit --conf-dir {conf} --set ", f"seg-spark fit --conf-dir {conf} --env "]  # fmt: skip
    script = (
        "import os, sys\n"
        "from seg_spark.cli.main import main\n"
        "for line in sys.argv[1:]:\n"
        "    os.environ |= {'COMP_WORDS': line, 'COMP_CWORD': str(line.count(' '))}\n"
        "    assert main([]) == 0\n"
        "print(*[name for name in sys.modules if name.partition('.')[0] in ('pyspark', 'py4j')])\n"
    )
    environment = os.environ | {"_SEG_SPARK_COMPLETE": "complete_bash"}
    answer = subprocess.run(
        [sys.executable, "-c", script, *lines], cwd=PROJECT, env=environment, capture_output=True, text=True, check=True
    )
    assert answer.stdout.splitlines()[-1] == ""
    assert {"income=", "2026-11-23", "training.seed=", "prod"} <= set(answer.stdout.split())


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_the_script_for_the_shell_is_shown(shell: str, tmp_path: Path) -> None:
    """Told which shell it is for; without a name it looks at the shell it is called from."""
    script = f"import sys; from seg_spark.cli.main import main; sys.exit(main(['--show-completion', '{shell}']))"
    environment = os.environ | {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    answer = subprocess.run(
        [sys.executable, "-c", script], cwd=PROJECT, env=environment, capture_output=True, text=True, check=False
    )
    assert (answer.returncode, answer.stderr) == (0, "")
    assert f"_SEG_SPARK_COMPLETE=complete_{shell}" in answer.stdout
