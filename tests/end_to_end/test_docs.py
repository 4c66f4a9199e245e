"""README and docs promise nothing that does not run."""

import json
import math
import re
import shlex
import subprocess
import sys
import tomllib
from dataclasses import replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
import typer
import yaml
from builders import NUMBERS, conf_dir, grouped_customers, settings, write_csv
from processes import PROJECT

from seg_spark import errors, schemas
from seg_spark.cleaning.outcomes import Reason
from seg_spark.cli.main import main, run_job
from seg_spark.cli.options import app
from seg_spark.features.fitted import FittedNumber
from seg_spark.features.learning import learn_category
from seg_spark.settings.feature import Feature

PAGES = {path.name: path.read_text(encoding="utf-8") for path in (PROJECT / "README.md", *PROJECT.glob("docs/*.md"))}
README = PAGES["README.md"]


def block_after(line: str, page: str = README) -> str:
    """The text of the fenced block in which `line` stands, from the line after it."""
    start = page.index(line) + len(line)
    return page[start : page.index("\n```", start)].strip("\n")


def commands_of(page: str) -> list[list[str]]:
    """The words of every `seg-spark` command that a page shows."""
    return [
        shlex.split(words) for words in re.findall(r"^\$ .venv/bin/seg-spark (.*?)(?:  +#.*)?$", page, re.MULTILINE)
    ]


def test_the_demo_shows_what_the_readme_shows(
    spark: object, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make = [sys.executable, str(PROJECT / "scripts" / "make_sample_customers.py"), "--rows", "2000"]
    subprocess.run([*make, "--output", "data/sample"], check=True, capture_output=True)
    assert main(["nightly", "--run-date", "2026-11-23", "--conf-dir", str(PROJECT / "conf")]) == 0
    shown = capsys.readouterr().out
    promised = block_after("$ ./scripts/demo")
    promised_cards = promised[: promised.index("\n...\n")]
    assert shown.startswith(promised_cards)
    assert [line for line in shown.splitlines() if line.startswith(("rows:", "chosen:", "labels", "profiles"))] == [
        line for line in promised.splitlines() if line.startswith(("rows:", "chosen:", "labels", "profiles"))
    ]
    assert main(["segments", "--conf-dir", str(PROJECT / "conf")]) == 0
    assert capsys.readouterr().out.startswith(promised_cards)
    assert main(["runs", "--conf-dir", str(PROJECT / "conf")]) == 0
    assert "succeeded" in capsys.readouterr().out
    programs = re.findall(r"\$ \.venv/bin/python - <<'EOF'\n(.*?)\nEOF", README + PAGES["tables.md"], re.DOTALL)
    assert len(programs) == 3
    for program in programs:
        exec(compile(program, "program", "exec"), {})  # the page's own lines
        shown = capsys.readouterr().out
        assert "Low spending score" in shown or "segment_id" in shown
    published = dict(
        duckdb.sql("SELECT segment_name, count(*) FROM 'output/customer_segments/*/*.parquet' GROUP BY 1").fetchall()
    )
    *variables, query = block_after("```sql", PAGES["tables.md"]).rstrip(";").split(";\n")
    connection = duckdb.connect()
    for statement in variables:
        connection.execute(statement)
    assert dict(connection.sql(query).fetchall()) == published


def test_the_conf_of_the_mall_customers_gives_the_promised_segments(
    spark: object,
    tmp_path: Path,
    mall_customers: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_conf").mkdir()
    (tmp_path / "my_conf/base.yml").write_text(block_after("# my_conf/base.yml"), encoding="utf-8")
    (tmp_path / "Mall_Customers.csv").write_bytes(mall_customers.read_bytes())
    assert main(["nightly", "--run-date", "2026-11-23", "--conf-dir", "my_conf"]) == 0
    sizes = [int(size) for size in re.findall(r"(\d+) customers +\d", capsys.readouterr().out)]
    said = re.search(r"five segments, of ([\d, and\n]+)\s+customers", README)
    assert said is not None
    assert sizes == [int(size) for size in re.findall(r"\d+", said[1])]


@pytest.mark.long
def test_the_ten_minutes_with_ones_own_table_go_as_shown(
    spark: object, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every file and command of the page, in order, with its whole output."""
    monkeypatch.chdir(tmp_path)
    commands = 0
    for language, block in re.findall(r"```(\w+)\n(.*?)\n```", PAGES["own-table.md"], re.DOTALL):
        if language == "yaml":
            name, content = block.split("\n", 1)
            (tmp_path / name.removeprefix("# ")).write_text(content, encoding="utf-8")
            continue
        for command, promised in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n?)*)", block + "\n", re.MULTILINE):
            program, *words = shlex.split(command)
            if program.endswith("python"):
                done = subprocess.run(
                    [sys.executable, str(PROJECT / words[0]), *words[1:]], capture_output=True, text=True, check=True
                )
                shown = done.stdout
            else:
                main(words)
                captured = capsys.readouterr()
                shown = captured.out or captured.err
            assert lasting(shown) == lasting(promised), command
            commands += 1
    assert commands == 7


def lasting(shown: str) -> list[str]:
    """The lines of an output without what differs from run to run, or between processors: times, ids, today."""
    shown = shown.replace(".venv/bin/seg-spark", "seg-spark")  # it shows itself as it was called
    shown = re.sub(r"\d{8}T\d{6}-[0-9a-f]{6}", "RUN", shown)
    shown = re.sub(r"/models/[0-9a-f]{16}", "/models/MODEL", shown)  # a hash of all digits, of which the last vary
    shown = re.sub(r"nightly --run-date \d{4}-\d\d-\d\d", "nightly --run-date TODAY", shown)
    return [line.rstrip() for line in shown.strip().splitlines() if not line.startswith("seconds:")]


def test_the_exit_codes_are_those_of_the_errors() -> None:
    _, _, below = PAGES["operations.md"].partition("| exit code | meaning |")
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", below.partition("\n\n")[0], re.MULTILINE)}
    raised = {one.exit_code for one in vars(errors).values() if isinstance(one, type) and issubclass(one, Exception)}
    assert listed == raised | {0}


def test_the_tables_have_the_listed_columns(tmp_path: Path) -> None:
    def listed(table: str) -> list[str]:
        [row] = [line for line in PAGES["tables.md"].splitlines() if line.startswith(f"| `{table}/run_date=D/`")]
        return re.findall(r"`(\w+)`", row.split("|")[2])

    assert listed("customer_segments") == schemas.CUSTOMER_SEGMENTS_SCHEMA.fieldNames()
    assert listed("segment_profiles") == schemas.SEGMENT_PROFILES_SCHEMA.fieldNames()
    assert listed("rejected_customers") == schemas.REJECTED_CUSTOMERS_SCHEMA.fieldNames()
    clean = schemas.clean_customers_schema(settings(tmp_path).features).fieldNames()
    assert listed("clean_customers") == [name for name in clean if name not in NUMBERS]


def test_every_reject_reason_is_listed() -> None:
    page = PAGES["settings.md"]
    listed = page[page.index("A rejected row carries its reasons") :].split("\n\n")[0]
    assert set(re.findall(r"`(\w+)`", listed)) == {reason.value for reason in Reason}


def test_a_misspelt_setting_is_answered_as_shown(capsys: pytest.CaptureFixture[str]) -> None:
    command = "$ .venv/bin/seg-spark nightly --run-date 2026-11-23 --set clustering.k.mx=8"
    assert main([*command.split()[2:], "--conf-dir", str(PROJECT / "conf")]) == 2
    assert capsys.readouterr().err.strip() == block_after(command, PAGES["settings.md"]).strip()


def test_every_command_named_exists(capsys: pytest.CaptureFixture[str]) -> None:
    for command in set(re.findall(r"seg-spark ([a-z][a-z-]+)", "\n".join(PAGES.values()))):
        assert main([command, "--help"]) == 0, command
    capsys.readouterr()


@pytest.mark.parametrize("page", PAGES)
def test_every_command_line_shown_is_understood(page: str) -> None:
    group: Any = typer.main.get_command(app)
    for name, *words in commands_of(PAGES[page]):
        group.commands[name].make_context(name, words)  # raises for an option that does not exist


def test_the_worked_example_of_weights_is_right() -> None:
    """Distances between two customers, worked out by the code that labels."""
    income = FittedNumber("income", "income", None, None, False, 50.0, None, "none", shift=50.0, scale=0.1)
    rows = [
        line.strip("| ").split(" | ")
        for line in PAGES["settings.md"].splitlines()
        if re.match(r"\| (`income`|`plan`|both)", line)
    ]
    points: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"income": 50.0}, {"income": 60.0}),  # one standard deviation, since scale is 1 / 10
        ({"plan": "basic"}, {"plan": "plus"}),
        ({"plan": "basic"}, {"plan": None}),
        ({"plan": "basic"}, {"plan": "never seen"}),
        ({"plan": "rare one"}, {"plan": "rare two"}),
        ({"income": 50.0, "plan": "basic"}, {"income": 60.0, "plan": "plus"}),
    ]
    assert len(rows) == len(points)
    training = pa.chunked_array([["basic"] * 5 + ["plus"] * 4 + ["rare one", "rare two", None]])
    for (_, *promised), (one, other) in zip(rows, points, strict=True):
        for weight, text in zip((1.0, 0.5, 2.0), promised, strict=True):
            plan = learn_category("plan", Feature(kind="category", weight=weight, max_categories=2), training)
            features = (replace(income, scale=0.1 * weight), plan)
            usual = {"income": 50.0, "plan": "basic"}
            places = [[x for f in features for x in f.axes((usual | who)[f.name])] for who in (one, other)]
            assert f"{math.dist(*places):.2f}" == text


def test_every_link_leads_somewhere() -> None:
    folders = {"README.md": PROJECT}
    links = [
        folders.get(name, PROJECT / "docs") / link
        for name, page in PAGES.items()
        for link in re.findall(r"\]\(([^)#]+)\)", page)
        if not link.startswith("http")
    ]
    assert links
    assert [str(link) for link in links if not link.exists()] == []


def test_the_readme_links_every_page() -> None:
    assert {name for name in PAGES if f"(docs/{name})" in README} == set(PAGES) - {"README.md"}


def arguments_of_examples(run_date: str) -> dict[str, list[str]]:
    """What the examples for platforms that are not here would pass to the job."""
    folder = PROJECT / "docs" / "examples"
    bundle = yaml.safe_load((folder / "databricks.yml").read_text(encoding="utf-8"))
    [task] = bundle["resources"]["jobs"]["nightly"]["tasks"]
    command, *words = task["python_wheel_task"]["parameters"]
    assert command == "nightly"
    submitted = words_after("aws", folder / "emr_serverless.sh", run_date)
    job = json.loads(submitted[submitted.index("--job-driver") + 1])["sparkSubmit"]
    submit = words_after("spark-submit", folder / "kubernetes" / "submit.sh", run_date)
    [script] = [number for number, word in enumerate(submit) if word.endswith("jobs/nightly.py")]
    return {
        "databricks": [run_date if "job.start_time" in word else word for word in words],
        "EMR": job["entryPointArguments"],
        "Kubernetes": submit[script + 1 :],
    }


def words_after(program: str, script: Path, run_date: str) -> list[str]:
    """The arguments with which a script calls a program that is not here."""
    variables, source = "APPLICATION_ID=a JOB_ROLE_ARN=b BUCKET=c", f". {shlex.quote(str(script))} {run_date}"
    show = f"{program}() {{ printf '%s\\0' \"$@\"; }}; {variables}; {source}"
    done = subprocess.run(["bash", "-c", show], capture_output=True, text=True, check=True)
    return done.stdout.rstrip("\0").split("\0")


@pytest.mark.parametrize("platform", ["databricks", "EMR", "Kubernetes"])
def test_the_job_understands_the_arguments_of_an_example(tmp_path: Path, platform: str) -> None:
    write_csv(tmp_path, grouped_customers())
    conf = conf_dir(tmp_path)
    (conf / "prod.yml").write_text("{}\n", encoding="utf-8")
    words = arguments_of_examples("2026-11-23")[platform]
    words[words.index("--conf-dir") + 1] = str(conf)
    assert words[:4] == ["--run-date", "2026-11-23", "--env", "prod"]
    assert run_job("nightly", [*words, "--dry-run"]) == 0


def test_the_wheel_has_the_program_that_databricks_calls() -> None:
    task = yaml.safe_load((PROJECT / "docs" / "examples" / "databricks.yml").read_text(encoding="utf-8"))
    [task] = task["resources"]["jobs"]["nightly"]["tasks"]
    wheel_task = task["python_wheel_task"]
    [program] = entry_points(group="console_scripts", name=wheel_task["entry_point"])
    assert program.dist is not None
    assert program.dist.name.replace("-", "_") == wheel_task["package_name"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["seg-spark", "print-config", "--conf-dir", "nowhere"])
        with pytest.raises(SystemExit) as stop:
            program.load()()
        assert stop.value.code == 2
        patch.setattr(sys, "argv", ["seg-spark", "--help"])
        program.load()()


def test_the_drawing_of_the_imports_is_the_contract_that_a_machine_checks() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = project["tool"]["importlinter"]["contracts"][0]["layers"]
    drawn = block_after("imports point down, and a machine checks it:", PAGES["design.md"])
    assert [line.strip().replace("│", "|") for line in drawn.splitlines()] == layers
