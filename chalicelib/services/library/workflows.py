"""The workflows of projects: WorkflowObjects with versions, and their lists.

A workflow is one object; its row in the index is what lists show. Objects are
written first, so after a crash a workflow is either not there, or found again
by the next request that meets it (see ``library_rows``).
"""

import logging
import secrets
from collections.abc import Mapping
from typing import Any

from chalicelib.errors import (
    ConditionFailed,
    Conflict,
    InvalidInput,
    NotFound,
    PreconditionFailed,
    TooLarge,
)
from chalicelib.moments import timestamp
from chalicelib.ports import Add, Clock, DocumentStore, Index, Put, Remove
from chalicelib.schemas.parsing import parse
from chalicelib.schemas.workflows import WorkflowDraft
from chalicelib.services.library import keys as library_keys
from chalicelib.services.library.bin_entries import BinEntry
from chalicelib.services.library.group_interfaces import interface_of, with_interface
from chalicelib.services.library.if_match import IfMatch
from chalicelib.services.library.keys import MARKER, Place
from chalicelib.services.library.names import LibraryNames
from chalicelib.services.library.rows import (
    TRIES,
    InRecycleBin,
    LibraryRows,
    may_use,
    name_entry,
    row,
)
from chalicelib.services.library.saving import LibrarySaving, check
from chalicelib.services.library.store import (
    Document,
    LibraryStore,
    Stored,
    Versioned,
    busy,
)
from chalicelib.services.library.usage import UNLIMITED, StorageLimits, refused_for_room

_logger = logging.getLogger(__name__)

Views = list[dict[str, Any]]

_VIEWPORT = {"x": 0, "y": 0, "zoom": 1}
# Left out and null are the same for these; previewTarget may be null.
_OPTIONAL = frozenset(
    {
        "description",
        "interfaceInputs",
        "interfaceOutputs",
        "creationMethod",
        "referencedWorkflows",
    }
)
_DEFAULTS: Mapping[str, Any] = {"nodes": [], "edges": [], "viewport": _VIEWPORT}


class Workflows:
    """What a user can do with the workflows of a project."""

    def __init__(
        self,
        documents: DocumentStore,
        index: Index,
        clock: Clock,
        limits: StorageLimits = UNLIMITED,
    ) -> None:
        self._store = LibraryStore(documents, clock)
        self._rows = LibraryRows(self._store, index, limits)
        self._names = LibraryNames(self._store, self._rows)
        self._saving = LibrarySaving(self._store, self._rows)

    def list(self, uid: str, project_id: str) -> Views:
        """Summaries of a project's workflows, by name; ``NotFound`` without the project."""
        project = library_keys.project(uid, project_id)
        partition = library_keys.project_partition(uid, project_id)
        found = self._rows.index.query(partition, MARKER).entries
        if not found or found[0].key != MARKER:
            raise NotFound(f"No such {project.kind}")
        summaries = [dict(entry.value["summary"]) for entry in found[1:]]
        return sorted(summaries, key=lambda summary: (summary["name"], summary["id"]))

    def create(self, uid: str, project_id: str, draft: object) -> Versioned:
        """A new workflow from a CreateWorkflowObject.

        An ``id`` in it is kept. ``Conflict`` if that or the name is taken.
        """
        body, fields = _checked(draft)
        project = library_keys.project(uid, project_id)
        stored = self._added(project, body.id, _document(body, fields, self._store.timestamp()))
        self._list_new(stored, chosen=body.id is not None)
        # Only now: whoever deletes the project takes its marker away first and then all
        # that is in it, so one of us two sees the other.
        if not self._rows.exists(project):
            self._withdraw(stored, chosen=body.id is not None)
            raise NotFound("No such project")
        if body.id is not None:  # others may refer to it already
            self._renew_copies(stored)
        return stored.versioned()

    def get(self, uid: str, project_id: str, workflow_id: str) -> Versioned:
        """A whole WorkflowObject; ``NotFound``."""
        return self._store.load(library_keys.workflow(uid, project_id, workflow_id)).versioned()

    def save(
        self,
        uid: str,
        project_id: str,
        workflow_id: str,
        draft: object,
        if_match: IfMatch | None = None,
    ) -> Versioned:
        """Replace a workflow by a whole WorkflowObject.

        ``NotFound``; ``PreconditionFailed`` if ``if_match`` does not allow the
        current version; ``Conflict`` if it would take another's name.
        """
        place = library_keys.workflow(uid, project_id, workflow_id)
        body, fields = _checked(draft)
        if body.id is not None and body.id != workflow_id:
            raise InvalidInput.field("id", "must be the one in the URL, or left out")
        document = _document(body, fields, "")
        return self._save(place, document, if_match)

    def delete(
        self, uid: str, project_id: str, workflow_id: str, if_match: IfMatch | None = None
    ) -> None:
        """Put a workflow into the recycle bin; ``NotFound``, ``PreconditionFailed``.

        From the moment its row has moved to the bin it is deleted: a save that
        is under way finds that out and fails. After a crash right then the
        object is still there, and another delete hides it.
        """
        place = library_keys.workflow(uid, project_id, workflow_id)
        for _ in range(TRIES):
            current = self._store.load(place)
            check(current, if_match)
            entry = BinEntry.of(current, self._store.timestamp())
            try:
                self._rows.index.write(*_unlisted(current), Put(entry.row()))
            except ConditionFailed:
                try:
                    self._rows.settle(place)
                except InRecycleBin as deleted:
                    current = deleted.current
                else:
                    continue
            self._store.hide(current)
            return
        raise busy()

    def versions(self, uid: str, project_id: str, workflow_id: str) -> Views:
        """A workflow's history, newest first: ``{version, savedAt, size, current}``."""
        place = library_keys.workflow(uid, project_id, workflow_id)
        current = self._store.load(place)
        since = str(current.document.get("createdAt", ""))
        history = [
            {
                "version": entry.version,
                "savedAt": timestamp(entry.modified_at),
                "size": entry.size,
                "current": entry.version == current.version,
            }
            for entry in self._store.documents.versions(place.key)
            if not entry.deleted and not self._store.is_block(entry.size)
        ]
        # Another workflow may have had this place before. S3 tells whole seconds.
        history = [each for each in history if str(each["savedAt"])[:19] >= since[:19]]
        if not history:  # removed for good since it was read
            raise NotFound("No such workflow")
        return history

    def restore_version(
        self,
        uid: str,
        project_id: str,
        workflow_id: str,
        version: str,
        if_match: IfMatch | None = None,
    ) -> Versioned:
        """Make an earlier version the current one; what was current becomes history.

        ``NotFound``; ``Conflict`` if another workflow has its name by now.
        """
        place = library_keys.workflow(uid, project_id, workflow_id)
        old = self._store.load(place, version)
        created_at = self._store.load(place).document.get("createdAt")
        if old.document.get("createdAt") != created_at:  # another workflow had this place
            raise NotFound("No such version")
        return self._save(place, old.document, if_match)

    def _save(self, place: Place, document: Document, if_match: IfMatch | None) -> Versioned:
        def over(current: Stored) -> Document:
            return {**document, **_server_fields(current, self._store.timestamp())}

        old, new = self._saving.change(place, over, if_match)
        # Twice, lest a crash between the two writes leaves others with an old copy.
        if new.interface_changed or old.interface_changed:
            self._renew_copies(new)
        return new.versioned()

    def _added(self, project: Place, wanted_id: str | None, document: Document) -> Stored:
        for _ in range(TRIES):
            workflow_id = wanted_id or secrets.token_urlsafe(9)
            place = project.workflow(workflow_id)
            try:
                return self._store.add(place, {**document, "id": workflow_id})
            except PreconditionFailed:
                if wanted_id is not None:
                    self._free(place)
        raise busy()

    def _free(self, place: Place) -> None:
        """Free an id of what a crash has left there; ``Conflict`` if it is rightly held."""
        try:
            self._rows.settle(place)  # a create that crashed half-way is completed by this
        except InRecycleBin as deleted:
            self._store.hide(deleted.current)
        except NotFound:
            return
        else:
            raise Conflict("Another workflow of this project has this id")

    def _list_new(self, stored: Stored, *, chosen: bool) -> None:
        place = stored.place
        addition = self._rows.usage.added(place.uid, stored.size, documents=1)
        for _ in range(TRIES):
            try:
                self._rows.index.write(
                    Put(row(stored), if_absent=True),
                    Put(name_entry(stored), if_absent=True),
                    addition,
                )
            except ConditionFailed as lost:
                if 0 in lost.positions:  # we were so slow that another request has listed it
                    self._rows.settle(place)
                    return
                if refused_for_room(lost, 2):
                    self._make_room(stored, addition, chosen=chosen)
                    continue
            else:
                return
            try:
                self._names.make_room(place, stored.name)
            except (Conflict, PreconditionFailed) as refusal:
                self._forget(stored, chosen=chosen)
                raise refusal if isinstance(refusal, Conflict) else busy() from None
        self._forget(stored, chosen=chosen)
        raise busy()

    def _make_room(self, stored: Stored, addition: Add, *, chosen: bool) -> None:
        try:
            self._rows.usage.make_room(stored.place.uid, addition, self._store.now())
        except TooLarge:
            self._forget(stored, chosen=chosen)
            raise

    def _withdraw(self, stored: Stored, *, chosen: bool) -> None:
        try:
            self._rows.index.write(*_unlisted(stored))
        except ConditionFailed:  # somebody has saved it, or it went into the bin
            self._store.hide(stored)
            self._rows.drop(stored.place, stored.life)
        else:
            self._forget(stored, chosen=chosen)

    def _forget(self, stored: Stored, *, chosen: bool) -> None:
        """Undo the first write of a workflow that cannot be."""
        documents, key = self._store.documents, stored.place.key
        if chosen and len(documents.versions(key)) > 1:
            self._store.hide(stored)  # one in the recycle bin had this id
        else:
            documents.purge(key)

    def _renew_copies(self, used: Stored) -> None:
        """Give every NodeGroup of the project that runs this workflow its interface of now."""
        used_id, interface = str(used.document["id"]), interface_of(used.document)

        def renewed(user: Stored) -> Document | None:
            document = with_interface(user.document, used_id, interface)
            if document is None:
                return None
            return {**document, **_server_fields(user, self._store.timestamp())}

        place = used.place
        for entry in self._rows.index.query(place.partition, library_keys.WORKFLOW_ROWS).entries:
            user = place.workflow(entry.value["summary"]["id"])
            if user == place or not may_use(entry.value, used_id):
                continue
            try:
                before, after = self._saving.change(user, renewed)
                if before is after and entry.key != user.row(after.version):
                    self._rows.settle(user)  # the last attempt crashed between the two
            except NotFound:
                continue
            except Conflict:
                _logger.warning("A NodeGroup keeps an old interface", extra={"key": user.key})


def _checked(draft: object) -> tuple[WorkflowDraft, Document]:
    body = parse(WorkflowDraft, draft)
    return body, draft if isinstance(draft, dict) else {}


def _document(body: WorkflowDraft, fields: Document, now: str) -> Document:
    """The body as it came, whole: with defaults, a trimmed name and the server's fields."""
    kept = {
        key: value
        for key, value in fields.items()
        if not (value is None and (key in _OPTIONAL or key in _DEFAULTS))
    }
    return {
        **_DEFAULTS,
        **kept,
        "id": body.id,
        "name": body.name,
        "createdAt": now,
        "updatedAt": now,
        "version": "1",
    }


def _server_fields(current: Stored, now: str) -> Document:
    counted = current.document.get("version")
    version = int(counted) + 1 if isinstance(counted, str) and counted.isdecimal() else 1
    return {
        "id": current.place.workflow_id,
        "createdAt": current.document.get("createdAt", now),
        "updatedAt": now,
        "version": str(version),
    }


def _unlisted(stored: Stored) -> tuple[Remove, Remove]:
    place = stored.place
    return (
        Remove(place.partition, place.row(stored.version), if_present=True),
        Remove(place.partition, library_keys.name_row(stored.name)),
    )
