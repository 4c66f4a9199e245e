"""The training set: the same customers in every run, on the driver, in an order fixed by their ids.

Everything that is fitted is fitted on a frame made from the driver's copy, in one partition and in
that order. So the model cannot depend on how the table was cut into files, on the order of its
rows, on the number of cores, or on an executor that was lost and computed again.
"""

from typing import Final

import numpy as np
import pyarrow as pa
from pyspark.ml import PipelineModel
from pyspark.ml.functions import array_to_vector, vector_to_array
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from seg_spark import columns as c
from seg_spark.clustering.points import Matrix
from seg_spark.features.pipeline import FEATURES
from seg_spark.settings.schema import Training

_HASH: Final = "_hash"
_POINT: Final = "_point"
_MARGIN: Final = 1.2


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
