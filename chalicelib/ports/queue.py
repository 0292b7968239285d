"""Messages on their way to a worker."""

from dataclasses import dataclass
from typing import Protocol


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
