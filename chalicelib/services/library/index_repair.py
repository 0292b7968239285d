"""Rebuilds the index of a user's projects and workflows from the objects.

For an index that was lost, restored from an old copy, or is not trusted. Run it
while the user is not at work: rows that change meanwhile may be put back as they
were. The recycle bin is kept in the index alone, so it is read here, not rebuilt.
"""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby, islice

from chalicelib.errors import Conflict, NotFound, PreconditionFailed
from chalicelib.ports import Change, Clock, DocumentStore, Entry, Index, Put, Remove
from chalicelib.services.library import keys as library_keys
from chalicelib.services.library.bin_entries import BinEntry
from chalicelib.services.library.keys import WORKFLOW_ROWS, Place
from chalicelib.services.library.names import free_name
from chalicelib.services.library.recycle_bin import RecycleBin
from chalicelib.services.library.rows import LibraryRows, marker, name_entry, row
from chalicelib.services.library.store import LibraryStore, Stored

_logger = logging.getLogger(__name__)
_CHANGES_A_WRITE = 100


@dataclass(frozen=True, slots=True)
class Repaired:
    """What there is, and how many rows had to be written or removed for it."""

    projects: int
    workflows: int
    written: int
    removed: int


class IndexRepair:
    """Makes a user's rows follow from the objects again."""

    def __init__(self, documents: DocumentStore, index: Index, clock: Clock) -> None:
        self._index = index
        self._store = LibraryStore(documents, clock)
        self._rows = LibraryRows(self._store, index)
        self._bin = RecycleBin(documents, index, clock)

    def users(self, after: str | None = None) -> Iterator[str]:
        """The uids of all users who have an object, each once; those that follow ``after``.

        The order is the store's, and always the same.
        """
        # "0" comes after "/": what follows is past every object of that user's.
        keys = self._store.documents.keys("users/", after=after and f"users/{after}0")
        for uid, _ in groupby(key.split("/")[1] for key in keys):
            yield uid

    def repair(self, uid: str) -> Repaired:
        """Repair one user's rows; also completes deletions that crashed.

        Two workflows of one name (a create that crashed before it was refused)
        both stay: the one that does not hold it gets a number. A document that is
        listed but hidden comes back as it was listed.
        """
        deleted = self._deleted(uid)
        self._complete_deletions(set(deleted.values()))
        self._bring_back_listed(uid)
        projects, workflows = self._living(uid, deleted)
        wanted = [*map(row, projects), *map(marker, (each.place for each in projects))]
        for stored in self._with_own_names(workflows):
            wanted += [row(stored), name_entry(stored)]
        # What a deletion or a restore that crashed has of rows, it will go on with.
        unfinished = {entry.place for entry in deleted.values()} - {each.place for each in projects}
        partitions = {library_keys.projects_partition(uid)} | {
            library_keys.project_partition(uid, place.project_id)
            for place in self._project_places(uid) - unfinished
        }
        written, removed = self._write(wanted, partitions)
        return Repaired(len(projects), len(workflows), written, removed)

    def _deleted(self, uid: str) -> dict[tuple[str, str], BinEntry]:
        """What is in the recycle bin, by object key and life."""
        found: dict[tuple[str, str], BinEntry] = {}
        for bin_row in self._index.query(library_keys.bin_partition(uid)).entries:
            entry = BinEntry.read(uid, bin_row)
            for life in (entry.life, entry.life_of(entry.place)):  # before and while restored
                found[entry.place.key, life] = entry
        return found

    def _complete_deletions(self, entries: Iterable[BinEntry]) -> None:
        for entry in entries:
            if self._store.is_recent(entry.deleted_at):
                continue
            if not entry.complete:
                try:
                    self._bin.complete_deletion(entry)
                except Conflict:
                    _logger.warning("A deletion is under way", extra={"key": entry.place.key})
                    continue
            current = self._store.find(entry.place)
            if current is not None and current.life == entry.life:
                self._store.hide(current)

    def _bring_back_listed(self, uid: str) -> None:
        for project in self._project_places(uid):
            partition = library_keys.project_partition(uid, project.project_id)
            if not self._rows.exists(project):
                continue
            listed = self._index.query(library_keys.projects_partition(uid), project.rows).entries
            for found in listed:
                self._bring_back(project, found)
            for found in self._index.query(partition, WORKFLOW_ROWS).entries:
                self._bring_back(project.workflow(found.value["summary"]["id"]), found)

    def _bring_back(self, place: Place, listed: Entry) -> None:
        if self._store.find(place) is not None:
            return
        try:
            old = self._store.load(place, listed.value["version"])
            self._store.add(place, old.document, old.life)
        except (NotFound, PreconditionFailed):
            _logger.warning("A listed document is gone", extra={"key": place.key})

    def _living(
        self, uid: str, deleted: dict[tuple[str, str], BinEntry]
    ) -> tuple[list[Stored], list[Stored]]:
        projects: list[Stored] = []
        workflows: list[Stored] = []
        for key in self._store.documents.keys(library_keys.projects_folder(uid)):
            place = library_keys.place_of(uid, key)
            stored = None if place is None else self._store.find(place)
            if place is not None:
                self._store.unblock(place)
            if stored is None or (key, stored.life) in deleted:
                continue
            (projects if stored.place.workflow_id is None else workflows).append(stored)
        living = {stored.place for stored in projects}
        return projects, [each for each in workflows if each.place.project() in living]

    def _with_own_names(self, workflows: list[Stored]) -> Iterator[Stored]:
        taken: dict[str, set[str]] = {}
        for stored in sorted(workflows, key=self._seniority):
            names = taken.setdefault(stored.place.project_id, set())
            name = free_name(stored.name, names)
            names.add(name)
            if name == stored.name:
                yield stored
            else:
                yield self._store.replace(stored, {**stored.document, "name": name})

    def _seniority(self, workflow: Stored) -> tuple[bool, str, str]:
        place = workflow.place
        held = self._index.get(place.partition, library_keys.name_row(workflow.name))
        holds_name = held is not None and held.value.get("id") == place.workflow_id
        return not holds_name, str(workflow.document.get("createdAt")), place.key

    def _project_places(self, uid: str) -> set[Place]:
        """All projects that have an object or a row."""
        listed = self._index.query(library_keys.projects_partition(uid)).entries
        places = {Place(uid, entry.key.partition("/")[0]) for entry in listed}
        for key in self._store.documents.keys(library_keys.projects_folder(uid)):
            place = library_keys.place_of(uid, key)
            if place is not None:
                places.add(place.project())
        return places

    def _write(self, wanted: list[Entry], partitions: set[str]) -> tuple[int, int]:
        rows = {(entry.partition, entry.key): entry for entry in wanted}
        changes: list[Change] = []
        for partition in sorted(partitions):
            for entry in self._index.query(partition).entries:
                place = (entry.partition, entry.key)
                if place not in rows:
                    changes.append(Remove(*place))
                elif rows[place] == entry:
                    del rows[place]
        removed = len(changes)
        changes += map(Put, rows.values())
        rest = iter(changes)
        while some := list(islice(rest, _CHANGES_A_WRITE)):
            self._index.write(*some)
        return len(rows), removed
