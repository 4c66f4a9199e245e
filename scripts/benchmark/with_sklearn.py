"""The same job as a scikit-learn script: read, clean, impute, scale, fit every k, choose, label, write."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import typer
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score
from sklearn.preprocessing import StandardScaler

from benchmark.answers import Answer
from benchmark.customer_table import Customers, Matrix, clean_customers, impute_median, read_customers
from benchmark.tables import KS, MAX_TRAINING_CUSTOMERS, feature_names

_SILHOUETTE_CUSTOMERS: Final = 10_000


@dataclass(frozen=True)
class Recipe:
    """How many starts a fit has, and whether it is made on a sample or on everybody."""

    starts: int = 1
    sampled: bool = False


def segment(folder: Path, file_format: str, features: Sequence[str], recipe: Recipe, output: Path) -> Answer:
    """Do the whole job and write one label per accepted customer."""
    clock = {"begin": time.perf_counter()}
    raw = read_customers(folder, file_format, features)
    clock["read"] = time.perf_counter()
    customers = clean_customers(raw, features)
    del raw
    clock["clean"] = time.perf_counter()
    impute_median(customers.values)
    scaler = StandardScaler(copy=False)
    points = scaler.fit_transform(customers.values)
    training = _hash_sample(customers, points) if recipe.sampled else points
    clock["prepare"] = time.perf_counter()
    fits: dict[int, KMeans] = {}
    scores: dict[int, float] = {}
    for k in KS:
        fits[k] = KMeans(n_clusters=k, n_init=recipe.starts, random_state=0).fit(training)
        size = min(_SILHOUETTE_CUSTOMERS, len(training))
        scores[k] = float(silhouette_score(training, fits[k].labels_, sample_size=size, random_state=0))
    chosen = max(scores, key=lambda k: scores[k])
    clock["fit"] = time.perf_counter()
    labels = fits[chosen].labels_ if training is points else fits[chosen].predict(points)
    pq.write_table(pa.table({"customer_id": customers.ids, "segment": pa.array(labels)}), output)
    clock["label"] = time.perf_counter()
    return Answer(
        rows=customers.rows,
        seconds={name: round(end - start, 3) for (_, start), (name, end) in pairwise(clock.items())},
        chosen_k=chosen,
        centres={k: scaler.inverse_transform(fit.cluster_centers_).tolist() for k, fit in fits.items()},
        scores=scores,
    )


def _hash_sample(customers: Customers, points: Matrix) -> Matrix:
    """The points of the customers with the lowest hash of their id; below the limit everybody."""
    if len(points) <= MAX_TRAINING_CUSTOMERS:
        return points
    hashes = pd.util.hash_array(customers.ids.to_numpy(), categorize=False)
    return np.ascontiguousarray(points[np.argpartition(hashes, MAX_TRAINING_CUSTOMERS)[:MAX_TRAINING_CUSTOMERS]])


def main(
    folder: Path,
    *,
    output: Annotated[Path, typer.Option()],
    answer: Annotated[Path, typer.Option()],
    file_format: Annotated[str, typer.Option("--format")] = "parquet",
    features: int = 6,
    starts: int = 1,
    sampled: bool = False,
) -> None:
    """Run the script."""
    segment(folder, file_format, feature_names(features), Recipe(starts, sampled), output).write(answer)


if __name__ == "__main__":
    typer.run(main)
