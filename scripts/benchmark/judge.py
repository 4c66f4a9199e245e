"""What centres are worth to everybody: within sums of squares of all contenders, in one space.

The space is made here from the raw table and is the same for all: the accepted customers, missing
values at the median, every feature standardised over everybody. A contender's centres are moved
into it from the units of the table, each customer goes to the nearest, and the squared distances
are added up. So a model fitted on a sample is judged on all customers."""

import json
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from benchmark.customer_table import Matrix, clean_customers, impute_median, read_customers
from benchmark.tables import feature_names

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


def main(
    folder: Path,
    *,
    centres: Annotated[Path, typer.Option()],
    verdict: Annotated[Path, typer.Option()],
    file_format: Annotated[str, typer.Option("--format")] = "parquet",
    features: int = 6,
) -> None:
    """Judge every set of centres in a JSON file, {name: [[...], ...]}."""
    names = feature_names(features)
    customers = clean_customers(read_customers(folder, file_format, names), names)
    points = customers.values
    impute_median(points)
    mean, deviation = points.mean(axis=0), points.std(axis=0)
    points -= mean
    points /= deviation
    sets = json.loads(centres.read_text(encoding="utf-8"))
    found = {name: within_ss(points, (np.array(one) - mean) / deviation) for name, one in sets.items()}
    verdict.write_text(json.dumps({"rows": customers.rows, "within_ss": found}), encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
