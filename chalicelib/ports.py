"""What the product needs from the outside, as protocols.

Two families implement them: ``adapters/aws`` (S3, DynamoDB, SQS, API Gateway)
and ``adapters/embedded`` (one SQLite file; in memory it is the fake of the
tests). ``tests/contracts`` holds one suite a port, run on both.

All calls are synchronous, may be made from any thread, and raise the errors of
``chalicelib.errors`` that their docstrings name.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal, Protocol


class Clock(Protocol):
    """Time, so that tests can move it."""

    def now(self) -> float:
        """Seconds since the epoch."""
        ...


# --- documents ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Revision:
    """What a write of a document leaves: an opaque ETag and a version id."""

    etag: str
    version: str


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document as it was read."""

    body: bytes
    etag: str
    version: str
    content_type: str
    modified_at: float


@dataclass(frozen=True, slots=True)
class DocumentVersion:
    """One entry of a document's history; ``deleted`` marks a delete marker."""

    version: str
    size: int
    modified_at: float
    current: bool
    deleted: bool


class DocumentStore(Protocol):
    """Versioned objects by key (S3 semantics). The object is the truth."""

    def get(self, key: str, version: str | None = None) -> StoredDocument:
        """Read the current or a named version; ``NotFound``."""
        ...

    def put(
        self,
        key: str,
        body: bytes,
        *,
        content_type: str = "application/json",
        if_match: str | None = None,
        if_absent: bool = False,
    ) -> Revision:
        """Write a new version, durable on return.

        ``if_match`` is the ETag the current version must have, ``if_absent``
        asks that there be none (a deleted document counts as absent). Else
        ``PreconditionFailed``, and nothing is written.
        """
        ...

    def delete(self, key: str) -> None:
        """Put a delete marker on top; the versions stay. Unknown keys are fine."""
        ...

    def purge(self, key: str) -> None:
        """Remove every version for good. Unknown keys are fine."""
        ...

    def versions(self, key: str) -> list[DocumentVersion]:
        """The history of a key, newest first, delete markers included; may be empty."""
        ...

    def keys(self, prefix: str, *, after: str | None = None) -> Iterator[str]:
        """The keys with a current version below a prefix, in order; those past ``after``."""
        ...


# --- the index ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entry:
    """One row: ``value`` is JSON; past ``expires_at`` (epoch seconds) it may vanish."""

    partition: str
    key: str
    value: Mapping[str, Any] = field(default_factory=dict)
    expires_at: int | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Part of a query; ``after`` is the key to go on from, None at the end."""

    entries: Sequence[Entry]
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Put:
    """Write a row; with ``if_absent`` only where there is none."""

    entry: Entry
    if_absent: bool = False


@dataclass(frozen=True, slots=True)
class Remove:
    """Delete a row; with ``if_present`` it must be there."""

    partition: str
    key: str
    if_present: bool = False


Change = Put | Remove


class Index(Protocol):
    """Sorted rows in partitions, for lists and uniqueness (DynamoDB semantics)."""

    def get(self, partition: str, key: str) -> Entry | None:
        """One row, strongly consistent; one past its expiry is None."""
        ...

    def query(
        self,
        partition: str,
        prefix: str = "",
        *,
        limit: int | None = None,
        after: str | None = None,
    ) -> Page:
        """Rows whose keys start with ``prefix``, ordered by the key's UTF-8 bytes.

        ``limit`` None returns them all. Rows past their expiry are left out.
        """
        ...

    def write(self, *changes: Change) -> None:
        """Apply 1 to 100 changes of distinct rows, all or none.

        ``ConditionFailed`` names the positions of those that lost.
        """
        ...

    def expire(self, now: float) -> int:
        """Drop rows past ``expires_at``; how many.

        Where the store expires rows by itself this does nothing.
        """
        ...


# --- runs --------------------------------------------------------------------

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

    def expire(self, now: float) -> int:
        """Drop runs and idempotency rows past ``expires_at``; how many.

        Where the store expires rows by itself this does nothing.
        """
        ...


# --- the queue ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Message:
    """A delivery: ``receipt`` stands for it until it is deleted or times out."""

    id: str
    body: str
    group: str
    receipt: str
    receive_count: int


@dataclass(frozen=True, slots=True)
class Depth:
    """How many messages wait to be received, and how many are being worked on.

    Delayed ones are neither. The numbers may lag a moment behind.
    """

    visible: int
    in_flight: int


class Queue(Protocol):
    """At-least-once delivery, fair between groups (SQS semantics).

    A message that was received ``max_receives`` times without a delete goes to
    the dead-letter queue instead of being delivered again.
    """

    def send(self, body: str, *, group: str, delay: int = 0) -> None:
        """Queue a message, visible after ``delay`` seconds; durable on return."""
        ...

    def receive(self, *, wait: float = 0.0) -> Message | None:
        """Take one message and hide it for the visibility time-out.

        Waits up to ``wait`` seconds for one to come.
        """
        ...

    def extend(self, receipt: str, seconds: int) -> None:
        """Hide a received message for so long from now; 0 gives it back at once."""
        ...

    def delete(self, receipt: str) -> None:
        """The message is done. Unknown receipts are fine."""
        ...

    def depth(self) -> Depth:
        """How much there is in the queue."""
        ...


# --- sockets -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Connection:
    """A client's socket. ``endpoint`` is where it can be posted to."""

    id: str
    endpoint: str
    batched: bool = False


class Delivery(Enum):
    """What became of messages: sent, or not, since their connection is ``GONE``.

    ``REFUSED`` says that it was there, did not take them, and was closed for that.
    """

    TAKEN = "taken"
    GONE = "gone"
    REFUSED = "refused"


class Publisher(Protocol):
    """Sends messages to sockets, in order."""

    def send(self, connection: Connection, messages: Sequence[str]) -> Delivery:
        """Post messages in order.

        A connection that does not take a message after retries is closed.
        """
        ...

    def close(self, connection: Connection) -> None:
        """Close a connection. One that is gone is fine."""
        ...


# --- metrics -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Measurement:
    """Values of one metric; with a ``status`` they are also counted by it."""

    name: str
    unit: Literal["Count", "Milliseconds", "Seconds"]
    values: Sequence[float]
    status: str | None = None


class Metrics(Protocol):
    """Where what was measured goes. Calls neither fail nor wait for a network."""

    def report(self, measurements: Sequence[Measurement], *, prompt_id: str | None = None) -> None:
        """Hand over what one piece of work has measured; ``prompt_id`` if it was a run's."""
        ...
