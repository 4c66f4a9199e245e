"""Write a made-up customer table of any size, the same bytes for the same arguments.

Below --output: customers/part-00000.csv (or .parquet) holds exactly --rows rows, and
true_groups/part-00000.parquet (customer_id, true_group) the group each distinct customer was drawn
from. The rows do not depend on --files or --format, and C00000042 is the same person in every clean
table of the same --seed and --groups, however long it is.

Dirt: --dirt R hits floor(R x rows) rows of every block of 100,000 rows. A hit row carries one kind of
dirt; of every 20 hits
  6 missing                one cell (any but the id) is empty in CSV and null in Parquet
  4 out_of_range           age 190, spending_score 250 or annual_income -25
  3 unparseable            one number is 12,5 or #VALUE! or abc in CSV and NaN in Parquet
  3 exact_duplicate        the row is replaced by a copy of an untouched row of the block
  2 conflicting_duplicate  the row keeps its values but takes the id of an untouched row of the block
  2 blank_id               customer_id is the empty text
No two duplicates share their original; where an id comes twice, its true group is that of the untouched
row. Only duplicates reach the extra features.

Types: in Parquet every number is a double at every dirt rate, so one schema serves all; the rest is
text. Age, spending_score and recency_days are whole; annual_income (thousands) and orders_per_year (a
long-run average) have one decimal, yearly_spend has two, feature_01 and on have four.

Exit codes: 0 done, 1 files could not be written, 2 wrong usage, 130 interrupted.
"""

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from itertools import groupby
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

BLOCK_ROWS = 100_000
# One random stream per purpose: more dirt or more features never change the customers.
CUSTOMERS, DIRT, EXTRA, EXTRA_CENTRES = range(4)

OTHER_GENDER = 0.015
REGION_SHARES = (0.19, 0.27, 0.13, 0.24, 0.17)
TEXTS = {"gender": ("Female", "Male", "Other"), "region": ("north", "south", "east", "west", "centre")}
DECIMALS = {
    "age": 0,
    "annual_income": 1,
    "spending_score": 0,
    "recency_days": 0,
    "orders_per_year": 1,
    "yearly_spend": 2,
}
EXTRA_DECIMALS = 4
BASE_COLUMNS = ("age", "gender", "region", *tuple(DECIMALS)[1:])
TABLES = ("customers", "true_groups")
TRUTH_SCHEMA = pa.schema([("customer_id", pa.string()), ("true_group", pa.string())])
MADE_HERE = re.compile(r"part-\d{5}\.(csv|parquet)|\.part-\d{5}\.(csv|parquet)\.tmp")

KINDS = ("missing", "exact_duplicate", "conflicting_duplicate", "out_of_range", "unparseable", "blank_id")
# The n-th hit has the n-th kind, over and over: the counts are exact and small tables see every kind.
KIND_CYCLE = np.array([0, 1, 2, 3, 4, 5, 0, 3, 0, 4, 1, 0, 3, 2, 0, 5, 4, 1, 3, 0])
OUT_OF_RANGE = (("age", 190.0), ("spending_score", 250.0), ("annual_income", -25.0))
UNPARSEABLE = ("12,5", "#VALUE!", "abc")
MISSING, FIRST_BAD = 1, 2  # marks of a cell: 0 is intact, FIRST_BAD + i stands for UNPARSEABLE[i]


class UsageError(Exception):
    """The arguments cannot be followed; the message is one line."""


@dataclass(frozen=True)
class Group:
    """Customers of one kind.

    Age and score are normal (mean, standard deviation); the others log-normal (median, spread of the
    logarithm). `link` correlates score with income, `rhythm` correlates orders with recency.
    """

    name: str
    share: float
    female: float
    age: tuple[float, float]
    income: tuple[float, float]
    score: tuple[float, float]
    recency: tuple[float, float]
    orders: tuple[float, float]
    basket: tuple[float, float]
    link: float = 0.0
    rhythm: float = 0.0


# A run with fewer groups takes the first ones.
# fmt: off
GROUPS = (
    Group("thrifty_families", 0.30, 0.58, age=(41, 7), income=(46, 0.20), score=(29, 11),
          recency=(30, 0.65), orders=(10, 0.40), basket=(34, 0.45), link=0.45),
    Group("students", 0.17, 0.51, age=(22, 2), income=(13, 0.40), score=(56, 11),
          recency=(40, 0.75), orders=(7, 0.45), basket=(18, 0.50)),
    Group("lapsed_customers", 0.16, 0.47, age=(48, 13), income=(50, 0.35), score=(36, 14),
          recency=(420, 0.45), orders=(0.8, 0.50), basket=(45, 0.60), rhythm=-0.5),
    Group("trend_shoppers", 0.14, 0.66, age=(30, 5), income=(38, 0.28), score=(81, 9),
          recency=(9, 0.75), orders=(24, 0.40), basket=(38, 0.50), rhythm=-0.4),
    Group("high_income_savers", 0.12, 0.39, age=(54, 8), income=(98, 0.18), score=(20, 9),
          recency=(110, 0.50), orders=(3, 0.45), basket=(95, 0.55), link=-0.5),
    Group("loyal_premium", 0.08, 0.55, age=(45, 9), income=(92, 0.17), score=(84, 7),
          recency=(7, 0.70), orders=(38, 0.35), basket=(80, 0.45), link=0.4, rhythm=-0.5),
    Group("big_ticket_collectors", 0.03, 0.31, age=(57, 9), income=(150, 0.22), score=(63, 10),
          recency=(75, 0.60), orders=(5, 0.45), basket=(1100, 0.65), link=0.5),
    Group("thrifty_pensioners", 0.09, 0.57, age=(73, 6), income=(21, 0.20), score=(12, 4),
          recency=(75, 0.40), orders=(4, 0.30), basket=(20, 0.30)),
    Group("gift_buyers", 0.06, 0.44, age=(44, 12), income=(72, 0.13), score=(55, 7),
          recency=(190, 0.25), orders=(1.8, 0.25), basket=(160, 0.40)),
    Group("small_businesses", 0.03, 0.42, age=(46, 9), income=(64, 0.20), score=(68, 6),
          recency=(4, 0.50), orders=(90, 0.25), basket=(120, 0.40), rhythm=-0.3),
)
# fmt: on


@dataclass(frozen=True)
class Options:
    """What to make."""

    rows: int
    files: int = 1
    format: str = "csv"
    seed: int = 0
    dirt: float = 0.02
    groups: int = 7
    features_extra: int = 0

    @property
    def columns(self) -> tuple[str, ...]:
        """Return every column but the id, in order."""
        return (*BASE_COLUMNS, *(f"feature_{n:02d}" for n in range(1, self.features_extra + 1)))


@dataclass(frozen=True)
class Block:
    """Up to 100,000 rows: numbers of the ids (0: blank), true groups, cells, marks of dirty cells."""

    numbers: Ints
    groups: Ints
    values: dict[str, Floats]
    marks: dict[str, npt.NDArray[np.int8]]
    owners: npt.NDArray[np.bool_]  # the rows that are the one true row of their id
    dirt: dict[str, int] = field(default_factory=dict)


def random_stream(seed: int, purpose: int, block: int) -> np.random.Generator:
    """Return the random numbers of one purpose and block, independent of all others."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=(purpose, block))))


def group_shares(groups: int) -> Floats:
    """Return the shares of the first groups, adding up to 1."""
    shares = np.array([group.share for group in GROUPS[:groups]])
    return np.asarray(shares / shares.sum())


def decimals_of(column: str) -> int:
    """Return how many decimals a column is written with."""
    return 0 if column in TEXTS else DECIMALS.get(column, EXTRA_DECIMALS)


def draw(rng: np.random.Generator, groups: Ints, name: str, tie: Floats | float = 0.0) -> tuple[Floats, Floats]:
    """Return one number per row and the standard normals behind them; `tie` holds normals to follow."""
    strength = {"score": "link", "orders": "rhythm"}.get(name)
    rho = np.array([getattr(group, strength) if strength else 0.0 for group in GROUPS])[groups]
    normals = rho * tie + np.sqrt(1.0 - rho**2) * rng.standard_normal(len(groups))
    middle, width = np.array([getattr(group, name) for group in GROUPS]).T[:, groups]
    normal_shape = name in {"age", "score"}
    return (middle + width * normals if normal_shape else middle * np.exp(width * normals)), normals


def clean_block(options: Options, number: int) -> Block:
    """Return one block without dirt."""
    rng = random_stream(options.seed, CUSTOMERS, number)
    # Always draw a full block and cut it: then a shorter table begins with the very same customers.
    groups = np.searchsorted(np.cumsum(group_shares(options.groups))[:-1], rng.random(BLOCK_ROWS), "right")
    luck = rng.random(BLOCK_ROWS)
    female = np.array([group.female for group in GROUPS])[groups]
    income, income_normals = draw(rng, groups, "income")
    recency, recency_normals = draw(rng, groups, "recency")
    orders = np.clip(draw(rng, groups, "orders", recency_normals)[0], 0.1, 365).round(1)
    values = {
        "age": np.clip(draw(rng, groups, "age")[0], 18, 95),
        "gender": np.where(luck < OTHER_GENDER, 2, np.where(luck < OTHER_GENDER + female, 0, 1)),
        "region": np.searchsorted(np.cumsum(REGION_SHARES)[:-1], rng.random(BLOCK_ROWS), "right"),
        "annual_income": np.clip(income, 2, 999),
        "spending_score": np.clip(draw(rng, groups, "score", income_normals)[0], 1, 100),
        "recency_days": np.clip(recency, 0, 3650),
        "orders_per_year": orders,
        "yearly_spend": orders * draw(rng, groups, "basket")[0],
    }
    extra_rng = random_stream(options.seed, EXTRA, number)
    centres = random_stream(options.seed, EXTRA_CENTRES, 0).normal(0.0, 0.8, (100, len(GROUPS)))
    for name, centre in zip(options.columns[len(BASE_COLUMNS) :], centres, strict=False):
        values[name] = centre[groups] + extra_rng.standard_normal(BLOCK_ROWS)
    first = number * BLOCK_ROWS
    length = min(BLOCK_ROWS, options.rows - first)
    return Block(
        numbers=np.arange(first + 1, first + length + 1),
        groups=groups[:length],
        values={n: v[:length].astype(np.float64).round(decimals_of(n)) for n, v in values.items()},
        marks={name: np.zeros(length, np.int8) for name in BASE_COLUMNS},
        owners=np.ones(length, np.bool_),
    )


def hits_of(rate: float, rows: int) -> int:
    """Return floor(rate x rows) of the rate as it is written: 0.29 x 100 is 29, not 28."""
    return int(Fraction(str(rate)) * rows)


def make_block(options: Options, number: int) -> Block:
    """Return one block with its share of dirt."""
    block = clean_block(options, number)
    values, marks = block.values, block.marks
    hits = hits_of(options.dirt, len(block.numbers))
    rng = random_stream(options.seed, DIRT, number)
    kinds = KIND_CYCLE[(number * hits_of(options.dirt, BLOCK_ROWS) + np.arange(hits)) % len(KIND_CYCLE)]
    hit, untouched = np.split(rng.permutation(len(block.numbers)), [hits])
    missing, copies, conflicts, odd, bad, blank = (hit[kinds == kind] for kind in range(len(KINDS)))

    # At most half of the rows are hit, so there are enough untouched rows to repeat each only once.
    originals, disputed = np.split(untouched[: len(copies) + len(conflicts)], [len(copies)])
    for column in values.values():
        column[copies] = column[originals]
    block.numbers[copies] = block.numbers[originals]
    block.numbers[conflicts] = block.numbers[disputed]
    block.numbers[blank] = 0
    block.owners[np.concatenate([copies, conflicts, blank])] = False

    choice = rng.integers(len(BASE_COLUMNS), size=len(missing))
    for index, name in enumerate(BASE_COLUMNS):
        marks[name][missing[choice == index]] = MISSING
    choice = rng.integers(len(OUT_OF_RANGE), size=len(odd))
    for index, (name, value) in enumerate(OUT_OF_RANGE):
        values[name][odd[choice == index]] = value
    choice = rng.integers(len(DECIMALS), size=len(bad))
    text = rng.integers(FIRST_BAD, FIRST_BAD + len(UNPARSEABLE), size=len(bad))
    for index, name in enumerate(DECIMALS):
        marks[name][bad[choice == index]] = text[choice == index]
    return replace(block, dirt={kind: int((kinds == index).sum()) for index, kind in enumerate(KINDS)})


def id_texts(numbers: Ints) -> Any:
    """Return the ids as an Arrow array, C00000042 for 42 and the empty text for 0."""
    digits = pc.utf8_lpad(pa.array(numbers).cast(pa.string()), 8, "0")
    return pc.if_else(pa.array(numbers == 0), "", pc.binary_join_element_wise("C", digits, ""))


def customers_schema(options: Options) -> Any:
    """Return the Parquet schema of the customers."""
    kinds = [(name, pa.string() if name in TEXTS else pa.float64()) for name in options.columns]
    return pa.schema([("customer_id", pa.string()), *kinds])


def encode(options: Options, block: Block) -> Any:
    """Return a block as an Arrow table for Parquet, or as an Arrow array of lines for CSV."""
    csv = options.format == "csv"
    arrays = [id_texts(block.numbers)]
    for name in options.columns:
        array = pa.array(block.values[name])
        if name in TEXTS:
            array = pa.array(TEXTS[name]).take(array.cast(pa.int64()))
        elif csv:
            array = array.cast(pa.decimal128(18, decimals_of(name)), safe=False).cast(pa.string())
        marks = block.marks.get(name, np.zeros(0, np.int8))
        for mark in np.unique(marks[marks > 0]):
            if csv:
                text = "" if mark == MISSING else UNPARSEABLE[mark - FIRST_BAD]
                cell = pa.scalar(f'"{text}"' if "," in text else text)
            else:
                cell = pa.scalar(None if mark == MISSING else np.nan, array.type)
            array = pc.if_else(pa.array(marks == mark), cell, array)
        arrays.append(array)
    if csv:
        return pc.binary_join_element_wise(pc.binary_join_element_wise(*arrays, ","), "", "\n")
    return pa.Table.from_arrays(arrays, schema=customers_schema(options))


def true_groups_table(block: Block) -> Any:
    """Return the ids and true groups of all rows of a block."""
    names = pa.array([group.name for group in GROUPS]).take(pa.array(block.groups))
    return pa.table([id_texts(block.numbers), names], schema=TRUTH_SCHEMA)


def pieces(rows: int, files: int) -> Iterator[tuple[int, int, slice]]:
    """Yield (file, block, rows of the block) in order, for files that differ by at most one row."""
    for file in range(files):
        start, end = file * rows // files, (file + 1) * rows // files
        while start < end:
            block, offset = divmod(start, BLOCK_ROWS)
            length = min(BLOCK_ROWS - offset, end - start)
            yield file, block, slice(offset, offset + length)
            start += length


@contextmanager
def customers_writer(path: Path, options: Options) -> Iterator[Callable[[Any], object]]:
    """Open one file of customers and give a function that adds a slice of an encoded block."""
    if options.format == "parquet":
        with pq.ParquetWriter(path, customers_schema(options)) as writer:
            yield writer.write_table
        return
    with path.open("wb") as out:
        out.write((",".join(("customer_id", *options.columns)) + "\n").encode())

        def write_lines(lines: Any) -> None:
            # An Arrow text array already holds its texts end to end.
            _, offsets, text = lines.buffers()
            start, end = np.frombuffer(offsets, np.int32)[[lines.offset, lines.offset + len(lines)]]
            out.write(memoryview(text)[start:end])

        yield write_lines


def check_target(folder: Path, force: bool) -> list[Path]:
    """Return the files of an earlier run to replace, or refuse."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--output {folder} is a file, not a folder")
    if not force and any(not path.is_dir() for path in folder.rglob("*")):
        raise UsageError(f"--output {folder} is not empty; --force replaces the part files of an earlier run")
    old = [path for table in TABLES for path in sorted((folder / table).glob("*"))]
    for path in old:
        if path.is_dir() or not MADE_HERE.fullmatch(path.name):
            raise UsageError(f"{path} was not made by this script; move it away or choose another --output")
    return old


def write_parts(options: Options, folder: Path, made: dict[Path, Path]) -> tuple[dict[str, int], Ints]:
    """Write all files under temporary names, noted in `made`; return dirt by kind and group sizes."""
    dirt = dict.fromkeys(KINDS, 0)
    members = np.zeros(options.groups, np.int64)
    current = -1
    for file, parts in groupby(pieces(options.rows, options.files), key=lambda piece: piece[0]):
        names = (f"part-{file:05d}.{options.format}", f"part-{file:05d}.parquet")
        finals = [folder / table / name for table, name in zip(TABLES, names, strict=True)]
        paths = [final.with_name(f".{final.name}.tmp") for final in finals]
        made.update(zip(paths, finals, strict=True))
        with (
            customers_writer(paths[0], options) as write,
            pq.ParquetWriter(paths[1], TRUTH_SCHEMA) as truth_writer,
        ):
            for _, number, rows in parts:
                if number != current:
                    block, current = make_block(options, number), number
                    encoded, truth = encode(options, block), true_groups_table(block)
                    members += np.bincount(block.groups[block.owners], minlength=options.groups)
                    dirt = {kind: count + block.dirt[kind] for kind, count in dirt.items()}
                write(encoded[rows])
                truth_writer.write_table(truth[rows].filter(pa.array(block.owners[rows])))
    return dirt, members


def write_tables(options: Options, folder: Path, old: Sequence[Path] = ()) -> dict[str, Any]:
    """Write both tables below `folder`, put them in place of the `old` files, and return the summary."""
    made: dict[Path, Path] = {}
    for table in TABLES:
        (folder / table).mkdir(parents=True, exist_ok=True)
    try:
        dirt, members = write_parts(options, folder, made)
        # Only now touch final names: an interrupted run leaves what was there before.
        # A killed run may have left temporary names that this run has just written again.
        for path in set(old) - set(made):
            path.unlink(missing_ok=True)
        for temporary, final in made.items():
            temporary.replace(final)
    finally:
        for temporary in made:
            temporary.unlink(missing_ok=True)
    groups = {
        group.name: {"customers": int(count), "share": round(float(count / members.sum()), 6)}
        for group, count in zip(GROUPS, members, strict=False)
    }
    total = sum(dirt.values())
    sizes = {f"{t}_bytes": sum(p.stat().st_size for p in made.values() if p.parent.name == t) for t in TABLES}
    folders = {f"{table}_folder": str(folder / table) for table in TABLES}
    counts = {"distinct_customers": int(members.sum()), "dirt_rows": total, "dirt_by_kind": dirt}
    return {
        "options": asdict(options),
        "rows": options.rows,
        **counts,
        "true_groups": groups,
        **sizes,
        **folders,
    }


def summary_text(summary: dict[str, Any]) -> str:
    """Return the summary as a few lines to read."""
    kinds = ", ".join(f"{kind} {count:,}" for kind, count in summary["dirt_by_kind"].items())
    groups = ", ".join(f"{name} {group['share']:.1%}" for name, group in summary["true_groups"].items())
    return (
        f"customers: {summary['rows']:,} rows in {summary['options']['files']:,} "
        f"{summary['options']['format']} file(s), {summary['customers_bytes']:,} bytes, "
        f"in {summary['customers_folder']}\n"
        f"true groups: {summary['distinct_customers']:,} customers, {summary['true_groups_bytes']:,} bytes, "
        f"in {summary['true_groups_folder']}\n"
        f"dirt: {summary['dirt_rows']:,} rows hit: {kinds}\n"
        f"shares: {groups}\n"
    )


class Parser(argparse.ArgumentParser):
    """A parser that reports a mistake in one line."""

    def error(self, message: str) -> NoReturn:
        """Write the message and leave with code 2."""
        self.exit(2, f"{self.prog}: error: {message}\n")


def between(low: float, high: float, kind: type[int] | type[float] = int) -> Callable[[str], float]:
    """Return a reader of numbers from `low` to `high`."""

    def read(text: str) -> float:
        try:
            number = kind(text)
        except ValueError:
            number = low - 1
        if not low <= number <= high:
            noun = "whole number" if kind is int else "number"
            raise argparse.ArgumentTypeError(f"must be a {noun} from {low:,} to {high:,}, not {text!r}")
        return number

    return read


def make_parser() -> Parser:
    """Return the parser of the command line."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = Parser(description=__doc__, formatter_class=raw, allow_abbrev=False)
    add = parser.add_argument
    add("--rows", type=between(1, 10**9), required=True, help="rows to write, duplicates included")
    add("--output", type=Path, required=True, metavar="FOLDER", help="folder that gets both tables")
    add("--format", choices=("csv", "parquet"), default="csv", help="of the customers (default: csv)")
    add("--files", type=between(1, 99_999), default=1, help="files per table (default: 1)")
    add("--seed", type=between(0, 2**63), default=0, help="of all random numbers (default: 0)")
    add("--dirt", type=between(0, 0.5, float), default=0.02, help="share of rows hit (default: 0.02)")
    add("--groups", type=between(2, len(GROUPS)), default=7, help="true groups (default: 7)")
    add("--features-extra", type=between(0, 100), default=0, help="further numbers per row (default: 0)")
    add("--summary-json", type=Path, metavar="FILE", help="also write the counts here (replaces FILE)")
    add("--force", action="store_true", help="replace the part files of an earlier run below FOLDER")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    parser = make_parser()
    chosen = vars(parser.parse_args(arguments))
    folder, summary_file, force = (chosen.pop(name) for name in ("output", "summary_json", "force"))
    options = Options(**chosen)
    try:
        if options.files > options.rows:
            raise UsageError(f"--files {options.files} is more than --rows {options.rows}")
        tables = [(folder / table).resolve() for table in TABLES]
        if summary_file and (summary_file.is_dir() or summary_file.resolve().parent in tables):
            raise UsageError(f"--summary-json {summary_file} is a folder or lies among the tables")
        summary = write_tables(options, folder, check_target(folder, force))
        if summary_file:
            summary_file.parent.mkdir(parents=True, exist_ok=True)
            summary_file.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    except UsageError as problem:
        parser.error(str(problem))
    except OSError as problem:
        sys.stderr.write(f"{parser.prog}: error: {problem}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write(f"{parser.prog}: interrupted\n")
        return 130
    sys.stdout.write(summary_text(summary))
    return 0


if __name__ == "__main__":
    sys.exit(main())
