"""Tickets: what opens one socket, for pages that cannot send a header when they connect.

A ticket has the look-up id of the token that it was asked for with, so whoever
shows it is resolved as with that token: the same scopes, as of now, and nobody
once the token is revoked. That it was given out tells its row, whose key is the
ticket's hash. The row is removed in the write that registers the socket: of two
that show one ticket, one gets in.
"""

from dataclasses import dataclass

from chalicelib.errors import NotSignedIn
from chalicelib.ports import Clock, Entry, Index, Put, Remove
from chalicelib.security import tokens
from chalicelib.services.accounts import rows
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
    """The rows of tickets. They lie in the index of the sockets, to be used in one write."""

    def __init__(self, index: Index, callers: Callers, clock: Clock) -> None:
        self._index = index
        self._callers = callers
        self._clock = clock

    def issue(self, caller: Caller) -> Ticket:
        """A ticket for a caller, good for one socket and for ``TICKET_SECONDS``. One write."""
        minted = tokens.mint(tokens.SOCKET_TICKET, caller.token or _NO_TOKEN)
        expires_at = int(self._clock.now()) + TICKET_SECONDS
        entry = Entry(_of_token(minted.lookup), minted.hash, {}, expires_at)
        self._index.write(Put(entry, if_absent=True))
        return Ticket(minted.text, rows.timestamp(expires_at))

    def show(self, text: str) -> Shown:
        """Whose a ticket is; ``NotSignedIn``. One read.

        It is proven by its ``use`` only, which fails for one that has lapsed, was
        used, or was never given out.
        """
        parsed = tokens.parse(text)
        if parsed is None or parsed.prefix != tokens.SOCKET_TICKET:
            raise NotSignedIn("The ticket is not valid, or no longer")
        caller = self._callers.standing(None if parsed.lookup == _NO_TOKEN else parsed.lookup)
        use = Remove(_of_token(parsed.lookup), tokens.hash_of(parsed), if_present=True)
        return Shown(caller, use)


def _of_token(lookup: str) -> str:
    return f"ticket#{lookup}"
