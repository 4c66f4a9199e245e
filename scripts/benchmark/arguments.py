"""The command line of the benchmark."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

from benchmark.contenders import CONTENDERS
from benchmark.questions import Question, parse_size

BUILD: Final = Path(__file__).parents[2] / "build" / "benchmark"

_EXPLAINED: Final = """\
The contenders, one after the other, each in processes of its own:
  a     ours: the whole night as a user runs it, session start included
  b1    the same job in scikit-learn: Arrow reads, pandas and Arrow clean, KMeans of one start per k on everybody
  b10   the same with ten starts per k
  b1s, b10s   the same, fitted on 100,000 customers picked by a hash of the id; everybody gets a label
  c     the usual MLlib loop: cached vectors, KMeans and ClusteringEvaluator per k on everybody
  d     in one warm session: a bare copy of the clean customers with one more column, and beside it our
        label and write (the clean customers are those of a; without a, only a copy of the raw table)
All prepare the same way: valid ranges, duplicates, medians for missing values, standard scaling, no logarithm;
k = 2..10; the highest silhouette wins (Spark's of squared distances in a and c, scikit-learn's of 10,000
sampled customers in b). b and c write the id and the segment, ours writes its eleven columns, and profiles,
rejected rows, model and record besides. A data scientist who trusts single precision makes b faster by a third.

What is measured:
  seconds    wall time of the process until it ends; median and range of --repeat runs
  CPU s      user and system seconds of it and all it started (elsewhere than on Linux without what outlives it)
  peak GiB   highest memory of it and all it started, Java included, looked at four times a second: PSS on
             Linux, where shared pages count once; RSS elsewhere
  within SS  every contender leaves its centres in the units of the table. They are judged in one space, the
             same for all: all accepted customers, medians for missing values, standardised over everybody, each
             customer at the nearest centre. At the common k, over the best of the contenders (1 is the best);
             and at the k it chose. Our centres of the common k come from a second fit, which is not timed
             (selection.rule fixed, everything else as in the night)
The table is read once before, so that the first contender does not pay for the disk.

Exit codes: 0 done, 1 a contender failed (the others ran), 2 wrong usage, 130 interrupted (the JSON keeps what
there was)."""


@dataclass(frozen=True)
class Asked:
    """What is to be measured."""

    questions: tuple[Question, ...]
    contenders: tuple[str, ...]
    only: tuple[str, ...]
    repeat: int
    common_k: int
    quality: bool
    data: Path
    work: Path
    output: Path | None


class Parser(argparse.ArgumentParser):
    """A parser that reports a mistake in one line."""

    def error(self, message: str) -> NoReturn:
        """Write the message and leave with code 2."""
        self.exit(2, f"{self.prog}: error: {message}\n")


def listed(read: Callable[[str], Any], expected: str) -> Callable[[str], tuple[Any, ...]]:
    """A reader of values separated by commas."""

    def read_all(text: str) -> tuple[Any, ...]:
        try:
            values = tuple(dict.fromkeys(read(word.strip()) for word in text.split(",")))
        except (ValueError, KeyError):
            raise argparse.ArgumentTypeError(f"expected {expected}, not {text!r}") from None
        return values

    return read_all


def one_of(*allowed: Any) -> Callable[[str], Any]:
    """A reader of one of a few values."""
    return lambda text: {str(value): value for value in allowed}[text]


def make_parser() -> Parser:
    """Return the parser of the command line."""
    parser = Parser(
        prog="scripts/benchmark/run",
        usage="scripts/benchmark/run [--sizes 200,100k,...] [options]\n"
        "       scripts/benchmark/run --scoring [options]   (see scripts/benchmark/scoring --help)",
        description="How long a night takes, and how good its segments are, beside scikit-learn and MLlib.",
        epilog=_EXPLAINED,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    sizes = listed(parse_size, "sizes such as 200,100k,1m")
    add("--sizes", type=sizes, default="200,100k,1m,10m", help="rows, with k or m (default: 200,100k,1m,10m)")
    features = listed(one_of(6, 20), "6, 20 or 6,20")
    add("--features", type=features, default="6", help="6, 20 or both (default: 6; targets are for 6)")
    add(
        "--dirt",
        type=listed(_share, "shares such as 0,0.02"),
        default="0.02",
        help="share of dirty rows (default: 0.02)",
    )
    add("--format", choices=("parquet", "csv"), default="parquet", help="of the customers (default: parquet)")
    names = listed(one_of(*CONTENDERS), f"some of {','.join(CONTENDERS)}")
    add("--only", type=names, default=(), metavar="a,b1,...", help="contenders (default: all; c only below 10m)")
    add("--repeat", type=_count, default=1, metavar="N", help="runs of each; the median counts (default: 1)")
    add("--common-k", type=_k, default=7, metavar="K", help="k at which quality is compared (default: 7)")
    add("--no-quality", action="store_true", help="time only")
    add("--data", type=Path, default=BUILD / "data", metavar="FOLDER", help="tables (default: build/benchmark/data)")
    add(
        "--work",
        type=Path,
        default=BUILD / "work",
        metavar="FOLDER",
        help="outputs, logs (default: build/benchmark/work)",
    )
    add("--output", type=Path, metavar="FILE", help="JSON (default: build/benchmark/TIMESTAMP.json)")
    return parser


def read_arguments(arguments: list[str] | None) -> Asked:
    """What the command line asks for."""
    chosen = make_parser().parse_args(arguments)
    questions = tuple(
        Question(rows, features, dirt, chosen.format)
        for features in chosen.features
        for dirt in chosen.dirt
        for rows in sorted(chosen.sizes)
    )
    return Asked(
        questions=questions,
        contenders=tuple(name for name in CONTENDERS if not chosen.only or name in chosen.only),
        only=chosen.only,
        repeat=chosen.repeat,
        common_k=chosen.common_k,
        quality=not chosen.no_quality,
        data=chosen.data.resolve(),
        work=chosen.work.resolve(),
        output=chosen.output.resolve() if chosen.output else None,
    )


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 0.5:
        raise ValueError(text)
    return value


def _count(text: str) -> int:
    return _within(text, 1, 99)


def _k(text: str) -> int:
    return _within(text, 2, 10)


def _within(text: str, low: int, high: int) -> int:
    if not text.isdigit() or not low <= int(text) <= high:
        raise argparse.ArgumentTypeError(f"must be a whole number from {low} to {high}, not {text!r}")
    return int(text)
