"""Which sockets are open, whose they are, and what they want to catch up on."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chalicelib.ports import (
    Clock,
    Connection,
    Delivery,
    Entry,
    Index,
    Metrics,
    Publisher,
    Put,
    Remove,
)
from chalicelib.services import frames
from chalicelib.services.tally import Tally

# API Gateway ends a connection after two hours; rows of lost ones go by themselves.
_LIFETIME_SECONDS = 3 * 3600
_SHARDS = 16


@dataclass(frozen=True, slots=True)
class Follow:
    """A connection that wants a run's log from after ``position`` on."""

    connection_id: str
    position: int


class Connections:
    """The open sockets of all users, in the index.

    A row under the user lists his sockets in one query; a row under a shard
    finds the user of a socket, and all sockets of everyone.
    """

    def __init__(self, index: Index, publisher: Publisher, clock: Clock, metrics: Metrics) -> None:
        self._index = index
        self._publisher = publisher
        self._clock = clock
        self._metrics = metrics

    def register(self, uid: str, connection: Connection) -> None:
        """A socket opens."""
        expiry = int(self._clock.now()) + _LIFETIME_SECONDS
        value = {"uid": uid, "endpoint": connection.endpoint, "batched": connection.batched}
        self._index.write(
            Put(Entry(_of_user(uid), connection.id, value, expiry)),
            Put(Entry(_shard(connection.id), connection.id, value, expiry)),
        )

    def unregister(self, connection_id: str) -> None:
        """A socket is gone. Unknown ones are fine."""
        entry = self._index.get(_shard(connection_id), connection_id)
        if entry is not None:
            self._index.write(
                Remove(_of_user(str(entry.value["uid"])), connection_id),
                Remove(entry.partition, connection_id),
            )

    def find(self, connection_id: str) -> tuple[str, Connection] | None:
        """The user of a socket, and the socket."""
        entry = self._index.get(_shard(connection_id), connection_id)
        return None if entry is None else (str(entry.value["uid"]), _connection(entry))

    def of_user(self, uid: str) -> list[Connection]:
        """The user's open sockets."""
        return [_connection(entry) for entry in self._index.query(_of_user(uid)).entries]

    def everyone(self) -> Iterator[Connection]:
        """All open sockets."""
        for number in range(_SHARDS):
            for entry in self._index.query(f"sockets#{number}").entries:
                yield _connection(entry)

    def follow(self, prompt_id: str, connection_id: str, position: int) -> None:
        """Ask the worker that holds the run to send what comes after ``position``."""
        expiry = int(self._clock.now()) + _LIFETIME_SECONDS
        value = {"position": position}
        self._index.write(Put(Entry(_follows(prompt_id), connection_id, value, expiry)))

    def follows(self, prompt_id: str) -> list[Follow]:
        """Who asked to follow a run."""
        entries = self._index.query(_follows(prompt_id)).entries
        return [Follow(entry.key, int(entry.value["position"])) for entry in entries]

    def send(
        self, connection: Connection, texts: Sequence[str], tally: Tally | None = None
    ) -> bool:
        """Send frames in order; a socket that is gone is forgotten, and False.

        They are counted in ``tally``, which the caller reports; without one
        they are reported here.
        """
        if not texts:
            return True
        counts = Tally() if tally is None else tally
        delivery = self._publisher.send(connection, frames.messages(connection, texts))
        counts.delivered(delivery, len(texts))
        if delivery is not Delivery.TAKEN:
            self.unregister(connection.id)
        if tally is None:
            self._metrics.report(counts.measurements())
        return delivery is Delivery.TAKEN

    def send_to_user(self, uid: str, texts: Sequence[str]) -> None:
        """Send frames to all of a user's sockets."""
        tally = Tally()
        for connection in self.of_user(uid):
            self.send(connection, texts, tally)
        self._metrics.report(tally.measurements())


def _of_user(uid: str) -> str:
    return f"connections#{uid}"


def _follows(prompt_id: str) -> str:
    return f"follows#{prompt_id}"


def _shard(connection_id: str) -> str:
    digest = hashlib.blake2b(connection_id.encode(), digest_size=2).digest()
    return f"sockets#{int.from_bytes(digest) % _SHARDS}"


def _connection(entry: Entry) -> Connection:
    value = entry.value
    return Connection(entry.key, str(value["endpoint"]), batched=bool(value["batched"]))
