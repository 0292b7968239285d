"""Changing a document that may be changed by others at the same time."""

from collections.abc import Callable
from contextlib import suppress

from chalicelib.errors import NotFound, PreconditionFailed, TooLarge
from chalicelib.services.library.if_match import IfMatch
from chalicelib.services.library.keys import Place
from chalicelib.services.library.names import LibraryNames
from chalicelib.services.library.rows import TRIES, BeingRestored, LibraryRows
from chalicelib.services.library.store import Document, LibraryStore, Stored, busy

Change = Callable[[Stored], Document | None]


class LibrarySaving:
    """Reads, changes and writes documents, each write conditional on what was read."""

    def __init__(self, store: LibraryStore, rows: LibraryRows) -> None:
        self._store = store
        self._rows = rows
        self._names = LibraryNames(store, rows)

    def change(
        self, place: Place, change: Change, if_match: IfMatch | None = None
    ) -> tuple[Stored, Stored]:
        """Write what ``change`` makes of the current version; the versions before and after.

        ``change`` may be called again when others save in between, and may
        return None to leave all as it is. ``NotFound``; ``PreconditionFailed``
        if ``if_match`` does not allow the current version; ``Conflict`` for a
        name that is taken. Three calls of the stores, or four to rename.
        """
        for _ in range(TRIES):
            old = self._store.load(place)
            check(old, if_match)
            document = change(old)
            if document is None:
                return old, old
            new = self._written(old, document)
            if new is not None:
                return old, new
        raise busy()

    def _written(self, old: Stored, document: Document) -> Stored | None:
        """The new version, with its rows; None if another was written first."""
        name = str(document.get("name", ""))
        if old.place.kind == "project" or name == old.name:
            return self._replaced(old, document, None)[0]
        try:
            claim = self._names.claim(old.place, name)
        except PreconditionFailed:
            return None
        claim_used = False
        try:
            new, claim_used = self._replaced(old, document, claim)
        finally:
            if not claim_used:
                self._names.release_unused(old.place, name, claim)
        return new

    def _replaced(
        self, old: Stored, document: Document, claim: str | None
    ) -> tuple[Stored | None, bool]:
        """Also tells whether the rows were written just as expected."""
        try:
            new = self._store.replace(old, document)
        except PreconditionFailed:
            return None, False
        try:
            return new, self._rows.replace(old, new, claim=claim)
        except (NotFound, BeingRestored):  # it is not listed any more, or not yet
            with suppress(PreconditionFailed):
                self._store.replace(new, old.document)
            raise
        except TooLarge:
            self._store.withdraw(new)
            raise


def check(current: Stored, if_match: IfMatch | None) -> None:
    """``PreconditionFailed`` unless this version may be replaced."""
    if if_match is not None and not if_match.allows(current.etag):
        raise PreconditionFailed(
            f"The {current.place.kind} has changed since it was read; read it again"
        )
