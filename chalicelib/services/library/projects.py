"""Projects: their metadata, one object each, and the list of them."""

from typing import Any

from chalicelib import json_text
from chalicelib.errors import ConditionFailed, Conflict, NotFound, PreconditionFailed, TooLarge
from chalicelib.ports import Clock, DocumentStore, Index, Put, Remove
from chalicelib.schemas.parsing import parse
from chalicelib.schemas.projects import MAX_METADATA_BYTES, ProjectChanges, ProjectDraft
from chalicelib.services.library import keys as library_keys
from chalicelib.services.library.bin_entries import BinEntry
from chalicelib.services.library.bin_lease import BinLease
from chalicelib.services.library.if_match import IfMatch
from chalicelib.services.library.keys import MARKER, Place
from chalicelib.services.library.project_contents import ProjectContents
from chalicelib.services.library.recycle_bin import RecycleBin
from chalicelib.services.library.rows import TRIES, InRecycleBin, LibraryRows, marker, row
from chalicelib.services.library.saving import LibrarySaving, check
from chalicelib.services.library.store import Document, LibraryStore, Stored, Versioned, busy
from chalicelib.services.library.usage import UNLIMITED, StorageLimits

Views = list[dict[str, Any]]

_FIRST = ("id", "name", "description", "version", "createdAt", "updatedAt")
_DEFAULTS: Document = {
    "version": "1.0.0",
    "preferredView": "editor",
    "schemaVersion": "1.0.0",
    "enableChatPage": True,
}


class Projects:
    """What a user can do with projects."""

    def __init__(
        self,
        documents: DocumentStore,
        index: Index,
        clock: Clock,
        limits: StorageLimits = UNLIMITED,
    ) -> None:
        self._index = index
        self._store = LibraryStore(documents, clock)
        self._rows = LibraryRows(self._store, index, limits)
        self._saving = LibrarySaving(self._store, self._rows)
        self._contents = ProjectContents(self._store, self._rows)
        self._bin = RecycleBin(documents, index, clock)

    def list(self, uid: str) -> Views:
        """The metadata of all projects, by id."""
        found = self._index.query(library_keys.projects_partition(uid)).entries
        return [dict(entry.value["summary"]) for entry in found]

    def create(self, uid: str, draft: object) -> Versioned:
        """A new project; its id is its name made safe. ``Conflict`` if there is one."""
        given = parse(ProjectDraft, draft).model_dump(by_alias=True, exclude_unset=True)
        place = Place(uid, library_keys.project_id_of(given["name"]))
        now = self._store.timestamp()
        server_fields = {"id": place.project_id, "createdAt": now, "updatedAt": now}
        stored = self._added(place, _metadata({**given, **server_fields}))
        self._list_new(stored)
        return stored.versioned()

    def get(self, uid: str, project_id: str) -> Versioned:
        """A project's metadata; ``NotFound``."""
        return self._store.load(library_keys.project(uid, project_id)).versioned()

    def update(
        self, uid: str, project_id: str, changes: object, if_match: IfMatch | None = None
    ) -> Versioned:
        """Change part of the metadata; a field given as null is taken away.

        ``NotFound``; ``PreconditionFailed`` if ``if_match`` does not allow the
        current version.
        """
        place = library_keys.project(uid, project_id)
        given = parse(ProjectChanges, changes).model_dump(by_alias=True, exclude_unset=True)

        def changed(current: Stored) -> Document:
            return _metadata({**current.document, **given, "updatedAt": self._store.timestamp()})

        return self._saving.change(place, changed, if_match)[1].versioned()

    def delete(self, uid: str, project_id: str, if_match: IfMatch | None = None) -> None:
        """Put a project with its workflows into the recycle bin.

        ``NotFound``, ``PreconditionFailed``. The first write decides: with it the
        project is in the bin and not listed, and no workflow can be added. If
        what follows crashes, another delete (or restoring it) goes on with it.
        """
        place = library_keys.project(uid, project_id)
        for _ in range(TRIES):
            current = self._store.load(place)
            check(current, if_match)
            entry = BinEntry.of(current, self._store.timestamp())
            lease = BinLease(self._store, self._index, entry)
            try:
                self._index.write(
                    Remove(place.partition, place.row(current.version), if_present=True),
                    Remove(library_keys.project_partition(uid, project_id), MARKER),
                    Put(entry.row()),
                    lease.put(if_absent=True),
                )
            except ConditionFailed:
                if self._is_deleted_by_another(place):
                    return
                continue
            self._contents.bury(entry, lease)
            self._index.write(Put(entry.completed().row()), lease.remove())
            self._store.hide(current)
            return
        raise busy()

    def _list_new(self, stored: Stored) -> None:
        place = stored.place
        addition = self._rows.usage.added(place.uid, stored.size, documents=1)
        for _ in range(TRIES):
            try:
                self._index.write(Put(row(stored)), Put(marker(place)), addition)
            except ConditionFailed:
                try:
                    self._rows.usage.make_room(place.uid, addition, self._store.now())
                except TooLarge:
                    self._store.withdraw(stored)
                    raise
            else:
                return
        raise busy()

    def _is_deleted_by_another(self, place: Place) -> bool:
        try:
            self._rows.settle(place)
        except InRecycleBin as deleted:
            self._go_on_deleting(deleted)
            return True
        return False

    def _go_on_deleting(self, deleted: InRecycleBin) -> None:
        self._bin.complete_deletion(deleted.entry)
        self._store.hide(deleted.current)

    def _added(self, place: Place, document: Document) -> Stored:
        for _ in range(TRIES):
            try:
                return self._store.add(place, document)
            except PreconditionFailed:
                self._free(place)
        raise busy()

    def _free(self, place: Place) -> None:
        """Free an id of what a crash has left there; ``Conflict`` if it is rightly held."""
        try:
            self._rows.settle(place)  # a create that crashed half-way is completed by this
        except InRecycleBin as deleted:
            self._go_on_deleting(deleted)
        except NotFound:
            return
        else:
            raise Conflict(f"There is a project with the id {place.project_id!r} already")


def _metadata(fields: Document) -> Document:
    """ProjectMetadata: without nulls, with defaults, the fields that all have in front."""
    given = {**_DEFAULTS, **{key: value for key, value in fields.items() if value is not None}}
    if len(json_text.dumps(given).encode(errors="replace")) > MAX_METADATA_BYTES:
        raise TooLarge(f"A project's metadata may have at most {MAX_METADATA_BYTES} bytes")
    return {key: given[key] for key in (*_FIRST, *given) if key in given}
