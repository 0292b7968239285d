"""Invitations: codes that let one person register once."""

import hashlib
import secrets
from dataclasses import dataclass

from chalicelib.moments import timestamp
from chalicelib.ports import Clock, Entry, Index, Put, Remove
from chalicelib.services.accounts import rows

LIFETIME_SECONDS = 7 * 24 * 3600
# No letters or digits that are easily taken for one another: a code may be read out.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_GROUPS, _GROUP_LENGTH = 5, 5  # 25 * log2(31) = 123 bits


@dataclass(frozen=True, slots=True)
class Invite:
    """A code that is good, and what it makes; ``use`` goes into the write of the account."""

    admin: bool
    use: Remove


class Invites:
    """The invitations. Only a hash of a code is stored; there is nothing to guess."""

    def __init__(self, accounts: Index, clock: Clock) -> None:
        self._accounts = accounts
        self._clock = clock

    def create(self, *, admin: bool, lifetime: int = LIFETIME_SECONDS) -> str:
        """A new code, for one account within so many seconds; ``admin``: an administrator's."""
        groups = (
            "".join(secrets.choice(_ALPHABET) for _ in range(_GROUP_LENGTH)) for _ in range(_GROUPS)
        )
        code = "-".join(groups)
        now = self._clock.now()
        value = {"admin": admin, "createdAt": timestamp(now)}
        expiry = int(now) + lifetime
        self._accounts.write(
            Put(Entry(_partition(code), rows.INVITE, value, expiry), if_absent=True)
        )
        return code

    def find(self, code: str) -> Invite | None:
        """A code that nobody has used yet; None for any other."""
        partition = _partition(code)
        found = self._accounts.get(partition, rows.INVITE)
        if found is None:
            return None
        use = Remove(partition, rows.INVITE, if_present=True)
        return Invite(admin=bool(found.value["admin"]), use=use)


def _partition(code: str) -> str:
    """The code as it was typed may have capitals, blanks and other dashes."""
    typed = "".join(mark for mark in code.lower() if mark.isalnum())
    return f"invite#{hashlib.sha256(typed.encode(errors='replace')).hexdigest()}"
