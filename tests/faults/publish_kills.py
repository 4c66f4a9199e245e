"""Publish one date again and again in processes that are killed, with readers in a loop meanwhile; no Spark.

    python tests/faults/publish_kills.py FOLDER --trials 10000 --seed 1 --readers 2

Every trial forks a process that publishes a new version of two tables. It is killed either before an operation on the
filesystem that is chosen at random, or after a random time. After it, readers must find exactly the old version or
exactly the new one; after one more run that is left alone, exactly that run's, and no debris. Prints the counts as JSON
and exits with 1 at the first fault.
"""

import argparse
import json
import os
import random
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from seg_spark import published_files
from seg_spark.storage import local_files
from seg_spark.storage.commits import commit_of
from seg_spark.storage.local_store import LocalStore
from seg_spark.storage.publish import publish, run_area
from seg_spark.storage.retention import Retention
from seg_spark.storage.tables import staged_table

RUN_DATE = date(2026, 11, 23)
TABLES = ("clean_customers", "customer_segments")
FILES, ROWS = 3, 4
RETENTION = Retention(versions=1, grace_seconds=30.0)
OPERATIONS = ("link", "replace", "rename", "unlink", "rmdir", "mkdir", "fsync")
Read = Callable[[], tuple[str, ...]]


def publish_version(store: LocalStore, run_id: str) -> None:
    """A run as `nightly` makes it, of a table that tells its run in every row."""
    with run_area(store, RUN_DATE, run_id) as area:
        staged = []
        for table in TABLES:
            folder = store.version_folder(table, RUN_DATE, run_id)
            store.path(folder).mkdir(parents=True)
            for number in range(FILES):
                rows = pa.table({"run": [run_id] * ROWS, "row": range(ROWS * number, ROWS * (number + 1))})
                pq.write_table(rows, store.path(folder) / f"part-{number}-{run_id}.parquet")
            staged.append(staged_table(store, table, folder))
        publish(store, area, staged, None, RETENTION)


def killed(store: LocalStore, run_id: str, generator: random.Random, operations: int, seconds: float) -> bool:
    """Publish in a forked process that does not live to its end, unless it is faster than the random time.

    Returns whether it was killed. Raises FaultError if it failed by itself.
    """
    at_operation, after = generator.randrange(operations), generator.random() * seconds
    by_operation = generator.random() < 0.5
    child = os.fork()
    if child == 0:
        with ending(child):
            if by_operation:
                kill_at(at_operation)
            publish_version(store, run_id)
    if not by_operation:
        time.sleep(after)
        os.kill(child, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code not in (0, -signal.SIGKILL):
        raise FaultError(f"the run of {run_id} was not killed and ended with {code}")
    return code != 0


@contextmanager
def ending(child: int) -> Iterator[None]:
    """End this forked process after the block: with 0, or with 1 and the traceback."""
    assert child == 0
    code = 1
    try:
        yield
        code = 0
    except BaseException:  # noqa: BLE001  # a forked process must not go on as its parent
        traceback.print_exc()
    finally:
        os._exit(code)


def kill_at(operation: int) -> None:
    """Kill this process before its operation of that number on the filesystem."""
    count_operations(lambda number: os.kill(os.getpid(), signal.SIGKILL) if number == operation else None)


def count_operations(before: Callable[[int], Any]) -> None:
    done = 0

    def counted(module: Any, name: str) -> None:
        plain = getattr(module, name)

        def operation(*arguments: Any, **options: Any) -> Any:
            nonlocal done
            before(done)
            done += 1
            return plain(*arguments, **options)

        setattr(module, name, operation)

    for name in OPERATIONS:
        counted(os, name)
    counted(local_files, "_exchange")


def measured(store: LocalStore) -> tuple[int, float]:
    """How many operations and seconds an undisturbed run takes."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        with ending(child):
            seen: list[int] = []
            count_operations(seen.append)
            publish_version(store, "measured")
            os.write(writing, str(len(seen)).encode())
    if os.waitpid(child, 0)[1]:
        raise FaultError("a run that was left alone failed")
    start = time.monotonic()
    publish_version(store, "first")
    return int(os.read(reading, 20)), time.monotonic() - start


def by_commit(store: LocalStore, table: str) -> Read:
    """A reader that asks the commits for the files."""
    return lambda: content(published_files(store.root, table, RUN_DATE))


def by_glob(store: LocalStore, table: str) -> Read:
    """A reader that lists the folder of the date."""
    folder = store.path(f"{table}/run_date={RUN_DATE}")
    return lambda: content([str(path) for path in sorted(folder.glob("*.parquet"))])


def content(files: list[str]) -> tuple[str, ...]:
    """The runs whose rows are in some files, or what is wrong with the rows. Raises OSError."""
    tables = [pq.ParquetFile(file).read(use_threads=False) for file in files]
    if not tables:
        return ("empty",)
    table = pa.concat_tables(tables)
    runs = sorted(set(table["run"].to_pylist()))
    if len(runs) > 1:
        return ("mixed", *runs)
    return (runs[0],) if sorted(table["row"].to_pylist()) == list(range(FILES * ROWS)) else ("partial", runs[0])


@contextmanager
def readers(reads: Sequence[tuple[str, Read]], count: int) -> Iterator[Counter[str]]:
    """Processes that read in a loop while the block runs, each time in one of the ways; counts are there after it."""
    counts: Counter[str] = Counter()
    pipes = []
    for number in range(count):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            _read_until_told(reads, number, writing)
        os.close(writing)
        pipes.append((child, reading))
    try:
        yield counts
    finally:
        for child, reading in pipes:
            os.kill(child, signal.SIGTERM)
            with os.fdopen(reading) as pipe:
                counts.update(json.load(pipe))
            os.waitpid(child, 0)
    if count and not any(name.endswith("whole") for name in counts):
        raise FaultError(f"the readers have read nothing: {dict(counts)}")


def _read_until_told(reads: Sequence[tuple[str, Read]], seed: int, writing: int) -> None:
    told: list[int] = []
    signal.signal(signal.SIGTERM, lambda signum, frame: told.append(signum))
    counts: Counter[str] = Counter()
    generator = random.Random(seed)
    while not told:
        kind, read = generator.choice(reads)
        outcome = outcome_of(read)
        counts[f"{kind} {outcome}"] += 1
        if kind == "glob" and outcome in ("error", "empty"):
            counts[f"glob retry {outcome_of(read)}"] += 1
    with os.fdopen(writing, "w") as pipe:
        json.dump(counts, pipe)
    os._exit(0)


def outcome_of(read: Read) -> str:
    try:
        found = read()
    except (OSError, pa.ArrowException):
        return "error"
    return found[0] if found[0] in ("empty", "mixed", "partial") else "whole"


class FaultError(Exception):
    """A trial left something that no reader may see."""


def check_readers(store: LocalStore, allowed: set[tuple[str, ...]], folders: set[tuple[str, ...]]) -> None:
    """Readers of commits find one of `allowed`, the same in all tables; globs one of `folders` per table."""
    found = {by_commit(store, table)() for table in TABLES}
    if len(found) != 1 or not found <= allowed:
        raise FaultError(f"readers of the commits found {found}, expected one of {allowed}")
    for table in TABLES:
        if by_glob(store, table)() not in folders:
            raise FaultError(f"a glob of {table} found {by_glob(store, table)()}, expected one of {folders}")


def check_debris(store: LocalStore) -> None:
    """After a run that was left alone nothing is there but what the commits that are kept list."""
    numbers = sorted(int(path.stem) for path in store.path("_seg_spark/commits").glob("*.json"))
    listed, models = set(), set()
    for number in numbers:
        document = json.loads(store.read(f"_seg_spark/commits/{number:08}.json"))
        listed |= {file["path"] for table in document["tables"].values() for file in table["files"]}
        models |= {one["model"]["folder"] for one in document["dates"].values() if one["model"]}
    there = {str(path.relative_to(store.folder)) for path in store.path("_seg_spark").rglob("*") if path.is_file()}
    unknown = there - listed - {"_seg_spark/lock"} - {f"_seg_spark/commits/{number:08}.json" for number in numbers}
    unknown = {path for path in unknown if not any(path.startswith(f"{folder}/") for folder in models)}
    if unknown or listed - there:
        raise FaultError(f"debris {sorted(unknown)[:5]}, missing {sorted(listed - there)[:5]}")
    if store.path("_seg_spark/staging").exists():
        raise FaultError("a staging folder is left")


def trials(store: LocalStore, count: int, seed: int) -> Counter[str]:
    """Run the trials, as many as asked for."""
    generator, outcomes = random.Random(seed), Counter[str]()
    operations, seconds = measured(store)
    for number in range(count):
        old = by_commit(store, TABLES[0])()
        shown = {by_glob(store, table)() for table in TABLES}
        outcomes["killed"] += killed(store, f"k{number}", generator, operations, 1.2 * seconds)
        check_readers(store, {old, (f"k{number}",)}, {*shown, old, (f"k{number}",)})
        outcomes["old" if by_commit(store, TABLES[0])() == old else "new"] += 1
        if generator.random() < 0.3:
            child = os.fork()
            if child == 0:
                with ending(child):
                    publish_version(store, f"n{number}")
            if os.waitpid(child, 0)[1] != 0:
                raise FaultError("a run after a kill failed")
            check_readers(store, {(f"n{number}",)}, {(f"n{number}",)})
            check_debris(store)
            outcomes["converged"] += 1
    publish_version(store, "last")
    check_readers(store, {("last",)}, {("last",)})
    check_debris(store)
    if commit_of(store, RUN_DATE).tables[TABLES[0]].run_id != "last":
        raise FaultError("the last run is not in force")
    if outcomes["killed"] < count / 4:
        raise FaultError(f"only {outcomes['killed']} of {count} runs were killed")
    return outcomes


def main() -> int:
    """Parse the command line, run, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--readers", type=int, default=0)
    asked = parser.parse_args()
    store = LocalStore(asked.folder.absolute())
    publish_version(store, "zero")
    start = time.monotonic()
    kinds = (("commit", by_commit), ("glob", by_glob))
    ways = [(kind, read(store, table)) for kind, read in kinds for table in TABLES]
    with readers(ways, asked.readers) as reads:
        outcomes = trials(store, asked.trials, asked.seed)
    seconds = round(time.monotonic() - start, 1)
    sys.stdout.write(json.dumps({"trials": outcomes, "reads": dict(sorted(reads.items())), "seconds": seconds}) + "\n")
    return 1 if bad_reads(reads) else 0


def bad_reads(reads: Mapping[str, int]) -> list[str]:
    """What no reader may find: a part or a mix, or by the commits anything but a whole date."""
    bad = ("mixed", "partial", "retry error", "retry empty")
    return [name for name in reads if name.endswith(bad) or name in ("commit error", "commit empty")]


if __name__ == "__main__":
    sys.exit(main())
