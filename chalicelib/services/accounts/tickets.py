"""Tickets: what opens one socket, for pages that cannot send a header when they connect.

A ticket has the look-up id of the token that it was asked for with, so whoever
shows it is resolved as with that token: the same scopes, as of now, and nobody
once the token is revoked. That it was given out tells its row, whose key is the
ticket's hash; where there is a password, it is what binds the ticket to that, so
a server with another one does not find it. The row is removed in the write that
registers the socket: of two that show one ticket, one gets in.
"""

from dataclasses import dataclass

from chalicelib.errors import NotSignedIn
from chalicelib.moments import timestamp
from chalicelib.ports import Clock, Entry, Index, Put, Remove
from chalicelib.security import tokens
from chalicelib.services.accounts.tokens import binding
from chalicelib.services.callers import Caller, Callers

TICKET_SECONDS = 30
# Stands for the token of those who have none, where nobody signs in.
_NO_TOKEN = "0" * 16


@dataclass(frozen=True, slots=True)
class Ticket:
    """A new ticket, shown once; ``expires_at`` is ISO 8601."""

    text: str
    expires_at: str


@dataclass(frozen=True, slots=True)
class Shown:
    """Whose a ticket is that somebody shows, if ``use`` can be carried out."""

    caller: Caller
    use: Remove


class Tickets:
    """The rows of tickets. They lie in the index of the sockets, to be used in one write.

    Tickets are ``bound_to`` the server's password, if it has one.
    """

    def __init__(
        self, index: Index, callers: Callers, clock: Clock, bound_to: str | None = None
    ) -> None:
        self._index = index
        self._callers = callers
        self._clock = clock
        self._bound_to = bound_to

    def issue(self, caller: Caller) -> Ticket:
        """A ticket for a caller, good for one socket and for ``TICKET_SECONDS``. One write."""
        minted = tokens.mint(tokens.SOCKET_TICKET, caller.token or _NO_TOKEN)
        expires_at = int(self._clock.now()) + TICKET_SECONDS
        key = self._key(minted.text, minted.hash)
        entry = Entry(_of_token(minted.lookup), key, {}, expires_at)
        self._index.write(Put(entry, if_absent=True))
        return Ticket(minted.text, timestamp(expires_at))

    def show(self, text: str) -> Shown:
        """Whose a ticket is; ``NotSignedIn``. One read.

        It is proven by its ``use`` only, which fails for one that has lapsed, was
        used, was never given out, or was while the server had another password.
        """
        parsed = tokens.parse(text)
        if parsed is None or parsed.prefix != tokens.SOCKET_TICKET:
            raise NotSignedIn("The ticket is not valid, or no longer")
        caller = self._callers.standing(None if parsed.lookup == _NO_TOKEN else parsed.lookup)
        key = self._key(text, tokens.hash_of(parsed))
        return Shown(caller, Remove(_of_token(parsed.lookup), key, if_present=True))

    def _key(self, text: str, hashed: str) -> str:
        return hashed if self._bound_to is None else binding(text, self._bound_to)


def _of_token(lookup: str) -> str:
    return f"ticket#{lookup}"
