"""What centres are worth to everybody: within sums of squares of all contenders, in one space.

The space is made here from the raw table and is the same for all: the accepted customers, missing
values at the median, every feature standardised over everybody. A contender's centres are moved
into it from the units of the table, each customer goes to the nearest, and the squared distances
are added up. So a model fitted on a sample is judged on all customers.

python -m benchmark.judge FOLDER --format parquet --features 6 --centres FILE --verdict FILE
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmark.customer_table import Matrix, clean_customers, impute_median, read_customers
from benchmark.questions import feature_names

_BLOCK = 500_000


def within_ss(points: Matrix, centres: Matrix) -> float:
    """The sum of the squared distances of all points to their nearest centres."""
    norms = (centres**2).sum(axis=1)
    total = 0.0
    for start in range(0, len(points), _BLOCK):
        block = points[start : start + _BLOCK]
        nearest = (norms - 2 * block @ centres.T).min(axis=1)
        total += float((np.einsum("ij,ij->i", block, block) + nearest).sum())
    return total


def main(arguments: Sequence[str] | None = None) -> int:
    """Judge every set of centres in a JSON file, {name: [[...], ...]}."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--format", default="parquet")
    parser.add_argument("--features", type=int, default=6)
    parser.add_argument("--centres", type=Path, required=True)
    parser.add_argument("--verdict", type=Path, required=True)
    asked = parser.parse_args(arguments)
    names = feature_names(asked.features)
    customers = clean_customers(read_customers(asked.folder, asked.format, names), names)
    points = customers.values
    impute_median(points)
    mean, deviation = points.mean(axis=0), points.std(axis=0)
    points -= mean
    points /= deviation
    sets = json.loads(asked.centres.read_text(encoding="utf-8"))
    verdict = {name: within_ss(points, (np.array(centres) - mean) / deviation) for name, centres in sets.items()}
    asked.verdict.write_text(json.dumps({"rows": customers.rows, "within_ss": verdict}), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
