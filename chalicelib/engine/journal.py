"""Where a run's events go, as the engine sees it."""

from typing import Protocol

from chalicelib.engine.events import Event


class Journal(Protocol):
    """Where events go. Those of one call are committed together, in order."""

    def append(self, *happened: Event) -> int:
        """Take events to commit; a ticket for ``durable``.

        Raises ``NodeError`` if a value cannot be written as JSON; then none is taken.
        """
        ...

    async def durable(self, ticket: int) -> None:
        """Wait until everything up to the ticket is committed."""
        ...

    async def room(self) -> None:
        """Let the journal work; waits while too much is uncommitted."""
        ...
