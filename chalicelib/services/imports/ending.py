"""The end of imports, and what keeps them from never coming to one."""

import logging
from dataclasses import replace

from chalicelib.ports import Clock, DocumentStore
from chalicelib.services import frames
from chalicelib.services.connections import Connections
from chalicelib.services.imports.dispatch import Dispatch
from chalicelib.services.imports.jobs import Job, Jobs, Status, key_of

_logger = logging.getLogger(__name__)

PROGRESS = "CHARACTER_IMPORT_PROGRESS"

# The archive may still be on its way to its place when the row is there.
_GRACE_SECONDS = 120.0
# By then a message has been lost, by a restore of the tables say.
_WAITED_LONG_SECONDS = 6 * 3600.0


class Ending:
    """Every step may be done twice, and by several at once."""

    def __init__(
        self,
        *,
        jobs: Jobs,
        documents: DocumentStore,
        dispatch: Dispatch,
        connections: Connections,
        clock: Clock,
    ) -> None:
        self._jobs = jobs
        self._documents = documents
        self._dispatch = dispatch
        self._connections = connections
        self._clock = clock

    def end(self, job: Job, status: Status, message: str | None = None) -> Job | None:
        """End an import, if nobody else has changed it since it was read; as it is then."""
        now = self._clock.now()
        ended = replace(job, status=status, message=message, completed_at=now)
        written = self._jobs.replace(job, ended)
        if written is not None:
            self.clear_away(job.uid, job.id)
            self.tell(written)
        return written

    def end_all(self, uid: str, message: str) -> None:
        """End all imports of a user; his workers let go within moments."""
        for job in self._jobs.of(uid):
            current: Job | None = job
            while current is not None and not current.has_ended:
                self.end(current, "cancelled", message)
                current = self._jobs.find(uid, job.id)

    def is_held(self, uid: str) -> bool:
        """May a worker still be at one of a user's imports?"""
        now = self._clock.now()
        return any(job.is_held(now) for job in self._jobs.of(uid))

    def clear_away(self, uid: str, import_id: str) -> None:
        """Remove the archive of an import that has ended, and its place in the line."""
        self._documents.purge(key_of(uid, import_id))
        self._jobs.close(uid, import_id)

    def tell(self, job: Job) -> None:
        """Show its user how far it is."""
        self._connections.send_to_user(job.uid, [frames.frame(PROGRESS, job.progress())])

    def dead_letter(self, uid: str, import_id: str, reason: str) -> None:
        """End the import of a message that was received too often, unless it is worked on."""
        while (job := self._jobs.find(uid, import_id)) is not None:
            if job.has_ended:
                self.clear_away(uid, import_id)
                return
            if job.is_held(self._clock.now()):
                return  # by the delivery of another message
            if self.end(job, "error", reason) is not None:
                _logger.warning("An import was given up", extra={"importId": import_id})
                return

    def sweep(self, *, grace: float = _GRACE_SECONDS) -> int:
        """Queue what was never sent, or has lost its worker; clear away; how many.

        ``grace`` 0 is for a start, when nobody else is at work; others are never shorter
        than an archive may need.
        """
        young = max(grace, _GRACE_SECONDS) if grace else 0.0
        return sum(self._mend(uid, import_id, young) for uid, import_id in self._jobs.opened())

    def _mend(self, uid: str, import_id: str, grace: float) -> bool:
        job, now = self._jobs.find(uid, import_id), self._clock.now()
        if job is None or job.has_ended:
            self.clear_away(uid, import_id)
        elif job.status == "running":
            if job.lease_until > now:
                return False
            self._dispatch.send_again(job)
        else:
            never = job.sent_at is None and now - job.submitted_at >= grace
            lost = job.sent_at is not None and now - job.sent_at >= _WAITED_LONG_SECONDS
            if not (never or lost):
                return False
            self._dispatch.send(job)
        return True
