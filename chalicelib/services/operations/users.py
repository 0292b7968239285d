"""The accounts of all users, for their operator: let in, help, limit, lock out."""

import logging
import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from chalicelib.errors import ConditionFailed, Conflict, NotFound
from chalicelib.ports import Change, Clock, Index, RunLog
from chalicelib.security import passwords
from chalicelib.services.accounts import audit, rows
from chalicelib.services.accounts.invites import Invites
from chalicelib.services.accounts.quotas import Quotas
from chalicelib.services.accounts.rows import Kind
from chalicelib.services.accounts.sessions import Sessions
from chalicelib.services.accounts.tokens import Tokens
from chalicelib.services.accounts.users import DEFAULT_USER, Holdings, Users, listing
from chalicelib.services.imports.ending import Ending as ImportEnding
from chalicelib.services.operations.commands import Answer, Row
from chalicelib.services.operations.runs import RunOperations
from chalicelib.services.uploads import OfferedUploads

_logger = logging.getLogger(__name__)
_TRIES = 10
_REVOKED_AT_ONCE = 18
# No letters or digits that are easily taken for one another; 20 * log2(31) = 99 bits.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_GROUPS, _GROUP_LENGTH = 4, 5
_DAY_SECONDS = 24 * 3600


class UserOperations:
    """What an operator can do with accounts."""

    def __init__(
        self,
        *,
        accounts: Index,
        users: Users,
        sessions: Sessions,
        tokens: Tokens,
        invites: Invites,
        quotas: Quotas,
        log: RunLog,
        runs: RunOperations,
        uploads: OfferedUploads,
        imports: ImportEnding,
        clock: Clock,
    ) -> None:
        self._accounts = accounts
        self._users = users
        self._sessions = sessions
        self._tokens = tokens
        self._invites = invites
        self._quotas = quotas
        self._log = log
        self._runs = runs
        self._uploads = uploads
        self._imports = imports
        self._clock = clock

    def find(self, username: str) -> Holdings:
        """A user by uid, or by name; ``NotFound``.

        What is a uid is nobody's name, so that nobody can stand in for another.
        """
        if rows.is_id(username) or username == DEFAULT_USER:
            return self._users.holdings(username)
        found = self._users.by_name(username)
        if found is None:
            raise NotFound("No such user")
        return found

    def invite(self, days: int, *, admin: bool) -> Answer:
        """One row: a new invitation code."""
        code = self._invites.create(admin=admin, lifetime=days * _DAY_SECONDS)
        note = "It is shown this once, and makes one account"
        return Answer([{"code": code, "administrator": "yes" if admin else "no"}], note)

    def list(self, limit: int, after: str | None) -> Answer:
        """All users, by uid."""
        found, last = self._users.page(limit, after)
        note = None if last is None else f"There are more: --after {last}"
        return Answer([_listed(row) for row in found], note)

    def reset_password(self, username: str) -> Answer:
        """Give a user a random password, shown this once; all his sessions end."""
        for _ in range(_TRIES):
            user = self.account_of(username).user
            password = _password()
            hashed = passwords.hash_password(password)
            try:
                self._sessions.set_password(
                    user.uid, user.password_hash, hashed, None, "password-reset"
                )
            except Conflict:  # the user changes it at this very moment
                continue
            note = (
                "It is shown this once; the user should change it. All sessions have ended."
                " Service keys still work: 'disable' ends those too"
            )
            return Answer([{"user": user.uid, "password": password}], note)
        raise Conflict("The password was changed by another request")

    def disable(self, username: str) -> Answer:
        """Lock a user out: nobody signs in, sessions and keys end, runs are interrupted."""
        holdings = self.account_of(username)
        row = self.lock_out(holdings.user.uid, "The account was disabled")
        return Answer([row], "Open sockets are closed within a minute or two")

    def lock_out(self, uid: str, reason: str) -> dict[str, str | int | None]:
        """Disable a user and end all that acts in his name; how much that was.

        The profile goes first. After that nobody signs in, and no key or credential
        is made: see ``Users.add``. So none comes after those that are ended here.
        """
        self._mark(uid, is_disabled=True)
        ended = self._end_identities(uid, "session"), self._end_identities(uid, "key")
        self._uploads.withdraw(uid)
        self._imports.end_all(uid, reason)
        interrupted = 0
        for run in self._log.active(uid):
            with suppress(Conflict, NotFound):  # it has ended by itself
                self._runs.end(run.prompt_id, "interrupted", reason)
                interrupted += 1
        _logger.info("A user was disabled", extra={"uid": uid})
        return {
            "user": uid,
            "sessionsEnded": ended[0],
            "keysRemoved": ended[1],
            "runsInterrupted": interrupted,
        }

    def enable(self, username: str) -> Answer:
        """Let a user sign in again. Sessions and keys do not come back."""
        uid = self.account_of(username).user.uid
        self._mark(uid, is_disabled=False)
        return Answer([{"user": uid}])

    def quotas(self, username: str, changes: Mapping[str, int | None]) -> Answer:
        """A user's quotas, a row each, after changes."""
        uid = self.find(username).user.uid
        if changes:
            self._quotas.set(uid, changes)
        return Answer(self._quotas.of(uid))

    def account_of(self, username: str) -> Holdings:
        """The same, but ``Conflict`` for the one user of a server without accounts."""
        found = self.find(username)
        if found.user.uid == DEFAULT_USER:
            raise Conflict("This is the one user of a server without accounts")
        return found

    def _mark(self, uid: str, *, is_disabled: bool) -> None:
        act: audit.Act = "disabled" if is_disabled else "enabled"
        for _ in range(_TRIES):
            user = self._users.get(uid)
            if user.is_disabled == is_disabled:
                return
            change = user.changed(disabled=is_disabled, lockOuts=user.one_more("lockOuts"))
            told = audit.entry(uid, act, self._clock.now())
            try:
                self._accounts.write(change, listing(change.entry.value), told)
            except ConditionFailed:
                continue
            return
        raise Conflict("Too many requests change this user at once")

    def _end_identities(self, uid: str, kind: Kind) -> int:
        ended = 0
        for _ in range(_TRIES):
            holdings = self._users.holdings(uid)
            found = holdings.sessions if kind == "session" else holdings.keys
            if not found:
                return ended
            with suppress(ConditionFailed):  # one was ended by its user
                self._revoke(uid, kind, found[:_REVOKED_AT_ONCE])
                ended += len(found[:_REVOKED_AT_ONCE])
        raise Conflict("There are always more: try again")

    def _revoke(self, uid: str, kind: Kind, identities: Sequence[Mapping[str, Any]]) -> None:
        changes: list[Change] = []
        for each in identities:
            changes += self._tokens.revocation(uid, kind, each["id"], each["lookup"])
        self._accounts.write(*changes)


def _listed(row: Mapping[str, Any]) -> Row:
    return {
        "username": row["username"],
        "user": row["uid"],
        "administrator": "yes" if row["isAdmin"] else "no",
        "disabled": "yes" if row["disabled"] else "no",
        "createdAt": row["createdAt"],
    }


def _password() -> str:
    groups = (
        "".join(secrets.choice(_ALPHABET) for _ in range(_GROUP_LENGTH)) for _ in range(_GROUPS)
    )
    return "-".join(groups)
