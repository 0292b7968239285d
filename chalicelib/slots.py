"""A bound on how much costly work is done at once in a process."""

import threading
from types import TracebackType

from chalicelib.errors import TooManyRequests

_RETRY_AFTER_SECONDS = 2


class Slots:
    """Lets so many in at once; who waits longer than ``seconds`` is told to come again.

    ``what`` names the work in the error: "sign-ins", say.
    """

    def __init__(self, what: str, *, count: int, seconds: float) -> None:
        self._what = what
        self._free = threading.BoundedSemaphore(count)
        self._seconds = seconds

    def __enter__(self) -> None:
        """Wait for a place; ``TooManyRequests``."""
        if not self._free.acquire(timeout=self._seconds):
            raise TooManyRequests(
                f"Too many {self._what} at once; try again soon", retry_after=_RETRY_AFTER_SECONDS
            )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._free.release()
