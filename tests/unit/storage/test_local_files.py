"""File operations as a reader sees them while they happen."""

import errno
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from seg_spark.storage.local_files import create_atomically, link_tree, remove_tree, swap_in, write_atomically

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux exchanges two names in one step")

# Lists a folder as fast as it can until a line comes in, then tells how often it saw which names.
READER = """
import collections, json, os, sys, threading
seen = collections.Counter()
stop = threading.Event()
threading.Thread(target=lambda: (sys.stdin.readline(), stop.set()), daemon=True).start()
print("reads", flush=True)
while not stop.is_set():
    try:
        seen[" ".join(sorted(os.listdir(sys.argv[1])))] += 1
    except FileNotFoundError:
        seen["absent"] += 1
print(json.dumps(seen))
"""


def folder(path: Path, *files: str) -> Path:
    """A folder of files that hold their own names."""
    path.mkdir(parents=True)
    for name in files:
        (path / name).write_text(name, encoding="utf-8")
    return path


def content(path: Path) -> dict[str, str]:
    return {file.name: file.read_text(encoding="utf-8") for file in path.iterdir()}


def swap_under_a_reader(root: Path, times: int) -> Counter[str]:
    """Swap two versions of four files back and forth; what a reader in another process saw of it."""
    published = folder(root / "table/run_date=2026-11-23", "a1", "a2", "a3", "a4")
    staged = folder(root / "staging/run_date=2026-11-23", "b1", "b2", "b3", "b4")
    reader = subprocess.Popen(
        [sys.executable, "-c", READER, str(published)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert reader.stdout is not None
    assert reader.stdout.readline() == "reads\n"
    for _ in range(times):
        assert swap_in(staged, published) == staged
        time.sleep(0.0005)
    told, _ = reader.communicate("stop\n", timeout=20)
    return Counter(json.loads(told))


@pytest.fixture
def without_exchange(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")


def test_the_first_version_is_moved_into_place(tmp_path: Path) -> None:
    staged = folder(tmp_path / "staging/x", "a")
    published = tmp_path / "new table/run_date=2026-11-23"
    assert swap_in(staged, published) is None
    assert content(published) == {"a": "a"}
    assert not staged.exists()


@pytest.mark.parametrize("exchange", [pytest.param(True, marks=linux), False], ids=["in one step", "in three steps"])
def test_a_replaced_version_lies_where_the_new_one_was_staged(
    tmp_path: Path, exchange: bool, request: pytest.FixtureRequest
) -> None:
    if not exchange:
        request.getfixturevalue("without_exchange")
    staged, published = folder(tmp_path / "staging/x", "new"), folder(tmp_path / "table/x", "old")
    assert swap_in(staged, published) == staged
    assert content(published) == {"new": "new"}
    assert content(staged) == {"old": "old"}
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["new", "old", "staging", "table", "x", "x"]


@linux
def test_a_reader_sees_one_whole_version_or_the_other_at_any_moment(tmp_path: Path) -> None:
    seen = swap_under_a_reader(tmp_path, times=400)
    assert set(seen) == {"a1 a2 a3 a4", "b1 b2 b3 b4"}


def test_where_names_cannot_be_exchanged_a_reader_may_find_nothing_but_never_a_part(
    tmp_path: Path, without_exchange: None
) -> None:
    seen = swap_under_a_reader(tmp_path, times=400)
    assert set(seen) - {"absent"} == {"a1 a2 a3 a4", "b1 b2 b3 b4"}


@pytest.mark.parametrize("exchange", [pytest.param(True, marks=linux), False], ids=["in one step", "in three steps"])
def test_a_file_that_a_reader_has_opened_can_be_read_to_its_end(
    tmp_path: Path, exchange: bool, request: pytest.FixtureRequest
) -> None:
    if not exchange:
        request.getfixturevalue("without_exchange")
    staged, published = folder(tmp_path / "staging/x", "new"), folder(tmp_path / "table/x", "old")
    with (published / "old").open(encoding="utf-8") as opened:
        swap_in(staged, published)
        assert opened.read() == "old"


def test_other_dates_of_the_table_are_left_alone(tmp_path: Path) -> None:
    other = folder(tmp_path / "table/run_date=2026-11-22", "kept")
    swap_in(folder(tmp_path / "staging/x", "new"), folder(tmp_path / "table/run_date=2026-11-23", "old"))
    assert content(other) == {"kept": "kept"}


def test_what_was_not_staged_cannot_replace_what_is_published(tmp_path: Path) -> None:
    published = folder(tmp_path / "table/x", "old")
    with pytest.raises(FileNotFoundError):
        swap_in(tmp_path / "staging/x", published)
    assert content(published) == {"old": "old"}


def test_text_is_written_into_new_folders_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "a/b/commit.json"
    write_atomically(path, "größer\n".encode())
    assert path.read_bytes() == "größer\n".encode()
    write_atomically(path, b"")
    assert content(path.parent) == {"commit.json": ""}


def test_a_file_is_created_by_one_of_many_writers(tmp_path: Path) -> None:
    path = tmp_path / "a/commit.json"
    start = threading.Barrier(8)
    won: list[int] = []

    def create(number: int) -> None:
        start.wait()
        if create_atomically(path, str(number).encode() * 100_000):
            won.append(number)

    for attempt in range(20):
        path.unlink(missing_ok=True)
        won.clear()
        threads = [threading.Thread(target=create, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(won) == 1, attempt
        assert path.read_bytes() == str(won[0]).encode() * 100_000
    assert [one.name for one in path.parent.iterdir()] == ["commit.json"]


def test_a_tree_of_links_holds_the_same_files(tmp_path: Path) -> None:
    source = folder(tmp_path / "source", "a").parent / "source"
    folder(source / "inner", "b")
    link_tree(source, tmp_path / "target")
    assert (tmp_path / "target/a").samefile(source / "a")
    assert (tmp_path / "target/inner/b").samefile(source / "inner/b")


def test_a_reader_sees_the_old_text_or_the_new_but_never_a_part(tmp_path: Path) -> None:
    path = tmp_path / "commit.json"
    texts = [letter * 200_000 for letter in "ab"]
    write_atomically(path, texts[0].encode())
    seen: Counter[tuple[str, int]] = Counter()
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            text = path.read_text(encoding="utf-8")
            seen["".join(sorted(set(text))), len(text)] += 1

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(100):
        write_atomically(path, texts[number % 2].encode())
    stop.set()
    reader.join()
    assert set(seen) <= {("a", 200_000), ("b", 200_000)}
    assert len(seen) == 2


def test_a_tree_is_removed_whether_it_is_there_or_not(tmp_path: Path) -> None:
    kept = folder(tmp_path / "kept", "a")
    gone = folder(tmp_path / "gone/inner", "a").parent
    remove_tree(gone)
    remove_tree(gone)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert content(kept) == {"a": "a"}


def test_a_copy_that_a_full_disk_cuts_off_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a filesystem without hard links, where a commit is copied to its place."""

    def refuse(*_: Any) -> None:
        raise OSError(errno.EPERM, "no hard links")

    def fill(source: Any, target: Any) -> None:
        target.write(source.read()[:3])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr(shutil, "copyfileobj", fill)
    with pytest.raises(OSError, match="No space left"):
        create_atomically(tmp_path / "commit.json", b"whole content")
    assert list(tmp_path.iterdir()) == []
