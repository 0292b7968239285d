"""Revocations: the sockets of a session or key that has ended are closed.

The write that revokes leaves a note. The request that made it closes the sockets
at once; the sweeper closes what is left, and removes the note.
"""

import logging
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from chalicelib.ports import Clock, Entry, Index, Remove
from chalicelib.services.accounts import rows
from chalicelib.services.connections import Connections

_logger = logging.getLogger(__name__)
# A socket that was on its way in when its identity was revoked is registered by then:
# the functions that let it in are given less time.
_SETTLED_SECONDS = 120
_REMOVED_AT_ONCE = 100


class Revocations:
    """The notes of all users."""

    def __init__(self, accounts: Index, connections: Connections, clock: Clock) -> None:
        self._accounts = accounts
        self._connections = connections
        self._clock = clock

    def carry_out(self, uid: str) -> None:
        """Close the sockets of a user's revoked sessions and keys. Never fails.

        The notes stay for the sweeper: a socket may be on its way in.
        """
        try:
            notes = self._accounts.query(rows.REVOCATIONS, rows.revocation(uid, "")).entries
            self._close(uid, notes)
        except Exception:  # it is revoked all the same; the sweeper closes the sockets
            _logger.exception("The sockets of a revoked identity are left to the sweeper")

    def sweep(self) -> int:
        """Close what is left of all users, and forget what is settled; how many were closed."""
        by_user: dict[str, list[Entry]] = defaultdict(list)
        for note in self._accounts.query(rows.REVOCATIONS).entries:
            by_user[note.key.partition("#")[0]].append(note)
        closed = 0
        settled: list[Entry] = []
        for uid, notes in by_user.items():
            try:
                closed += self._close(uid, notes)
            except Exception:  # one user's must not keep those of the others open
                _logger.exception("The sockets of a revoked identity stay open")
            else:
                settled += filter(self._is_settled, notes)
        for first in range(0, len(settled), _REMOVED_AT_ONCE):
            batch = settled[first : first + _REMOVED_AT_ONCE]
            self._accounts.write(*(Remove(note.partition, note.key) for note in batch))
        return closed

    def _close(self, uid: str, notes: Sequence[Entry]) -> int:
        identities = {note.key.partition("#")[2] for note in notes}
        return self._connections.close_of(uid, identities) if identities else 0

    def _is_settled(self, note: Entry) -> bool:
        revoked_at = datetime.fromisoformat(note.value["at"]).timestamp()
        return self._clock.now() - revoked_at > _SETTLED_SECONDS
