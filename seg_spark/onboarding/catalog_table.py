"""A look at a catalog table, the one thing here that needs Spark."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


def read_catalog_table(name: str, most_rows: int) -> "tuple[pa.Table, bool]":
    """The first rows of a table as an Arrow table, and whether that is all of it.

    Raises InputError where there is no such table, with the nearest.
    """
    from seg_spark.session import start_session
    from seg_spark.storage.raw_input import read_catalog
    from seg_spark.storage.spark_errors import input_errors

    spark = start_session("seg_spark init", with_catalog=True)
    with input_errors(f"input.path: {name}"):
        table = read_catalog(spark, name).limit(most_rows + 1).toArrow()
    return table.slice(0, most_rows), table.num_rows <= most_rows
