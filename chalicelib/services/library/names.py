"""The names of a project's workflows: one workflow a name, whoever asks at the same time.

A workflow that is listed under a name holds the name's row. Such a row is only
ever removed in the transaction that also removes or replaces the row listing
the workflow under that name, so nobody removes what another has just taken.

A rename takes the new name first (a claim), then writes the object, then the
rows. Three things can be left by a crash, and whoever wants the name then puts
them right: a claim whose object never came (it is released once no request
can still be using it), an object whose rows never came (they are settled), and
both at once.
"""

import secrets
from collections.abc import Set
from itertools import count

from chalicelib.errors import ConditionFailed, Conflict, NotFound, PreconditionFailed
from chalicelib.ports import Entry, Put, Remove
from chalicelib.schemas.names import MAX_NAME_LENGTH
from chalicelib.services.library import keys as library_keys
from chalicelib.services.library.keys import Place
from chalicelib.services.library.rows import TRIES, LibraryRows
from chalicelib.services.library.store import LibraryStore, busy


class LibraryNames:
    """Gives names to workflows."""

    def __init__(self, store: LibraryStore, rows: LibraryRows) -> None:
        self._store = store
        self._rows = rows

    def claim(self, place: Place, name: str) -> str:
        """Take a name for a rename; the claim's token, or ``Conflict``."""
        token = secrets.token_hex(8)
        claim = {"id": place.workflow_id, "claim": token, "claimedAt": self._store.timestamp()}
        for _ in range(TRIES):
            try:
                self._rows.index.write(
                    Put(Entry(place.partition, library_keys.name_row(name), claim), if_absent=True),
                    Put(Entry(place.partition, library_keys.claim_row(token), {"name": name})),
                )
            except ConditionFailed:
                self.make_room(place, name)
            else:
                return token
        raise busy()

    def release(self, place: Place, name: str, token: str) -> None:
        """Give a claimed name back. A claim that is gone already is fine."""
        try:
            self._rows.index.write(
                Remove(place.partition, library_keys.claim_row(token), if_present=True),
                Remove(place.partition, library_keys.name_row(name)),
            )
        except ConditionFailed:
            return

    def release_unused(self, place: Place, name: str, token: str) -> None:
        """Give a claimed name back, unless the workflow has it by now."""
        current = self._store.find(place)
        if current is None or current.name != name:
            self.release(place, name, token)

    def make_room(self, place: Place, name: str) -> None:
        """Free a name that was left by a crash; ``Conflict`` if it is rightly held.

        ``PreconditionFailed`` if another request is just giving it to this very
        workflow: then the workflow is to be read again.
        """
        held = self._rows.index.get(place.partition, library_keys.name_row(name))
        if held is None:
            return
        holder = place.workflow(held.value["id"])
        current = self._store.find(holder)
        claim = held.value.get("claim")
        if current is not None and current.name == name:
            raise _taken(name) if holder != place else PreconditionFailed("Renamed meanwhile")
        if claim is None:
            self._settle(holder)  # its object has another name by now, its rows this one
        elif self._store.is_recent(held.value["claimedAt"]):
            raise _taken(name) if holder != place else PreconditionFailed("Renamed meanwhile")
        else:
            self.release(place, name, claim)

    def _settle(self, holder: Place) -> None:
        try:
            self._rows.settle(holder)
        except NotFound:
            raise busy() from None


def free_name(name: str, taken: Set[str]) -> str:
    """The name, or the first of "name (2)", "name (3)" ... that is not taken."""
    numbers = count(2)
    free = name
    while free in taken:
        ending = f" ({next(numbers)})"
        free = name[: MAX_NAME_LENGTH - len(ending)] + ending
    return free


def _taken(name: str) -> Conflict:
    return Conflict(f"Another workflow of this project is named {name!r}")
