"""What was done in accounts: entries that are only ever added.

An entry is a change of the index, so that it is written together with the act it
tells of: neither is there without the other. Keys count down, so that a query
finds the newest first.
"""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Literal

from chalicelib.errors import InvalidInput
from chalicelib.moments import timestamp
from chalicelib.ports import Clock, Entry, Index, Put
from chalicelib.services.accounts import rows

RETENTION_SECONDS = 400 * 24 * 3600
"""How long entries are kept: a year, and some weeks to look at it."""

MAX_PAGE = 200
_LAST_MILLISECOND = 10**14
_MAX_TEXT = 200

Act = Literal[
    "signed-in",
    "sign-in-failed",
    "registered",
    "password-changed",
    "password-reset",
    "session-ended",
    "key-made",
    "key-removed",
    "credential-made",
    "credential-removed",
    "renamed",
    "quotas-set",
    "disabled",
    "enabled",
    "exported",
    "erased",
]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: the user himself, an administrator (his uid), or the operator.

    ``identity`` is that of the session or key.
    """

    by: str | None = None
    address: str | None = None
    user_agent: str | None = None
    identity: str | None = None


OPERATOR = Actor(by="operator")
_actor: ContextVar[Actor] = ContextVar("actor", default=Actor())  # noqa: B039 (it is frozen)


@contextmanager
def acting(actor: Actor) -> Iterator[None]:
    """What is done inside is done by this actor."""
    token = _actor.set(actor)
    try:
        yield
    finally:
        _actor.reset(token)


def entry(uid: str, act: Act, now: float, details: Mapping[str, Any] | None = None) -> Put:
    """The change that notes an act; ``now`` is epoch seconds.

    ``details`` hold no secret and nothing that a user chose, but ids and numbers.
    """
    actor = _actor.get()
    told = {
        "at": timestamp(now),
        "act": act,
        "by": actor.by if actor.by != uid else None,
        "ip": actor.address,
        "userAgent": actor.user_agent,
        "identity": actor.identity,
    }
    value: dict[str, Any] = {
        name: text[:_MAX_TEXT] for name, text in told.items() if text is not None
    }
    if details:
        value["details"] = dict(details)
    key = f"{_LAST_MILLISECOND - int(now * 1000):014d}-{secrets.token_hex(8)}"
    row = Entry(rows.of_audit(uid), key, value, int(now) + RETENTION_SECONDS)
    return Put(row, if_absent=True)


def entry_of_nobody(act: Act, now: float) -> Put:
    """As much work as the entry of a user, for a name that nobody has; it vanishes at once."""
    put = entry("nobody", act, now)
    return Put(Entry(put.entry.partition, put.entry.key, put.entry.value, int(now)))


class Audit:
    """Reads what was done, and notes what stands in no other write."""

    def __init__(self, accounts: Index, clock: Clock) -> None:
        self._accounts = accounts
        self._clock = clock

    def note(self, uid: str, act: Act, details: Mapping[str, Any] | None = None) -> None:
        """Write an entry alone."""
        self._accounts.write(entry(uid, act, self._clock.now(), details))

    def page(self, uid: str, limit: int, cursor: str | None) -> dict[str, Any]:
        """``{entries, cursor?}``, the newest first; one query.

        ``cursor`` is that of the page before. ``InvalidInput``.
        """
        if not 1 <= limit <= MAX_PAGE:
            raise InvalidInput.field("limit", f"a number from 1 to {MAX_PAGE} is expected")
        found = self._accounts.query(rows.of_audit(uid), limit=limit, after=cursor or None)
        shown: dict[str, Any] = {"entries": _shown(found.entries)}
        return shown if found.after is None else {**shown, "cursor": found.after}


def _shown(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    return [{"id": each.key, **each.value} for each in entries]
