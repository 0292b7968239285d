"""External credentials: what nodes need to use services elsewhere in their owner's name.

Each is sealed under a data key of its own, which the vault has wrapped. User, id
and service are authenticated with it: a row that is copied to somebody else, or
renamed to another service, does not open.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib.errors import (
    ConditionFailed,
    Conflict,
    NewerFormat,
    NotFound,
    SecretUnreadable,
    TooLarge,
)
from chalicelib.moments import timestamp
from chalicelib.ports import Change, Clock, Entry, Index, Put, Remove, Vault
from chalicelib.security import envelopes
from chalicelib.services.accounts import audit, rows

if TYPE_CHECKING:
    from chalicelib.schemas.user_keys import CredentialDraft
    from chalicelib.services.accounts.users import Holdings, Users
    from chalicelib.services.callers import Caller

# All of them fit one page of a query, beside the rest of what a user has.
MAX_CREDENTIALS = 50
MAX_BYTES = 8 * 1024
_SHOWN = ("id", "serviceName", "displayName", "displayHint", "createdAt")
_HINT_LENGTH = 4
# With four of each end shown, at least half of it is not.
_HINTED_LENGTH = 16

_ID = re.compile(r"[0-9a-z]{1,64}\Z")

Row = Mapping[str, Any]


def metadata(row: Row) -> dict[str, Any]:
    """What clients see of a stored credential: never its content, nor the envelope."""
    return {field: row[field] for field in _SHOWN if row.get(field) is not None}


@dataclass(frozen=True, slots=True)
class Rewrapped:
    """How many of a user's credentials were wrapped anew, and how many could not be read."""

    rewrapped: int
    unreadable: int


class Credentials:
    """The external credentials of all users; everyone sees his own."""

    def __init__(self, accounts: Index, users: "Users", vault: Vault, clock: Clock) -> None:
        self._accounts = accounts
        self._users = users
        self._vault = vault
        self._clock = clock

    def list(self, uid: str) -> list[dict[str, Any]]:
        """What there is, oldest first, without any content."""
        found = sorted(self._rows(uid), key=lambda row: (row["createdAt"], row["id"]))
        return [metadata(row) for row in found]

    def create(self, caller: "Caller", body: object) -> dict[str, Any]:
        """Seal and keep a credential of the caller's; its metadata.

        ``InvalidInput``, ``TooLarge``; ``NotSignedIn`` for a caller who has ended
        meanwhile; ``Conflict`` if the user has ``MAX_CREDENTIALS``.
        """
        from chalicelib.schemas.parsing import parse
        from chalicelib.schemas.user_keys import CredentialDraft

        draft = parse(CredentialDraft, body)
        if (size := len(draft.credential.encode())) > MAX_BYTES:
            raise TooLarge(f"The credential has {size} bytes; at most {MAX_BYTES} are kept")

        def make(holdings: "Holdings") -> tuple[dict[str, Any], Sequence[Change]]:
            if len(holdings.credentials) >= MAX_CREDENTIALS:
                details = {"credentials": [f"at most {MAX_CREDENTIALS} at a time"]}
                text = f"There are {MAX_CREDENTIALS} credentials; remove one first"
                raise Conflict(text, details)
            return self._sealed(caller.uid, draft)

        return self._users.add(caller, make)

    def remove(self, uid: str, credential_id: str) -> None:
        """Forget a credential; ``NotFound``."""
        _check_id(credential_id)
        try:
            self._accounts.write(
                Remove(rows.of_user(uid), _key(credential_id), if_present=True),
                audit.entry(uid, "credential-removed", self._clock.now(), {"id": credential_id}),
            )
        except ConditionFailed as error:
            raise NotFound("No such credential") from error

    def open(self, uid: str, credential_id: str) -> str:
        """The content, for a worker's memory only; ``NotFound``, ``SecretUnreadable``."""
        _check_id(credential_id)
        entry = self._accounts.get(rows.of_user(uid), _key(credential_id))
        if entry is None:
            raise NotFound("No such credential")
        row = entry.value
        wrapped = envelopes.wrapped_key(row["envelope"])
        data_key = self._vault.unwrap(wrapped, _context(uid, row))
        return envelopes.open_(row["envelope"], _identity(uid, row), data_key).decode()

    def rewrap_all(self, uid: str) -> Rewrapped:
        """Wrap the data keys of a user's credentials under the newest master key.

        No content is opened for it. One that is removed meanwhile stays removed; one
        whose key does not open, or that a newer version sealed, stays as it is.
        """
        count = unreadable = 0
        for row in self._rows(uid):
            try:
                envelope = self._rewrapped(uid, row)
            except (SecretUnreadable, NewerFormat):  # the others are to be wrapped all the same
                unreadable += 1
                continue
            with suppress(ConditionFailed):
                entry = _entry(uid, {**row, "envelope": envelope})
                self._accounts.write(Put(entry, replacing=row))
                count += 1
        return Rewrapped(count, unreadable)

    def _sealed(
        self, uid: str, draft: "CredentialDraft"
    ) -> tuple[dict[str, Any], Sequence[Change]]:
        row: dict[str, Any] = {
            "id": rows.new_id(),
            "serviceName": draft.service_name,
            "displayName": draft.display_name,
            "displayHint": _hint(draft.credential),
            "createdAt": timestamp(self._clock.now()),
        }
        data_key = self._vault.new_key(_context(uid, row))
        plain = draft.credential.encode()
        row["envelope"] = envelopes.seal(plain, _identity(uid, row), data_key)
        told = audit.entry(uid, "credential-made", self._clock.now(), {"id": row["id"]})
        return metadata(row), [Put(_entry(uid, row), if_absent=True), told]

    def _rewrapped(self, uid: str, row: Row) -> dict[str, Any]:
        wrapped = envelopes.wrapped_key(row["envelope"])
        renewed = self._vault.rewrap(wrapped, _context(uid, row))
        return envelopes.rewrapped(row["envelope"], renewed)

    def _rows(self, uid: str) -> Sequence[Row]:
        found = self._accounts.query(rows.of_user(uid), _key("")).entries
        return [entry.value for entry in found]


def _check_id(credential_id: str) -> None:
    """``NotFound`` for what we never gave out, before a store has to make sense of it."""
    if not _ID.match(credential_id):
        raise NotFound("No such credential")


def _key(credential_id: str) -> str:
    return f"credential#{credential_id}"


def _entry(uid: str, row: Row) -> Entry:
    return Entry(rows.of_user(uid), _key(row["id"]), row)


def _context(uid: str, row: Row) -> dict[str, str]:
    """What the vault binds the key to. Its log shows this: the user's own words stay out."""
    return {"uid": uid, "credential": row["id"]}


def _identity(uid: str, row: Row) -> bytes:
    return envelopes.associated_data({**_context(uid, row), "service": row["serviceName"]})


def _hint(credential: str) -> dict[str, str] | None:
    if len(credential) < _HINTED_LENGTH:
        return None
    return {"prefix": credential[:_HINT_LENGTH], "suffix": credential[-_HINT_LENGTH:]}
