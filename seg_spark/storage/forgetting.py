"""Removing customers from all that is published or kept: files are written anew without their rows."""

import gzip
import io
import json
import re
import zlib
from collections.abc import Collection, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from seg_spark import columns as c
from seg_spark.cleaning.outcomes import Reason
from seg_spark.errors import LockedError, PublishError
from seg_spark.storage import layout
from seg_spark.storage.commits import Commit, DataFile, TableVersion, commit_of, published_dates
from seg_spark.storage.publish import RunArea, commit_next, run_area
from seg_spark.storage.retention import Retention, remove_versions, replaced_commits
from seg_spark.storage.store import Store
from seg_spark.storage.tables import count_rows, table_files

_GZIP: Final = b"\x1f\x8b"
_IDS_PER_PATTERN: Final = 1_000
"""Arrow refuses patterns of some megabytes."""
_WORD_BEGINS: Final = "(?:^|[^0-9A-Za-z@._+-]|(?:^|[^0-9A-Za-z])[@._+-])"
_WORD_ENDS: Final = "(?:[^0-9A-Za-z@._+-]|[@._+-](?:[^0-9A-Za-z]|$)|$)"
"""What joins letters and digits belongs to the word: a@b.com is not named by ma-a@b.com, nor 12-34 by 12-34-56."""
_LONG_ENOUGH: Final = 6
"""Shorter ids are looked for where ids stand, not as words in any text: 12 is a word of every run record."""


@dataclass(frozen=True)
class Forgetting:
    """Which customers to remove. Malformed rows, which have no id, go too if their text names one as a whole word."""

    ids: frozenset[str]

    def rows_in(self, table: pa.Table) -> pa.ChunkedArray:
        """Which rows of a table are of these customers, as booleans."""
        wanted = pa.array(sorted(self.ids), pa.string())
        found = pc.is_in(table[c.CUSTOMER_ID], value_set=wanted)
        if c.REJECT_REASONS not in table.column_names:
            return found
        reasons = table[c.REJECT_REASONS].cast(
            pa.list_(pa.string())
        )  # Spark declares items not null: Arrow joins none such
        is_malformed = pc.equal(pc.binary_join(reasons, " "), Reason.MALFORMED_ROW.value)
        for pattern in self.patterns:
            names_one = pc.match_substring_regex(table[c.RAW_ROW], pattern)
            found = pc.or_(found, pc.fill_null(pc.and_(is_malformed, names_one), False))
        return found

    def is_in(self, text: str) -> bool:
        """Whether a text names one of these customers as a whole word; short ids are not looked for.

        In JSON only the strings count, and elsewhere no id of digits alone is looked for: any number may be one.
        """
        long = frozenset(id_ for id_ in self.ids if len(id_) >= _LONG_ENOUGH)
        try:
            words = "\n".join(_strings(json.loads(text)))
        except (ValueError, RecursionError):
            words, long = text, frozenset(one for one in long if not one.isdigit())
        return any(re.search(pattern, words) for pattern in Forgetting(long).patterns)

    @cached_property
    def patterns(self) -> tuple[str, ...]:
        """Regular expressions, for Python, Arrow and Java, that find some of the ids each, as whole words."""
        longest_first = sorted(self.ids, key=lambda id_: (-len(id_), id_))
        return tuple(
            f"{_WORD_BEGINS}(?:{'|'.join(map(re.escape, some))}){_WORD_ENDS}"
            for some in (longest_first[i : i + _IDS_PER_PATTERN] for i in range(0, len(self.ids), _IDS_PER_PATTERN))
        )


def _strings(document: object) -> Iterator[str]:
    """Every text of a JSON document, names of fields too."""
    if isinstance(document, str):
        yield document
    elif isinstance(document, dict):
        for name, value in document.items():
            yield name
            yield from _strings(value)
    elif isinstance(document, list):
        for value in document:
            yield from _strings(value)


def forget_rows(
    store: Store, forgetting: Forgetting, run_id: str, retention: Retention, max_seconds: float
) -> dict[str, int]:
    """Publish every date without the rows of these customers, and remove every version that had them.

    Returns the rows removed from the dates in force, by table. The caller holds the lock. A date that another run
    publishes meanwhile raises LockedError; what is done by then stays done, and the next call does the rest.
    """
    removed: dict[str, int] = {}
    for number, run_date in enumerate(published_dates(store)):
        commit = commit_of(store, run_date)
        affected = [table for table, version in commit.tables.items() if _holds(store, version.files, forgetting)]
        if affected:
            with run_area(store, run_date, f"{run_id}-{number}", max_seconds) as area:
                if commit_of(store, run_date) != commit:
                    raise LockedError(f"{store.root}: {run_date} has been published since this began; run it again")
                tables = {table: _without(store, area, table, commit.tables[table], forgetting) for table in affected}
                _commit(store, area, commit, tables, retention)
            for table, version in tables.items():
                removed[table] = removed.get(table, 0) + commit.tables[table].rows - version.rows
    remove_versions(
        store,
        [commit for commit in replaced_commits(store) if _holds(store, _files(commit), forgetting)],
        f"{layout.STAGING}/repair",
    )
    return removed


def paths_with(store: Store, forgetting: Forgetting) -> list[str]:
    """Every file of an output that still names one of these customers: tables read row by row, other files as text."""
    return sorted(path for path in _all_files(store, "") if _names(store, path, forgetting))


def _all_files(store: Store, folder: str) -> Iterator[str]:
    for entry in store.entries(folder):
        path = f"{folder}/{entry.name}".lstrip("/")
        if entry.is_folder:
            yield from _all_files(store, path)
        else:
            yield path


def _names(store: Store, path: str, forgetting: Forgetting) -> bool:
    try:
        if path.endswith(".parquet"):
            return _has_rows(store, path, forgetting)
        content = store.read(path)
    except FileNotFoundError:  # an active run elsewhere has removed it
        return False
    if content.startswith(_GZIP):  # figures, also those of a run that was killed while it wrote them
        with suppress(OSError, EOFError, zlib.error):
            content = gzip.decompress(content)
    return forgetting.is_in(content.decode("utf-8", "replace"))


def _commit(store: Store, area: RunArea, before: Commit, tables: dict[str, TableVersion], retention: Retention) -> None:
    def make(last: Commit) -> Commit:
        state = replace(last.dates[area.run_date], commit=last.number + 1)
        return replace(
            before,
            number=last.number + 1,
            tables={**before.tables, **tables},
            dates={**last.dates, area.run_date: state},
            issued=last.issued,
            ended=last.ended,
        )

    folders = [store.version_folder(table, area.run_date, area.run_id) for table in tables]
    commit_next(store, area, make, retention, written=folders)


def _without(store: Store, area: RunArea, table: str, version: TableVersion, forgetting: Forgetting) -> TableVersion:
    """Write a version anew, file by file, without the rows of these customers."""
    folder = store.version_folder(table, area.run_date, area.run_id)
    removed = 0
    for number, one in enumerate(version.files):
        content = io.BytesIO()
        with closing(store.open_input(one.path)) as file:
            opened = pq.ParquetFile(file)
            compression = opened.metadata.row_group(0).column(0).compression if opened.num_row_groups else "SNAPPY"
            compression = "NONE" if compression == "UNCOMPRESSED" else compression  # as pyarrow calls it
            with pq.ParquetWriter(content, opened.schema_arrow, compression=compression) as writer:
                for group in range(opened.num_row_groups):
                    rows = opened.read_row_group(group)
                    kept = rows.filter(pc.invert(forgetting.rows_in(rows)))
                    removed += len(rows) - len(kept)
                    writer.write_table(kept)
        store.write(f"{folder}/part-{number:05}-{area.run_id}.parquet", content.getvalue())
    files = table_files(store, folder)
    rows_left = count_rows(store, files)
    if rows_left != version.rows - removed:
        raise PublishError(
            f"{store.root}/{folder}: {version.rows} rows were read and {removed} removed, but {rows_left} are left; "
            f"{area.run_date} was not changed"
        )
    return TableVersion(version.run_id, rows_left, files)


def _files(commit: Commit) -> list[DataFile]:
    return [file for version in commit.tables.values() for file in version.files]


def _holds(store: Store, files: Collection[DataFile], forgetting: Forgetting) -> bool:
    return any(_has_rows(store, file.path, forgetting) for file in files)


def _has_rows(store: Store, path: str, forgetting: Forgetting) -> bool:
    try:
        with closing(store.open_input(path)) as file:
            opened = pq.ParquetFile(file)
            needed = (c.CUSTOMER_ID, c.REJECT_REASONS, c.RAW_ROW)
            columns = [name for name in needed if name in opened.schema_arrow.names]
            return c.CUSTOMER_ID in columns and any(
                pc.any(forgetting.rows_in(opened.read_row_group(group, columns=columns))).as_py()
                for group in range(opened.num_row_groups)
            )
    except FileNotFoundError:
        return False  # what is not there names nobody
    except (pa.ArrowInvalid, OSError):
        raise PublishError(
            f"{store.root}/{path}: is damaged or cannot be read, so that nobody can tell whom it names; remove it, or "
            "run its date again"
        ) from None
