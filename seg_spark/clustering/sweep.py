"""MLlib KMeans for every k of a range, several at a time."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass

import numpy as np
from pyspark.ml.clustering import KMeans, KMeansModel
from pyspark.sql import DataFrame

from seg_spark.clustering.points import Labels, Matrix, nearest_centre
from seg_spark.features.pipeline import FEATURES
from seg_spark.settings.schema import Clustering

CLUSTER = "_cluster"
"""The column in which the KMeansModel puts the index of the nearest centre."""


@dataclass(frozen=True)
class Fit:
    """The best fit of one k: its MLlib model, the centres (k x axes) in the model's order, and how the
    training set falls on them. `within_ss` is against the centres; `starts` counts the fits it won over."""

    k: int
    model: KMeansModel
    centres: Matrix
    labels: Labels
    within_ss: float
    starts: int

    @property
    def fault(self) -> str | None:
        """Why this fit cannot be used, or None."""
        if len(self.centres) < self.k:
            return f"only {len(self.centres)} centres were found"
        if not np.isfinite(self.within_ss) or not np.isfinite(self.centres).all():
            return "the within sum of squares is not finite"
        if len(np.unique(self.labels)) < self.k:
            return "a centre has no customers"
        return None


def fit_every_k(
    frame: DataFrame, matrix: Matrix, settings: Clustering, seed: int, on_fit: Callable[[int, int], None]
) -> dict[int, Fit]:
    """Fit each k with `settings.starts` independent k-means|| starts and keep the lowest within sum of squares.

    `frame` holds the rows of `matrix` in one partition, so a fit depends on (matrix, k, seed) alone.
    `on_fit(done, planned)` is called after each fit, from this thread.
    """
    ks = range(settings.k.min, settings.k.max + 1)
    jobs = [(k, start) for start in range(settings.starts) for k in reversed(ks)]
    found: dict[tuple[int, int], Fit] = {}
    with ThreadPoolExecutor(max_workers=settings.parallel_fits, thread_name_prefix="kmeans") as pool:
        running = {pool.submit(_fit, frame, matrix, k, seed + start, settings): (k, start) for k, start in jobs}
        try:
            for done, future in enumerate(as_completed(running), start=1):
                found[running[future]] = future.result()
                on_fit(done, len(jobs))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return {k: _best([found[k, start] for start in range(settings.starts)]) for k in ks}


def _fit(frame: DataFrame, matrix: Matrix, k: int, seed: int, settings: Clustering) -> Fit:
    kmeans = KMeans(
        k=k,
        seed=seed,
        maxIter=settings.max_iterations,
        tol=settings.tolerance,
        featuresCol=FEATURES,
        predictionCol=CLUSTER,
    )
    model = kmeans.fit(frame)
    centres = np.array(model.clusterCenters())
    labels, squared = nearest_centre(matrix, centres)
    return Fit(k, model, centres, labels, float(squared.sum()), starts=1)


def _best(fits: Iterable[Fit]) -> Fit:
    """The usable fit with the lowest within sum of squares; the first of equals."""
    tried = list(fits)
    best = min(tried, key=lambda fit: (fit.fault is not None, fit.within_ss))
    return Fit(best.k, best.model, best.centres, best.labels, best.within_ss, starts=len(tried))
