"""Turning the master key: a new one, and every user's credentials wrapped under it.

No credential is opened for it. A turn that ends early says after which user to go
on; done again from the start it makes another master key and wraps all anew.
"""

from collections.abc import Callable, Iterator
from heapq import merge

from chalicelib.ports import Vault
from chalicelib.services.accounts.credentials import Credentials
from chalicelib.services.accounts.users import DEFAULT_USER, Users
from chalicelib.services.operations.commands import Answer, Row

_USERS_AT_ONCE = 200
_OURS = "There is a new master key. The earlier ones stay: older copies of the data need them"
_THEIRS = "KMS turns the key by itself; all is wrapped under the newest that it has"


class KeyRotation:
    """Rotates the vault, and re-wraps what hangs on it."""

    def __init__(self, vault: Vault, users: Users, credentials: Credentials) -> None:
        self._vault = vault
        self._users = users
        self._credentials = credentials

    def rotate(self, after: str | None, has_time: Callable[[], bool]) -> Answer:
        """A row for each user with credentials; ``failed`` if some could not be re-wrapped.

        With ``after``, a uid, it goes on past that user, under the master key there is.
        """
        note = None
        if after is None:
            note = _OURS if self._vault.rotate() else _THEIRS
        rows: list[Row] = []
        failed = False
        last = None
        for uid in self._uids(after):
            if last is not None and not has_time():
                return Answer(rows, note, failed=failed, following={"after": last})
            done = self._credentials.rewrap_all(uid)
            if done.rewrapped or done.unreadable:
                rows.append(
                    {"user": uid, "rewrapped": done.rewrapped, "unreadable": done.unreadable}
                )
            failed = failed or done.unreadable > 0
            last = uid
        return Answer(rows, note, failed=failed)

    def _uids(self, after: str | None) -> Iterator[str]:
        """All uids past one, in order; the user of the single-user modes is in no list."""
        alone = [DEFAULT_USER] if after is None or after < DEFAULT_USER else []
        return merge(alone, self._listed(after))

    def _listed(self, after: str | None) -> Iterator[str]:
        more = True
        while more:
            found, after = self._users.page(_USERS_AT_ONCE, after)
            yield from (str(row["uid"]) for row in found)
            more = after is not None
