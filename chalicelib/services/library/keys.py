"""Where projects, workflows and what was deleted live: object keys and index keys.

Objects:

    users/{uid}/projects/{projectId}/project.json
    users/{uid}/projects/{projectId}/workflows/{workflowId}.json
    shared/workflows/{templateId}.json

Index rows, as partition: key:

    {uid}#projects: {projectId}/{version}            a project, as listed
    {uid}#project#{projectId}: workflow              the marker: the project exists
                               workflow/{id}/{version}    a workflow, as listed
                               name/{name}           who has this name
                               claim/{token}         a rename that is under way
    {uid}#recycle-bin: {entryId}                     a deleted project or workflow
    {uid}#recycle-bin#{entryId}: workflow/{id}       a workflow of a deleted project
                                 lease               somebody works on the entry
    {uid}#usage: usage                               how much the user keeps
                 recounted                           it was just counted anew

``version`` is the store's own id of the object's version that the row shows, so
a save replaces the row of the version before, which must be there. That is the
index's compare-and-swap: a slow writer can neither put an old row over a newer
one nor list again what was deleted meanwhile.

No id holds a slash, so no two documents share a key or a prefix. An id from a
URL that no document can have is ``NotFound`` before any key is built from it.
"""

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

from chalicelib.errors import NotFound
from chalicelib.schemas.names import MAX_NAME_LENGTH
from chalicelib.schemas.workflows import is_workflow_id

Kind = Literal["project", "workflow"]

MARKER = "workflow"
WORKFLOW_ROWS = "workflow/"
LEASE = "lease"

_ILLEGAL = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f-\x9f]')
_TRAILING = re.compile(r"[. ]+\Z")
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?\Z", re.IGNORECASE)
_WORKFLOW_KEY = re.compile(r"(?P<project>[^/]+)/workflows/(?P<workflow>[^/]+)\.json\Z")
_ITEM_KEY = re.compile(r"(?:characters/[^/]+/card|lorebooks/[^/]+/book)\.json\Z")
_PROJECT_KEY = re.compile(r"(?P<project>[^/]+)/project\.json\Z")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a project (``workflow_id`` None) or a workflow lives."""

    uid: str
    project_id: str
    workflow_id: str | None = None

    @property
    def kind(self) -> Kind:
        """What lives there."""
        return "project" if self.workflow_id is None else "workflow"

    @property
    def key(self) -> str:
        """The object's key."""
        folder = f"{projects_folder(self.uid)}{self.project_id}/"
        if self.workflow_id is None:
            return f"{folder}project.json"
        return f"{folder}workflows/{self.workflow_id}.json"

    @property
    def partition(self) -> str:
        """The partition of its row."""
        if self.workflow_id is None:
            return projects_partition(self.uid)
        return project_partition(self.uid, self.project_id)

    @property
    def rows(self) -> str:
        """What the key of its row starts with."""
        if self.workflow_id is None:
            return f"{self.project_id}/"
        return f"{WORKFLOW_ROWS}{self.workflow_id}/"

    def row(self, version: str) -> str:
        """The key of the row that shows this version."""
        return f"{self.rows}{version}"

    def workflow(self, workflow_id: str) -> "Place":
        """A workflow of the same project."""
        return Place(self.uid, self.project_id, workflow_id)

    def project(self) -> "Place":
        """The project that it is or belongs to."""
        return Place(self.uid, self.project_id)


def project(uid: str, project_id: str) -> Place:
    """A project named by a client; ``NotFound`` if none can have this id."""
    if not is_project_id(project_id):
        raise NotFound("No such project")
    return Place(uid, project_id)


def workflow(uid: str, project_id: str, workflow_id: str) -> Place:
    """A workflow named by a client; ``NotFound`` if none can have this id."""
    if not is_workflow_id(workflow_id):
        raise NotFound("No such workflow")
    return project(uid, project_id).workflow(workflow_id)


def place_of(uid: str, key: str) -> Place | None:
    """The place of an object below a user's projects; None for any other object."""
    path = key.removeprefix(projects_folder(uid))
    if found := _PROJECT_KEY.match(path):
        return Place(uid, found["project"]) if is_project_id(found["project"]) else None
    if found := _WORKFLOW_KEY.match(path):
        possible = is_project_id(found["project"]) and is_workflow_id(found["workflow"])
        return Place(uid, found["project"], found["workflow"]) if possible else None
    return None


def is_document(uid: str, key: str) -> bool:
    """Does this object count as a document of the user's: is it what a list shows?"""
    path = key.removeprefix(user_folder(uid))
    return place_of(uid, key) is not None or _ITEM_KEY.match(path) is not None


def project_id_of(name: str) -> str:
    """A project's id: its name made safe as the name of a file; unicode stays.

    The rules are those of Windows, the strictest:
    https://learn.microsoft.com/en-us/windows/win32/fileio/naming-a-file

    >>> project_id_of("夜/1: «draft»?")
    '夜_1_ «draft»_'
    >>> project_id_of("nul.txt"), project_id_of("The end...")
    ('_nul.txt', 'The end___')
    """
    safe = _ILLEGAL.sub("_", name)
    safe = _TRAILING.sub(lambda found: "_" * len(found[0]), safe)
    if _RESERVED.match(safe):
        safe = f"_{safe}"
    return safe


def is_project_id(text: str) -> bool:
    """Can this be a project's id?"""
    if not 0 < len(text) <= MAX_NAME_LENGTH + 1 or any(map(_is_surrogate, text)):
        return False
    return project_id_of(text) == text


def user_folder(uid: str) -> str:
    """What the keys of all documents of a user start with."""
    return f"users/{uid}/"


def usage_partition(uid: str) -> str:
    """How much a user keeps."""
    return f"{uid}#usage"


def projects_folder(uid: str) -> str:
    """What the keys of all projects of a user start with."""
    return f"{user_folder(uid)}projects/"


def projects_partition(uid: str) -> str:
    """The list of a user's projects."""
    return f"{uid}#projects"


def project_partition(uid: str, project_id: str) -> str:
    """A project's marker, its workflows and their names."""
    return f"{uid}#project#{project_id}"


def name_row(name: str) -> str:
    """The row that says who has a name."""
    return f"name/{name}"


def claim_row(token: str) -> str:
    """The row of a rename under way."""
    return f"claim/{token}"


def bin_partition(uid: str) -> str:
    """The list of what a user has deleted."""
    return f"{uid}#recycle-bin"


def entry_partition(uid: str, entry_id: str) -> str:
    """What belongs to one entry of the recycle bin."""
    return f"{uid}#recycle-bin#{entry_id}"


def entry_id(place: Place, life: str, version: str) -> str:
    """The id of the entry for this version of a document; each deletion has its own."""
    return entry_prefix(place) + _digest(f"{life}\n{version}", 8)


def entry_prefix(place: Place) -> str:
    """What the ids of all entries of a place start with."""
    return _digest(place.key, 12)


def next_life(entry_id: str, workflow_id: str | None) -> str:
    """The life of what is restored from an entry; the same however often that is tried."""
    return _digest(f"{entry_id}/{workflow_id or ''}", 8)


def _digest(text: str, size: int) -> str:
    return hashlib.blake2b(text.encode(), digest_size=size).hexdigest()


def _is_surrogate(character: str) -> bool:
    return unicodedata.category(character) == "Cs"
