"""What happens to the workflows of a project that is deleted, restored or removed.

They are moved, a few dozen a write, between the project's rows and the rows of
its entry in the recycle bin, under the entry's lease. What is done stays done:
after a crash, or when a request runs out of time, the next one goes on.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

from chalicelib.errors import ConditionFailed, Conflict, NotFound, PreconditionFailed
from chalicelib.ports import Change, Entry, Put, Remove
from chalicelib.services.library import keys as library_keys
from chalicelib.services.library.bin_entries import BinEntry
from chalicelib.services.library.bin_lease import BinLease, in_use
from chalicelib.services.library.keys import WORKFLOW_ROWS, Place
from chalicelib.services.library.names import free_name
from chalicelib.services.library.rows import LibraryRows, name_entry, row
from chalicelib.services.library.store import LibraryStore, Stored, busy

_logger = logging.getLogger(__name__)

_WORKFLOWS_A_WRITE = 30
_CHANGES_A_WRITE = 100
_TRIES = 10
_BACK = "back"  # in a row of the entry: the version that the restored workflow has
_Item = TypeVar("_Item")


class Gone(NotFound):
    """What is to come back was removed for good, by a request that did not get to its end."""


class ProjectContents:
    """The workflows of deleted projects."""

    def __init__(self, store: LibraryStore, rows: LibraryRows) -> None:
        self._store = store
        self._rows = rows
        self._index = rows.index

    def bury(self, entry: BinEntry, lease: BinLease) -> None:
        """Hide all workflows and move their rows to the entry.

        The project's marker is gone by now, and its object still there, so none
        is added and no new project has the place. One that is saved in between
        goes along as it was saved.
        """
        project = entry.place
        partition = library_keys.project_partition(project.uid, project.project_id)
        refused = 0
        while refused < _TRIES:
            page = self._index.query(partition, WORKFLOW_ROWS, limit=_WORKFLOWS_A_WRITE).entries
            if not page:
                rest = self._index.query(partition).entries
                self._remove(each for each in rest if not each.key.startswith(WORKFLOW_ROWS))
                return
            for found in page:
                lease.renew()
                self._store.hide_all(project.workflow(_id(found)))
            try:
                self._index.write(*self._moved(entry, page))
            except ConditionFailed:
                refused += 1  # one was saved or deleted in between
        raise busy()

    def bring_back(self, entry: BinEntry, lease: BinLease) -> Stored:
        """Put all objects back, the project's first, and the workflows' rows.

        Putting back the project's marker, its row and taking the entry away is
        left to the caller: that is what makes it restored.
        """
        project = self.brought_back(entry, entry.place, entry.life, entry.version, entry.name)
        kept = self._entries(entry)
        self._sweep(entry.place, kept, refuse_recent=True)
        names = {found.value["name"] for found in kept if _BACK in found.value}
        missing = (found for found in kept if _BACK not in found.value)
        for some in _batches(missing, _WORKFLOWS_A_WRITE):
            changes: list[Change] = []
            for found in some:
                lease.renew()
                # Two may have one name if one was just being added at the deletion.
                name = free_name(found.value["name"], names)
                names.add(name)
                changes += self._workflow_back(entry, found, name)
            try:
                self._index.write(*changes)
            except ConditionFailed:
                raise in_use() from None
        return project

    def purge(self, entry: BinEntry, lease: BinLease, others: Sequence[BinEntry]) -> None:
        """Remove all objects for good, the project's last, and the rows of the entry."""
        kept = self._entries(entry)
        if not self._rows.exists(entry.place):
            self._sweep(entry.place, kept, refuse_recent=False)
        for some in _batches(kept, _WORKFLOWS_A_WRITE):
            for found in some:
                lease.renew()
                place = entry.place.workflow(_id(found))
                self.purge_one(entry, place, found.value["life"], others)
            self._remove(some)
        self.purge_one(entry, entry.place, entry.life, others)

    def purge_one(
        self, entry: BinEntry, place: Place, life: str, others: Sequence[BinEntry]
    ) -> None:
        """Remove one object with its versions for good.

        If another document lives at the place, or another one that did is in
        the recycle bin, the versions stay until that one is removed too: the
        store can only purge them together.
        """
        if self._store.begin_purge(place, {life, entry.life_of(place)}):
            shared = any(self._holds(other, place) for other in others)
            self._store.end_purge(place, keep_versions=shared)

    def forget(self, entry: BinEntry) -> None:
        """Drop the rows of an entry's workflows."""
        self._remove(self._entries(entry))

    def brought_back(
        self, entry: BinEntry, place: Place, ended_life: str, version: str, name: str
    ) -> Stored:
        """The object as it was at this version, current again in a new life; ``Gone``.

        If it is back already, by a restore that crashed, that is fine; what somebody
        saved over it since counts for nothing, for it is not listed. Another
        document at the place is a ``Conflict``.
        """
        life = entry.life_of(place)
        current = self._store.find(place)
        if current is not None and current.life not in (life, ended_life):
            raise _place_taken(place)
        try:
            old = self._store.load(place, version)
        except NotFound:
            raise Gone("It was removed for good") from None
        document = {**old.document, "name": name}
        if current is not None and (current.life, current.document) == (life, document):
            return current
        try:
            if current is not None:
                return self._store.replace(current, document, life=life)
            return self._store.add(place, document, life)
        except PreconditionFailed:
            raise in_use() from None

    def _workflow_back(self, entry: BinEntry, found: Entry, name: str) -> list[Change]:
        place = entry.place.workflow(_id(found))
        life, version = found.value["life"], found.value["version"]
        try:
            stored = self.brought_back(entry, place, life, version, name)
        except Gone:
            _logger.warning("A restored project lacks a workflow", extra={"key": place.key})
            return [Remove(found.partition, found.key)]
        done = {**found.value, "name": name, _BACK: stored.version}
        return [
            Put(row(stored), if_absent=True),
            Put(name_entry(stored), if_absent=True),
            Put(Entry(found.partition, found.key, done)),
        ]

    def _moved(self, entry: BinEntry, page: Sequence[Entry]) -> Iterator[Change]:
        to = library_keys.entry_partition(entry.place.uid, entry.id)
        names = {found.value["name"]: found.partition for found in page}
        kept = {_id(found): found.value for found in page}
        for found in page:
            yield Remove(found.partition, found.key, if_present=True)
        for name, partition in names.items():
            yield Remove(partition, library_keys.name_row(name))
        for workflow_id, value in kept.items():
            yield Put(Entry(to, f"{WORKFLOW_ROWS}{workflow_id}", value))

    def _sweep(self, project: Place, kept: Sequence[Entry], *, refuse_recent: bool) -> None:
        """Drop the rows that a create or a restore has left in a project that is not there.

        A create that is under way finds out by itself that the project is gone.
        Where it could not, because the project comes back: ``Conflict``.
        """
        partition = library_keys.project_partition(project.uid, project.project_id)
        back = {
            project.workflow(_id(found)).row(found.value[_BACK])
            for found in kept
            if _BACK in found.value
        }
        for found in self._index.query(partition, WORKFLOW_ROWS).entries:
            ours = found.key in back
            if self._store.is_recent(found.value["summary"].get("updatedAt", "")) and not ours:
                if refuse_recent:
                    raise in_use()
                continue
            if ours and refuse_recent:
                continue
            self._index.write(
                Remove(partition, found.key),
                Remove(partition, library_keys.name_row(found.value["name"])),
            )

    def _holds(self, other: BinEntry, place: Place) -> bool:
        if other.place == place:
            return True
        if other.place != place.project() or place.workflow_id is None:
            return False
        partition = library_keys.entry_partition(place.uid, other.id)
        return self._index.get(partition, f"{WORKFLOW_ROWS}{place.workflow_id}") is not None

    def _entries(self, entry: BinEntry) -> Sequence[Entry]:
        partition = library_keys.entry_partition(entry.place.uid, entry.id)
        return self._index.query(partition, WORKFLOW_ROWS).entries

    def _remove(self, entries: Iterable[Entry]) -> None:
        for some in _batches(entries, _CHANGES_A_WRITE):
            self._index.write(*(Remove(found.partition, found.key) for found in some))


def _id(found: Entry) -> str:
    value: Mapping[str, Any] = found.value
    return str(value["summary"]["id"])


def _batches(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some


def _place_taken(place: Place) -> Conflict:
    return Conflict(f"Another {place.kind} has its id by now")
