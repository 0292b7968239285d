"""Service keys: what programs show instead of a user, limited to scopes.

A key that makes others (it needs ``write``) makes none that may do more or lasts
longer than itself, and what it made ends with it: who has found a key cannot
keep a way in after its owner has removed it.
"""

from collections.abc import Collection, Mapping, Sequence, Set
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chalicelib.errors import ConditionFailed, Conflict, InvalidInput, NotAllowed, NotFound
from chalicelib.moments import timestamp
from chalicelib.ports import Change, Clock, Entry, Index, Put
from chalicelib.security.tokens import SERVICE_KEY
from chalicelib.services.accounts import audit, rows
from chalicelib.services.accounts.tokens import Tokens

if TYPE_CHECKING:
    from chalicelib.services.accounts.users import Holdings, Users
    from chalicelib.services.callers import Caller

MAX_KEYS = 50
_SCOPES = ("read", "write", "run", "admin")
_DEFAULT_SCOPES = frozenset({"read", "write", "run"})
_SHOWN = ("id", "name", "prefix", "scopes", "createdAt", "lastUsedAt", "expiresAt")
# The token's own prefix and a part of its look-up id, which is no secret: it tells keys apart.
_PREFIX_LENGTH = len(SERVICE_KEY) + 6
# A transaction has at most a hundred changes, and to end a key takes five.
_KEYS_A_WRITE = 20

Row = Mapping[str, Any]


def metadata(row: Row) -> dict[str, Any]:
    """What clients see of a stored key: ServiceApiKeyMetadata, without what finds its token."""
    return {field: row[field] for field in _SHOWN if row.get(field) is not None}


class ServiceKeys:
    """The keys of all users; everyone sees his own."""

    def __init__(self, accounts: Index, users: "Users", tokens: Tokens, clock: Clock) -> None:
        self._accounts = accounts
        self._users = users
        self._tokens = tokens
        self._clock = clock

    def list(self, uid: str) -> list[dict[str, Any]]:
        """The keys of a user that have not lapsed, oldest first."""
        return [metadata(row) for row in _sorted(self._rows(uid))]

    def create(self, caller: "Caller", body: object) -> dict[str, Any]:
        """A new key: its metadata and, this once, its ``secret``.

        ``InvalidInput``; ``NotAllowed`` for a key that is stronger than its maker;
        ``NotSignedIn`` for a caller who has ended meanwhile; ``Conflict`` if the user
        has ``MAX_KEYS``.
        """
        from chalicelib.schemas.parsing import parse
        from chalicelib.schemas.user_keys import ServiceKeyDraft

        draft = parse(ServiceKeyDraft, body)
        scopes = frozenset(draft.scopes or _DEFAULT_SCOPES)
        expires_at = self._expiry(draft.expires_at)

        def make(holdings: "Holdings") -> tuple[dict[str, Any], Sequence[Change]]:
            keys = {row["id"]: row for row in holdings.keys}
            maker = keys[caller.identity or ""] if caller.kind == "key" else None
            _check_strength(caller, maker, scopes, expires_at)
            if len(keys) >= MAX_KEYS:
                details = {"serviceKeys": [f"at most {MAX_KEYS} at a time"]}
                raise Conflict(f"There are {MAX_KEYS} service keys; remove one first", details)
            return self._issued(caller, maker, scopes, expires_at, draft.name)

        return self._users.add(caller, make)

    def remove(self, caller: "Caller", key_id: str) -> None:
        """End a key, and all that it made, at once; ``NotFound``.

        ``NotAllowed`` for a key that would end one which may do more than itself.
        """
        keys = self._rows(caller.uid)
        if key_id not in keys:
            raise NotFound("No such service key")
        if caller.kind == "key" and (more := _beyond(keys[key_id]["scopes"], caller)):
            raise NotAllowed(f"A key cannot remove a stronger one: it lacks {more}")
        gone = {key_id}
        while ending := _with_made(keys, gone):
            with suppress(ConditionFailed):  # one of them was removed meanwhile
                self._end(caller.uid, keys, ending)
            gone.update(ending)
            keys = self._rows(caller.uid)  # there are those that were made meanwhile, too

    def _issued(
        self,
        caller: "Caller",
        maker: Row | None,
        scopes: Set[str],
        expires_at: int | None,
        name: str | None,
    ) -> tuple[dict[str, Any], Sequence[Change]]:
        key_id = rows.new_id()
        issued = self._tokens.issue(SERVICE_KEY, caller, "key", key_id, scopes, expires_at)
        row = {
            "id": key_id,
            "name": name,
            "prefix": issued.text[:_PREFIX_LENGTH],
            "scopes": [scope for scope in _SCOPES if scope in scopes],
            "createdAt": timestamp(self._clock.now()),
            "expiresAt": None if expires_at is None else timestamp(expires_at),
            "lookup": issued.lookup,
            "madeBy": None if maker is None else maker["id"],
        }
        told = {"id": key_id, "scopes": row["scopes"]}
        changes: list[Change] = [
            Put(_entry(caller.uid, row, expires_at), if_absent=True),
            issued.put,
            audit.entry(caller.uid, "key-made", self._clock.now(), told),
        ]
        if maker is not None:
            changes.append(_unchanged(caller.uid, maker))
        return {**metadata(row), "secret": issued.text}, changes

    def _end(self, uid: str, keys: Mapping[str, Row], ending: Sequence[str]) -> None:
        """Remove keys, the last of them last: then a try that fails can be made again."""
        for start in range(0, len(ending), _KEYS_A_WRITE):
            changes = [
                change
                for key_id in ending[start : start + _KEYS_A_WRITE]
                for change in self._tokens.revocation(uid, "key", key_id, keys[key_id]["lookup"])
            ]
            self._accounts.write(*changes)

    def _rows(self, uid: str) -> dict[str, Row]:
        return {row["id"]: row for row in self._users.holdings(uid).keys}

    def _expiry(self, text: str | None) -> int | None:
        if text is None:
            return None
        try:
            seconds = _seconds(text)
            timestamp(seconds)
        except (ValueError, OverflowError) as error:
            message = "expected a time such as 2030-01-31T12:00:00Z"
            raise InvalidInput.field("expiresAt", message) from error
        if seconds <= self._clock.now():
            raise InvalidInput.field("expiresAt", "expected a time in the future")
        return seconds


def _check_strength(
    caller: "Caller", maker: Row | None, scopes: Set[str], expires_at: int | None
) -> None:
    if "admin" in scopes and not caller.is_admin:
        raise NotAllowed("Only an administrator's key may have the scope 'admin'")
    if maker is None:
        return
    if more := _beyond(scopes, caller):
        raise NotAllowed(f"A key cannot make a stronger one: it lacks {more}")
    last = maker.get("expiresAt")
    if last is not None and (expires_at is None or timestamp(expires_at) > last):
        raise NotAllowed(f"A key cannot make one that lasts longer: expiresAt is at most {last}")


def _beyond(scopes: Collection[str], caller: "Caller") -> str:
    """The scopes that the caller has not, as text; empty if there are none."""
    return ", ".join(
        repr(scope) for scope in _SCOPES if scope in scopes and scope not in caller.scopes
    )


def _with_made(keys: Mapping[str, Row], makers: Set[str]) -> Sequence[str]:
    """What is left of these keys and of all that they and those made, makers last."""
    found = sorted(makers)
    for maker in found:
        found += [other for other, row in keys.items() if row.get("madeBy") == maker]
    return [key_id for key_id in dict.fromkeys(reversed(found)) if key_id in keys]


def _unchanged(uid: str, row: Row) -> Put:
    """Makes a write one that is refused where a key was removed since it was read."""
    stored = {field: value for field, value in row.items() if field != "lastUsedAt"}
    expires_at = None if row["expiresAt"] is None else _seconds(row["expiresAt"])
    return Put(_entry(uid, stored, expires_at), replacing=stored)


def _entry(uid: str, row: Row, expires_at: int | None) -> Entry:
    return Entry(rows.of_user(uid), rows.identity("key", row["id"]), row, expires_at)


def _seconds(text: str) -> int:
    """Epoch seconds of an ISO 8601 time; one without an offset is UTC."""
    moment = datetime.fromisoformat(text.strip())
    return int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp())


def _sorted(keys: Mapping[str, Row]) -> Sequence[Row]:
    return sorted(keys.values(), key=lambda row: (row["createdAt"], row["id"]))
