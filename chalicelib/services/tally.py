"""What is counted of the work: the product's metrics, by name and unit.

``docs/decisions/0010-metrics.md`` says what each of them means.
"""

from collections import Counter
from dataclasses import dataclass, field

from chalicelib.ports import Delivery, Measurement


@dataclass(slots=True)
class Tally:
    """The counts of one piece of work: a worker's turn, a sweep, a request.

    It only adds numbers; whoever began the work reports them at its end. What
    is sent to sockets may be counted in another thread than the rest.
    ``queue_wait`` is in milliseconds; None means that there was nothing to measure.
    """

    runs_started: int = 0
    runs_ended: Counter[str] = field(default_factory=Counter)
    queue_wait: int | None = None
    node_seconds: float | None = None
    events_per_append: list[int] = field(default_factory=list)
    append_conflicts: int = 0
    frames_sent: int = 0
    frames_failed: int = 0
    dead_letters: int = 0
    runs_requeued: int = 0

    def started(self, *, submitted_at: int, now: float) -> None:
        """A run has its first claim; ``submitted_at`` in milliseconds, ``now`` in seconds."""
        self.runs_started += 1
        self.queue_wait = max(0, int(now * 1000) - submitted_at)

    def appended(self, count: int, ending: str | None = None) -> None:
        """The log took ``count`` events; the last may be a run's terminal record.

        A log takes one such record, from one writer, so a run that is counted
        here as ended is counted once, whoever ended it.
        """
        self.events_per_append.append(count)
        if ending is not None:
            self.runs_ended[ending] += 1

    def delivered(self, delivery: Delivery, frames: int) -> None:
        """What became of frames for one socket. One that had gone by itself is normal."""
        if delivery is Delivery.TAKEN:
            self.frames_sent += frames
        elif delivery is Delivery.REFUSED:
            self.frames_failed += 1

    def measurements(self) -> list[Measurement]:
        """What there is to report; nothing of what did not happen."""
        counts = {
            "RunsStarted": self.runs_started,
            "Appends": len(self.events_per_append),
            "AppendConflicts": self.append_conflicts,
            "FramesSent": self.frames_sent,
            "FramesFailed": self.frames_failed,
            "DeadLetters": self.dead_letters,
            "RunsRequeued": self.runs_requeued,
        }
        found = [Measurement(name, "Count", (count,)) for name, count in counts.items() if count]
        found += [
            Measurement("RunsEnded", "Count", (count,), status=status)
            for status, count in self.runs_ended.items()
        ]
        if self.events_per_append:
            found.append(Measurement("EventsPerAppend", "Count", self.events_per_append))
        if self.queue_wait is not None:
            found.append(Measurement("QueueWait", "Milliseconds", (self.queue_wait,)))
        if self.node_seconds is not None:
            found.append(Measurement("NodeSeconds", "Seconds", (self.node_seconds,)))
        return found
