"""The runs of all users, for their operator: look, end, queue again."""

import logging
import uuid
from collections.abc import Sequence

from chalicelib.engine import events
from chalicelib.errors import Conflict, LogMovedOn
from chalicelib.ports import ACTIVE_STATUSES, Clock, Queue, Run, RunLog
from chalicelib.services.frames import event_batch, state_of
from chalicelib.services.operations.commands import Answer, Row
from chalicelib.services.runs.dispatch import Dispatch
from chalicelib.services.runs.sweeper import Sweeper

_logger = logging.getLogger(__name__)


class RunOperations:
    """Reads the list of active runs, and appends to logs; sockets are left to the workers."""

    def __init__(
        self,
        *,
        log: RunLog,
        queue: Queue,
        dead_letters: Queue,
        dispatch: Dispatch,
        sweeper: Sweeper,
        clock: Clock,
    ) -> None:
        self._log = log
        self._queue = queue
        self._dead_letters = dead_letters
        self._dispatch = dispatch
        self._sweeper = sweeper
        self._clock = clock

    def active(self, owner: str | None, status: str | None, limit: int) -> Answer:
        """The queued and running runs of one user or of all, oldest first."""
        runs = [run for run in self._log.active(owner) if status in (None, run.status)]
        note = None
        if len(runs) > limit:
            note = f"The {limit} oldest of {len(runs)}; --limit shows more"
        return Answer([self._row(run) for run in runs[:limit]], note)

    def statistics(self) -> Answer:
        """One row: how much runs and waits, and for how long."""
        active, waiting, dead = self._log.active(), self._queue.depth(), self._dead_letters.depth()
        queued = [run for run in active if run.status == "queued"]
        running = [run for run in active if run.status != "queued"]
        row = {
            "queued": len(queued),
            "running": len(running),
            "lost": sum(self._phase(run) == "lost" for run in running),
            "oldestQueuedSeconds": self._oldest(queued),
            "oldestRunningSeconds": self._oldest(running),
            "messagesWaiting": waiting.visible,
            "messagesInFlight": waiting.in_flight,
            "deadLetters": dead.visible + dead.in_flight,
        }
        return Answer([row])

    def end(self, prompt_id: str, status: str, reason: str | None) -> Answer:
        """End a run as ``error`` or ``interrupted``; ``NotFound``, ``Conflict`` if it has ended.

        The record in the log is the end; nothing can follow it. The worker that holds
        the run meets it. Where none does, a message has the next one tell the watchers
        and bring the lists into line.
        """
        run = self._append_end(prompt_id, status, reason)
        if self._is_held(run):
            note = "It has ended. Its worker notices within a second and tells the watchers"
        else:
            self._dispatch.send(run, published=run.published)
            note = "It has ended. The next free worker tells the watchers and mends the lists"
        row = {"promptId": prompt_id, "user": run.owner, "was": run.status, "is": status}
        return Answer([row], note)

    def requeue(self, prompt_id: str) -> Answer:
        """Have a run brought on by the next free worker, however often it was tried.

        One that has ended is told of and leaves the lists. ``NotFound``; ``Conflict``
        if that was done already, or while a worker holds the run.
        """
        run, batches = self._log.load(prompt_id)
        state = state_of(run, batches)
        if state.ended and run.status not in ACTIVE_STATUSES:
            raise Conflict(f"The run has ended: {state.status}")
        if self._is_held(run):
            seconds = int(run.lease_until - self._clock.now()) + 1
            raise Conflict(f"A worker holds the run, for {seconds} more seconds at least")
        self._log.update(prompt_id, {"attempts": 0})
        self._sweeper.requeue(run)
        return Answer([{"promptId": prompt_id, "user": run.owner, "status": run.status}])

    def _append_end(self, prompt_id: str, status: str, reason: str | None) -> Run:
        if reason is None and status == "error":
            reason = "It was ended by the operator"
        while True:
            run, batches = self._log.load(prompt_id)
            state = state_of(run, batches)
            if state.ended:
                untold = ", but the lists do not know: requeue it"
                still_listed = run.status in ACTIVE_STATUSES
                raise Conflict(f"The run has ended: {state.status}{untold if still_listed else ''}")
            ended = events.status(status, reason)
            batch = event_batch(state.sequence + 1, ended, f"operator-{uuid.uuid4().hex}")
            try:
                self._log.append(prompt_id, batch)
            except LogMovedOn:
                continue
            _logger.info("An operator ended a run", extra={"run": prompt_id, "status": status})
            return run

    def _row(self, run: Run) -> Row:
        return {
            "promptId": run.prompt_id,
            "user": run.owner,
            "status": run.status,
            "phase": self._phase(run),
            "ageSeconds": self._age(run),
            "attempts": run.attempts,
        }

    def _phase(self, run: Run) -> str:
        """What is going on with a run, as far as its header tells."""
        if run.status == "queued":
            return "waiting" if run.dispatched else "not sent"
        if run.lease_until <= self._clock.now():
            return "lost"
        return "queued again" if run.writer is None else "working"

    def _is_held(self, run: Run) -> bool:
        return run.writer is not None and run.lease_until > self._clock.now()

    def _age(self, run: Run) -> int:
        return max(0, int(self._clock.now() - run.submitted_at / 1000))

    def _oldest(self, runs: Sequence[Run]) -> int | None:
        return self._age(runs[0]) if runs else None
