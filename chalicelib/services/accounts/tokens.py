"""Tokens: what a request shows to say whose it is, for sessions and for service keys.

Only a hash of a token is stored. Its row holds all that an identity needs, so
that a request costs one read. Revoking removes the row: from then on, in every
process, the token is nobody's.
"""

import hashlib
import hmac
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from chalicelib.errors import Conflict, NotSignedIn
from chalicelib.moments import timestamp
from chalicelib.ports import Change, Clock, Entry, Index, Put, Remove
from chalicelib.security import tokens
from chalicelib.services.accounts import audit, rows
from chalicelib.services.accounts.audit import Act
from chalicelib.services.accounts.rows import Kind

IDLE_SECONDS = 30 * 24 * 3600
"""A session that is not used for so long ends."""

# How old a row's ``lastUsedAt`` may get before a request renews it.
_TOUCH_SECONDS: Mapping[Kind, int] = {"session": 300, "key": 60}
_REVOKED: Mapping[Kind, Act] = {"session": "session-ended", "key": "key-removed"}
# Longer than a socket of a revoked identity can last, so that each finds it.
_REVOCATION_SECONDS = 3 * 3600


class Holder(Protocol):
    """Whom a token stands for: a ``Caller`` or a ``User``."""

    @property
    def uid(self) -> str: ...

    @property
    def username(self) -> str: ...

    @property
    def is_admin(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Issued:
    """A new token: ``text`` is shown once, ``put`` writes its row.

    The row of the session or key keeps ``lookup``, which finds the token's.
    """

    text: str
    lookup: str
    put: Put


@dataclass(frozen=True, slots=True)
class TokenRow:
    """What is known of a token that was shown. Times are epoch seconds.

    ``expires_at`` of a session moves with its use, up to ``ends_at``.
    """

    lookup: str
    uid: str
    username: str
    is_admin: bool
    kind: Kind
    id: str
    scopes: frozenset[str]
    expires_at: int | None
    ends_at: int | None
    last_used_at: float
    stored: Mapping[str, Any]


class Tokens:
    """The rows of tokens."""

    def __init__(self, accounts: Index, clock: Clock) -> None:
        self._accounts = accounts
        self._clock = clock

    def issue(
        self,
        prefix: str,
        user: Holder,
        kind: Kind,
        identity_id: str,
        scopes: Collection[str],
        expires_at: int | None,
        *,
        ends_at: int | None = None,
        bound_to: str | None = None,
    ) -> Issued:
        """A token for a session or key, whose row is still to be written by ``put``.

        ``expires_at`` and ``ends_at`` are epoch seconds. A token that is
        ``bound_to`` a password is good while that is the server's.
        """
        minted = tokens.mint(prefix)
        value = {
            "uid": user.uid,
            "username": user.username,
            "isAdmin": user.is_admin,
            "kind": kind,
            "id": identity_id,
            "hash": minted.hash,
            "scopes": sorted(scopes),
            "expiresAt": expires_at,
            "endsAt": ends_at,
            # The first use of a key is worth a note at once.
            "lastUsedAt": 0 if kind == "key" else int(self._clock.now()),
        }
        if bound_to is not None:
            value["boundTo"] = binding(minted.text, bound_to)
        entry = Entry(rows.of_token(minted.lookup), rows.TOKEN, value, expires_at)
        return Issued(minted.text, minted.lookup, Put(entry, if_absent=True))

    def resolve(self, text: str, *, bound_to: str | None = None) -> TokenRow:
        """What a token stands for, in one read; ``NotSignedIn``.

        A mistyped one costs no read. ``bound_to`` is the server's password now.
        """
        parsed = tokens.parse(text)
        entry = None
        if parsed is not None:
            entry = self._accounts.get(rows.of_token(parsed.lookup), rows.TOKEN)
        if parsed is None or entry is None or not tokens.matches(parsed, entry.value["hash"]):
            raise NotSignedIn("The token is not valid, or no longer")
        bound = entry.value.get("boundTo")
        if bound is not None and not hmac.compare_digest(bound, binding(text, bound_to or "")):
            raise NotSignedIn("The token is not valid, or no longer")
        return _row(parsed.lookup, entry)

    def standing(self, lookup: str) -> TokenRow:
        """What a token stands for that nobody has shown, in one read; ``NotSignedIn``.

        For what stands for the token, and is proven and bound by itself: see ``Tickets``.
        """
        entry = self._accounts.get(rows.of_token(lookup), rows.TOKEN)
        if entry is None:
            raise NotSignedIn("The token is not valid, or no longer")
        return _row(lookup, entry)

    def touch(self, row: TokenRow) -> None:
        """Note that a token was used, now and then only; a session lasts on for that.

        One write of the token's row and of the row that its user sees, under the
        condition that nobody wrote meanwhile: it never brings back a revoked token.
        """
        now = int(self._clock.now())
        if now - row.last_used_at < _TOUCH_SECONDS[row.kind]:
            return
        expires_at = row.expires_at
        seen: dict[str, Any] = {"lastUsedAt": timestamp(now)}
        if row.ends_at is not None:
            expires_at = min(now + IDLE_SECONDS, row.ends_at)
            seen["expiresAt"] = timestamp(expires_at)
        value = {**row.stored, "lastUsedAt": now, "expiresAt": expires_at}
        with suppress(Conflict):  # another request has done it, or it was revoked
            self._accounts.write(
                Put(
                    Entry(rows.of_token(row.lookup), rows.TOKEN, value, expires_at),
                    replacing=row.stored,
                ),
                Put(Entry(rows.of_user(row.uid), rows.used(row.id), seen, expires_at)),
            )

    def revocation(self, uid: str, kind: Kind, identity_id: str, lookup: str) -> list[Change]:
        """What ends a session or key: the removal of its rows, and a note for its sockets.

        The first change is conditional on the session's or key's own row.
        """
        note = {"kind": kind, "at": timestamp(self._clock.now())}
        expiry = int(self._clock.now()) + _REVOCATION_SECONDS
        partition = rows.of_user(uid)
        return [
            Remove(partition, rows.identity(kind, identity_id), if_present=True),
            Remove(rows.of_token(lookup), rows.TOKEN),
            Remove(partition, rows.used(identity_id)),
            Put(Entry(rows.REVOCATIONS, rows.revocation(uid, identity_id), note, expiry)),
            audit.entry(uid, _REVOKED[kind], self._clock.now(), {"id": identity_id}),
        ]


def binding(token: str, password: str) -> str:
    """Ties a token to a password without keeping anything that tells the password.

    The key of the HMAC is the token, which is stored nowhere and cannot be guessed.
    """
    return hmac.new(token.encode(), password.encode(), hashlib.sha256).hexdigest()


def _row(lookup: str, entry: Entry) -> TokenRow:
    value = entry.value
    return TokenRow(
        lookup=lookup,
        uid=value["uid"],
        username=value["username"],
        is_admin=value["isAdmin"],
        kind=value["kind"],
        id=value["id"],
        scopes=frozenset(value["scopes"]),
        expires_at=value["expiresAt"],
        ends_at=value["endsAt"],
        last_used_at=value["lastUsedAt"],
        stored=value,
    )
