"""What happens to the workflows of a project that is deleted, restored or removed.

They are moved, a few dozen a write, between the project's rows and the rows of
its entry in the recycle bin. All of it may be done again from the start after a
crash, and is done under the entry's lease.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

from chalicelib.errors import ConditionFailed, Conflict, NotFound, PreconditionFailed
from chalicelib.ports import Change, Entry, Index, Put, Remove
from chalicelib.services import library_keys
from chalicelib.services.bin_entries import BinEntry
from chalicelib.services.bin_lease import BinLease
from chalicelib.services.library_keys import WORKFLOW_ROWS, Place
from chalicelib.services.library_rows import LibraryRows, busy, name_entry, row
from chalicelib.services.library_store import LibraryStore, Stored

_logger = logging.getLogger(__name__)

_WORKFLOWS_A_WRITE = 30
_CHANGES_A_WRITE = 100
_TRIES = 100
_Item = TypeVar("_Item")


class Gone(NotFound):
    """What is to come back was removed for good, by a request that did not get to its end."""


class ProjectContents:
    """The workflows of deleted projects."""

    def __init__(self, store: LibraryStore, rows: LibraryRows) -> None:
        self._store = store
        self._rows = rows
        self._index: Index = rows.index

    def bury(self, entry: BinEntry, lease: BinLease) -> None:
        """Move all rows to the entry, then hide the objects, the project's last.

        The project's marker is gone by now. A workflow that is saved in between
        goes along with what was saved.
        """
        self._move_rows(entry, lease)
        for place, _version, _life in self.of(entry):
            lease.renew()
            self._store.hide(place)
        self._store.hide(entry.place)

    def bring_back(self, entry: BinEntry, lease: BinLease) -> Stored:
        """Put all objects back, the project's first, and the workflows' rows.

        Putting back the project's marker, its row and taking the entry away is
        left to the caller: that is what makes it restored.
        """
        project = self.brought_back(entry.place, entry.life, entry.version)
        self.sweep(entry.place)
        for some in _batches(self.of(entry), _WORKFLOWS_A_WRITE):
            lease.renew()
            changes: list[Change] = []
            for place, version, life in some:
                try:
                    stored = self.brought_back(place, life, version, over=True)
                except Gone:  # a removal for good was begun
                    _logger.warning("A restored project lacks a workflow", extra={"key": place.key})
                    continue
                changes += [Put(row(stored)), Put(name_entry(stored))]
            if changes:
                self._index.write(*changes)
        return project

    def purge(self, entry: BinEntry, lease: BinLease) -> None:
        """Remove all objects for good, and what the entry has of rows."""
        if not self._rows.exists(entry.place):
            self.sweep(entry.place)
        for place, _version, life in self.of(entry):
            lease.renew()
            self._store.purge(place, life)
        self._store.purge(entry.place, entry.life)
        self.forget(entry)

    def of(self, entry: BinEntry) -> list[tuple[Place, str, str]]:
        """The workflows of an entry: where each was, its version and its life."""
        return [
            (
                entry.place.workflow(found.value["summary"]["id"]),
                found.value["version"],
                found.value["life"],
            )
            for found in self._entries(entry)
        ]

    def forget(self, entry: BinEntry) -> None:
        """Drop the rows of an entry's workflows."""
        self._remove(self._entries(entry))

    def sweep(self, project: Place) -> None:
        """Drop the rows in the partition of a project that does not exist (any more)."""
        partition = library_keys.project_partition(project.uid, project.project_id)
        self._remove(self._index.query(partition).entries)

    def _sweep_names(self, project: Place) -> None:
        partition = library_keys.project_partition(project.uid, project.project_id)
        rows = self._index.query(partition).entries
        self._remove(found for found in rows if not found.key.startswith(WORKFLOW_ROWS))

    def brought_back(self, place: Place, life: str, version: str, *, over: bool = False) -> Stored:
        """The object as it was at this version, current again; ``Gone``.

        If it is back already, by a restore that crashed, that is fine. Another
        life at the place is a ``Conflict``, or with ``over`` becomes history.
        """
        current = self._store.find(place)
        if current is not None and (current.life == life or not over):
            if current.life != life:
                raise _place_taken(place)
            return current
        try:
            old = self._store.load(place, version)
        except NotFound:
            raise Gone("It was removed for good") from None
        try:
            if current is not None:
                return self._store.replace(current, old.document, life=life)
            return self._store.bring_back(old)
        except PreconditionFailed:
            raise _place_taken(place) from None

    def _move_rows(self, entry: BinEntry, lease: BinLease) -> None:
        project = entry.place
        partition = library_keys.project_partition(project.uid, project.project_id)
        for _ in range(_TRIES):
            lease.renew()
            page = self._index.query(partition, WORKFLOW_ROWS, limit=_WORKFLOWS_A_WRITE).entries
            if not page:
                self._sweep_names(project)  # crashed renames have claimed them
                return
            try:
                self._index.write(*self._moved(entry, page))
            except ConditionFailed:
                continue  # one was saved in between
        raise busy()

    def _moved(self, entry: BinEntry, page: Sequence[Entry]) -> Iterator[Change]:
        to = library_keys.entry_partition(entry.place.uid, entry.id)
        names = {found.value["name"]: found.partition for found in page}
        kept = {found.value["summary"]["id"]: found.value for found in page}
        for found in page:
            yield Remove(found.partition, found.key, if_present=True)
        for name, partition in names.items():
            yield Remove(partition, library_keys.name_row(name))
        for workflow_id, value in kept.items():
            yield Put(Entry(to, f"{WORKFLOW_ROWS}{workflow_id}", value))

    def _entries(self, entry: BinEntry) -> Sequence[Entry]:
        partition = library_keys.entry_partition(entry.place.uid, entry.id)
        return self._index.query(partition, WORKFLOW_ROWS).entries

    def _remove(self, entries: Iterable[Entry]) -> None:
        for some in _batches(entries, _CHANGES_A_WRITE):
            self._index.write(*(Remove(found.partition, found.key) for found in some))


def _batches(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some


def _place_taken(place: Place) -> Conflict:
    return Conflict(f"Another {place.kind} has its id by now")
