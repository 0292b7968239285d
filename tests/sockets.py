"""Sockets in memory: a ``Publisher`` that keeps what it was asked to send."""

import json
import threading
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from chalicelib.ports import Connection, Delivery


class SocketsInMemory:
    """``ports.Publisher``; those in ``gone`` are not there, those in ``stalled`` take nothing.

    Closing those in ``stubborn`` fails. ``max_message_bytes`` is as the test says.
    """

    def __init__(self) -> None:
        self.max_message_bytes: int | None = None
        self.messages: dict[str, list[str]] = defaultdict(list)
        self.gone: set[str] = set()
        self.stalled: set[str] = set()
        self.stubborn: set[str] = set()
        self.closed: list[str] = []
        self.asked: list[str] = []
        self._news = threading.Condition()

    def send(self, connection: Connection, messages: Sequence[str]) -> Delivery:
        with self._news:
            if not messages:
                self.asked.append(connection.id)
            if connection.id in self.gone:
                return Delivery.GONE
            if connection.id in self.stalled:
                self.closed.append(connection.id)
                return Delivery.REFUSED
            self.messages[connection.id].extend(messages)
            self._news.notify_all()
            return Delivery.TAKEN

    def close(self, connection: Connection) -> None:
        with self._news:
            if connection.id in self.stubborn:
                raise ConnectionError(f"{connection.id} cannot be closed")
            self.closed.append(connection.id)

    def frames(self, connection_id: str) -> list[dict[str, Any]]:
        """All frames that a connection got, arrays unpacked."""
        found: list[dict[str, Any]] = []
        for text in self.messages[connection_id]:
            value = json.loads(text)
            found.extend(value if isinstance(value, list) else [value])
        return found

    def wait_for(self, connection_id: str, kind: str) -> None:
        """Block until a frame of this type has come."""

        def arrived() -> bool:
            return any(item["type"] == kind for item in self.frames(connection_id))

        with self._news:
            assert self._news.wait_for(arrived, timeout=30), f"no {kind} came"
