"""The night's job as the usual MLlib loop: one fit and one ClusteringEvaluator per k over everybody.

python -m benchmark.with_mllib FOLDER --format parquet --features 6 --memory-gib 8 --output labels
"""

import argparse
import os
import time
from collections.abc import Sequence
from functools import reduce
from itertools import pairwise
from pathlib import Path

from pyspark import StorageLevel
from pyspark.ml import Pipeline
from pyspark.ml.clustering import KMeans, KMeansModel
from pyspark.ml.evaluation import ClusteringEvaluator
from pyspark.ml.feature import Imputer, StandardScaler, StandardScalerModel, VectorAssembler
from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from benchmark.answers import Answer
from benchmark.questions import CUSTOMER_ID, KS, VALID, feature_names


def start_spark(memory_gib: int) -> SparkSession:
    """A local session with room for the table, and no more shuffle partitions than a small machine needs."""
    builder = SparkSession.builder.master("local[*]").appName("usual MLlib loop")
    builder = builder.config("spark.driver.memory", f"{memory_gib}g").config("spark.ui.enabled", "false")
    builder = builder.config("spark.sql.shuffle.partitions", str(4 * (os.cpu_count() or 2)))
    spark = builder.config("spark.ui.showConsoleProgress", "false").getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def read_clean(spark: SparkSession, folder: Path, file_format: str, features: Sequence[str]) -> DataFrame:
    """The accepted customers: bad rows out, equal rows merged, customers whose rows differ out."""
    if file_format == "csv":
        raw = spark.read.csv(str(folder), header=True, nullValue="")
        columns = [F.col(name).try_cast("double").alias(name) for name in features]
        broken = [F.col(name).isNotNull() & F.col(name).try_cast("double").isNull() for name in features]
        table = raw.where(~reduce(Column.__or__, broken)).select(CUSTOMER_ID, *columns)
    else:
        table = spark.read.parquet(str(folder)).select(CUSTOMER_ID, *features)
    good = F.trim(F.col(CUSTOMER_ID)) != ""
    for name in features:
        value = F.col(name)
        low, high = VALID.get(name, (None, None))
        fits = ~F.isnan(value)
        if low is not None:
            fits &= value >= low
        if high is not None:
            fits &= value <= high
        good &= value.isNull() | fits
    distinct = table.where(good).dropDuplicates()
    rows_of_customer = F.count(F.lit(1)).over(Window.partitionBy(CUSTOMER_ID))
    return distinct.withColumn("_rows", rows_of_customer).where(F.col("_rows") == 1).drop("_rows")


def segment(spark: SparkSession, folder: Path, file_format: str, features: Sequence[str], output: Path) -> Answer:
    """Do the whole job and write one label per accepted customer."""
    clock = {"begin": time.perf_counter()}
    customers = read_clean(spark, folder, file_format, features)
    filled = [f"{name}_filled" for name in features]
    customers = customers.persist(StorageLevel.MEMORY_AND_DISK)
    preparation = Pipeline(
        stages=[
            Imputer(strategy="median", inputCols=list(features), outputCols=filled),
            VectorAssembler(inputCols=filled, outputCol="numbers"),
            StandardScaler(withMean=True, withStd=True, inputCol="numbers", outputCol="features"),
        ]
    ).fit(customers)
    vectors = preparation.transform(customers).select(CUSTOMER_ID, "features").persist(StorageLevel.MEMORY_AND_DISK)
    accepted = vectors.count()  # fills the cache
    customers.unpersist()
    clock["prepare"] = time.perf_counter()
    evaluator = ClusteringEvaluator()
    fits: dict[int, KMeansModel] = {}
    scores: dict[int, float] = {}
    for k in KS:
        fits[k] = KMeans(k=k, seed=1).fit(vectors)
        scores[k] = evaluator.evaluate(fits[k].transform(vectors))
    chosen = max(scores, key=lambda k: scores[k])
    clock["fit"] = time.perf_counter()
    labels = fits[chosen].transform(vectors).select(CUSTOMER_ID, "prediction")
    labels.write.mode("overwrite").parquet(str(output))
    clock["label"] = time.perf_counter()
    scaler = preparation.stages[-1]
    assert isinstance(scaler, StandardScalerModel)
    mean, std = scaler.mean.toArray(), scaler.std.toArray()
    return Answer(
        rows={"accepted": accepted},
        seconds={name: round(end - start, 3) for (_, start), (name, end) in pairwise(clock.items())},
        chosen_k=chosen,
        centres={k: [(centre * std + mean).tolist() for centre in fit.clusterCenters()] for k, fit in fits.items()},
        scores=scores,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the loop in a session of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--format", default="parquet")
    parser.add_argument("--features", type=int, default=6)
    parser.add_argument("--memory-gib", type=int, default=8)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--answer", type=Path)
    asked = parser.parse_args(arguments)
    begin = time.perf_counter()
    spark = start_spark(asked.memory_gib)
    started = round(time.perf_counter() - begin, 3)
    try:
        answer = segment(spark, asked.folder, asked.format, feature_names(asked.features), asked.output)
    finally:
        spark.stop()
    if asked.answer:
        seconds = {"start Spark": started, **answer.seconds}
        Answer(answer.rows, seconds, answer.chosen_k, answer.centres, answer.scores).write(asked.answer)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
