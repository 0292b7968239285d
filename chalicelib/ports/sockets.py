"""Sockets, and the way to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol


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

    @property
    def max_message_bytes(self) -> int | None:
        """What a message may have; None for any. A connection is closed for a larger one."""
        ...

    def send(self, connection: Connection, messages: Sequence[str]) -> Delivery:
        """Post messages in order; without any, tell whether the connection is there.

        A connection that does not take a message after retries is closed.
        """
        ...

    def close(self, connection: Connection) -> None:
        """Close a connection. One that is gone is fine."""
        ...
