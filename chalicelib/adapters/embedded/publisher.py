"""Sockets of the one-machine stack, reached through its hub.

The process that serves the sockets listens on a Unix-domain socket, the hub.
Handlers in its threads and workers in other processes send what clients should
see there. A message either way is a JSON array after its length in bytes, four
of them, big-endian; the first item says what it is:

- ``["send", connection id, [message, ...]]`` is answered ``[true]``, or
  ``[false]`` if the connection is gone; without messages it only asks that;
- ``["close", connection id]`` is answered ``[true]``;
- ``["wake"]`` has no answer: a message was queued, idle workers should look.
"""

import json
import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from chalicelib.ports import Connection, Delivery

LENGTH = struct.Struct(">I")
MAX_FRAME_BYTES = 64 * 1024 * 1024

_ANSWER_SECONDS = 60.0
_REQUEST_CHARACTERS = 4 * 1024 * 1024


class HubUnavailable(Exception):  # noqa: N818 (the name reads as what happened)
    """No hub is running, or it does not answer."""


class EmbeddedPublisher:
    """Implements ``Publisher`` by asking the hub at ``address``, a socket's path.

    An empty address means that no hub is running: then sending and closing
    raise ``HubUnavailable``, and waking does nothing. Any thread may use it.
    ``Connection.endpoint`` is not looked at: there is one hub.
    """

    max_message_bytes = None

    def __init__(self, address: str) -> None:
        self._address = address
        self._idle: list[socket.socket] = []
        self._lock = threading.Lock()
        self._closed = False

    def send(self, connection: Connection, messages: Sequence[str]) -> Delivery:
        """Post messages in order, in one round trip; without any, ask if it is there.

        The hub closes a connection that has not taken what waits for it within
        30 seconds; then it counts as gone. ``HubUnavailable``.
        """
        taken = all(
            self._ask(["send", connection.id, part])[0] is True for part in _portions(messages)
        )
        return Delivery.TAKEN if taken else Delivery.GONE

    def close(self, connection: Connection) -> None:
        """Close a connection, after what was sent to it. ``HubUnavailable``."""
        self._ask(["close", connection.id])

    def wake(self) -> None:
        """Tell idle workers that a message was queued. Does not wait, never fails.

        Workers also look by themselves, so a lost call costs a moment only.
        """
        try:
            hub = self._take()
        except HubUnavailable:
            return
        try:
            hub.sendall(pack(["wake"]))
        except OSError:
            hub.close()
        else:
            self._give_back(hub)

    def disconnect(self) -> None:
        """Drop the connections to the hub; those in use close when they are done."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for hub in idle:
            hub.close()

    def _ask(self, question: list[object]) -> list[Any]:
        hub = self._take()
        try:
            hub.sendall(pack(question))
            answer = read(hub)
        except OSError as error:
            hub.close()
            raise HubUnavailable("The hub does not answer") from error
        if answer is None:
            hub.close()
            raise HubUnavailable("The hub has stopped")
        self._give_back(hub)
        return answer

    def _take(self) -> socket.socket:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return connect(self._address)

    def _give_back(self, hub: socket.socket) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(hub)
                return
        hub.close()


def connect(address: str) -> socket.socket:
    """A connection to the hub; ``HubUnavailable``."""
    if not address:
        raise HubUnavailable("No hub is running: there are no sockets to send to")
    hub = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    hub.settimeout(_ANSWER_SECONDS)
    try:
        hub.connect(address)
    except OSError as error:
        hub.close()
        raise HubUnavailable("No hub is running: it cannot be reached") from error
    return hub


def pack(message: list[object]) -> bytes:
    """A message as it goes over the hub's sockets."""
    body = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()
    return LENGTH.pack(len(body)) + body


def read(hub: socket.socket) -> list[Any] | None:
    """The next message, or None at the end; ``OSError``."""
    header = _exactly(hub, LENGTH.size)
    body = _exactly(hub, LENGTH.unpack(header)[0]) if header else None
    return list(json.loads(body)) if body else None


def _exactly(hub: socket.socket, size: int) -> bytes | None:
    received = bytearray()
    while len(received) < size:
        part = hub.recv(min(size - len(received), 1 << 20))
        if not part:
            return None
        received += part
    return bytes(received)


def _portions(messages: Sequence[str]) -> Iterator[Sequence[str]]:
    """Usually all at once; more than a request may hold in several."""
    if not messages:
        yield []
    start = size = 0
    for position, message in enumerate(messages):
        size += len(message)
        if size > _REQUEST_CHARACTERS and position > start:
            yield messages[start:position]
            start, size = position, len(message)
    if start < len(messages):
        yield messages[start:]
