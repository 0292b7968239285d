"""Time limits for the nodes of a run, all with one timer.

``asyncio.timeout`` sets a timer of the loop for every use, which takes longer
than many a node; most are never reached.
"""

import asyncio
import math
from types import TracebackType
from typing import Self


class Deadlines:
    """Cancels the tasks whose time is over."""

    def __init__(self) -> None:
        self._limits: set[Limit] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._next = math.inf

    def limit(self, seconds: float) -> "Limit":
        """A block that may take so long: ``with deadlines.limit(seconds): await ...``."""
        return Limit(self, seconds)

    def close(self) -> None:
        """Forget all limits."""
        if self._timer is not None:
            self._timer.cancel()
        self._limits.clear()

    def add(self, limit: "Limit") -> None:
        """Watch a limit; the timer is set anew only if this one is the first to end."""
        self._limits.add(limit)
        if limit.ends_at < self._next:
            self._wake_at(limit.ends_at)

    def discard(self, limit: "Limit") -> None:
        """The block of a limit was left."""
        self._limits.discard(limit)

    def _wake_at(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._next = when
        self._timer = asyncio.get_running_loop().call_at(when, self._look)

    def _look(self) -> None:
        now = asyncio.get_running_loop().time()
        for limit in [limit for limit in self._limits if limit.ends_at <= now]:
            self._limits.discard(limit)
            limit.expire()
        self._timer, self._next = None, math.inf
        if self._limits:
            self._wake_at(min(limit.ends_at for limit in self._limits))


class Limit:
    """A limited block of one task; raises ``TimeoutError`` where it was cancelled for it.

    ``expired`` tells whether the time was over before the block was left.
    """

    __slots__ = ("_cancelling", "_deadlines", "_seconds", "_task", "ends_at", "expired")

    def __init__(self, deadlines: Deadlines, seconds: float) -> None:
        self._deadlines = deadlines
        self._seconds = seconds
        self.expired = False

    def __enter__(self) -> Self:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("A time limit is for a task")
        self._task = task
        self._cancelling = task.cancelling()
        self.ends_at = asyncio.get_running_loop().time() + self._seconds
        self._deadlines.add(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._deadlines.discard(self)
        # As asyncio.timeout does it: a cancellation by others at the same time stays one.
        ours = self.expired and self._task.uncancel() <= self._cancelling
        if ours and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def expire(self) -> None:
        """The time is over: end what the block waits for."""
        self.expired = True
        self._task.cancel()
