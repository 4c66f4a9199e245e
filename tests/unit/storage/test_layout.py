"""Where things are below the output."""

from datetime import date

import pytest

from seg_spark.storage.layout import date_of, partition_name


def test_a_date_folder_tells_its_date() -> None:
    assert date_of(partition_name(date(2026, 11, 23))) == date(2026, 11, 23)


@pytest.mark.parametrize(
    "folder",
    ["run_date=2026-13-45", "run_date=20261123", "run_date=2026-W47-1", "2026-11-23", "_seg_spark", "run_date="],
)
def test_another_folder_is_of_no_date(folder: str) -> None:
    assert date_of(folder) is None
