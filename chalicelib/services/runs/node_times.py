"""How long nodes run, as their events tell it on the way to the journal."""

import time
from collections.abc import Callable, Coroutine
from typing import Any

from chalicelib.engine import events
from chalicelib.engine.events import Event
from chalicelib.engine.journal import Journal


class TimedJournal:
    """An ``engine.journal.Journal`` that hands on to another, and adds up the nodes' times.

    A node runs from its ``NODE_EXECUTING`` to its ``NODE_COMPLETE`` or
    ``NODE_ERROR``: its retries, its waits for a thread or for chunks of another
    node's stream are part of it. Nodes that run at the same time count in full
    each, so a second of a run may have many node seconds. Nodes that are passed
    by, or fail before they start, take none.
    """

    def __init__(
        self, journal: Journal, nanoseconds: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._journal = journal
        self._nanoseconds = nanoseconds
        self._began: dict[str, int] = {}
        self._total = 0

    def append(self, *happened: Event) -> int:
        ticket = self._journal.append(*happened)
        for event in happened:
            if event.type == events.EXECUTING:
                self._began[event.payload["nodeId"]] = self._nanoseconds()
            elif event.type in (events.COMPLETE, events.ERROR):
                began = self._began.pop(event.payload["nodeId"], None)
                if began is not None:
                    self._total += self._nanoseconds() - began
        return ticket

    def durable(self, ticket: int) -> Coroutine[Any, Any, None]:
        return self._journal.durable(ticket)

    def room(self) -> Coroutine[Any, Any, None]:
        return self._journal.room()

    def seconds(self) -> float:
        """The node seconds so far; nodes that have not ended count until now."""
        now = self._nanoseconds()
        return (self._total + sum(now - began for began in self._began.values())) / 1e9
