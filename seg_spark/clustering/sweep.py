"""MLlib KMeans for every k of a range, several at a time; the best start of each k is refined."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Final

import numpy as np
from pyspark.ml.clustering import KMeans, KMeansModel
from pyspark.sql import DataFrame, SparkSession

from seg_spark.clustering.points import Labels, Matrix, distinct_points, nearest_centre
from seg_spark.clustering.refine import refine
from seg_spark.clustering.training_set import matrix_frame
from seg_spark.errors import DegenerateModelError
from seg_spark.features.pipeline import FEATURES
from seg_spark.settings.schema import Clustering

CLUSTER: Final = "_cluster"
"""The column in which the KMeansModel puts the index of the nearest centre."""


@dataclass(frozen=True)
class Fit:
    """The fit of one k: its centres (k x axes), and how the training set falls on them (index of the
    nearest centre and squared distance to it, per customer)."""

    k: int
    centres: Matrix
    labels: Labels
    squared_distances: Matrix

    @classmethod
    def of(cls, k: int, centres: Matrix, matrix: Matrix) -> "Fit":
        """The fit of k that these centres make on the training matrix."""
        return cls(k, centres, *nearest_centre(matrix, centres))

    @property
    def within_ss(self) -> float:
        """Sum of the squared distances to the nearest centres."""
        return float(self.squared_distances.sum())

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
    frame: DataFrame, matrix: Matrix, settings: Clustering, seed: int, on_fit: Callable[[int, int, str], None]
) -> dict[int, Fit]:
    """Fit each k with `settings.starts` independent k-means|| starts, keep the lowest within sum of squares, refine it.

    `frame` holds the rows of `matrix` in one partition, so a fit depends on (matrix, k, seed) alone.
    A k above the number of distinct points is not tried. `on_fit(done, planned, what)` is called
    after each start and each refinement, from this thread.
    """
    ks = range(settings.k.min, min(settings.k.max, distinct_points(matrix)) + 1)
    jobs = [(k, start) for start in range(settings.starts) for k in reversed(ks)]
    planned = len(jobs) + (len(ks) if settings.refine else 0)
    found: dict[tuple[int, int], Fit] = {}
    with ThreadPoolExecutor(max_workers=settings.parallel_fits, thread_name_prefix="kmeans") as pool:
        running = {pool.submit(_fit, frame, matrix, k, seed + start, settings): (k, start) for k, start in jobs}
        try:
            for done, future in enumerate(as_completed(running), start=1):
                found[running[future]] = future.result()
                on_fit(done, planned, f"k = {running[future][0]}")
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        best = {k: _best([found[k, start] for start in range(settings.starts)]) for k in ks}
        if not settings.refine:
            return best
        refined: dict[int, Fit] = {}
        for fit in pool.map(lambda fit: _refined(fit, matrix), best.values()):
            refined[fit.k] = fit
            on_fit(len(jobs) + len(refined), planned, f"k = {fit.k} refined")
    return refined


def published_form(spark: SparkSession, fit: Fit, matrix: Matrix) -> tuple[KMeansModel, Fit]:
    """The centres of a fit as a KMeansModel, and the fit with its centres in the order of that model.

    KMeans fitted on exactly its k centres returns these very centres, in an order of its own: the
    way to a KMeansModel of given centres through public API.
    """
    kmeans = KMeans(k=fit.k, initMode="random", maxIter=1, seed=0, featuresCol=FEATURES, predictionCol=CLUSTER)
    model = kmeans.fit(matrix_frame(spark, fit.centres))
    centres = np.array(model.clusterCenters())
    if sorted(map(tuple, centres)) != sorted(map(tuple, fit.centres)):
        raise DegenerateModelError(f"Spark did not take over the {fit.k} refined centres; set clustering.refine: false")
    return model, Fit.of(fit.k, centres, matrix)


def _fit(frame: DataFrame, matrix: Matrix, k: int, seed: int, settings: Clustering) -> Fit:
    kmeans = KMeans(k=k, seed=seed, maxIter=settings.max_iterations, tol=settings.tolerance, featuresCol=FEATURES)
    model = kmeans.fit(frame)
    return Fit.of(k, np.array(model.clusterCenters()), matrix)


def _best(fits: Sequence[Fit]) -> Fit:
    """The usable fit with the lowest within sum of squares; the first of equals."""
    return min(fits, key=lambda fit: (fit.fault is not None, fit.within_ss))


def _refined(fit: Fit, matrix: Matrix) -> Fit:
    if fit.fault is not None:
        return fit
    refined = Fit.of(fit.k, refine(matrix, fit.centres), matrix)
    return refined if refined.fault is None and refined.within_ss <= fit.within_ss else fit
