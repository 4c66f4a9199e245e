"""Write a small customer table as a European CRM would export it: made up, and the same bytes every time.

Semicolons, a byte order mark, CRLF line ends, decimal commas with a currency, dates, a column with one
value, free text, staff among the customers, an age of 118 where nobody knew it, and a few repeated rows:
the table of the README's "Your own table in ten minutes".

    python scripts/make_crm_export.py --output data/crm_export.csv
"""

import argparse
import csv
import sys
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from random import Random

ROWS = 1_200
UNKNOWN_AGE = 118
HEADER = (
    "Customer No", "Joined", "Country", "Age", "Yearly spend (€)", "Orders per year", "Plan", "Newsletter", "Staff",
    "Comment",
)  # fmt: skip
COMMENTS = ("asked for a callback", "prefers e-mail", "moved in spring", "returned a parcel", "likes the new shop")
"""Written by hand in the real world, hence long and rarely equal."""


@dataclass(frozen=True)
class Group:
    """A kind of customer: its share of all, and what is typical of it."""

    share: float
    age: float
    spend: float
    orders: float
    plans: tuple[str, ...]


GROUPS = (
    Group(0.42, 46, 320, 4, ("basic", "basic", "plus")),
    Group(0.28, 27, 540, 14, ("plus", "basic", "plus")),
    Group(0.19, 58, 1_900, 9, ("premium", "plus", "premium")),
    Group(0.11, 39, 4_200, 31, ("premium",)),
)


def main() -> int:
    """Write the table and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--output", required=True, type=Path, help="the CSV file to write")
    output: Path = parser.parse_args().output
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with output.open("w", newline="", encoding="utf-8-sig") as file:
            writer = csv.writer(file, delimiter=";", lineterminator="\r\n")
            writer.writerow(HEADER)
            writer.writerows(_customers(Random(7)))
    except OSError as error:
        sys.stderr.write(f"{output}: cannot be written: {error.strerror}\n")
        return 1
    print(f"{output}: {ROWS:,} rows")  # noqa: T201
    return 0


def _customers(random: Random) -> list[list[str]]:
    rows = [_customer(random, number) for number in range(1, ROWS - 5)]
    copies = [list(row) for row in random.sample(rows, 6)]
    for copy in copies[:2]:  # the other four stay equal and are merged
        copy[4] = _money(random.uniform(50, 500))
    rows += copies
    random.shuffle(rows)
    return rows


def _customer(random: Random, number: int) -> list[str]:
    group = random.choices(GROUPS, weights=[one.share for one in GROUPS])[0]
    is_staff = random.random() < 0.02
    joined = date(2015, 1, 1) + timedelta(days=random.randrange(4_000))
    spend = group.spend * random.lognormvariate(0, 0.25)
    return [
        f"{number:06}",
        f"{joined:%d.%m.%Y}",
        "DE",
        str(UNKNOWN_AGE if random.random() < 0.03 else max(18, round(random.gauss(group.age, 5)))),
        "" if random.random() < 0.02 else _money(spend * (8 if is_staff else 1)),
        str(max(0, round(random.gauss(group.orders, group.orders**0.5 / 1.5)))),
        random.choice(group.plans) if random.random() > 0.04 else "",
        random.choice(("yes", "no")),
        "yes" if is_staff else "no",
        f"{random.choice(COMMENTS)} ({joined + timedelta(days=random.randrange(900)):%d.%m.%Y})"
        if random.random() < 0.15
        else "",
    ]


def _money(amount: float) -> str:
    return f"{amount:,.2f} €".translate(str.maketrans(",.", ".,"))


if __name__ == "__main__":
    sys.exit(main())
