"""The index in SQLite, with the rows and conditions of DynamoDB."""

import sqlite3
from collections.abc import Mapping
from typing import Literal

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
from chalicelib.ports import Add, Change, Clock, Entry, Page, Put, Remove, TextPage

_Row = tuple[str, str, int | None]


class EmbeddedIndex:
    """An ``Index`` on a table of its own. A row past its expiry counts as absent everywhere."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        table: Literal["entries", "account_entries"] = "entries",
    ) -> None:
        self._database = database
        self._clock = clock
        self._table = table

    def get(self, partition: str, key: str) -> Entry | None:
        """One row; None if it is absent or past its expiry."""
        if not is_row(partition, key):
            return None
        with self._database.read() as sqlite:
            row: _Row | None = sqlite.execute(
                f"SELECT key, value, expires_at FROM {self._table}"  # noqa: S608 (one of ours)
                " WHERE partition = ? AND key = ? AND (expires_at IS NULL OR expires_at > ?)",
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
        rows, last = self._rows(partition, prefix, limit, after)
        return Page([_entry(partition, row) for row in rows], last)

    def texts(
        self,
        partition: str,
        prefix: str = "",
        *,
        limit: int | None = None,
        after: str | None = None,
    ) -> TextPage:
        """What ``query`` gives, as it was written."""
        rows, last = self._rows(partition, prefix, limit, after)
        return TextPage([(key, value) for key, value, _ in rows], last)

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
                self._apply(sqlite, change, value)

    def add(self, addition: Add) -> Mapping[str, int]:
        """Apply it alone; the numbers after it; ``ConditionFailed``."""
        check_changes([addition])
        with self._database.write() as sqlite:
            if self._loses(sqlite, addition):
                raise ConditionFailed((0,))
            self._apply(sqlite, addition, None)
            return self._numbers(sqlite, addition)

    def expire(self, now: float) -> int:
        """Drop the rows past their expiry, which nobody sees any more; how many."""
        with self._database.write(relaxed=True) as sqlite:
            dropped = sqlite.execute(
                f"DELETE FROM {self._table} WHERE expires_at <= ?",  # noqa: S608
                (now,),
            )
            return dropped.rowcount

    def _rows(
        self, partition: str, prefix: str, limit: int | None, after: str | None
    ) -> tuple[list[_Row], str | None]:
        """The rows, and the key to go on from."""
        check_page(limit, after)
        if not is_key(partition, MAX_PARTITION_BYTES) or (prefix and not is_key(prefix)):
            return [], None
        at_most = -1 if limit is None else limit + 1
        with self._database.read() as sqlite:
            rows: list[_Row] = sqlite.execute(
                f"SELECT key, value, expires_at FROM {self._table}"  # noqa: S608
                " WHERE partition = ? AND key >= ? AND key < ?"
                " AND (expires_at IS NULL OR expires_at > ?) ORDER BY key LIMIT ?",
                (partition, *key_range(prefix, after), self._clock.now(), at_most),
            ).fetchall()
        if limit is None or len(rows) <= limit:
            return rows, None
        return rows[:limit], rows[limit - 1][0]

    def _loses(self, sqlite: sqlite3.Connection, change: Change) -> bool:
        if isinstance(change, Remove):
            return change.if_present and self._text(sqlite, change) is None
        if isinstance(change, Add):
            numbers = self._numbers(sqlite, change)
            return any(
                amount > 0 and numbers.get(name, 0) + amount > change.at_most[name]
                for name, amount in change.amounts.items()
                if name in change.at_most
            )
        if change.replacing is not None:
            return self._text(sqlite, change) != json_text.dumps_exact(change.replacing)
        return change.if_absent and self._text(sqlite, change) is not None

    def _text(self, sqlite: sqlite3.Connection, change: Change) -> str | None:
        """The value of the row that is there now."""
        found: tuple[str] | None = sqlite.execute(
            f"SELECT value FROM {self._table}"  # noqa: S608
            " WHERE partition = ? AND key = ? AND (expires_at IS NULL OR expires_at > ?)",
            (*row_of(change), self._clock.now()),
        ).fetchone()
        return None if found is None else found[0]

    def _numbers(self, sqlite: sqlite3.Connection, change: Add) -> dict[str, int]:
        found: tuple[str] | None = sqlite.execute(
            f"SELECT value FROM {self._table} WHERE partition = ? AND key = ?",  # noqa: S608
            row_of(change),
        ).fetchone()
        return {} if found is None else dict(json_text.loads_exact(found[0]))

    def _apply(self, sqlite: sqlite3.Connection, change: Change, value: str | None) -> None:
        partition, key = row_of(change)
        if isinstance(change, Add):
            numbers = self._numbers(sqlite, change)
            sums = {name: numbers.get(name, 0) + n for name, n in change.amounts.items()}
            sums = {**numbers, **sums}
            change = Put(Entry(partition, key, sums, change.expires_at))
            value = json_text.dumps_exact(sums)
        if isinstance(change, Put):
            sqlite.execute(
                f"INSERT OR REPLACE INTO {self._table}"  # noqa: S608
                " (partition, key, value, expires_at) VALUES (?, ?, ?, ?)",
                (partition, key, value, change.entry.expires_at),
            )
        else:
            sqlite.execute(
                f"DELETE FROM {self._table} WHERE partition = ? AND key = ?",  # noqa: S608
                (partition, key),
            )


def _encoded(change: Change) -> str | None:
    if not isinstance(change, Put):
        return None
    text = json_text.dumps_exact(change.entry.value)
    check_value(text)
    return text


def _entry(partition: str, row: _Row) -> Entry:
    key, value, expires_at = row
    return Entry(partition, key, json_text.loads_exact(value), expires_at)
