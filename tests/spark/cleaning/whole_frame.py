"""Cleaning as one frame: what the tests of single rows look at."""

from pyspark.sql import DataFrame

from seg_spark.cleaning.duplicates import settle_duplicates
from seg_spark.cleaning.rows import validate_rows, with_id_hash
from seg_spark.settings.schema import Settings


def clean(raw: DataFrame, settings: Settings) -> DataFrame:
    """Every raw row with its outcome, whether its id stands alone or not."""
    return settle_duplicates(validate_rows(with_id_hash(raw, settings), settings), settings)
