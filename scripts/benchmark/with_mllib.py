"""The same job as the usual MLlib loop: one fit and one ClusteringEvaluator per k over everybody."""

import os
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import typer
from pyspark import StorageLevel
from pyspark.ml import Pipeline
from pyspark.ml.clustering import KMeans, KMeansModel
from pyspark.ml.evaluation import ClusteringEvaluator
from pyspark.ml.feature import Imputer, StandardScaler, StandardScalerModel, VectorAssembler
from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from benchmark.answers import Answer
from benchmark.tables import CUSTOMER_ID, KS, VALID, feature_names


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


def main(
    folder: Path,
    *,
    output: Annotated[Path, typer.Option()],
    answer: Annotated[Path, typer.Option()],
    file_format: Annotated[str, typer.Option("--format")] = "parquet",
    features: int = 6,
    memory_gib: int = 8,
) -> None:
    """Run the loop in a session of its own."""
    begin = time.perf_counter()
    spark = start_spark(memory_gib)
    started = round(time.perf_counter() - begin, 3)
    try:
        found = segment(spark, folder, file_format, feature_names(features), output)
    finally:
        spark.stop()
    replace(found, seconds={"start Spark": started, **found.seconds}).write(answer)


if __name__ == "__main__":
    typer.run(main)
