"""Mends runs that nobody works on, so that none stays queued or running for ever."""

import logging
import uuid
from collections.abc import Sequence
from typing import Protocol

from chalicelib.engine import events
from chalicelib.errors import LogMovedOn, NewerFormat, NotFound
from chalicelib.ports import Clock, Metrics, Run, RunLog
from chalicelib.services.frames import event_batch, state_of
from chalicelib.services.runs.archive import Archive
from chalicelib.services.runs.dispatch import Dispatch
from chalicelib.services.runs.ending import Ending
from chalicelib.services.tally import Tally

_logger = logging.getLogger(__name__)
DISPATCH_GRACE_SECONDS = 5.0
# A run that was queued again counts as held for this long, or every sweep
# would queue it once more while it waits its turn.
_REQUEUED_SECONDS = 300.0


class Lapsing(Protocol):
    """Holds what has a time."""

    def expire(self, now: float) -> int:
        """Drop what is past its time, unless its store does so by itself; how much."""
        ...


class Sweeper:
    """Called every minute, and at a start; by one process at a time, though two do no harm."""

    def __init__(
        self,
        *,
        log: RunLog,
        lapsing: Sequence[Lapsing],
        dispatch: Dispatch,
        archive: Archive,
        ending: Ending,
        clock: Clock,
        metrics: Metrics,
        max_attempts: int,
    ) -> None:
        self._log = log
        self._lapsing = lapsing
        self._dispatch = dispatch
        self._archive = archive
        self._ending = ending
        self._clock = clock
        self._metrics = metrics
        self._max_attempts = max_attempts

    def sweep(self, *, grace: float = DISPATCH_GRACE_SECONDS) -> dict[str, int]:
        """Send what was never sent, queue again what was lost, end what was tried enough.

        The counts of each, for the log. A run younger than ``grace`` seconds may
        still be on its way through the API.
        """
        tally = Tally()
        try:
            return self._sweep(grace, tally)
        finally:
            self._metrics.report(tally.measurements())

    def dead_letter(self, prompt_id: str, reason: str) -> None:
        """End the run of a message that was received too often.

        ``NewerFormat`` if only a newer version can: then the message must stay.
        """
        tally = Tally()
        try:
            self._give_up(prompt_id, reason, tally)
            tally.dead_letters += 1  # not before: what fails comes again
        finally:
            self._metrics.report(tally.measurements(), prompt_id=prompt_id)

    def requeue(self, run: Run) -> None:
        """Queue a run again that no worker holds."""
        changes = {"writer": None, "lease_until": self._clock.now() + _REQUEUED_SECONDS}
        self._log.update(run.prompt_id, changes)
        self._dispatch.send(run, published=run.published)

    def _sweep(self, grace: float, tally: Tally) -> dict[str, int]:
        counts = {"sent": 0, "requeued": 0, "ended": 0, "expired": 0}
        now = self._clock.now()
        for run in self._log.active():
            if run.status == "queued" and not run.dispatched:
                if now - run.submitted_at / 1000 >= grace:
                    self._dispatch.send(run, published=run.published)
                    counts["sent"] += 1
            elif run.status == "running" and run.lease_until <= now:
                if run.attempts >= self._max_attempts:
                    counts["ended"] += self._was_tried_enough(run, tally)
                else:
                    self.requeue(run)
                    counts["requeued"] += 1
                    tally.runs_requeued += 1
        lapsed = sum(each.expire(now) for each in self._lapsing)
        counts["expired"] = self._archive.forget_expired() + lapsed
        return counts

    def _was_tried_enough(self, run: Run, tally: Tally) -> bool:
        try:
            self._give_up(run.prompt_id, f"Its worker was lost {run.attempts} times", tally)
        except NewerFormat:
            _logger.warning("A run is left to a newer version", extra={"run": run.prompt_id})
            return False
        return True

    def _give_up(self, prompt_id: str, reason: str, tally: Tally) -> None:
        """End a run in error, whatever it was doing. One that has ended is concluded again."""
        while True:
            try:
                run, batches = self._log.load(prompt_id)
            except NotFound:
                return
            state = state_of(run, batches)
            if not state.ended:
                failed = events.status("error", reason)
                batch = event_batch(state.sequence + 1, failed, f"sweeper-{uuid.uuid4().hex}")
                try:
                    self._log.append(prompt_id, batch)
                except LogMovedOn:
                    continue
                tally.appended(batch.count, "error")
                events.fold([failed], state)
                _logger.warning("A run was given up", extra={"run": prompt_id, "reason": reason})
            self._ending.conclude_from_log(run, state.status, state.sequence, tally)
            return
