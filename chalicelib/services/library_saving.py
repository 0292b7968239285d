"""Changing a document that may be changed by others at the same time."""

from collections.abc import Callable

from chalicelib.errors import PreconditionFailed
from chalicelib.services.if_match import IfMatch
from chalicelib.services.library_keys import Place
from chalicelib.services.library_names import LibraryNames
from chalicelib.services.library_rows import TRIES, LibraryRows
from chalicelib.services.library_store import Document, LibraryStore, Stored, busy

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
        name, claim, done = str(document.get("name", "")), None, False
        try:
            if old.place.kind == "workflow" and name != old.name:
                claim = self._names.claim(old.place, name)
            new = self._store.replace(old, document)
            done = self._rows.replace(old, new, claim=claim)
        except PreconditionFailed:
            return None
        finally:
            if claim is not None and not done:
                self._names.release_unused(old.place, name, claim)
        return new


def check(current: Stored, if_match: IfMatch | None) -> None:
    """``PreconditionFailed`` unless this version may be replaced."""
    if if_match is not None and not if_match.allows(current.etag):
        raise PreconditionFailed(
            f"The {current.place.kind} has changed since it was read; read it again"
        )
