"""The recycle bin as users see it: all that they have deleted, of whatever kind."""

from collections.abc import Mapping
from typing import Any

from chalicelib.errors import Conflict, NotFound
from chalicelib.services.library.recycle_bin import RecycleBin
from chalicelib.services.library.shelf import Shelf

Views = list[dict[str, Any]]


class AllBins:
    """One bin of what has several; an entry's id begins with its kind where it has one."""

    def __init__(self, projects: RecycleBin, *shelves: Shelf) -> None:
        self._projects = projects
        self._shelves: Mapping[str, Shelf] = {shelf.kind.name: shelf for shelf in shelves}

    def list(self, uid: str) -> Views:
        """All entries, the latest first: ``{id, kind, name, deletedAt}`` and whose part it is."""
        found = self._projects.list(uid)
        for kind, shelf in self._shelves.items():
            found += [
                {
                    "id": f"{kind}-{each.id}",
                    "kind": kind,
                    "name": each.name,
                    "deletedAt": each.deleted_at,
                }
                for each in shelf.deleted(uid)
            ]
        return sorted(found, key=lambda entry: str(entry["deletedAt"]), reverse=True)

    def restore(self, uid: str, entry_id: str) -> dict[str, Any]:
        """Bring one thing back where it was; ``NotFound``, ``Conflict``."""
        shelf, item_id = self._of(entry_id)
        if shelf is None:
            return self._projects.restore(uid, entry_id)
        item = shelf.restore(uid, item_id)
        kind = shelf.kind.name
        return {"kind": kind, "name": shelf.kind.title(item), f"{kind}Id": item.id}

    def remove(self, uid: str, entry_id: str) -> None:
        """Remove one thing with all its versions for good; ``NotFound``, ``Conflict``."""
        shelf, item_id = self._of(entry_id)
        if shelf is None:
            self._projects.remove(uid, entry_id)
        else:
            shelf.purge(uid, item_id)

    def empty(self, uid: str) -> int:
        """Remove all of it for good, except what somebody is at work on; how many."""
        removed = self._projects.empty(uid)
        for shelf in self._shelves.values():
            for each in shelf.deleted(uid):
                try:
                    shelf.purge(uid, each.id)
                except (Conflict, NotFound):
                    continue
                removed += 1
        return removed

    def _of(self, entry_id: str) -> tuple[Shelf | None, str]:
        kind, _, item_id = entry_id.partition("-")
        return self._shelves.get(kind), item_id
