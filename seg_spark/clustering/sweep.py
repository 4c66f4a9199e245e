"""The training set, and on it MLlib KMeans for every k of a range, beside the search that lowers what they reach.

The same customers in every run, on the driver, in an order fixed by their ids: everything is fitted on a frame made
from that copy, in one partition and in that order. So the model cannot depend on how the table was cut into files, on
the order of its rows, on the number of cores, or on an executor that was lost and computed again.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
from pyspark.ml import PipelineModel
from pyspark.ml.clustering import KMeans, KMeansModel
from pyspark.ml.functions import array_to_vector, vector_to_array
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from seg_spark import columns as c
from seg_spark.clustering.points import Labels, Matrix, distinct_points, nearest_centre
from seg_spark.clustering.search import continued_centres, search_centres
from seg_spark.errors import DegenerateModelError
from seg_spark.features.pipeline import FEATURES
from seg_spark.settings.schema import Clustering, Training

_HASH: Final = "_hash"
_POINT: Final = "_point"
_MARGIN: Final = 1.2
CLUSTER: Final = "_cluster"
"""The column in which the KMeansModel puts the index of the nearest centre."""
_SHORT_FIT: Final = 2


def training_table(clean: DataFrame, rows: int, features: list[str], settings: Training) -> pa.Table:
    """At most `settings.max_customers` accepted customers, lowest hash of the id first; below that everybody.

    Columns: customer_id, then the features. The hash depends on the id and the seed alone, so a
    customer who is in the set today is in it tomorrow, unless new ones with lower hashes come.
    `rows` is how many there are.
    """
    hashed = clean.select(c.CUSTOMER_ID, *features, F.xxhash64(c.CUSTOMER_ID, F.lit(settings.seed)).alias(_HASH))
    # hashes are spread evenly: nearly always the wanted ones are below this, and few others need sorting
    highest = int(-(2**63) + 2**64 * min(1.0, _MARGIN * settings.max_customers / max(rows, 1))) - 1
    table = _lowest(hashed.where(F.col(_HASH) <= F.lit(highest)), settings.max_customers)
    if len(table) < min(settings.max_customers, rows):
        table = _lowest(hashed, settings.max_customers)
    return table.sort_by([(_HASH, "ascending"), (c.CUSTOMER_ID, "ascending")]).drop_columns([_HASH])


def _lowest(hashed: DataFrame, count: int) -> pa.Table:
    return hashed.orderBy(_HASH, c.CUSTOMER_ID).limit(count).toArrow()


def training_frame(spark: SparkSession, table: pa.Table) -> DataFrame:
    """The training table as a frame of one partition, rows in the order of the table."""
    return spark.createDataFrame(table).coalesce(1)


def to_matrix(preparation: PipelineModel, training: DataFrame) -> Matrix:
    """The prepared coordinates of the training frame, row for row."""
    prepared = preparation.transform(training).select(vector_to_array(F.col(FEATURES)).alias(_POINT)).toArrow()
    values = prepared[_POINT].combine_chunks()
    flat: Matrix = np.asarray(values.flatten(), dtype=np.float64)
    return flat.reshape(len(values), -1)


def matrix_frame(spark: SparkSession, matrix: Matrix) -> DataFrame:
    """The matrix as a frame of one partition with the vector column `_features`, for MLlib."""
    offsets = np.arange(0, matrix.size + 1, matrix.shape[1], dtype=np.int32)
    points = pa.ListArray.from_arrays(offsets, pa.array(matrix.ravel()))
    frame = spark.createDataFrame(pa.table({_POINT: points})).coalesce(1)
    return frame.select(array_to_vector(F.col(_POINT)).alias(FEATURES))


def fitting_frame(spark: SparkSession, matrix: Matrix) -> DataFrame:
    """The frame of a matrix that MLlib fits every k on: always the same rows in the same order, in one partition.

    In local mode its rows are kept in memory; a third of the time that making them anew for every fit takes. A
    cluster may lose what it keeps together with an executor, so there they come from the driver each time.
    """
    frame = matrix_frame(spark, matrix)
    master = spark.sparkContext.master or ""
    return frame.localCheckpoint() if master == "local" or master.startswith("local[") else frame


@dataclass(frozen=True)
class MllibFits:
    """How MLlib fits every k: independent starts, kind of start, upper limit of iterations, tolerance."""

    starts: int
    init_mode: str
    max_iterations: int
    tolerance: float

    @classmethod
    def of(cls, settings: Clustering) -> "MllibFits":
        """Full fits; or one short fit where the search goes on from the same training set."""
        if settings.refine:
            return cls(1, "random", _SHORT_FIT, 0.0)
        return cls(settings.starts, "k-means||", settings.max_iterations, settings.tolerance)


@dataclass(frozen=True)
class Fit:
    """The fit of one k: its centres (k x axes), how the training set falls on them (index of the nearest
    centre and squared distance to it, per customer), and the within sum of squares of MLlib's own fit."""

    k: int
    centres: Matrix
    labels: Labels
    squared_distances: Matrix
    mllib_within_ss: float

    @classmethod
    def of(cls, k: int, centres: Matrix, matrix: Matrix, mllib_within_ss: float | None = None) -> "Fit":
        """The fit of k that these centres make on the training matrix; MLlib's own unless its sum is given."""
        labels, squared = nearest_centre(matrix, centres)
        return cls(k, centres, labels, squared, float(squared.sum()) if mllib_within_ss is None else mllib_within_ss)

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
    spark: SparkSession, matrix: Matrix, settings: Clustering, seed: int, on_fit: Callable[[int, int, str], None]
) -> dict[int, Fit]:
    """Fit each k with MLlib and keep the start with the lowest within sum of squares; lower it by a search.

    A k above the number of distinct points is not tried. `on_fit(done, planned, what)` is called
    after each start and after the search, from this thread.
    """
    ks = range(settings.k.min, min(settings.k.max, distinct_points(matrix)) + 1)
    mllib = MllibFits.of(settings)
    frame = fitting_frame(spark, matrix)
    pool = ThreadPoolExecutor(max_workers=settings.parallel_fits, thread_name_prefix="kmeans")
    try:
        search = pool.submit(search_centres, matrix, ks) if settings.refine else None
        fits = {
            pool.submit(_fit, frame, matrix, k, seed + start, mllib): f"k = {k}"
            for start in range(mllib.starts)
            for k in reversed(ks)
        }
        running: dict[Future[Any], str] = {**fits, search: "search"} if search else {**fits}
        for done, future in enumerate(as_completed(running), start=1):
            future.result()
            on_fit(done, len(running), running[future])
    finally:  # a run that is ended does not wait for its fits
        pool.shutdown(wait=False, cancel_futures=True)
    best = {k: _best([fit for fit in (future.result() for future in fits) if fit.k == k]) for k in ks}
    return best | _lowered(best, search.result(), matrix) if search else best


def keep_last(fits: Mapping[int, Fit], matrix: Matrix, labels: Labels, keep_within: float) -> dict[int, Fit]:
    """The fits, where that of the last model's k goes on from the partition that the model makes of the customers.

    It does unless the search is better by more than the share `keep_within`: of optima that are nearly equal the one
    that customers are used to stays.
    """
    k = len(np.unique(labels))
    searched, centres = fits.get(k), continued_centres(matrix, labels) if k in fits and k > 1 else None
    if searched is None or centres is None:
        return dict(fits)
    kept = Fit.of(k, centres, matrix, searched.mllib_within_ss)
    is_good = kept.fault is None and kept.within_ss <= (1 + keep_within) * searched.within_ss
    return dict(fits) | ({k: kept} if is_good else {})


def published_form(spark: SparkSession, fit: Fit, matrix: Matrix) -> tuple[KMeansModel, Fit]:
    """The centres of a fit as a KMeansModel, and the fit with its centres in the order of that model.

    KMeans fitted on exactly its k centres returns these very centres, in an order of its own: the
    way to a KMeansModel of given centres through public API.
    """
    kmeans = KMeans(k=fit.k, initMode="random", maxIter=1, seed=0, featuresCol=FEATURES, predictionCol=CLUSTER)
    model = kmeans.fit(matrix_frame(spark, fit.centres))
    centres = np.array(model.clusterCenters())
    if sorted(map(tuple, centres)) != sorted(map(tuple, fit.centres)):
        raise DegenerateModelError(
            f"Spark changed the {fit.k} centres when storing them; set clustering.refine: false and report this"
        )
    return model, Fit.of(fit.k, centres, matrix, fit.mllib_within_ss)


def _fit(frame: DataFrame, matrix: Matrix, k: int, seed: int, mllib: MllibFits) -> Fit:
    kmeans = KMeans(
        k=k, seed=seed, initMode=mllib.init_mode, maxIter=mllib.max_iterations, tol=mllib.tolerance,
        featuresCol=FEATURES,
    )  # fmt: skip
    return Fit.of(k, np.array(kmeans.fit(frame).clusterCenters()), matrix)


def _best(fits: Sequence[Fit]) -> Fit:
    """The usable fit with the lowest within sum of squares; the first of equals."""
    return min(fits, key=lambda fit: (fit.fault is not None, fit.within_ss))


def _lowered(fits: Mapping[int, Fit], found: Mapping[int, Matrix], matrix: Matrix) -> dict[int, Fit]:
    """The fits of the centres that the search found, where they are better than MLlib's own."""
    searched = {k: Fit.of(k, centres, matrix, fits[k].mllib_within_ss) for k, centres in found.items()}
    return {k: fit for k, fit in searched.items() if _best([fit, fits[k]]) is fit}
