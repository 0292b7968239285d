"""Sessions: what signing in opens, and what ends it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.errors import ConditionFailed, Conflict, NotFound
from chalicelib.moments import timestamp
from chalicelib.ports import Change, Clock, Entry, Index, Put
from chalicelib.security.tokens import SESSION
from chalicelib.services.accounts import audit, rows
from chalicelib.services.accounts.audit import Act
from chalicelib.services.accounts.tokens import IDLE_SECONDS, Tokens
from chalicelib.services.accounts.users import Holdings, Users

LIFETIME_SECONDS = 180 * 24 * 3600
"""A session ends after so long, however much it is used."""

MAX_SESSIONS = 50
_TRIES = 10
# Five rows each, beside a few others: a write holds at most a hundred.
_ENDED_AT_ONCE = 18
_MAX_USER_AGENT = 200
_USER_SCOPES = frozenset({"read", "write", "run"})


@dataclass(frozen=True, slots=True)
class Opened:
    """A new session: its token, shown once, and when it ends unless it is used."""

    token: str
    expires_at: str


class Sessions:
    """The sessions of users."""

    def __init__(self, accounts: Index, users: Users, tokens: Tokens, clock: Clock) -> None:
        self._accounts = accounts
        self._users = users
        self._tokens = tokens
        self._clock = clock

    def open(
        self,
        holdings: Holdings,
        user_agent: str | None,
        *,
        bound_to: str | None = None,
        profile: Mapping[str, Any] | None = None,
        also: Sequence[Change] = (),
    ) -> Opened:
        """Begin a session in one write with changes of the profile, and what else is to change.

        Every sign-in also counts up in the profile: it is under the condition that the
        profile is as it was read, and whoever changes a password notices it. Whoever
        has too many sessions loses those that were not used for longest.
        ``ConditionFailed``: those of ``also`` come first.
        """
        user = holdings.user
        now = int(self._clock.now())
        ends_at = now + LIFETIME_SECONDS
        expires_at = now + IDLE_SECONDS
        session_id = rows.new_id()
        scopes = _USER_SCOPES | {"admin"} if user.is_admin else _USER_SCOPES
        issued = self._tokens.issue(
            SESSION,
            user,
            "session",
            session_id,
            scopes,
            expires_at,
            ends_at=ends_at,
            bound_to=bound_to,
        )
        value = {
            "id": session_id,
            "lookup": issued.lookup,
            "createdAt": timestamp(now),
            "lastUsedAt": timestamp(now),
            "expiresAt": timestamp(expires_at),
            "endsAt": timestamp(ends_at),
        }
        if user_agent:
            value["userAgent"] = user_agent[:_MAX_USER_AGENT]
        row = Entry(rows.of_user(user.uid), rows.identity("session", session_id), value, ends_at)
        self._accounts.write(
            *also,
            user.changed(**(profile or {}), signIns=user.one_more("signIns")),
            Put(row, if_absent=True),
            issued.put,
            audit.entry(user.uid, "signed-in", self._clock.now(), {"id": session_id}),
            *self._superfluous(holdings),
        )
        return Opened(issued.text, timestamp(expires_at))

    def list(self, uid: str, current: str | None) -> list[dict[str, Any]]:
        """A user's sessions, the one used last first; ``current`` is the caller's own."""
        found = [_shown(session, current) for session in self._users.holdings(uid).sessions]
        return sorted(found, key=lambda session: str(session["lastUsedAt"]), reverse=True)

    def end(self, uid: str, session_id: str) -> None:
        """End a session; ``NotFound``, also for someone else's. Two calls."""
        entry = self._accounts.get(rows.of_user(uid), rows.identity("session", session_id))
        if entry is None:
            raise NotFound("No such session")
        try:
            self._accounts.write(*self._revocation(uid, entry.value))
        except ConditionFailed as lost:  # ended by another request
            raise NotFound("No such session") from lost

    def set_password(
        self,
        uid: str,
        old_hash: str | None,
        new_hash: str,
        keep: str | None,
        act: Act = "password-changed",
    ) -> None:
        """Give a user another password; all sessions but one end before it counts.

        ``Conflict`` if it is not ``old_hash`` any more. None can be opened in between
        with the old password: the last write fails if there was a sign-in.
        """
        for _ in range(_TRIES):
            holdings = self._users.holdings(uid)
            if holdings.user.password_hash != old_hash:
                break
            others = [session for session in holdings.sessions if session["id"] != keep]
            try:
                for first in range(0, len(others), _ENDED_AT_ONCE):
                    self._end_all(uid, others[first : first + _ENDED_AT_ONCE])
                self._accounts.write(
                    holdings.user.changed(passwordHash=new_hash),
                    audit.entry(uid, act, self._clock.now()),
                )
            except ConditionFailed:
                continue
            return
        raise Conflict("The password was changed by another request")

    def _end_all(self, uid: str, sessions: Sequence[Mapping[str, Any]]) -> None:
        changes = [self._revocation(uid, session) for session in sessions]
        self._accounts.write(*(change for each in changes for change in each))

    def _superfluous(self, holdings: Holdings) -> Sequence[Change]:
        if len(holdings.sessions) < MAX_SESSIONS:
            return []
        by_use = sorted(holdings.sessions, key=lambda session: str(session["lastUsedAt"]))
        oldest = by_use[: len(by_use) + 1 - MAX_SESSIONS][:_ENDED_AT_ONCE]
        changes = (self._revocation(holdings.user.uid, session) for session in oldest)
        return [change for each in changes for change in each]

    def _revocation(self, uid: str, session: Mapping[str, Any]) -> Sequence[Change]:
        return self._tokens.revocation(uid, "session", session["id"], session["lookup"])


def _shown(session: Mapping[str, Any], current: str | None) -> dict[str, Any]:
    fields = ("id", "createdAt", "lastUsedAt", "expiresAt", "userAgent")
    shown = {field: session[field] for field in fields if field in session}
    return {**shown, "current": session["id"] == current}
