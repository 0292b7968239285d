"""Signing in, registering, and changing a password."""

import hmac
import logging
from dataclasses import dataclass
from typing import Any, Literal

from chalicelib.errors import ConditionFailed, Conflict, InvalidInput, NotAllowed, NotSignedIn
from chalicelib.ports import Change, Entry, Put
from chalicelib.schemas import accounts as schemas
from chalicelib.schemas.parsing import parse
from chalicelib.schemas.usernames import folded
from chalicelib.security import passwords
from chalicelib.services.accounts import attempts, rows
from chalicelib.services.accounts.attempts import Attempts, Client
from chalicelib.services.accounts.invites import Invite, Invites
from chalicelib.services.accounts.sessions import Opened, Sessions
from chalicelib.services.accounts.users import (
    DEFAULT_USER,
    Holdings,
    Users,
    listing,
    name_row,
    taken,
)
from chalicelib.services.callers import Caller, Mode

_logger = logging.getLogger(__name__)
_TRIES = 10
_WRONG = "The username or the password is wrong"


@dataclass(frozen=True, slots=True)
class Rules:
    """How people come in. ``first_needs_code``: also the first account needs an invitation."""

    mode: Mode
    access_password: str | None
    registration: Literal["invite", "open"]
    first_needs_code: bool


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session, and whose it is (``currentUser`` of a UserContext)."""

    opened: Opened
    current_user: dict[str, Any]


class SignIn:
    """Opens sessions. Whatever a client shows beside a password is not looked at."""

    def __init__(
        self,
        *,
        rules: Rules,
        users: Users,
        sessions: Sessions,
        invites: Invites,
        attempts: Attempts,
    ) -> None:
        self._rules = rules
        self._users = users
        self._sessions = sessions
        self._invites = invites
        self._attempts = attempts

    def login(self, body: object, client: Client) -> SignedIn:
        """Open a session with a password; ``body`` is a ``schemas.accounts.Login``.

        ``NotSignedIn`` whatever is wrong, and after as long; ``TooManyRequests``;
        ``NotAllowed`` where nobody signs in; ``InvalidInput`` without a name where
        there are accounts.
        """
        if self._rules.mode == "open":
            raise NotAllowed("This server has no password: everybody is signed in")
        given = parse(schemas.Login, body)
        if self._rules.mode == "password":
            name = DEFAULT_USER
        elif given.username is None:
            raise InvalidInput.field("username", "is needed")
        else:
            name = folded(given.username)
        own, others = attempts.of_account(name, client.origin), attempts.of_origin(client.origin)
        self._attempts.begin([*own, *others])
        signed_in = self._login(name, given.password, client)
        self._attempts.forgive(wholly=own, this_one=others)
        return signed_in

    def register(self, body: object, client: Client) -> SignedIn:
        """Make an account and open its first session; ``body`` is a ``Registration``.

        The first account is the administrator's. ``NotAllowed`` without an invitation
        where one is needed; ``Conflict`` for a name that is taken; ``TooManyRequests``.
        """
        if self._rules.mode != "accounts":
            raise NotAllowed("This server has one user and no accounts")
        given = parse(schemas.Registration, body)
        self._attempts.begin(attempts.of_registrations(client.origin))
        hashed: str | None = None
        for _ in range(_TRIES):
            is_first = not self._users.has_administrator()
            invite = self._invite(given.invite_code, is_first=is_first)
            hashed = hashed or passwords.hash_password(given.password)
            is_admin = is_first or (invite is not None and invite.admin)
            user = self._users.new(given.username, hashed, is_admin=is_admin)
            also: list[Change] = [name_row(user)]
            if invite is not None:
                also.append(invite.use)
            if is_first:
                also.append(Put(Entry(*rows.ADMINISTRATOR, {"uid": user.uid}), if_absent=True))
            also += [listing(user.value), self._users.registered(user)]
            holdings = Holdings(user, [], [], [])
            try:
                opened = self._sessions.open(holdings, client.user_agent, also=also)
            except ConditionFailed as lost:
                if 0 in lost.positions:
                    raise taken(given.username) from lost
                continue  # the code was used, or somebody else was first
            _logger.info("registered", extra={"uid": user.uid, "admin": is_admin})
            return SignedIn(opened, holdings.current_user())
        raise Conflict("Too many requests change the same thing at once")

    def change_password(self, caller: Caller, body: object, client: Client) -> None:
        """Give the caller another password and end all other sessions.

        ``body`` is a ``PasswordChange``.

        ``NotAllowed`` for keys, for a wrong current password, and where the password
        is the operator's; ``TooManyRequests``.
        """
        session_id = caller.require_session()
        if self._rules.mode != "accounts":
            raise NotAllowed("The operator sets this server's password (TAVERN_ACCESS_PASSWORD)")
        given = parse(schemas.PasswordChange, body)
        user = self._users.get(caller.uid)
        own = attempts.of_account(folded(user.username), client.origin)
        others = attempts.of_origin(client.origin)
        self._attempts.begin([*own, *others])
        if not _is_right(given.current_password, user.password_hash):
            self._users.note_failure(caller.uid)
            raise NotAllowed("The current password is wrong")
        self._attempts.forgive(wholly=own, this_one=others)
        new_hash = passwords.hash_password(given.new_password)
        self._sessions.set_password(caller.uid, user.password_hash, new_hash, session_id)
        _logger.info("password changed", extra={"uid": caller.uid})

    def _login(self, name: str, password: str, client: Client) -> SignedIn:
        known: tuple[str | None, bool] | None = None
        for _ in range(_TRIES):
            holdings = self._holdings(name)
            stored = None if holdings is None else holdings.user.password_hash
            if known is None or known[0] != stored:  # once, unless it was just changed
                known = stored, self._is_right(password, stored)
            if holdings is None or not known[1] or holdings.user.is_disabled:
                _logger.info("sign-in refused")
                self._users.note_failure(None if holdings is None else holdings.user.uid)
                raise NotSignedIn(_WRONG)
            try:
                opened = self._open(holdings, password, client)
            except ConditionFailed:  # the profile has changed
                continue
            _logger.info("signed in", extra={"uid": holdings.user.uid})
            return SignedIn(opened, holdings.current_user())
        raise Conflict("Too many requests change this user at once")

    def _holdings(self, name: str) -> Holdings | None:
        if self._rules.mode == "password":
            return self._users.holdings(DEFAULT_USER)
        return self._users.by_name(name)

    def _is_right(self, password: str, stored: str | None) -> bool:
        if self._rules.mode == "password":
            return _are_equal(password, self._rules.access_password or "")
        return _is_right(password, stored)

    def _open(self, holdings: Holdings, password: str, client: Client) -> Opened:
        if self._rules.mode == "password":
            bound_to = self._rules.access_password
            return self._sessions.open(holdings, client.user_agent, bound_to=bound_to)
        profile = {}
        if passwords.needs_rehash(holdings.user.password_hash or ""):
            profile["passwordHash"] = passwords.hash_password(password)
        return self._sessions.open(holdings, client.user_agent, profile=profile)

    def _invite(self, code: str | None, *, is_first: bool) -> Invite | None:
        """The invitation that is used up; ``NotAllowed`` where none or another is needed."""
        invite = None if code is None else self._invites.find(code)
        if code is not None and invite is None:
            raise NotAllowed("The invitation code is not valid, or was used")
        if is_first and self._rules.first_needs_code and (invite is None or not invite.admin):
            raise NotAllowed("The first account needs an administrator's invitation code")
        if not is_first and self._rules.registration == "invite" and invite is None:
            raise NotAllowed("An invitation code is needed")
        return invite


def _is_right(password: str, stored: str | None) -> bool:
    """Whether it is the password of a hash; as slow where there is none."""
    matches = passwords.verify(password, stored or passwords.DUMMY_HASH)
    return matches and stored is not None


def _are_equal(one: str, other: str) -> bool:
    """In a time that does not tell where they differ; the server's own is kept by no store."""
    return hmac.compare_digest(one.encode(), other.encode())
