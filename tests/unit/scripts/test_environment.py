"""scripts/environment.sh: which Java and which Python it takes. Nothing is installed here."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from processes import PROJECT


def program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def java(home: Path, version: str) -> Path:
    """A Java that says its version and its home, as `java -XshowSettings:properties -version` does."""
    lines = f"echo '    java.home = {home}' >&2; echo '    java.specification.version = {version}' >&2"
    program(home / "bin" / "java", lines)
    return home


def sourced(commands: str, folder: Path, newest_java: int = 25, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run bash commands after the script was sourced; the PATH has `folder`/bin in front."""
    script = f"source {shlex.quote(str(PROJECT / 'scripts' / 'environment.sh'))}; newest_java={newest_java}; {commands}"
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    environment = {key: value for key, value in os.environ.items() if key != "JAVA_HOME"} | {"PATH": path} | variables
    return subprocess.run(["bash", "-c", script], capture_output=True, text=True, env=environment, check=False)


@pytest.mark.parametrize(
    ("version", "newest", "fits"),
    [("17", 25, True), ("25", 25, True), ("26", 25, False), ("22", 21, False), ("11", 25, False), ("1.8", 25, False)],
)
def test_a_java_of_a_version_that_spark_takes_fits(tmp_path: Path, version: str, newest: int, fits: bool) -> None:
    home = java(tmp_path / "jdk", version)
    done = sourced(f"java_fits {home}/bin/java && echo $java_home", tmp_path, newest)
    assert (done.returncode == 0, done.stdout.strip()) == (fits, str(home) if fits else "")


def test_a_java_home_that_does_not_fit_is_named_and_the_path_is_searched(tmp_path: Path) -> None:
    old, usable = java(tmp_path / "old", "11"), java(tmp_path, "21")
    done = sourced("find_java && echo $JAVA_HOME", tmp_path, JAVA_HOME=str(old))
    assert done.stdout.strip() == str(usable)
    assert f"Ignoring JAVA_HOME={old}: Java 11 there; Spark needs 17 to 25." in done.stderr


def test_a_java_that_fails_is_none(tmp_path: Path) -> None:
    program(tmp_path / "bin" / "java", "echo 'Unable to locate a Java Runtime.' >&2; exit 1")  # as on macOS
    assert sourced("find_java", tmp_path).returncode == 1


def test_the_named_python_is_taken_and_one_that_is_too_old_is_not(tmp_path: Path) -> None:
    found = sourced("find_python && echo $python", tmp_path, PYTHON=sys.executable)
    assert found.returncode == 0, found.stderr
    assert Path(found.stdout.strip()).resolve() == Path(sys.executable).resolve()
    old = program(tmp_path / "python3.9", "echo 3.9.2; exit 3")
    other = sourced("find_python && echo $python", tmp_path, PYTHON=str(old))
    assert f"Ignoring PYTHON={old}: not a working Python >= 3.11 with venv." in other.stderr
    assert other.returncode == 0


def test_without_a_usable_python_it_says_what_was_found_and_what_to_install(tmp_path: Path) -> None:
    for name in ("python3.14", "python3.13", "python3.12", "python3.11", "python3", "python"):
        program(tmp_path / "bin" / name, "echo 3.10.12; exit 3")
    program(tmp_path / "bin" / "uv", "exit 1")
    done = sourced("find_python", tmp_path)
    assert done.returncode == 1
    assert "Python 3.11 or newer is needed; found: python3.13 (3.10.12)" in done.stderr
    assert "apt install python3 python3-venv" in done.stderr


def test_an_environment_of_another_place_or_other_sources_is_not_ready(tmp_path: Path) -> None:
    check = f"project={tmp_path}; venv={tmp_path}/.venv; wanted=core; is_ready && echo ready"
    for name in ("pyproject.toml", "uv.lock"):
        (tmp_path / name).write_text("one", encoding="utf-8")
    program(tmp_path / ".venv" / "bin" / "python", f"echo 3.12.1 {tmp_path}/.venv")
    describe = sourced(
        f"venv={tmp_path}/.venv; describe_place; cat {tmp_path}/pyproject.toml {tmp_path}/uv.lock | cksum", tmp_path
    )
    place, sources = describe.stdout.splitlines()
    (tmp_path / ".venv" / ".ready").write_text(f"{place}\n{sources}\ncore test\n", encoding="utf-8")
    assert sourced(check, tmp_path).stdout.strip() == "ready"
    assert sourced(check.replace("wanted=core", "wanted='core java'"), tmp_path).stdout == ""
    (tmp_path / "uv.lock").write_text("two", encoding="utf-8")
    assert sourced(check, tmp_path).stdout == ""
    (tmp_path / "uv.lock").write_text("one", encoding="utf-8")
    program(tmp_path / ".venv" / "bin" / "python", "echo 3.12.1 /elsewhere/.venv")
    assert sourced(check, tmp_path).stdout == ""


def test_an_environment_whose_second_part_was_interrupted_is_not_made_anew(tmp_path: Path) -> None:
    for name in ("pyproject.toml", "uv.lock"):
        (tmp_path / name).write_text("one", encoding="utf-8")
    pip = f'[ ! -e {tmp_path}/interrupted ] || {{ rm {tmp_path}/interrupted; kill -TERM "$PPID"; }}'
    program(
        tmp_path / ".venv" / "bin" / "python",
        f'case "$1 ${{2:-}}" in "-c "*) echo 3.12.1 {tmp_path}/.venv ;; "-m pip") {pip} ;; *) cat >/dev/null ;; esac',
    )
    ready = tmp_path / ".venv" / ".ready"
    place = f"project={tmp_path}; venv={tmp_path}/.venv; uv=; spark=; wanted"
    made = sourced(f'{place}=core; is_ready; printf \'%s\\n\' "$place" "$sources" core', tmp_path)
    ready.write_text(made.stdout, encoding="utf-8")
    (tmp_path / "interrupted").touch()
    add = f"{place}='core test'; (is_ready || set_up)"
    assert sourced(add, tmp_path).returncode == 130
    assert not ready.exists()
    done = sourced(add, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "making it anew" not in done.stderr
    assert ready.read_text(encoding="utf-8").splitlines()[2] == "core test"
    assert sorted(path.name for path in ready.parent.iterdir()) == [".ready", "bin", "constraints.txt"]
