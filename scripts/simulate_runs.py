"""Run the nightly job over made-up days and tell how segments, k and refits behaved.

    .venv/bin/python scripts/simulate_runs.py FOLDER --days 60
    .venv/bin/python scripts/simulate_runs.py FOLDER --days 20 --series split,shop --set refit.policy=always
    .venv/bin/python scripts/simulate_runs.py FOLDER --apart 0.5

All series but the last have five groups of customers in four features. Every day customers' values vary a little, and
one in a hundred leaves and another comes. What happens besides:

    stable    nothing
    drift     the mean of one feature rises by three standard deviations of a group over all days
    season    one feature swings by one standard deviation, with a period of 28 days
    split     on the tenth day (--turn) the largest group comes apart in two
    dying     the smallest group loses its customers, a twentieth a day
    broken    half of the rows are missing on every tenth day (--turn); on the day after, one feature is empty
    unit      from the tenth day (--turn) on one feature comes in another unit, a thousandth
    shop      no groups: recency, frequency and money of the customers of a shop who buy, come and go at random

Prints a table with one line per series; --verbose tells every day. `moved` are customers who have another segment than
the day before, whose group is the same, and whose segments were neither split nor merged that day; `no reason` are
those of them whom the model of the day before would have left where they were: nothing has moved them but a refit.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from math import isnan
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from seg_spark import published_files
from seg_spark.reporting.progress import StepProgress
from seg_spark.runner import run
from seg_spark.segments.matching import adjusted_rand_index
from seg_spark.segments.prediction import label_customer
from seg_spark.session import start_session
from seg_spark.settings.layers import load_settings
from seg_spark.storage.commits import commit_of, read_model
from seg_spark.storage.local_store import LocalStore

FIRST: Final = date(2026, 1, 1)
FEATURES: Final = ("income", "score", "visits", "age")
CENTRES: Final = np.array(
    [[0.0, 0.0, 0.0, 0.0], [6.0, 0.0, 1.0, 3.0], [0.0, 6.0, 5.0, 1.0], [6.0, 6.0, 0.0, 6.0], [3.0, 3.0, 8.0, 8.0]]
)
APART: Final = np.array([-5.0, 0.0, 5.0, 0.0])
"""Where a half of the first group goes from its centre in the series `split`."""
WEIGHTS: Final = np.array([0.3, 0.25, 0.2, 0.15, 0.1])
NOISE: Final = 0.05
CHURN: Final = 0.01
SHOP: Final = ("recency", "frequency", "money")
BUYS: Final = (0.6, 0.03)
"""Shape and scale of the gamma distribution of a customer's purchases per day."""
CONF: Final = """
input: {{path: "{folder}/input/{{run_date}}.parquet", format: parquet}}
customer_id: id
output: {{path: "{folder}/output"}}
features: {{columns: {columns}}}
clustering: {{k: {{min: 2, max: 8}}}}
report: {{enabled: false}}
"""


@dataclass(frozen=True)
class Customers:
    """The customers of a day: ids, the true group and the values of each, in the order of `features`."""

    ids: NDArray[np.int64]
    groups: NDArray[np.int64]
    values: NDArray[np.float64]
    features: tuple[str, ...] = FEATURES


@dataclass
class Outcome:
    """What the days of a series, whose input and output lie in a folder, brought."""

    folder: Path
    days: int = 0
    fits: int = 0
    published: int = 0
    ks: list[int] = field(default_factory=list)
    moved: int = 0
    no_reason: int = 0
    worst: int = 0
    events: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    agreement: list[float] = field(default_factory=list)
    ids: list[set[int]] = field(default_factory=list)
    decisions: list[str] = field(default_factory=list)
    """Of each day: fit, refused, or why there was no fit."""


@dataclass(frozen=True)
class Plan:
    """How many customers and days, how far apart the groups are, and on which day a sudden change happens."""

    customers: int = 1500
    days: int = 60
    apart: float = 1.0
    turn: int = 10
    seed: int = 1


def days_of(series: str, plan: Plan) -> Iterator[Customers]:
    """The customers of each day, as they are in truth; groups are `apart` times as far from each other as usual."""
    random = np.random.default_rng(plan.seed)
    if series == "shop":
        yield from days_of_shop(plan.customers, plan.days, random)
        return
    centres = plan.apart * np.vstack([CENTRES, CENTRES[0] + APART])
    sizes = (WEIGHTS * plan.customers).astype(int)
    groups = np.repeat(np.arange(len(CENTRES)), sizes)
    now = Customers(np.arange(len(groups)), groups, centres[groups] + random.normal(size=(len(groups), len(FEATURES))))
    for day in range(plan.days):
        yield changed(now, series, day, plan, random)
        now = churned(now, centres, random, dying=series == "dying")
        if series == "split" and day + 1 == plan.turn:
            goes = (now.groups == 0) & (random.random(len(now.ids)) < 0.5)
            values = now.values + goes[:, None] * plan.apart * APART
            now = Customers(now.ids, np.where(goes, len(CENTRES), now.groups), values)


def days_of_shop(count: int, days: int, random: np.random.Generator) -> Iterator[Customers]:
    """A shop over a year before the first day and the days after it: what those have bought who ever bought."""
    everybody = np.arange(2 * count)
    comes, stays = random.integers(-365, days, len(everybody)), random.exponential(400, len(everybody))
    rates, baskets = random.gamma(*BUYS, len(everybody)), random.lognormal(3, 0.7, len(everybody))
    last = np.full(len(everybody), -1)
    bought, money = np.zeros(len(everybody)), np.zeros(len(everybody))
    for day in range(-365, days):
        buys = random.poisson(np.where((comes <= day) & (day < comes + stays), rates, 0.0))
        last[buys > 0] = day
        bought += buys
        money += buys * baskets * random.lognormal(0, 0.3, len(everybody))
        if day >= 0:
            known = bought > 0
            values = np.column_stack([day - last, bought, money])[known]
            yield Customers(everybody[known], np.zeros(int(known.sum()), np.int64), values, SHOP)


def churned(now: Customers, centres: NDArray[np.float64], random: np.random.Generator, *, dying: bool) -> Customers:
    """A day later: values vary, some leave, and each is followed by a new customer of the same group."""
    leaves = random.random(len(now.ids)) < CHURN
    values = now.values + random.normal(scale=NOISE, size=now.values.shape)
    ids = now.ids.copy()
    ids[leaves] = now.ids.max() + 1 + np.arange(leaves.sum())
    values[leaves] = centres[now.groups[leaves]] + random.normal(size=(leaves.sum(), len(FEATURES)))
    gone = dying & (now.groups == len(CENTRES) - 1) & (random.random(len(ids)) < 0.05)
    return Customers(ids[~gone], now.groups[~gone], values[~gone])


def changed(now: Customers, series: str, day: int, plan: Plan, random: np.random.Generator) -> Customers:
    """The customers as the input of a day shows them."""
    values = now.values.copy()
    if series == "drift":
        values[:, 0] += 3.0 * day / plan.days
    if series == "season":
        values[:, 1] += np.sin(2 * np.pi * day / 28)
    if series == "unit" and day >= plan.turn:
        values[:, 2] /= 1000
    if series == "broken" and day % plan.turn == 0 and day:
        half = random.random(len(now.ids)) < 0.5
        return Customers(now.ids[half], now.groups[half], values[half])
    if series == "broken" and day % plan.turn == 1 and day > 1:
        values[:, 3] = np.nan
    return replace(now, values=values)


def simulate(series: str, folder: Path, plan: Plan, assignments: Sequence[str], say: Callable[[str], None]) -> Outcome:
    """Run all days of a series, and look at what each has published."""
    (folder / "input").mkdir(parents=True)
    (folder / "conf").mkdir()
    columns = {one: {"transform": "log1p", "valid": [0, None]} for one in SHOP}
    text = json.dumps(columns if series == "shop" else {one: {} for one in FEATURES})
    (folder / "conf" / "base.yml").write_text(CONF.format(folder=folder, columns=text), encoding="utf-8")
    settings = load_settings(folder / "conf", None, assignments).settings
    outcome, before = Outcome(folder), None
    quiet = StepProgress(Console(quiet=True))
    for day, customers in enumerate(days_of(series, plan)):
        run_date = FIRST + timedelta(day)
        values = {name: pa.array(customers.values[:, i], from_pandas=True) for i, name in enumerate(customers.features)}
        table = pa.table({"id": pa.array(customers.ids).cast(pa.string()), **values})
        pq.write_table(table, folder / "input" / f"{run_date}.parquet")
        record = run("nightly", settings, run_date, folder / "conf", quiet).record
        labels = labels_of(folder, run_date)
        told = note(outcome, record, customers, labels, before)
        before = (customers, labels)
        say(f"{series} {run_date}: {told}")
    return outcome


def labels_of(folder: Path, run_date: date) -> dict[int, int]:
    """Segment id by customer, as published."""
    files = published_files(str(folder / "output"), "customer_segments", run_date)
    rows = pa.concat_tables(pq.ParquetFile(one).read(columns=["customer_id", "segment_id"]) for one in files)
    return dict(zip(map(int, rows["customer_id"].to_pylist()), rows["segment_id"].to_pylist(), strict=True))


def note(
    outcome: Outcome,
    record: Any,
    customers: Customers,
    labels: dict[int, int],
    before: tuple[Customers, dict[int, int]] | None,
) -> str:
    """Add a day to the outcome of a series, and tell it in a line."""
    run_date = date.fromisoformat(record["run_date"])
    history = commit_of(LocalStore(outcome.folder / "output"), run_date).segment_state.history
    events = [one for one in history if one.run_date == run_date and before is not None]
    touched = {one.segment_id for one in events} | {other for one in events for other in one.others}
    truth = dict(zip(customers.ids.tolist(), customers.groups.tolist(), strict=True))
    moved, no_reason = 0, 0
    if before is not None:
        groups = dict(zip(before[0].ids.tolist(), before[0].groups.tolist(), strict=True))
        found = [
            one
            for one, segment in before[1].items()
            if labels.get(one, segment) != segment
            and groups[one] == truth[one]
            and not {labels[one], segment} & touched
        ]
        moved, no_reason = len(found), moved_by_refit(outcome.folder, run_date, customers, found, before[1])
    table: dict[tuple[int, int], int] = {}
    for one, segment in labels.items():
        table[truth[one], segment] = table.get((truth[one], segment), 0) + 1
    refit = record["refit"]
    outcome.days += 1
    outcome.ids.append(set(labels.values()))
    outcome.decisions.append(
        refit["because"] if not refit["fitted"] else "fit" if record["fitted_on"] == record["run_date"] else "refused"
    )
    outcome.fits += refit["fitted"]
    outcome.published += record["fitted_on"] == record["run_date"]
    outcome.ks += [record["chosen_k"]] if outcome.ks[-1:] != [record["chosen_k"]] else []
    outcome.moved += moved
    outcome.no_reason += no_reason
    outcome.worst = max(outcome.worst, no_reason)
    outcome.events += [f"{one.what} {one.segment_id} on day {outcome.days - 1}" for one in events]
    outcome.refused += refit["refused"]
    outcome.agreement.append(adjusted_rand_index(table) or 0.0)
    shown = ", ".join(f"{one.what} {one.segment_id}" for one in events)
    fitted = "fit" + (f" refused ({'; '.join(refit['refused'])})" if refit["refused"] else "")
    return (
        f"k = {record['chosen_k']}, {fitted if refit['fitted'] else 'no fit'}: {refit['because']}; moved {moved}, "
        f"without a reason {no_reason}, adjusted Rand index {outcome.agreement[-1]:.3f}{f'; {shown}' if shown else ''}"
    )


def moved_by_refit(
    folder: Path, run_date: date, customers: Customers, moved: Sequence[int], before: Mapping[int, int]
) -> int:
    """How many of those who moved the model of the day before would have left in their segment."""
    store = LocalStore(folder / "output")
    published = commit_of(store, run_date - timedelta(1)).model
    if published is None or not moved:
        return 0
    model, row_of = read_model(store, published), {one: row for row, one in enumerate(customers.ids.tolist())}
    rows = [customers.values[row_of[one]].tolist() for one in moved]
    known = [{name: None if isnan(v) else v for name, v in zip(customers.features, row, strict=True)} for row in rows]
    return sum(label_customer(model, own).segment_id == before[one] for one, own in zip(moved, known, strict=True))


def main() -> int:
    """Parse the command line, run every series, print the table."""
    known = ("stable", "drift", "season", "split", "dying", "broken", "unit", "shop")
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="a new folder for inputs and outputs")
    parser.add_argument("--days", type=int, default=Plan.days)
    parser.add_argument("--customers", type=int, default=Plan.customers)
    parser.add_argument("--series", default=",".join(known), help=f"of {', '.join(known)}")
    parser.add_argument(
        "--apart", type=float, default=Plan.apart, help="how far the groups are apart; at 0.5 they overlap"
    )
    parser.add_argument("--turn", type=int, default=Plan.turn, help="the day of a sudden change")
    parser.add_argument("--seed", type=int, default=Plan.seed)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting of the job")
    parser.add_argument("--verbose", action="store_true")
    asked = parser.parse_args()
    unknown = sorted(set(asked.series.split(",")) - set(known))
    if unknown:
        parser.error(f"--series: {unknown[0]!r} is unknown; expected some of {', '.join(known)}")
    plan = Plan(asked.customers, asked.days, asked.apart, asked.turn, asked.seed)
    console = Console(width=160)

    def say(line: str) -> None:
        if asked.verbose:
            console.print(line, soft_wrap=True, markup=False)

    table = Table(
        "series", "days", "fits", "published", "k", "moved", "no reason", "worst day", "Rand index", "events", "refused"
    )
    start_session("simulated days", is_small=True)
    for series in asked.series.split(","):
        found = simulate(series, asked.folder.absolute() / series, plan, asked.set, say)
        table.add_row(
            series, str(found.days), str(found.fits), str(found.published), " ".join(map(str, found.ks)),
            str(found.moved), str(found.no_reason), str(found.worst),
            "-" if series == "shop" else f"{np.mean(found.agreement):.3f}", "; ".join(found.events),
            f"{len(found.refused)}" + (f", last: {found.refused[-1]}" if found.refused else ""),
        )  # fmt: skip
    console.print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
