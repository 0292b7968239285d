"""The end of a run: bring everything around it into line with its log, tell the watchers."""

from collections.abc import Sequence

from chalicelib.ports import Clock, Run, RunLog
from chalicelib.services.connections import Connections
from chalicelib.services.frames import batch_frames, frame
from chalicelib.services.runs.archive import Archive
from chalicelib.services.runs.broadcast import RunBroadcast
from chalicelib.services.runs.statistics import queue_numbers
from chalicelib.services.tally import Tally


class Ending:
    """Concludes runs whose log has a terminal record. Every step may be done twice."""

    def __init__(
        self, log: RunLog, archive: Archive, connections: Connections, clock: Clock
    ) -> None:
        self._log = log
        self._archive = archive
        self._connections = connections
        self._clock = clock

    def conclude(
        self, run: Run, status: str, broadcast: RunBroadcast, first: int, texts: Sequence[str]
    ) -> None:
        """The header knows first, so that who hears of the end sees it in lists too."""
        if run.status != status:
            now = int(self._clock.now() * 1000)
            changes = {"status": status, "completed_at": now, "lease_until": 0.0}
            self._log.update(run.prompt_id, changes)
        broadcast.look(ending=True)
        numbers = queue_numbers(self._log, run.owner, without=run.prompt_id)
        broadcast.send(first, texts, unlogged=[frame("SYSTEM_QUEUE_UPDATE", numbers)])
        self._archive.store(run.prompt_id, published=broadcast.published)

    def conclude_from_log(
        self,
        run: Run,
        status: str,
        sequence: int,
        tally: Tally,
        broadcast: RunBroadcast | None = None,
    ) -> None:
        """Conclude a run that another writer ended, with what was not sent yet.

        Without a ``broadcast`` of the caller's, what is sent is counted in ``tally``.
        """
        if run.expires_at is not None and run.status == status:
            return
        if broadcast is None:
            broadcast = RunBroadcast(self._connections, self._log, run, tally)
            broadcast.look()
        after = broadcast.published
        texts = batch_frames(run.prompt_id, self._log.tail(run.prompt_id, after), after)
        self.conclude(run, status, broadcast, sequence - len(texts) + 1, texts)
