"""Publish one date again and again to S3 or HDFS in processes that are killed, with readers in a loop; no Spark.

    python tests/faults/store_kills.py s3 FOLDER --trials 300 --seed 1 --readers 2
    python tests/faults/store_kills.py seaweedfs FOLDER --trials 300 --minutes 60
    python tests/faults/store_kills.py hdfs FOLDER --trials 300

The store runs on loopback (tests/servers.py). A writer publishes version after version and is killed at a random
time, with or without its Java; then readers must find, the same in both tables, the last version that it had finished
or the one that it had begun. The next writer goes on from there. At the end nothing may be left but what the kept
commits list. Prints the counts as JSON and exits with 1 at the first fault.
"""

import argparse
import json
import math
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
from servers import (
    SECRET,
    hdfs_jars,
    hdfs_server,
    java_process,
    s3_jars,
    s3_options,
    s3_server,
    s3_variables,
    strict_s3_server,
)

from seg_spark.errors import SegSparkError
from seg_spark.storage import repair
from seg_spark.storage.commits import Commit, commit_entries, commit_of, read_commit
from seg_spark.storage.hadoop_store import HadoopStore
from seg_spark.storage.publish import publish, run_area
from seg_spark.storage.readers import files_at
from seg_spark.storage.retention import Retention
from seg_spark.storage.store import Files
from seg_spark.storage.tables import staged_table

RUN_DATE = date(2026, 11, 23)
TABLES = ("clean_customers", "customer_segments")
FILES, ROWS = 2, 4
MAX_SECONDS = 10.0
RETENTION = Retention(versions=1, grace_seconds=30.0)


class FaultError(Exception):
    """A trial left something that no reader may see."""


def publish_version(store: HadoopStore, run_id: str) -> None:
    """A run as `nightly` makes it, of a table that tells its run in every row."""
    with run_area(store, RUN_DATE, run_id, MAX_SECONDS) as area:
        staged = []
        for table in TABLES:
            folder = store.version_folder(table, RUN_DATE, run_id)
            for number in range(FILES):
                rows = pa.table({"run": [run_id] * ROWS, "row": range(ROWS * number, ROWS * (number + 1))})
                content = BytesIO()
                pq.write_table(rows, content)
                store.write(f"{folder}/part-{number}-{run_id}.parquet", content.getvalue())
            staged.append(staged_table(store, table, folder))
        publish(store, area, staged, None, RETENTION)


def write_until_killed(root: str, jars: list[Path], options: dict[str, str], name: str, versions: int) -> None:
    """The work of a writer: tells on its output what it begins and what it has done."""
    repair._SAFETY_SECONDS = 0.0  # type: ignore[misc]  # so that debris goes within the minutes of a test
    store = HadoopStore(root, *java_process(jars, options))
    store.check(allow_single_writer=False)
    for number in range(versions):
        sys.stdout.write(f"begins {name}-{number}\n")
        sys.stdout.flush()
        publish_version(store, f"{name}-{number}")
        sys.stdout.write(f"done {name}-{number}\n")
        sys.stdout.flush()


def read_until_told(root: str) -> None:
    """The work of a reader: prints its counts when it is told to stop."""
    told: list[int] = []
    signal.signal(signal.SIGTERM, lambda signum, frame: told.append(signum))
    counts: Counter[str] = Counter()
    files = files_at(root)
    while not told:
        for table in TABLES:
            try:
                counts[content(files, commit_of(files, RUN_DATE), table)[0]] += 1
            except (OSError, SegSparkError, pa.ArrowException, KeyError) as error:
                counts[f"error {type(error).__name__}: {error}"[:200]] += 1
    sys.stdout.write(json.dumps(counts))


def content(files: Files, commit: Commit, table: str) -> tuple[str, str]:
    """Whether a table of a commit is whole, and its run."""
    tables = []
    for one in commit.tables[table].files:
        with closing(files.open_input(one.path)) as file:
            tables.append(pq.ParquetFile(file).read(use_threads=False))
    rows = pa.concat_tables(tables)
    runs = sorted(set(rows["run"].to_pylist()))
    if len(runs) > 1:
        return ("mixed", " ".join(runs))
    whole = sorted(rows["row"].to_pylist()) == list(range(FILES * ROWS))
    return ("whole" if whole else "partial", runs[0])


def found_in(files: Files) -> str:
    """The run that all tables of the date are of."""
    commit = commit_of(files, RUN_DATE)
    found = {content(files, commit, table) for table in TABLES}
    if len(found) != 1 or {state for state, _ in found} != {"whole"}:
        raise FaultError(f"readers of the commits found {found}")
    return found.pop()[1]


def files_below(files: Files, folder: str = "") -> Iterator[str]:
    """Every file of a store."""
    for one in files.entries(folder):
        path = f"{folder}/{one.name}".lstrip("/")
        if one.is_folder:
            yield from files_below(files, path)
        else:
            yield path


def check_debris(files: Files) -> None:
    """Nothing is there but what the kept commits list."""
    numbers = list(commit_entries(files))
    commits = [read_commit(files, number) for number in numbers]
    listed = {file.path for one in commits for table in one.tables.values() for file in table.files}
    listed |= {f"_seg_spark/commits/{number:08}.json" for number in numbers}
    there = set(files_below(files))
    if there != listed:
        raise FaultError(f"debris {sorted(there - listed)[:5]}, missing {sorted(listed - there)[:5]}")


def trials(writer: Sequence[str], root: str, count: int, minutes: float, seed: int) -> Counter[str]:
    """Run the trials, as many as asked for, one more version after each, and look at what is left."""
    generator, outcomes, files = random.Random(seed), Counter[str](), files_at(root)
    run(writer, "first", 1)
    deadline = time.monotonic() + 60.0 * minutes
    for number in range(count):
        if time.monotonic() > deadline:
            break
        old = found_in(files)
        begun, done = killed(writer, f"k{number}", generator)
        found = found_in(files)
        allowed = {done[-1] if done else old, *begun[len(done) :]}
        if found not in allowed:
            raise FaultError(f"readers found {found}, expected one of {allowed}")
        outcomes["new" if begun[len(done) :] == [found] else "old"] += 1
        outcomes["finished before"] += len(done)
        if generator.random() < 0.3:
            run(writer, f"n{number}", 1)
            if found_in(files) != f"n{number}-0":
                raise FaultError(f"after a kill run n{number}-0 ended, but {found_in(files)} is published")
            outcomes["converged"] += 1
    time.sleep(MAX_SECONDS + 2.0)
    run(writer, "last", 1)
    if found_in(files) != "last-0":
        raise FaultError("the last run is not in force")
    check_debris(files)
    return outcomes


def run(writer: Sequence[str], name: str, versions: int) -> None:
    command = [*writer, "--name", name, "--versions", str(versions)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise FaultError(f"a run that was left alone failed: {done.stderr[-1500:]}")


def killed(writer: Sequence[str], name: str, generator: random.Random) -> tuple[list[str], list[str]]:
    """Kill a writer at a random time; which versions it had begun, and which of them it had finished."""
    process = subprocess.Popen([*writer, "--name", name, "--versions", "1000"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    lines = [process.stdout.readline()]
    if generator.random() < 0.7:  # cold Java is slow: let it get further than its first version
        lines.append(process.stdout.readline())
    children = psutil.Process(process.pid).children(recursive=True)
    time.sleep(generator.random() * 6.0)
    victims = [process.pid] + ([one.pid for one in children] if generator.random() < 0.5 else [])
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    lines += process.stdout.read().splitlines(keepends=True)
    process.wait()
    psutil.wait_procs(children, timeout=60.0)  # Java that lives on may still send what it had begun
    words = [line.split() for line in lines if line.endswith("\n")]
    if not words:
        raise FaultError("a writer ended before it began")
    told = {kind: [run_id for what, run_id in words if what == kind] for kind in ("begins", "done")}
    return told["begins"], told["done"]


@contextmanager
def readers(root: str, count: int) -> Iterator[Counter[str]]:
    """Processes that read in a loop while the block runs; their counts are there after it."""
    command = [sys.executable, __file__, "read", root]
    counts: Counter[str] = Counter()
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(count)]
    try:
        yield counts
    finally:
        for one in running:
            one.terminate()
        said = [one.communicate()[0] for one in running]
    for one, text in zip(running, said, strict=True):
        if one.returncode != 0 and not (one.returncode == -signal.SIGTERM and not text):  # told before it could listen
            raise FaultError(f"a reader ended with {one.returncode}")
        counts.update(json.loads(text or "{}"))
    if count and not counts["whole"]:
        raise FaultError(f"the readers have read nothing: {dict(counts)}")


@contextmanager
def started(kind: str, folder: Path) -> Iterator[tuple[str, dict[str, str], list[Path]]]:
    """A store: the root of an output in it, what Hadoop must be told, and the libraries for it."""
    if kind in ("s3", "seaweedfs"):
        jars = s3_jars(folder / "ivy")
        with s3_server() if kind == "s3" else strict_s3_server(folder / "seaweedfs") as endpoint:
            os.environ.update(s3_variables(endpoint))
            yield "s3a://bucket/output", s3_options(endpoint), jars
        return
    jars = hdfs_jars(folder / "ivy")
    with hdfs_server(folder / "hdfs", jars) as url:
        yield f"{url}/output", {}, []


def main() -> int:
    """Parse the command line, run, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["s3", "seaweedfs", "hdfs", "write", "read"])
    parser.add_argument("where", help="a folder for the trials; the root of the output for write and read")
    parser.add_argument("--trials", type=int, default=10)
    parser.add_argument("--minutes", type=float, default=math.inf, help="begin no trial after so long")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--readers", type=int, default=0)
    parser.add_argument("--name", default="")
    parser.add_argument("--versions", type=int, default=1)
    parser.add_argument("--options", type=json.loads, default={})
    parser.add_argument("--jars", type=lambda text: [Path(one) for one in text.split(os.pathsep) if one], default=[])
    asked = parser.parse_args()
    if asked.what == "write":
        write_until_killed(asked.where, asked.jars, asked.options, asked.name, asked.versions)
        return 0
    if asked.what == "read":
        read_until_told(asked.where)
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started ends too
    start = time.monotonic()
    with started(asked.what, Path(asked.where).absolute()) as (root, options, jars):
        words: list[Any] = [sys.executable, __file__, "write", root, "--options", json.dumps(options)]
        writer = [*words, "--jars", os.pathsep.join(map(str, jars))]
        run(writer, "zero", 1)
        with readers(root, asked.readers) as reads:
            outcomes = trials(writer, root, asked.trials, asked.minutes, asked.seed)
    seconds = round(time.monotonic() - start, 1)
    sys.stdout.write(json.dumps({"trials": outcomes, "reads": reads, "seconds": seconds}) + "\n")
    return 1 if set(reads) - {"whole"} or SECRET in json.dumps(reads) else 0


if __name__ == "__main__":
    sys.exit(main())
