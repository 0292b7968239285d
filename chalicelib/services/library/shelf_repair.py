"""Rebuilds the rows of documents with ids of their own from the objects alone.

For rows that were lost, restored from an old copy, or are not trusted.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from chalicelib.errors import InvalidInput, NotFound
from chalicelib.ports import Entry, Remove
from chalicelib.services.library import items
from chalicelib.services.library.items import HEAD
from chalicelib.services.library.shelf import Shelf

_REMOVED_AT_ONCE = 100


@dataclass(slots=True)
class Rebuilt:
    """How many documents have new rows, how many rows had none, and where to go on."""

    documents: int = 0
    removed: int = 0
    after: str | None = None

    def view(self) -> dict[str, Any]:
        """For a client."""
        return asdict(self)


class ShelfRepair:
    """Makes a user's rows follow from the objects again."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def rebuild(self, uid: str, after: str | None, has_time: Callable[[], bool]) -> Rebuilt:
        """Write the rows of all documents past an id; ends early when there is no more time.

        Begins with the removal of rows that are of no document, lest a name stay taken.
        ``InvalidInput`` for what is no id.
        """
        if after is not None and not items.is_id(after):
            raise InvalidInput.field("after", "the after of an answer is expected")
        done = Rebuilt()
        if after is None:
            done.removed = self._remove(self._orphans(uid))
        for item in self._shelf.all(uid, after):
            if done.documents and not has_time():
                return done
            try:
                self._shelf.settle(uid, item.id, anew=True)
            except NotFound:  # removed for good since it was found
                continue
            done.documents += 1
            done.after = item.id
        done.after = None
        return done

    def _orphans(self, uid: str) -> list[Entry]:
        listed = self._shelf.index.query(self._shelf.partition(uid)).entries
        deleted = self._shelf.index.query(items.bin_partition(self._shelf.kind, uid)).entries
        living = self._shelf.ids(uid)  # last: what is created meanwhile has an object first
        heads = [entry for entry in [*listed, *deleted] if entry.key.startswith(HEAD)]
        of_none = [head for head in heads if items.id_in(head.key) not in living]
        named = {
            str(key)
            for head in heads
            if items.id_in(head.key) in living
            for key in head.value.get("rows", [])
        }
        others = [
            entry for entry in listed if not entry.key.startswith(HEAD) and entry.key not in named
        ]
        return [*of_none, *others]

    def _remove(self, entries: Sequence[Entry]) -> int:
        for first in range(0, len(entries), _REMOVED_AT_ONCE):
            some = entries[first : first + _REMOVED_AT_ONCE]
            self._shelf.index.write(*(Remove(entry.partition, entry.key) for entry in some))
        return len(entries)
