"""What one user may have and ask for: the limits of all, and a user's own.

Own limits are in the profile. What is kept is also counted against them where it
is saved, by what is granted beyond the limit of all (``library/usage``). The others
are looked up when it matters only, and remembered for a minute by each process.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.errors import ConditionFailed, Conflict, InvalidInput
from chalicelib.ports import Clock, Index
from chalicelib.services.accounts import audit
from chalicelib.services.accounts.request_rate import REQUESTS
from chalicelib.services.accounts.users import Users
from chalicelib.services.library.usage import BYTES, DOCUMENTS, StorageLimits, Usage

ACTIVE_RUNS, QUEUED_RUNS = "activeRuns", "queuedRuns"

LEAST: Mapping[str, int] = {
    DOCUMENTS: 0,
    BYTES: 0,
    ACTIVE_RUNS: 10,
    QUEUED_RUNS: 10,
    REQUESTS: 150,
}
"""The names of all quotas, and how low each can be set. Below these nobody looks up
whether a user has a limit of his own; who is to do less is disabled."""

MOST = 2**50
_REMEMBERED_SECONDS = 60
_REMEMBERED_USERS = 10_000
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of all who have none of their own; None for no limit.

    ``documents`` are projects, workflows, characters and lorebooks, ``bytes`` those of all
    with their versions. ``active_runs`` wait or run, ``queued_runs`` wait.
    """

    documents: int | None = 30_000
    bytes: int | None = 10 * 1024**3
    active_runs: int = 1_200
    queued_runs: int = 1_000
    requests_a_minute: int | None = 3_000

    def storage(self) -> StorageLimits:
        """Those of what is kept."""
        return StorageLimits(self.documents, self.bytes)

    def named(self) -> dict[str, int | None]:
        """All, by the names of the quotas."""
        return {
            DOCUMENTS: self.documents,
            BYTES: self.bytes,
            ACTIVE_RUNS: self.active_runs,
            QUEUED_RUNS: self.queued_runs,
            REQUESTS: self.requests_a_minute,
        }


MANY_USERS = Limits()
ONE_USER = Limits(documents=None, bytes=None, requests_a_minute=None)
"""Who has a server alone pays for it himself."""


class Quotas:
    """The quotas of all users."""

    def __init__(
        self, accounts: Index, users: Users, usage: Usage, clock: Clock, limits: Limits
    ) -> None:
        self._accounts = accounts
        self._users = users
        self._usage = usage
        self._clock = clock
        self._limits = limits.named()
        self._lock = threading.Lock()
        self._remembered: dict[str, tuple[float, Mapping[str, int]]] = {}

    def limit(self, uid: str, name: str) -> int | None:
        """A limit of a user's; as it was up to a minute ago."""
        now = self._clock.now()
        with self._lock:
            since, own = self._remembered.get(uid, (0.0, {}))
        if now - since >= _REMEMBERED_SECONDS:
            own = self._users.get(uid).value.get("quotas") or {}
            self._remember(uid, now, own)
        return own.get(name, self._limits[name])

    def of(self, uid: str) -> list[dict[str, Any]]:
        """A user's quotas: ``{name, limit, default, used?}`` each; ``NotFound``."""
        own = self._users.get(uid).value.get("quotas") or {}
        used, granted = self._usage.used(uid), self._usage.granted(uid)
        found = []
        for name, default in self._limits.items():
            limit = own.get(name, default)
            if name in granted and default is not None:
                limit = default + granted[name]
            found.append({"name": name, "limit": limit, "default": default, "used": used.get(name)})
        return found

    def set(self, uid: str, changes: Mapping[str, int | None]) -> None:
        """Give a user limits of his own; None for that of all. ``InvalidInput``, ``NotFound``."""
        for name, limit in changes.items():
            self._check(name, limit)
        for _ in range(_TRIES):
            user = self._users.get(uid)
            own = {**(user.value.get("quotas") or {}), **changes}
            kept = {name: limit for name, limit in own.items() if limit is not None}
            told = audit.entry(uid, "quotas-set", self._clock.now(), changes)
            try:
                self._accounts.write(user.changed(quotas=kept), told)
            except ConditionFailed:
                continue
            self._remember(uid, self._clock.now(), kept)
            for name in (DOCUMENTS, BYTES):
                self._grant(uid, name, kept.get(name))
            return
        raise Conflict("Too many requests change this user at once")

    def _grant(self, uid: str, name: str, limit: int | None) -> None:
        default = self._limits[name]
        if default is not None:
            self._usage.grant(uid, name, 0 if limit is None else limit - default)

    def _check(self, name: str, limit: int | None) -> None:
        if name not in LEAST:
            raise InvalidInput.field("name", f"one of {', '.join(LEAST)} is expected")
        if self._limits[name] is None:
            raise InvalidInput.field(name, "where there is one user it is not limited")
        if limit is not None and not LEAST[name] <= limit <= MOST:
            expected = f"a whole number from {LEAST[name]} to {MOST}"
            raise InvalidInput.field(name, f"{expected} is expected")

    def _remember(self, uid: str, now: float, own: Mapping[str, int]) -> None:
        with self._lock:
            if len(self._remembered) >= _REMEMBERED_USERS:
                self._remembered.clear()
            self._remembered[uid] = now, own
