"""The index in SQLite, with the rows and conditions of DynamoDB."""

import sqlite3

from chalicelib import json_text
from chalicelib.adapters.embedded.database import Database, key_range
from chalicelib.adapters.limits import (
    MAX_PARTITION_BYTES,
    check_changes,
    check_page,
    check_value,
    is_key,
    is_row,
    row_of,
)
from chalicelib.errors import ConditionFailed
from chalicelib.ports import Change, Clock, Entry, Page, Put

_Row = tuple[str, str, int | None]


class EmbeddedIndex:
    """An ``Index``. A row past its expiry counts as absent everywhere."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def get(self, partition: str, key: str) -> Entry | None:
        """One row; None if it is absent or past its expiry."""
        if not is_row(partition, key):
            return None
        with self._database.read() as sqlite:
            row: _Row | None = sqlite.execute(
                "SELECT key, value, expires_at FROM entries WHERE partition = ? AND key = ?"
                " AND (expires_at IS NULL OR expires_at > ?)",
                (partition, key, self._clock.now()),
            ).fetchone()
        return None if row is None else _entry(partition, row)

    def query(
        self,
        partition: str,
        prefix: str = "",
        *,
        limit: int | None = None,
        after: str | None = None,
    ) -> Page:
        """Rows whose keys start with ``prefix``, by key; ``limit`` None gives all."""
        check_page(limit, after)
        if not is_key(partition, MAX_PARTITION_BYTES) or (prefix and not is_key(prefix)):
            return Page([])
        at_most = -1 if limit is None else limit + 1
        with self._database.read() as sqlite:
            rows: list[_Row] = sqlite.execute(
                "SELECT key, value, expires_at FROM entries"
                " WHERE partition = ? AND key >= ? AND key < ?"
                " AND (expires_at IS NULL OR expires_at > ?) ORDER BY key LIMIT ?",
                (partition, *key_range(prefix, after), self._clock.now(), at_most),
            ).fetchall()
        entries = [_entry(partition, row) for row in rows]
        if limit is None or len(entries) <= limit:
            return Page(entries)
        return Page(entries[:limit], after=entries[limit - 1].key)

    def write(self, *changes: Change) -> None:
        """Apply changes of distinct rows, all or none; ``ConditionFailed``."""
        check_changes(changes)
        values = [_encoded(change) for change in changes]
        with self._database.write() as sqlite:
            lost = tuple(
                position for position, change in enumerate(changes) if self._loses(sqlite, change)
            )
            if lost:
                raise ConditionFailed(lost)
            for change, value in zip(changes, values, strict=True):
                _apply(sqlite, change, value)

    def expire(self, now: float) -> int:
        """Drop the rows past their expiry, which nobody sees any more; how many."""
        with self._database.write(relaxed=True) as sqlite:
            return sqlite.execute("DELETE FROM entries WHERE expires_at <= ?", (now,)).rowcount

    def _loses(self, sqlite: sqlite3.Connection, change: Change) -> bool:
        if isinstance(change, Put):
            return change.if_absent and self._exists(sqlite, change)
        return change.if_present and not self._exists(sqlite, change)

    def _exists(self, sqlite: sqlite3.Connection, change: Change) -> bool:
        return bool(
            sqlite.execute(
                "SELECT EXISTS (SELECT 1 FROM entries WHERE partition = ? AND key = ?"
                " AND (expires_at IS NULL OR expires_at > ?))",
                (*row_of(change), self._clock.now()),
            ).fetchone()[0]
        )


def _encoded(change: Change) -> str | None:
    if not isinstance(change, Put):
        return None
    text = json_text.dumps_exact(change.entry.value)
    check_value(text)
    return text


def _apply(sqlite: sqlite3.Connection, change: Change, value: str | None) -> None:
    partition, key = row_of(change)
    if isinstance(change, Put):
        sqlite.execute(
            "INSERT OR REPLACE INTO entries (partition, key, value, expires_at)"
            " VALUES (?, ?, ?, ?)",
            (partition, key, value, change.entry.expires_at),
        )
    else:
        sqlite.execute("DELETE FROM entries WHERE partition = ? AND key = ?", (partition, key))


def _entry(partition: str, row: _Row) -> Entry:
    key, value, expires_at = row
    return Entry(partition, key, json_text.loads_exact(value), expires_at)
