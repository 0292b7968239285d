"""Which sockets are open, whose they are, and what they want to catch up on."""

import hashlib
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass

from chalicelib.errors import TooManyRequests
from chalicelib.ports import (
    Change,
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
from chalicelib.services.callers import SCOPES, Caller
from chalicelib.services.tally import Tally

MAX_CONNECTIONS = 20
"""How many sockets a user has at most."""

# API Gateway ends a connection after two hours; rows of lost ones go by themselves.
_LIFETIME_SECONDS = 3 * 3600
_SHARDS = 16
# Two rows each: a write holds at most a hundred.
_FORGOTTEN_AT_ONCE = 50
_RETRY_SECONDS = 30
# API Gateway says of a socket that is still on its way in that it is gone.
_SETTLED_SECONDS = 60


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

    @property
    def max_message_bytes(self) -> int | None:
        """What a message to a socket may have; None for any."""
        return self._publisher.max_message_bytes

    def register(self, caller: Caller, connection: Connection, *also: Change) -> None:
        """A socket opens, in one write with changes of other rows.

        Its row holds the identity that it was opened with, and ends with it: who is
        not seen gets no frames, and what he says closes the socket.
        ``TooManyRequests`` if the user has ``MAX_CONNECTIONS``; ``ConditionFailed``
        if one of ``also`` loses.
        """
        if caller.kind != "open":  # where nobody signs in, one could shut out all
            self._check_room(caller.uid)
        expiry = int(self._clock.now()) + _LIFETIME_SECONDS
        if caller.ends_at is not None:
            expiry = min(expiry, caller.ends_at)
        value = {
            "uid": caller.uid,
            "endpoint": connection.endpoint,
            "batched": connection.batched,
            "username": caller.username,
            "isAdmin": caller.is_admin,
            "kind": caller.kind,
            "identity": caller.identity,
            "scopes": sorted(caller.scopes),
            "openedAt": int(self._clock.now()),
        }
        self._index.write(
            Put(Entry(_of_user(caller.uid), connection.id, value, expiry)),
            Put(Entry(_shard(connection.id), connection.id, value, expiry)),
            *also,
        )

    def unregister(self, connection_id: str) -> None:
        """A socket is gone. Unknown ones are fine."""
        entry = self._index.get(_shard(connection_id), connection_id)
        if entry is not None:
            self._index.write(
                Remove(_of_user(str(entry.value["uid"])), connection_id),
                Remove(entry.partition, connection_id),
            )

    def close(self, connection: Connection) -> None:
        """Close a socket that nobody may use any more. One that is gone is fine."""
        self._publisher.close(connection)
        self.unregister(connection.id)

    def close_of(self, uid: str, identities: Set[str]) -> int:
        """Close the sockets that a user opened with these sessions or keys; how many.

        They are forgotten after they are closed: who fails in between tries again.
        """
        found = [entry for entry in self._entries(uid) if entry.value.get("identity") in identities]
        for entry in found:
            self._publisher.close(_connection(entry))
        for first in range(0, len(found), _FORGOTTEN_AT_ONCE):
            batch = found[first : first + _FORGOTTEN_AT_ONCE]
            self._index.write(*(change for entry in batch for change in _removals(entry)))
        return len(found)

    def find(self, connection_id: str) -> tuple[Caller, Connection] | None:
        """Who opened a socket, and the socket."""
        entry = self._index.get(_shard(connection_id), connection_id)
        return None if entry is None else (_caller(entry), _connection(entry))

    def of_user(self, uid: str) -> list[Connection]:
        """The user's open sockets."""
        return [_connection(entry) for entry in self._entries(uid)]

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

    def _entries(self, uid: str) -> Sequence[Entry]:
        return self._index.query(_of_user(uid)).entries

    def _check_room(self, uid: str) -> None:
        """Refuse a socket too many, unless one of those that are known is gone.

        Nobody may have told: a process was killed, or a network has failed.
        """
        entries = self._entries(uid)
        if len(entries) < MAX_CONNECTIONS:
            return
        settled = self._clock.now() - _SETTLED_SECONDS
        for entry in entries:
            if entry.value.get("openedAt", 0) > settled:
                continue
            if self._publisher.send(_connection(entry), []) is Delivery.GONE:
                self._index.write(*_removals(entry))
                return
        message = f"At most {MAX_CONNECTIONS} sockets at a time: close one first"
        raise TooManyRequests(message, {"sockets": [message]}, retry_after=_RETRY_SECONDS)


def _removals(entry: Entry) -> Sequence[Change]:
    return Remove(entry.partition, entry.key), Remove(_shard(entry.key), entry.key)


def _of_user(uid: str) -> str:
    return f"connections#{uid}"


def _follows(prompt_id: str) -> str:
    return f"follows#{prompt_id}"


def _shard(connection_id: str) -> str:
    digest = hashlib.blake2b(connection_id.encode(), digest_size=2).digest()
    return f"sockets#{int.from_bytes(digest) % _SHARDS}"


def _caller(entry: Entry) -> Caller:
    """Rows of versions before accounts hold a uid only: that of the one user."""
    value = entry.value
    return Caller(
        uid=str(value["uid"]),
        username=str(value.get("username", value["uid"])),
        is_admin=bool(value.get("isAdmin", True)),
        scopes=frozenset(value.get("scopes", SCOPES)),
        kind=value.get("kind", "open"),
        identity=value.get("identity"),
    )


def _connection(entry: Entry) -> Connection:
    value = entry.value
    return Connection(entry.key, str(value["endpoint"]), batched=bool(value["batched"]))
