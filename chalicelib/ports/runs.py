"""Runs, and their logs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

RUN_FORMAT = 1
"""The format of runs that this version writes; it reads all formats up to it.

It counts what an older version would misread: an event of a new type, a payload
that means something else. A new field that may be ignored needs no new format.
"""


@dataclass(frozen=True, slots=True)
class Run:
    """The header row of a run. Times are epoch milliseconds, leases epoch seconds.

    The log is the truth; ``status`` is a copy for lists. ``payload`` is the
    submitted workflow as JSON text, or None where ``payload_key`` names the
    document that holds it. ``published`` is the last sequence known to have
    reached the run's sockets. ``format`` is that of the payload.
    """

    prompt_id: str
    owner: str
    status: str
    submitted_at: int
    payload: str | None = None
    payload_key: str | None = None
    workflow_name: str | None = None
    started_at: int | None = None
    completed_at: int | None = None
    lease_until: float = 0.0
    writer: str | None = None
    dispatched: bool = False
    attempts: int = 0
    published: int = 0
    expires_at: int | None = None
    format: int = RUN_FORMAT


ACTIVE_STATUSES = frozenset({"queued", "running"})


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive events of one commit: ``events`` is a JSON array as text.

    ``count`` events from sequence ``first`` on; ``writer`` made the commit.
    ``format`` is that of the events: a run that outlives an update has several.
    """

    first: int
    count: int
    events: str
    writer: str
    format: int = RUN_FORMAT

    @property
    def last(self) -> int:
        """The sequence of the last event."""
        return self.first + self.count - 1


@dataclass(frozen=True, slots=True)
class Idempotency:
    """A submission under a client's key: the same key and digest, the same run."""

    owner: str
    key: str
    digest: str
    prompt_id: str
    expires_at: int


class RunLog(Protocol):
    """The event logs of runs and their header rows."""

    def create(
        self, run: Run, batch: Batch | None = None, idempotency: Idempotency | None = None
    ) -> Idempotency | None:
        """Write a run's header, its first events and its idempotency row, all or none.

        Returns the row that already holds the key (then nothing is written),
        or None. A prompt id in use is a ``Conflict``.
        """
        ...

    def load(self, prompt_id: str) -> tuple[Run, list[Batch]]:
        """The header and the whole log in order, consistent; ``NotFound``."""
        ...

    def header(self, prompt_id: str) -> Run:
        """The header alone; ``NotFound``."""
        ...

    def tail(self, prompt_id: str, after: int) -> list[Batch]:
        """The batches that hold any event past sequence ``after``, in order."""
        ...

    def append(
        self, prompt_id: str, batch: Batch, *, header: Mapping[str, Any] | None = None
    ) -> None:
        """Commit a batch at ``batch.first``; durable on return.

        Fails with ``LogMovedOn`` if a batch starts there already, unless it is
        this very batch by this very writer (our own retry). ``header`` changes
        fields of the header in the same commit.
        """
        ...

    def update(self, prompt_id: str, changes: Mapping[str, Any]) -> None:
        """Change fields of the header; ``NotFound``. Not part of any condition."""
        ...

    def active(self, owner: str | None = None) -> list[Run]:
        """Headers (without payload) that are queued or running, oldest first.

        Of one owner, or of all. May lag a moment behind the writes.
        """
        ...

    def purge(self, prompt_id: str) -> None:
        """Remove a run and its log for good. Unknown ones are fine."""
        ...

    def purge_keys(self, owner: str) -> int:
        """Remove all idempotency rows of an owner for good; how many."""
        ...

    def expire(self, now: float) -> int:
        """Drop runs and idempotency rows past ``expires_at``; how many.

        Where the store expires rows by itself this does nothing.
        """
        ...
