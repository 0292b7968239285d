"""Whose turn it is to have a file of a character read or made."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from chalicelib.errors import TooManyRequests

_RETRY_AFTER_SECONDS = 2


class Turns:
    """Costly work of many users: ``count`` at once in a process, one of each user.

    Of a user so many as ``each`` may be there, at work or waiting: the next is told at
    once to come again, and so is who waits longer than ``seconds``. So a user who sends
    all that he can keeps one place and few threads from the others.
    """

    def __init__(self, what: str, *, count: int, each: int, seconds: float) -> None:
        self._what = what
        self._each = each
        self._seconds = seconds
        self._free = count
        self._at_work: set[str] = set()
        self._there: Counter[str] = Counter()
        self._changed = threading.Condition()

    @contextmanager
    def of(self, uid: str | None) -> Iterator[None]:
        """A turn of this user; ``TooManyRequests``.

        None is for a worker, which nobody waits for: it waits for a place as long as it takes.
        """
        with self._changed:
            self._enter(uid)
        try:
            yield
        finally:
            with self._changed:
                self._leave(uid)

    def _enter(self, uid: str | None) -> None:
        if uid is None:
            self._changed.wait_for(lambda: self._free > 0)
            self._free -= 1
            return
        if self._there[uid] >= self._each:
            raise self._too_many()
        self._there[uid] += 1
        if not self._changed.wait_for(lambda: self._is_next(uid), self._seconds):
            self._there -= Counter((uid,))
            raise self._too_many()
        self._at_work.add(uid)
        self._free -= 1

    def _is_next(self, uid: str) -> bool:
        return self._free > 0 and uid not in self._at_work

    def _leave(self, uid: str | None) -> None:
        self._free += 1
        if uid is not None:
            self._at_work.discard(uid)
            self._there -= Counter((uid,))
        self._changed.notify_all()

    def _too_many(self) -> TooManyRequests:
        message = f"Too many {self._what} at once; try again soon"
        return TooManyRequests(message, retry_after=_RETRY_AFTER_SECONDS)


# A second and 150 MB at most, mostly a thousandth of both. Browsers send six files at once,
# and a front has sixteen threads.
turns = Turns("files of characters", count=2, each=6, seconds=5)
"""Where files are read and made: so many at once in a process."""
