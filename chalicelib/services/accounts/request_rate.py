"""How many requests a minute a user makes, over all processes.

Every process counts for itself, and adds what it counted to a shared row only each
so many requests; the answer tells what all have counted. So most requests cost no
call of a store, and those of a quiet user none at all.

What that guarantees, with a limit of L and P processes that serve the user: nobody
is refused before he has made L requests in a minute of the clock, and nobody gets
past L + P * L/20. On one machine P is 1, and the limit is exact.
"""

import threading
from dataclasses import dataclass
from typing import Protocol

from chalicelib.errors import TooManyRequests
from chalicelib.ports import Add, Clock, Index
from chalicelib.services.accounts import rows

REQUESTS = "requestsAMinute"
_COUNT = "requests"
_MINUTE = 60
# A row is of use for its minute only; clocks differ a little.
_KEPT_SECONDS = 180
_PARTS = 20


class OwnLimits(Protocol):
    """Knows which limit a user has; None for no limit."""

    def limit(self, uid: str, name: str) -> int | None: ...


@dataclass(slots=True)
class _Counted:
    """Of one user in this minute: what all processes told, and what this one has not yet."""

    limit: int
    shared: int = 0
    untold: int = 0


class RequestRate:
    """Counts the requests of users. ``limit`` is that of all; None counts nothing."""

    def __init__(
        self, accounts: Index, own_limits: OwnLimits, clock: Clock, limit: int | None
    ) -> None:
        self._accounts = accounts
        self._own_limits = own_limits
        self._clock = clock
        self._limit = limit
        self._lock = threading.Lock()
        self._minute = 0
        self._counted: dict[str, _Counted] = {}

    def count(self, uid: str) -> None:
        """One more request of a user's; ``TooManyRequests`` past the limit of the minute."""
        if self._limit is None:
            return
        now = self._clock.now()
        minute = int(now // _MINUTE)
        with self._lock:
            counted = self._of(uid, minute, self._limit)
            if counted.shared + counted.untold >= counted.limit:
                raise _refusal(counted.limit, int((minute + 1) * _MINUTE - now) + 1)
            counted.untold += 1
            untold = counted.untold
            if untold < max(1, counted.limit // _PARTS):
                return
            counted.shared += untold
            counted.untold = 0
        addition = Add(
            rows.of_rate(uid), str(minute), {_COUNT: untold}, {}, int(now) + _KEPT_SECONDS
        )
        told = self._accounts.add(addition)[_COUNT]
        own = self._own_limits.limit(uid, REQUESTS)
        with self._lock:
            counted.shared = max(counted.shared, told)
            counted.limit = self._limit if own is None else own

    def _of(self, uid: str, minute: int, limit: int) -> _Counted:
        if minute != self._minute:  # what is known of the minute before is of no use
            self._minute, self._counted = minute, {}
        return self._counted.setdefault(uid, _Counted(limit))


def _refusal(limit: int, seconds: int) -> TooManyRequests:
    details = {REQUESTS: [f"at most {limit}"]}
    return TooManyRequests(f"More than {limit} requests in a minute", details, retry_after=seconds)
