"""What a user has deleted, and how it comes back or goes for good.

Deleting moves a row from the list to the bin in one transaction, so everything
is in exactly one of them. The objects follow: a delete marker each. A deleted
document's entry names the version to bring back.
"""

from collections.abc import Sequence
from typing import Any

from chalicelib.errors import ConditionFailed, Conflict, NotFound, PreconditionFailed
from chalicelib.ports import Clock, DocumentStore, Index, Put, Remove
from chalicelib.services.library import keys as library_keys
from chalicelib.services.library.bin_entries import BinEntry
from chalicelib.services.library.bin_lease import BinLease, held, in_use
from chalicelib.services.library.names import LibraryNames
from chalicelib.services.library.project_contents import Gone, ProjectContents
from chalicelib.services.library.rows import LibraryRows, marker, name_entry, row
from chalicelib.services.library.store import LibraryStore, Stored

Views = list[dict[str, Any]]


class RecycleBin:
    """What a user can do with deleted projects and workflows."""

    def __init__(self, documents: DocumentStore, index: Index, clock: Clock) -> None:
        self._index = index
        self._store = LibraryStore(documents, clock)
        self._rows = LibraryRows(self._store, index)
        self._names = LibraryNames(self._store, self._rows)
        self._contents = ProjectContents(self._store, self._rows)

    def list(self, uid: str) -> Views:
        """All entries, ``{id, kind, name, projectId, deletedAt}``, the latest first."""
        entries = sorted(self._entries(uid), key=lambda entry: entry.deleted_at, reverse=True)
        return [entry.view() for entry in entries]

    def restore(self, uid: str, entry_id: str) -> dict[str, Any]:
        """Bring one thing back where it was: ``{kind, name, projectId, workflowId?}``.

        ``NotFound``; ``Conflict`` when its id or name is taken again, its project
        is not there, or somebody is at work on it. Then it stays in the bin.
        """
        with held(self._store, self._index, self._entry(uid, entry_id)) as lease:
            entry = self._entry(uid, entry_id)  # as it is now that nobody else works on it
            try:
                self._restore(entry, lease)
            except Gone:
                self._forget(entry)
                raise
        view = {"kind": entry.place.kind, "name": entry.name, "projectId": entry.place.project_id}
        if entry.place.workflow_id is not None:
            view["workflowId"] = entry.place.workflow_id
        return view

    def remove(self, uid: str, entry_id: str) -> None:
        """Remove one thing with all its versions for good; ``NotFound``, ``Conflict``."""
        with held(self._store, self._index, self._entry(uid, entry_id)) as lease:
            entry = self._entry(uid, entry_id)
            others = [other for other in self._entries(uid) if other.id != entry_id]
            self._complete(entry, lease)
            if entry.place.workflow_id is None:
                self._contents.purge(entry, lease, others)
            else:
                self._contents.purge_one(entry, entry.place, entry.life, others)
            self._forget(entry)

    def empty(self, uid: str) -> int:
        """Remove all of it for good, except what somebody is at work on; how many."""
        removed = 0
        for entry in self._entries(uid):
            try:
                self.remove(uid, entry.id)
            except (Conflict, NotFound):
                continue
            removed += 1
        return removed

    def complete_deletion(self, entry: BinEntry) -> None:
        """Go on with a project's deletion that crashed; ``Conflict`` if it may still run."""
        uid = entry.place.uid
        with held(self._store, self._index, entry) as lease:
            found = self._index.get(library_keys.bin_partition(uid), entry.id)
            if found is not None:
                self._complete(BinEntry.read(uid, found), lease)

    def _complete(self, entry: BinEntry, lease: BinLease) -> None:
        if not entry.complete:
            self._contents.bury(entry, lease)
            self._index.write(Put(entry.completed().row()))

    def _forget(self, entry: BinEntry) -> None:
        self._contents.forget(entry)
        self._index.write(Remove(library_keys.bin_partition(entry.place.uid), entry.id))

    def _restore(self, entry: BinEntry, lease: BinLease) -> None:
        if entry.place.workflow_id is None:
            self._complete(entry, lease)
            self._restore_project(entry, lease)
        else:
            self._restore_workflow(entry)

    def _restore_project(self, entry: BinEntry, lease: BinLease) -> None:
        project = self._contents.bring_back(entry, lease)
        self._index.write(
            Remove(library_keys.bin_partition(entry.place.uid), entry.id, if_present=True),
            Put(row(project), if_absent=True),
            Put(marker(entry.place), if_absent=True),
        )
        self._contents.forget(entry)

    def _restore_workflow(self, entry: BinEntry) -> None:
        place, project = entry.place, entry.place.project()
        if not self._rows.exists(project):
            raise Conflict("Its project is not there; restore the project first")
        try:
            self._names.make_room(place, entry.name)
        except PreconditionFailed:
            raise in_use() from None
        stored = self._contents.brought_back(entry, place, entry.life, entry.version, entry.name)
        try:
            self._index.write(
                Remove(library_keys.bin_partition(entry.place.uid), entry.id, if_present=True),
                Put(row(stored), if_absent=True),
                Put(name_entry(stored), if_absent=True),
            )
        except ConditionFailed:
            self._store.hide(stored)
            raise Conflict("Another workflow of its project has its name by now") from None
        if not self._rows.exists(project):
            self._put_back(entry, stored)

    def _put_back(self, entry: BinEntry, stored: Stored) -> None:
        """The project was deleted while its workflow came back."""
        place = stored.place
        try:
            self._index.write(
                Remove(place.partition, place.row(stored.version), if_present=True),
                Remove(place.partition, library_keys.name_row(stored.name)),
                Put(entry.row()),
            )
        except ConditionFailed:  # it went into the bin again, with its project
            return
        self._store.hide(stored)
        raise Conflict("Its project is not there; restore the project first")

    def _entries(self, uid: str) -> Sequence[BinEntry]:
        rows = self._index.query(library_keys.bin_partition(uid)).entries
        return [BinEntry.read(uid, found) for found in rows]

    def _entry(self, uid: str, entry_id: str) -> BinEntry:
        found = self._index.get(library_keys.bin_partition(uid), entry_id)
        if found is None:
            raise NotFound("The recycle bin has no such entry")
        return BinEntry.read(uid, found)
