"""Every command explains itself, with an example that exists."""

import re
import shlex
from typing import Any

import pytest
import typer

from seg_spark.cli.main import main
from seg_spark.cli.options import app

ROOT: Any = typer.main.get_command(app)
COMMANDS: dict[str, Any] = dict(ROOT.commands)


def help_of(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *command: str) -> str:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TERMINAL_WIDTH", "200")
    assert main([*command, "--help"]) == 0
    return capsys.readouterr().out


def examples_in(text: str) -> list[list[str]]:
    return [shlex.split(line) for line in re.findall(r"^\s*Example: (seg-spark .*?)\s*$", text, flags=re.MULTILINE)]


def check_example(words: list[str]) -> str:
    """Whether an example's command and options exist; returns the command."""
    name, *rest = words[1:]
    assert name in COMMANDS
    known = {option for parameter in COMMANDS[name].params for option in parameter.opts}
    used = {word.partition("=")[0] for word in rest if word.startswith("--")}
    assert used <= known, f"{' '.join(words)}: {sorted(used - known)}"
    return name


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_the_help_of_a_command_has_an_example_that_exists(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    examples = examples_in(help_of(capsys, monkeypatch, name))
    assert examples
    assert {check_example(words) for words in examples} == {name}


def test_the_version_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", capsys.readouterr().out)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_option_and_argument_of_a_command_is_explained(name: str) -> None:
    silent = [parameter.name for parameter in COMMANDS[name].params if not (parameter.help or "").strip()]
    assert silent == []


def test_the_help_of_the_whole_shows_three_examples_and_every_command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = help_of(capsys, monkeypatch)
    examples = examples_in(shown)
    assert len(examples) == 3
    assert len({check_example(words) for words in examples}) == 3
    assert [name for name in COMMANDS if not re.search(rf"^\W+{name} ", shown, flags=re.MULTILINE)] == []
