"""Hurt the real job, in processes of its own, with readers in a loop meanwhile.

    python tests/faults/job_faults.py FOLDER --trials 40 --seed 1

Two tables are published for one date in turns. Each trial starts `seg-spark nightly` and does it one harm, such as
kill -9 at a random time, a full disk, or an input that vanishes. After it, readers must find exactly the old labels or
exactly the new ones, and the exit code must be a documented one; the next run that is left alone must give the labels
of a run that was never hurt, and leave no debris. Prints the counts as JSON and exits with 1 at the first fault.

The harms that need a filesystem of their own (a full disk, a read-only one) are left out unless root runs this.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import pyarrow as pa
import pyarrow.parquet as pq
from builders import conf_dir, customer, grouped_customers, write_csv
from faults.publish_kills import FaultError, bad_reads, check_debris, readers
from processes import PROJECT, SEG_SPARK

from seg_spark import published_files
from seg_spark.storage.local_store import LocalStore

RUN_DATE = "2026-11-23"
COLUMNS = ["customer_id", "segment_id", "segment_name", "distance", "margin"]
Labels = tuple[tuple[Any, ...], ...]
_ENOUGH_TRIALS = 3
"""A harm that came too late so often, and never in time, was not tested."""


@dataclass
class Bench:
    """Two variants of an input (A and B), the labels each must give, and one output."""

    root: Path
    generator: random.Random
    expected: dict[str, Labels] = field(default_factory=dict)
    seconds: float = 0.0
    published: str = ""
    said: str = ""
    """What the run that was hurt has said."""
    was_harmed: bool = True
    """Whether it was still running when the harm was to be done."""

    @property
    def store(self) -> LocalStore:
        return LocalStore(self.root / "output")

    def command(self, variant: str, output: Path | None = None) -> list[str]:
        """The job on one of the inputs."""
        sets = [f"input.path={self.root / variant / 'input'}", f"output.path={output or self.store.folder}"]
        sets += ["publish.grace_minutes=11", "run.max_minutes=10"]
        words = [word for one in sets for word in ("--set", one)]
        conf = ["--conf-dir", str(self.root / "A" / "conf")]
        return [sys.executable, "-c", SEG_SPARK, "nightly", "--run-date", RUN_DATE, *conf, *words]

    def start(self, variant: str, **variables: str) -> "subprocess.Popen[str]":
        """Start the job; what it says goes through a pipe."""
        environment = {**os.environ, "PYTHONPATH": str(PROJECT), **variables}
        return subprocess.Popen(
            self.command(variant), env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )

    def run(self, variant: str, output: Path | None = None) -> None:
        """A run that is left alone. Raises FaultError if it fails."""
        environment = os.environ | {"PYTHONPATH": str(PROJECT)}
        done = subprocess.run(
            self.command(variant, output), env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise FaultError(f"a run that was left alone ended with {done.returncode}: {done.stderr[-2000:]}")

    def other(self) -> str:
        """The variant that is not published."""
        return "B" if self.published == "A" else "A"

    def variant_of(self, files: list[str]) -> tuple[str, ...]:
        """Which variant's labels some files hold, `empty`, or `mixed` if neither."""
        if not files:
            return ("empty",)
        found = labels_in(files)
        return (next((name for name, labels in self.expected.items() if labels == found), "mixed"),)

    def by_commit(self) -> tuple[str, ...]:
        """What a reader of the commits finds."""
        return self.variant_of(published_files(self.store.root, "customer_segments", RUN_DATE))

    def by_glob(self) -> tuple[str, ...]:
        """What a plain glob finds."""
        folder = self.store.path(f"customer_segments/run_date={RUN_DATE}")
        return self.variant_of(sorted(map(str, folder.glob("*.parquet"))))


def labels_in(files: list[str]) -> Labels:
    tables = [pq.ParquetFile(file).read(columns=COLUMNS, use_threads=False) for file in files]
    rows = pa.concat_tables(tables).to_pylist()
    return tuple(sorted(tuple(row[name] for name in COLUMNS) for row in rows))


def prepared(root: Path, seed: int) -> Bench:
    """A bench with variant A published, and the labels that undisturbed runs give."""
    for name, shift in (("A", 0), ("B", 3)):
        rows = [{**row, "score": row["score"] + shift} for row in grouped_customers(60 + shift)]
        write_csv(root / name, [*rows, customer(9001, income="x")])
        conf_dir(root / name)
    bench = Bench(root, random.Random(seed))
    for name in ("A", "B"):
        reference = LocalStore(root / f"reference-{name}")
        clock = time.monotonic()
        bench.run(name, reference.folder)
        bench.seconds = time.monotonic() - clock
        bench.expected[name] = labels_in(published_files(reference.root, "customer_segments", RUN_DATE))
    if bench.expected["A"] == bench.expected["B"]:
        raise FaultError("the two variants give the same labels, so nothing could be told apart")
    bench.run("A")
    bench.published = "A"
    return bench


def ended(bench: Bench, process: "subprocess.Popen[str]") -> int:
    """The exit code of a run, once it has ended."""
    bench.said = process.communicate(timeout=180)[1]
    return process.returncode


def after_a_while(bench: Bench, process: "subprocess.Popen[str]", harm: Callable[[], None]) -> int:
    """Do the harm at a random moment of the run's usual time."""
    with suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=bench.generator.random() * bench.seconds)
    return _harmed(bench, process, harm)


def at_step(bench: Bench, process: "subprocess.Popen[str]", step: str, seconds: float, harm: Callable[[], None]) -> int:
    """Do the harm some time after a step has started."""
    assert process.stderr is not None
    for line in process.stderr:
        if f"{step}: started" in line:
            break
    time.sleep(seconds)
    return _harmed(bench, process, harm)


def _harmed(bench: Bench, process: "subprocess.Popen[str]", harm: Callable[[], None]) -> int:
    bench.was_harmed = process.poll() is None
    if bench.was_harmed:
        harm()
    return ended(bench, process)


def kill(bench: Bench, variant: str) -> tuple[int, set[int]]:
    """kill -9 at a random time."""
    process = bench.start(variant)
    return after_a_while(bench, process, process.kill), {0, -signal.SIGKILL}


def kill_while_publishing(bench: Bench, variant: str) -> tuple[int, set[int]]:
    """kill -9 in the moments in which the date is published."""
    process = bench.start(variant)
    return at_step(bench, process, "publish", bench.generator.random() * 0.6, process.kill), {0, -signal.SIGKILL}


def terminate(bench: Bench, variant: str) -> tuple[int, set[int]]:
    """SIGTERM at a random time; before the first lines of the program Python ends by the signal itself."""
    process = bench.start(variant)
    codes = {0, 143, -signal.SIGTERM}
    return after_a_while(bench, process, process.terminate), codes


def vanishing_input(bench: Bench, variant: str) -> tuple[int, set[int]]:
    """The input is moved away while it is read."""
    folder, aside = bench.root / variant / "input", bench.root / variant / "aside"
    process = bench.start(variant)
    try:
        return at_step(bench, process, "clean", bench.generator.random() * 4, lambda: folder.rename(aside) and None), {
            0,
            3,
        }
    finally:
        if aside.exists():
            aside.rename(folder)


def corrupt_input(bench: Bench, variant: str) -> tuple[int, set[int]]:
    """The input is overwritten with bytes that are no text while it is read."""
    [file] = (bench.root / variant / "input").iterdir()
    content = file.read_bytes()
    process = bench.start(variant)
    try:
        seconds = bench.generator.random() * 4
        return at_step(bench, process, "clean", seconds, lambda: file.write_bytes(os.urandom(len(content))) and None), {
            0,
            3,
        }
    finally:
        file.write_bytes(content)


def two_at_once(bench: Bench, variant: str) -> tuple[int, set[int]]:
    """Another run of the same date starts meanwhile; one of the two is refused."""
    first, second = bench.start(variant), bench.start(variant)
    codes = [ended(bench, process) for process in (first, second)]
    if sorted(codes) != [0, 75]:
        raise FaultError(f"of two runs at once one must be refused; they ended with {codes}")
    return 0, {0}


def clock_jump(bench: Bench, variant: str) -> tuple[int, set[int]]:
    """The clock of the process is ten years ahead; or behind, so that the run date is refused as one far ahead."""
    folder = bench.root / "clock"
    folder.mkdir(exist_ok=True)
    years = bench.generator.choice((-10, 10))
    (folder / "sitecustomize.py").write_text(
        f"import time\nplain = time.time\ntime.time = lambda: plain() + {years} * 365 * 86400\n", encoding="utf-8"
    )
    process = bench.start(variant, PYTHONPATH=os.pathsep.join([str(folder), str(PROJECT)]))
    return ended(bench, process), {0} if years > 0 else {2}


def full_disk(bench: Bench, variant: str) -> tuple[int, set[int]]:
    """A little space is left on the disk of the output."""
    filler = bench.store.path("filler")
    free = shutil.disk_usage(bench.store.folder).free
    filler.write_bytes(b"x" * max(0, free - bench.generator.randrange(160) * 1024))
    process = bench.start(variant)
    try:
        return ended(bench, process), {0, 4, 7}
    finally:
        filler.unlink()


def read_only(bench: Bench, variant: str) -> tuple[int, set[int]]:
    """The disk of the output is read-only."""
    subprocess.run(["mount", "-o", "remount,ro", str(bench.store.folder)], check=True)
    try:
        return ended(bench, bench.start(variant)), {4}
    finally:
        subprocess.run(["mount", "-o", "remount,rw", str(bench.store.folder)], check=True)


HARMS = (
    kill,
    kill_while_publishing,
    kill_while_publishing,
    terminate,
    vanishing_input,
    corrupt_input,
    two_at_once,
    clock_jump,
)
ON_OWN_DISK = (full_disk, read_only)


@contextmanager
def own_disk(folder: Path) -> Iterator[bool]:
    """A small disk at the folder, in memory; False where this user cannot have one."""
    folder.mkdir(parents=True, exist_ok=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder)], check=False, capture_output=True
    )
    try:
        yield mounted.returncode == 0
    finally:
        if mounted.returncode == 0:
            subprocess.run(["umount", "-l", str(folder)], check=True)


def trial(bench: Bench, harm: Callable[[Bench, str], tuple[int, set[int]]]) -> str:
    """One harm, what readers find after it, and a run that is left alone. Returns which labels were found."""
    variant, bench.was_harmed = bench.other(), True
    code, codes = harm(bench, variant)
    if code not in codes:
        raise FaultError(f"{harm.__name__}: exit code {code}, expected one of {sorted(codes)}: {bench.said[-3000:]}")
    found = bench.by_commit()
    if found not in ((bench.published,), (variant,)) or bench.by_glob() not in ((bench.published,), found):
        raise FaultError(f"{harm.__name__}: readers of the commits found {found}, a glob {bench.by_glob()}")
    if code == 0 and found != (variant,):
        raise FaultError(f"{harm.__name__}: the run ended with 0 and has not published")
    bench.run(variant)
    bench.published = variant
    if bench.by_commit() != (variant,) or bench.by_glob() != (variant,):
        raise FaultError(f"{harm.__name__}: the next run gave {bench.by_commit()} and {bench.by_glob()}")
    check_debris(bench.store)
    late = "" if bench.was_harmed else ", too late"
    return f"{harm.__name__}: exit {code}, {'new' if found == (variant,) else 'old'}{late}"


def main() -> int:
    """Parse the command line, run, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--readers", type=int, default=1)
    parser.add_argument("--only", help="one harm, by its name")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the disk is unmounted
    clock = time.monotonic()
    outcomes = Counter[str]()
    root = asked.folder.absolute()
    with own_disk(root / "output") as has_own_disk:
        bench = prepared(root, asked.seed)
        harms = [one for one in (*HARMS, *(ON_OWN_DISK if has_own_disk else ())) if asked.only in (None, one.__name__)]
        with readers([("commit", bench.by_commit), ("glob", bench.by_glob)], asked.readers) as reads:
            for number in range(asked.trials):
                outcome = trial(bench, harms[number % len(harms)])
                outcomes[outcome] += 1
                sys.stderr.write(f"{outcome}\n")
    seconds = round(time.monotonic() - clock, 1)
    counts = {"trials": dict(sorted(outcomes.items())), "reads": dict(sorted(reads.items())), "seconds": seconds}
    sys.stdout.write(json.dumps(counts) + "\n")
    done = {one.partition(":")[0] for one in outcomes if not one.endswith("too late")}
    late = Counter[str]()
    for outcome, count in outcomes.items():
        late[outcome.partition(":")[0]] += count
    never = [name for name, count in late.items() if name not in done and count >= _ENOUGH_TRIALS]
    if never:
        raise FaultError(f"never done in time: {', '.join(never)}")
    return 1 if bad_reads(reads) else 0


if __name__ == "__main__":
    sys.exit(main())
