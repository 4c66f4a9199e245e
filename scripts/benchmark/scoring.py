"""The SQL expression that scores customers beside MLlib's transform, in one warm session.

  SQL         seg_spark.segments.scoring.score: segment, name, distance, runner-up, margin, outlier
  SQL, label  the same, with only the segment asked for: what MLlib's transform tells
  transform   PipelineModel.transform (SQLTransformer, VectorAssembler, StandardScaler, KMeansModel): the index
              of the nearest centre, and no distance
All read the same Parquet files and write to the noop sink: reading and scoring are timed, not writing.
Each is run on few customers (a tenth) and on all of them: once to warm up (those seconds are in the JSON:
they hold the compilation), then three times, of which the least counts. What the others cost beyond the
few gives the seconds per million customers, free of what a query costs on any number; a way that needs
more than --patience seconds for the few is not run on all. The crossover is where the seconds per million
of SQL over those of transform pass 1. Customers and models are made up: normal numbers, random centres, categories of
equal levels as one-hot axes beside four numbers.

Exit codes: 0 done, 1 a shape failed, 2 wrong usage, 130 interrupted (the JSON keeps what there was).
"""

import argparse
import json
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from rich.console import Console
from rich.table import Table as Grid

from benchmark.arguments import BUILD, Parser, listed
from benchmark.questions import parse_size
from benchmark.scoring_cases import Scorers, Shape, make_customers, make_scorers, shapes
from benchmark.surroundings import surroundings
from seg_spark.clustering.sweep import CLUSTER
from seg_spark.columns import SEGMENT_ID
from seg_spark.errors import SegSparkError
from seg_spark.segments.scoring import AXIS_PREFIX, score
from seg_spark.session import start_session

WAYS: Final = ("SQL", "SQL, label", "transform")
FEW: Final = 10
"""One customer in so many is of the few."""
_REPETITIONS: Final = 3


def ways_of(customers: DataFrame, scorers: Scorers) -> dict[str, DataFrame]:
    """The frames to be computed, by way."""
    scored = score(customers, scorers.model)
    ours = [name for name in scored.columns if not name.startswith(("_", AXIS_PREFIX, "number_", "kind"))]
    return {
        "SQL": scored.select(ours),
        "SQL, label": scored.select("customer_id", SEGMENT_ID),
        "transform": scorers.pipeline.transform(customers).select("customer_id", CLUSTER),
    }


def seconds_of(few: DataFrame, everybody: DataFrame, customers: int, patience: float) -> dict[str, float | None]:
    """The first time, the least of the others on few and on all customers, and what a million more would cost."""
    first, *again = [_once(few) for _ in range(1 + _REPETITIONS)]
    if min(again) > patience:
        per_million = min(again) / (customers // FEW) * 1e6
        return {"first": first, "few": min(again), "all": None, "per_million": per_million}
    _once(everybody)
    least = min(_once(everybody) for _ in range(_REPETITIONS))
    per_million = max(least - min(again), 1e-3) / (customers - customers // FEW) * 1e6
    return {"first": first, "few": min(again), "all": least, "per_million": per_million}


def crossovers(found: Sequence[Mapping[str, Any]]) -> list[str]:
    """Per kind of axes, up to which k SQL is the faster one, and from which it is not."""
    lines = []
    for title in dict.fromkeys(one["axes_title"] for one in found):
        own = sorted((one for one in found if one["axes_title"] == title), key=lambda one: one["shape"]["segments"])
        wins = [one for one in own if one["ratio"] <= 1]
        loses = [one for one in own if one["ratio"] > 1]
        if not loses:
            lines.append(f"{title}: SQL is faster for every k tried")
        elif not wins:
            lines.append(f"{title}: transform is faster for every k tried")
        else:
            last, first = wins[-1]["shape"]["segments"], loses[0]["shape"]["segments"]
            lines.append(f"{title}: SQL is faster up to k = {last}, transform from k = {first}")
    products = [(one["shape"]["segments"] * one["axes"], one["ratio"]) for one in found]
    wins_at = [product for product, ratio in products if ratio <= 1]
    loses_at = [product for product, ratio in products if ratio > 1]
    if wins_at and loses_at:
        won, lost = max(wins_at), min(loses_at)
        lines.append(f"k x axes: largest with SQL faster {won:,}, smallest with transform faster {lost:,}")
    return lines


def measure_shape(spark: SparkSession, shape: Shape, customers: int, patience: float, work: Path) -> dict[str, Any]:
    """Time every way on customers of one shape."""
    tables = []
    for count in (customers // FEW, customers):
        folder = work / f"{shape.numbers}-{shape.levels}-{count}"
        if not (folder / "_SUCCESS").exists():
            make_customers(spark, count, shape).write.mode("overwrite").parquet(str(folder))
        tables.append(spark.read.parquet(str(folder)))
    scorers = make_scorers(spark, tables[0], shape)
    few, everybody = (ways_of(table, scorers) for table in tables)
    seconds = {way: seconds_of(few[way], everybody[way], customers, patience) for way in WAYS}
    return {
        "shape": asdict(shape),
        "axes_title": shape.title,
        "axes": shape.axes,
        "seconds": seconds,
        "ratio": _ratio(seconds, "SQL", "per_million"),
        "ratio_label": _ratio(seconds, "SQL, label", "per_million"),
        "ratio_few": _ratio(seconds, "SQL", "few"),
    }


def _ratio(seconds: Mapping[str, Mapping[str, float | None]], way: str, what: str) -> float:
    return (seconds[way][what] or 0.0) / (seconds["transform"][what] or 1.0)


def make_parser() -> Parser:
    """Return the parser of the command line."""
    parser = Parser(
        prog="scripts/benchmark/scoring",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    numbers = "numbers such as 3,10"
    add("--customers", type=parse_size, default=500_000, help="to score each time (default: 500k)")
    add("--segments", type=listed(int, numbers), default="3,10,25,50", help="values of k (default: 3,10,25,50)")
    add("--axes", type=listed(int, numbers), default="6,20,50,100,200", help="numbers (default: 6,20,50,100,200)")
    add("--levels", type=listed(int, numbers), default="20,100,200", help="of a category (default: 20,100,200)")
    add("--patience", type=float, default=5.0, help="seconds for a tenth, above which all are too many (default: 5)")
    add("--work", type=Path, default=BUILD / "scoring", metavar="FOLDER", help="for the customers")
    add("--output", type=Path, metavar="FILE", help="JSON (default: build/benchmark/scoring-TIMESTAMP.json)")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Time every shape, and print and write what was found."""
    asked = make_parser().parse_args(arguments)
    begun = datetime.now(UTC)
    output = asked.output or BUILD / f"scoring-{begun:%Y%m%dT%H%M%S}.json"
    about = {"begun": begun.isoformat(timespec="seconds"), **surroundings(), "customers": asked.customers}
    found: list[dict[str, Any]] = []
    failed: dict[str, str] = {}
    spark = start_session("benchmark scoring")
    try:
        for shape in shapes(asked.segments, asked.axes, asked.levels):
            name = f"k = {shape.segments}, {shape.title}"
            try:
                found.append(measure_shape(spark, shape, asked.customers, asked.patience, asked.work))
                line = ", ".join(
                    f"{way} {one['per_million']:.1f} s a million" for way, one in found[-1]["seconds"].items()
                )
            except (PySparkException, SegSparkError) as error:
                failed[name] = line = f"failed: {str(error).strip().splitlines()[0][:300]}"
            sys.stderr.write(f"{name}: {line}\n")
            _write(output, about | {"results": found, "failed": failed, "crossovers": crossovers(found)})
    except KeyboardInterrupt:
        sys.stderr.write(f"interrupted; what was measured is in {output}\n")
        return 130
    finally:
        spark.stop()
        shutil.rmtree(asked.work, ignore_errors=True)
    out = Console() if sys.stdout.isatty() else Console(width=120)
    out.print(_grid(found, asked.customers))
    for line in crossovers(found):
        out.print(line)
    out.print(f"all figures: {output}", soft_wrap=True)
    return 1 if failed else 0


def _grid(found: Sequence[Mapping[str, Any]], customers: int) -> Grid:
    grid = Grid(title=f"Seconds per million customers (all: {customers:,})", title_justify="left")
    few = f"{customers // FEW:,}"
    for header in (
        "axes",
        "k",
        "k x axes",
        *WAYS,
        "SQL /\ntransform",
        "SQL, label /\ntransform",
        f"SQL / transform\nat {few}",
    ):
        grid.add_column(header, justify="left" if header == "axes" else "right")
    for one in found:
        k = one["shape"]["segments"]
        times = [f"{one['seconds'][way]['per_million']:.1f}" for way in WAYS]
        ratios = [f"{one[name]:.2f}" for name in ("ratio", "ratio_label", "ratio_few")]
        grid.add_row(one["axes_title"], str(k), f"{k * one['axes']:,}", *times, *ratios)
    return grid


def _once(frame: DataFrame) -> float:
    begin = time.perf_counter()
    frame.write.format("noop").mode("overwrite").save()
    return time.perf_counter() - begin


def _write(path: Path, document: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
