"""The index rows of projects and workflows, and how they follow the objects.

Objects are written first. What a crash or a lost race leaves between an object
and its row is mended by ``settle``, which every request calls that finds its
expected row missing.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from chalicelib import json_text
from chalicelib.errors import ConditionFailed, Conflict, NotFound, PreconditionFailed
from chalicelib.ports import Change, Entry, Index, Put, Remove
from chalicelib.services.library import group_interfaces
from chalicelib.services.library import keys as library_keys
from chalicelib.services.library.bin_entries import BinEntry
from chalicelib.services.library.keys import MARKER, Place
from chalicelib.services.library.store import Document, LibraryStore, Stored, busy
from chalicelib.services.library.usage import UNLIMITED, StorageLimits, Usage, refused_for_room

TRIES = 5
_SUMMARY_FIELDS = ("description", "updatedAt", "creationMethod", "referencedWorkflows")
# A row has 380 KB. Lists show longer texts cut and longer lists not at all.
_MAX_TEXT = 8_000
_MAX_LIST_BYTES = 64 * 1024
_MAX_USES = 500


class InRecycleBin(NotFound):
    """The document is deleted, but its object is still there: it is to be hidden."""

    def __init__(self, entry: BinEntry, current: Stored) -> None:
        super().__init__(f"The {entry.place.kind} is in the recycle bin")
        self.entry = entry
        self.current = current


class BeingRestored(Conflict):
    """The document's object is back already, but it is not listed yet."""


class _NameTaken(Conflict):
    """The object has a name that another workflow holds."""


class LibraryRows:
    """One row a document, which shows the version that its key names."""

    def __init__(
        self, store: LibraryStore, index: Index, limits: StorageLimits = UNLIMITED
    ) -> None:
        self._store = store
        self.index = index
        self.usage = Usage(store.documents, index, limits)

    def replace(self, old: Stored, new: Stored, *, claim: str | None = None) -> bool:
        """Show the version that was just written; ``NotFound`` if it was deleted meanwhile.

        ``TooLarge`` if the user keeps too much by now; then nothing is changed.
        False if others were at work too, and the row shows what came of that.
        """
        changes: list[Change] = [
            Remove(old.place.partition, old.place.row(old.version), if_present=True),
            Put(row(new)),
        ]
        if old.name != new.name and old.place.workflow_id is not None:
            changes += [_name_remove(old), Put(name_entry(new))]
            if claim is not None:
                token = library_keys.claim_row(claim)
                changes.append(Remove(new.place.partition, token, if_present=True))
        addition = self.usage.added(old.place.uid, new.size)
        for _ in range(TRIES):
            try:
                self.index.write(*changes, addition)
            except ConditionFailed as lost:
                if refused_for_room(lost, len(changes)):
                    self.usage.make_room(old.place.uid, addition, self._store.now())
                    continue
                self.settle(old.place)
                return False
            return True
        raise busy()

    def settle(self, place: Place) -> Stored:
        """Make the row show the current version, whoever wrote it; returns that.

        ``NotFound`` if there is none, ``InRecycleBin`` if it is deleted,
        ``Conflict`` while another request is at work on it.
        """
        for _ in range(TRIES):
            # In this order: a row may then be older than the object, never the other way.
            found = self.index.query(place.partition, place.rows).entries
            current = self._store.load(place)
            if any(entry.key == place.row(current.version) for entry in found):
                return current
            if not found:
                self._check_orphan(current)
            try:
                self.index.write(*self._mended(current, found))
            except ConditionFailed:
                continue
            except _NameTaken:
                if not found:
                    raise
                self._name_again(current, str(found[0].value["name"]))
                continue
            return current
        raise busy()

    def drop(self, place: Place, life: str) -> None:
        """List a workflow no more whose life has ended and whose object is hidden."""
        for found in self.index.query(place.partition, place.rows).entries:
            if found.value["life"] == life:
                name = library_keys.name_row(found.value["name"])
                self.index.write(Remove(place.partition, found.key), Remove(place.partition, name))

    def exists(self, project: Place) -> bool:
        """Is there such a project, as far as its workflows are concerned?"""
        return self.index.get(_inside(project), MARKER) is not None

    def entries_of(self, place: Place) -> list[BinEntry]:
        """All that was deleted at a place, not counting what was with its project."""
        partition = library_keys.bin_partition(place.uid)
        found = self.index.query(partition, library_keys.entry_prefix(place)).entries
        return [BinEntry.read(place.uid, entry) for entry in found]

    def _check_orphan(self, current: Stored) -> None:
        """What has no row is deleted, about to be listed, or left by a crash (returns)."""
        place = current.place
        for entry in self.entries_of(place):
            if entry.life == current.life:
                raise InRecycleBin(entry, current)
            if entry.life_of(place) == current.life:
                raise BeingRestored("It is being restored from the recycle bin; try again")
        if place.workflow_id is not None and not self.exists(place.project()):
            raise NotFound("No such project")
        if self._store.is_recent(str(current.document.get("createdAt"))):
            raise busy()

    def _name_again(self, current: Stored, listed: str) -> None:
        """Undo a rename that was written while nobody could list it, and came too late."""
        with suppress(PreconditionFailed):  # then it is another version that is to be listed
            self._store.replace(current, {**current.document, "name": listed})

    def _mended(self, current: Stored, found: Sequence[Entry]) -> list[Change]:
        place = current.place
        changes: list[Change] = [
            Remove(place.partition, entry.key, if_present=True) for entry in found
        ]
        changes.append(Put(row(current), if_absent=True))
        if place.workflow_id is None:
            return [*changes, Put(marker(place))]
        old_names = {str(entry.value.get("name")) for entry in found}
        if old_names == {current.name}:
            return changes
        return [*changes, *self._mended_names(current, old_names - {current.name})]

    def _mended_names(self, current: Stored, old_names: set[str]) -> list[Change]:
        place = current.place
        changes: list[Change] = [
            Remove(place.partition, library_keys.name_row(name)) for name in old_names
        ]
        held = self.index.get(place.partition, library_keys.name_row(current.name))
        if held is None:
            return [*changes, Put(name_entry(current), if_absent=True)]
        if held.value.get("id") != place.workflow_id:
            raise _NameTaken("Another workflow has this name")
        if "claim" in held.value:
            claim = library_keys.claim_row(held.value["claim"])
            changes.append(Remove(place.partition, claim, if_present=True))
        return [*changes, Put(name_entry(current))]


def row(stored: Stored) -> Entry:
    """The row that shows this version; it follows from the object alone."""
    place = stored.place
    value: dict[str, Any] = {
        "version": stored.version,
        "life": stored.life,
        "name": stored.name,
        "summary": stored.document,
    }
    if place.workflow_id is not None:
        used = group_interfaces.references(stored.document)
        value["summary"] = _summary(stored, used)
        value["uses"] = used if len(used) <= _MAX_USES else None
    return Entry(place.partition, place.row(stored.version), value)


def may_use(shown: Mapping[str, Any], workflow_id: str) -> bool:
    """Does the workflow of this row have a NodeGroup that runs the other one, or so many?"""
    return shown["uses"] is None or workflow_id in shown["uses"]


def marker(project: Place) -> Entry:
    """The row that says a project exists, among those of its workflows."""
    return Entry(_inside(project), MARKER, {})


def name_entry(workflow: Stored) -> Entry:
    """The row that gives a workflow its name."""
    place = workflow.place
    return Entry(place.partition, library_keys.name_row(workflow.name), {"id": place.workflow_id})


def _name_remove(workflow: Stored) -> Remove:
    return Remove(workflow.place.partition, library_keys.name_row(workflow.name))


def _inside(project: Place) -> str:
    return library_keys.project_partition(project.uid, project.project_id)


def _summary(stored: Stored, used: list[str]) -> Document:
    summary: Document = {"id": stored.place.workflow_id, "name": stored.name}
    given = {"referencedWorkflows": used or None, **stored.document}
    for field in _SUMMARY_FIELDS:
        value = given.get(field)
        if isinstance(value, str):
            summary[field] = value[:_MAX_TEXT]
        elif isinstance(value, list) and len(json_text.dumps(value).encode()) <= _MAX_LIST_BYTES:
            summary[field] = value
    return summary
