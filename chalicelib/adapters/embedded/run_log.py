"""The logs of runs in SQLite."""

import sqlite3
from collections.abc import Mapping
from dataclasses import astuple
from typing import Any

from chalicelib.adapters.embedded.database import Database
from chalicelib.adapters.limits import check_header_changes, check_key, check_value, is_key
from chalicelib.errors import Conflict, LogMovedOn, NotFound
from chalicelib.ports import Batch, Clock, Idempotency, Run

_HEADER = """
    prompt_id, owner, status, submitted_at, payload_key, workflow_name, started_at, completed_at,
    lease_until, writer, dispatched, attempts, published, expires_at, format
"""
_SELECT_HEADER = f"""
    SELECT {_HEADER}, payload FROM runs LEFT JOIN run_payloads USING (prompt_id)
    WHERE prompt_id = ? AND (expires_at IS NULL OR expires_at > ?)
"""  # noqa: S608
_SELECT_ACTIVE = f"SELECT {_HEADER}, NULL FROM runs WHERE status IN ('queued', 'running')"  # noqa: S608
_SELECT_BATCHES = (
    "SELECT first, count, events, writer, format FROM run_batches WHERE prompt_id = :run"
)
# From the batch that holds the next event on, if it holds one.
_SELECT_TAIL = f"""
    {_SELECT_BATCHES} AND first + count > :next AND first >= coalesce((
        SELECT max(first) FROM run_batches WHERE prompt_id = :run AND first <= :next
    ), 0) ORDER BY first
"""  # noqa: S608
_INSERT_HEADER = f"""
    INSERT INTO runs ({_HEADER}) VALUES (
        :prompt_id, :owner, :status, :submitted_at, :payload_key, :workflow_name, :started_at,
        :completed_at, :lease_until, :writer, :dispatched, :attempts, :published, :expires_at,
        :format
    )
"""  # noqa: S608


class EmbeddedRunLog:
    """A ``RunLog``. A run past its expiry counts as absent; ``expire`` drops it."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def create(
        self, run: Run, batch: Batch | None = None, idempotency: Idempotency | None = None
    ) -> Idempotency | None:
        """Write header, first events and idempotency row, all or none; ``Conflict``."""
        check_key(run.prompt_id)
        check_value(run.payload or "")
        check_value(batch.events if batch else "")
        with self._database.write() as sqlite:
            holder = idempotency and self._holder(sqlite, idempotency)
            if holder is not None:
                return holder
            try:
                sqlite.execute(_INSERT_HEADER, _columns(run))
            except sqlite3.IntegrityError as error:
                raise Conflict("This prompt id is in use") from error
            if run.payload is not None:
                sqlite.execute(
                    "INSERT INTO run_payloads VALUES (?, ?)", (run.prompt_id, run.payload)
                )
            if batch is not None:
                _insert_batch(sqlite, run.prompt_id, batch)
            if idempotency is not None:
                sqlite.execute(
                    "INSERT OR REPLACE INTO idempotency (owner, key, digest, prompt_id, expires_at)"
                    " VALUES (?, ?, ?, ?, ?)",
                    astuple(idempotency),
                )
        return None

    def load(self, prompt_id: str) -> tuple[Run, list[Batch]]:
        """The header and the whole log in order, of one moment; ``NotFound``."""
        with self._database.read() as sqlite:
            run = self._header(sqlite, prompt_id)
            rows = sqlite.execute(f"{_SELECT_BATCHES} ORDER BY first", {"run": prompt_id})
            return run, [Batch(*row) for row in rows]

    def header(self, prompt_id: str) -> Run:
        """The header alone; ``NotFound``."""
        with self._database.read() as sqlite:
            return self._header(sqlite, prompt_id)

    def tail(self, prompt_id: str, after: int) -> list[Batch]:
        """The batches that hold any event past sequence ``after``, in order."""
        if not is_key(prompt_id):
            return []
        with self._database.read() as sqlite:
            rows = sqlite.execute(_SELECT_TAIL, {"run": prompt_id, "next": after + 1})
            return [Batch(*row) for row in rows]

    def append(
        self, prompt_id: str, batch: Batch, *, header: Mapping[str, Any] | None = None
    ) -> None:
        """Commit a batch, and header changes with it; ``LogMovedOn``, ``NotFound``."""
        check_key(prompt_id)
        check_value(batch.events)
        check_header_changes(header or ())
        with self._database.write() as sqlite:
            rows = sqlite.execute(
                f"{_SELECT_BATCHES} AND first = :first", {"run": prompt_id, "first": batch.first}
            ).fetchall()
            if rows and Batch(*rows[0]) == batch:
                return
            if rows:
                raise LogMovedOn(f"Sequence {batch.first} is taken")
            if header:
                _change_header(sqlite, prompt_id, header)
            _insert_batch(sqlite, prompt_id, batch)

    def update(self, prompt_id: str, changes: Mapping[str, Any]) -> None:
        """Change fields of the header; ``NotFound``. A power cut may undo it."""
        check_header_changes(changes)
        if not is_key(prompt_id):
            raise NotFound("No such run")
        with self._database.write(relaxed=True) as sqlite:
            _change_header(sqlite, prompt_id, changes)

    def active(self, owner: str | None = None) -> list[Run]:
        """Headers (without payload) that are queued or running, oldest first."""
        with self._database.read() as sqlite:
            if owner is None:
                rows = sqlite.execute(f"{_SELECT_ACTIVE} ORDER BY submitted_at, prompt_id")
            else:
                rows = sqlite.execute(
                    f"{_SELECT_ACTIVE} AND owner = ? ORDER BY submitted_at, prompt_id", (owner,)
                )
            return [_run(row) for row in rows]

    def purge(self, prompt_id: str) -> None:
        """Remove a run and its log for good."""
        with self._database.write() as sqlite:
            for table in ("run_batches", "run_payloads", "runs"):
                sqlite.execute(
                    f"DELETE FROM {table} WHERE prompt_id = ?",  # noqa: S608 (our own names)
                    (prompt_id,),
                )

    def purge_keys(self, owner: str) -> int:
        """Remove all idempotency rows of an owner for good; how many."""
        with self._database.write() as sqlite:
            return sqlite.execute("DELETE FROM idempotency WHERE owner = ?", (owner,)).rowcount

    def expire(self, now: float) -> int:
        """Drop runs and idempotency rows past ``expires_at``; how many."""
        with self._database.write(relaxed=True) as sqlite:
            for table in ("run_batches", "run_payloads"):
                sqlite.execute(
                    f"DELETE FROM {table} WHERE prompt_id IN"  # noqa: S608 (our own names)
                    " (SELECT prompt_id FROM runs WHERE expires_at <= ?)",
                    (now,),
                )
            runs = sqlite.execute("DELETE FROM runs WHERE expires_at <= ?", (now,)).rowcount
            keys = sqlite.execute("DELETE FROM idempotency WHERE expires_at <= ?", (now,)).rowcount
        return runs + keys

    def _header(self, sqlite: sqlite3.Connection, prompt_id: str) -> Run:
        row = None
        if is_key(prompt_id):
            row = sqlite.execute(_SELECT_HEADER, (prompt_id, self._clock.now())).fetchone()
        if row is None:
            raise NotFound("No such run")
        return _run(row)

    def _holder(self, sqlite: sqlite3.Connection, wanted: Idempotency) -> Idempotency | None:
        row = sqlite.execute(
            "SELECT owner, key, digest, prompt_id, expires_at FROM idempotency"
            " WHERE owner = ? AND key = ? AND expires_at > ?",
            (wanted.owner, wanted.key, self._clock.now()),
        ).fetchone()
        return None if row is None else Idempotency(*row)


def _insert_batch(sqlite: sqlite3.Connection, prompt_id: str, batch: Batch) -> None:
    sqlite.execute(
        "INSERT INTO run_batches (prompt_id, first, count, writer, events, format)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (prompt_id, batch.first, batch.count, batch.writer, batch.events, batch.format),
    )


def _change_header(sqlite: sqlite3.Connection, prompt_id: str, changes: Mapping[str, Any]) -> None:
    """Set columns; the names are known to be fields of ``Run``."""
    assignments = ", ".join(f"{name} = :{name}" for name in changes) or "owner = owner"
    changed = sqlite.execute(
        f"UPDATE runs SET {assignments} WHERE prompt_id = :prompt_id",  # noqa: S608
        {**changes, "prompt_id": prompt_id},
    ).rowcount
    if not changed:
        raise NotFound("No such run")


def _columns(run: Run) -> dict[str, Any]:
    return {name: getattr(run, name) for name in _NAMES}


def _run(row: tuple[Any, ...]) -> Run:
    *columns, payload = row
    values = dict(zip(_NAMES, columns, strict=True))
    return Run(payload=payload, **{**values, "dispatched": bool(values["dispatched"])})


_NAMES = tuple(name.strip() for name in _HEADER.split(","))
