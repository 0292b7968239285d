"""Sends a run's frames to its user's sockets: after their commit, in order, by one sender.

The worker that holds a run is its publisher. It looks now and then who is
there. A socket that asks to follow the run notes it first, and then is sent
the log by the API; the worker sends it what came between the noted position
and what it has sent to the others, so that no sequence is missing.
"""

import logging
from collections.abc import Sequence

from chalicelib.ports import Connection, Run, RunLog
from chalicelib.services.connections import Connections
from chalicelib.services.frames import batch_frames
from chalicelib.services.tally import Tally

_logger = logging.getLogger(__name__)


class RunBroadcast:
    """The sockets of one run's user; used by one thread at a time.

    What is sent is counted in ``tally``.
    """

    def __init__(self, connections: Connections, log: RunLog, run: Run, tally: Tally) -> None:
        self._connections = connections
        self._log = log
        self._owner = run.owner
        self._prompt_id = run.prompt_id
        self._tally = tally
        self.published = run.published
        self._watchers: dict[str, Connection] = {}
        self._served: set[str] = set()

    def look(self, *, ending: bool = False) -> None:
        """See who is there, and let followers catch up with what was sent already.

        ``ending`` is the last look of all: a socket that came only now and does
        not follow has missed the run. If it is about to follow, the API sends
        it all of the run, in order; an end sent ahead of that would mislead it.
        """
        here = {item.id: item for item in self._connections.of_user(self._owner)}
        follows = self._connections.follows(self._prompt_id) if here else []
        positions = {follow.connection_id: follow.position for follow in follows}
        if ending:
            here = {key: here[key] for key in here if key in self._watchers or key in positions}
        self._watchers = here
        for connection_id, position in positions.items():
            connection = here.get(connection_id)
            if connection is not None and connection_id not in self._served:
                self._served.add(connection_id)
                if position < self.published:
                    self._catch_up(connection, position)

    def send(self, first: int, texts: Sequence[str], *, unlogged: Sequence[str] = ()) -> None:
        """Send the frames from sequence ``first`` on to everyone who is there.

        ``unlogged`` are frames that belong to no log; they come after, in the
        same message where a socket takes several.
        """
        for connection in list(self._watchers.values()):
            self._send_one(connection, [*texts, *unlogged])
        if texts:
            self.published = first + len(texts) - 1

    def _catch_up(self, connection: Connection, position: int) -> None:
        # What came after may be another worker's, and of a version that we cannot read.
        tail = self._log.tail(self._prompt_id, position)
        sent = [batch for batch in tail if batch.first <= self.published]
        texts = batch_frames(self._prompt_id, sent, position)
        self._send_one(connection, texts[: self.published - position])

    def _send_one(self, connection: Connection, texts: Sequence[str]) -> None:
        if not self._connections.send(connection, texts, self._tally):
            del self._watchers[connection.id]
            _logger.info("A socket is gone", extra={"connection_id": connection.id})
