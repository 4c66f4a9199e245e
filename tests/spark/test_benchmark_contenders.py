"""The contenders of the benchmark accept the customers that a run accepts: else nothing could be compared."""

import sys
from pathlib import Path

import pytest
from builders import settings
from cleaning.whole_frame import clean
from processes import PROJECT
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from seg_spark.cleaning.duplicates import OUTCOME

sys.path.insert(0, str(PROJECT / "scripts"))

from benchmark import with_mllib
from benchmark.customer_table import clean_customers, read_customers
from benchmark.tables import CUSTOMER_ID, VALID, TableSpec, feature_names, make_table


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_every_contender_accepts_the_same_customers(spark: SparkSession, tmp_path: Path, form: str) -> None:
    names = feature_names(6)
    table = make_table(TableSpec(1000, dirt=0.2, format=form), tmp_path / "data")
    raw = spark.read.parquet(str(table.folder)) if form == "parquet" else spark.read.csv(str(table.folder), header=True)
    features = {name: {"valid": list(VALID[name])} for name in names}
    rows = clean(raw, settings(tmp_path, features, customer_id=CUSTOMER_ID)).where(F.col(OUTCOME) == "accepted")
    by_run = sorted(row["customer_id"] for row in rows.collect())
    by_mllib = with_mllib.read_clean(spark, table.folder, form, names).select(CUSTOMER_ID).collect()
    by_sklearn = clean_customers(read_customers(table.folder, form, names), names)
    assert len(by_run) == table.expected_rows["accepted"]
    assert by_run == sorted(row[CUSTOMER_ID] for row in by_mllib) == sorted(by_sklearn.ids.to_pylist())
