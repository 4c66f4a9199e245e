"""Counts of a written table folder, without Spark."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seg_spark.storage.local_store import LocalStore
from seg_spark.storage.tables import count_list_items, count_nulls, count_rows, table_files


@pytest.mark.parametrize("with_statistics", [True, False])
def test_nulls_are_counted_with_and_without_statistics_in_the_files(tmp_path: Path, with_statistics: bool) -> None:
    for number, values in enumerate([["a", None, "b", None], ["c", "d", None]]):
        table = pa.table({"customer_id": values, "segment_id": range(len(values))})
        file = tmp_path / f"part-{number}.parquet"
        pq.write_table(table, file, row_group_size=2, write_statistics=with_statistics)
    store = LocalStore(tmp_path)
    files = table_files(store, ".")
    assert count_nulls(store, files, "customer_id") == 3
    assert count_nulls(store, files, "segment_id") == 0
    assert count_rows(store, files) == 7


def test_items_of_lists_are_counted_the_most_frequent_first(tmp_path: Path) -> None:
    reasons = pa.array([["b", "a"], ["b"], [], None, ["c", "b"]], pa.list_(pa.string()))
    pq.write_table(pa.table({"reject_reasons": reasons}), tmp_path / "part.parquet", row_group_size=2)
    store = LocalStore(tmp_path)
    assert count_list_items(store, table_files(store, "."), "reject_reasons") == {"b": 3, "a": 1, "c": 1}
