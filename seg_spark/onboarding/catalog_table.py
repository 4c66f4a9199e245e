"""A look at a catalog table, the one thing here that needs Spark."""

from seg_spark.errors import InputError


def read_catalog_table(name: str, most_rows: int) -> "tuple[object, bool]":
    """The first rows of a table as an Arrow table, and whether that is all of it.

    Raises InputError where there is no such table.
    """
    from seg_spark.session import start_session
    from seg_spark.storage.spark_errors import input_errors

    spark = start_session("seg_spark init")
    if not spark.catalog.tableExists(name):
        raise InputError(f"--input {name}: the catalog has no such table")
    with input_errors(f"--input {name}"):
        table = spark.table(name).limit(most_rows + 1).toArrow()
    return table.slice(0, most_rows), table.num_rows <= most_rows
