"""How an import reaches a worker: a message that names it."""

from dataclasses import dataclass, replace

from chalicelib import json_text
from chalicelib.errors import InvalidInput
from chalicelib.ports import Clock, Queue
from chalicelib.services.imports.jobs import Job, Jobs

_SENT_AGAIN_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Dispatch:
    """Sends imports to the queue. One that is sent twice is done once."""

    queue: Queue
    jobs: Jobs
    clock: Clock

    def send(self, job: Job) -> None:
        """Queue an import, and note that it is on its way."""
        self._queue(job)
        self.jobs.replace(job, replace(job, sent_at=self.clock.now()))  # or a worker has it already

    def send_again(self, job: Job) -> None:
        """Queue an import whose worker was lost, unless somebody has taken it meanwhile."""
        let_go = replace(job, writer=None, lost=True, losses=job.losses + 1)
        if self._hold(job, let_go) is not None:
            self._queue(job)

    def hand_over(self, job: Job) -> None:
        """Queue an import that its worker lets go of."""
        if self._hold(job, replace(job, writer=None)) is not None:
            self._queue(job)

    def _hold(self, old: Job, new: Job) -> Job | None:
        """Have the sweeper leave it alone while its message may be on its way."""
        now = self.clock.now()
        waiting = replace(new, sent_at=now, lease_until=now + _SENT_AGAIN_SECONDS)
        return self.jobs.replace(old, waiting)

    def _queue(self, job: Job) -> None:
        body = json_text.dumps({"uid": job.uid, "importId": job.id})
        self.queue.send(body, group=job.uid)


def named_in(body: str) -> tuple[str, str]:
    """The uid and the id that a message names; ``InvalidInput``."""
    value = json_text.loads(body)
    found = (value.get("uid"), value.get("importId")) if isinstance(value, dict) else ()
    if not found or not all(isinstance(each, str) for each in found):
        raise InvalidInput("A message must be an object with a uid and an importId")
    return str(found[0]), str(found[1])
