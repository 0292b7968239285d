"""Projects and workflows as objects: JSON documents with what only the server sees."""

import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from chalicelib import json_text
from chalicelib.errors import Conflict, InvalidInput, NotFound, PreconditionFailed
from chalicelib.ports import Clock, DocumentStore, StoredDocument
from chalicelib.services.group_interfaces import interface_of
from chalicelib.services.library_keys import Place

_logger = logging.getLogger(__name__)

# No request lives longer. What an unfinished one has left behind is therefore
# in use while it is younger, and litter of a crash from then on.
REQUEST_SECONDS = 60
_SERVER_FIELD = "$server"
_BLOCK = "application/vnd.comfytavern.removed"
_TRIES = 5

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Versioned:
    """A document for a client, and the ETag that a later If-Match may name."""

    value: Document
    etag: str


@dataclass(frozen=True, slots=True)
class Stored:
    """A document as it is in the store.

    ``life`` tells two documents apart that had the same place one after the
    other; it stays through saves, deletion and restoring. ``interface_changed``
    says that the write of this version changed the workflow's interface.
    """

    place: Place
    document: Document
    etag: str
    version: str
    life: str
    interface_changed: bool = False

    @property
    def name(self) -> str:
        """The document's name."""
        return str(self.document.get("name", ""))

    def versioned(self) -> Versioned:
        """For the client."""
        return Versioned(self.document, self.etag)


class LibraryStore:
    """Reads and writes the objects of projects and workflows."""

    def __init__(self, documents: DocumentStore, clock: Clock) -> None:
        self.documents = documents
        self._clock = clock

    def now(self) -> float:
        """Seconds since the epoch."""
        return self._clock.now()

    def timestamp(self) -> str:
        """The time as documents hold it."""
        return timestamp(self._clock.now())

    def is_recent(self, moment: str) -> bool:
        """Was this timestamp taken so lately that the request which did may still run?"""
        try:
            then = datetime.fromisoformat(moment).timestamp()
        except ValueError:
            return False
        return self._clock.now() - then < REQUEST_SECONDS

    def load(self, place: Place, version: str | None = None) -> Stored:
        """The current or a named version; ``NotFound``."""
        try:
            found = self.documents.get(place.key, version)
        except NotFound:
            raise NotFound(f"No such {place.kind if version is None else 'version'}") from None
        return _parsed(place, found)

    def find(self, place: Place) -> Stored | None:
        """The current version, or None."""
        try:
            return self.load(place)
        except NotFound:
            return None

    def add(self, place: Place, document: Document, life: str | None = None) -> Stored:
        """Write a document where there is none; else ``PreconditionFailed``."""
        life = life or secrets.token_hex(8)
        body = _body(document, {"life": life})
        revision = self.documents.put(place.key, body, if_absent=True)
        return Stored(place, document, revision.etag, revision.version, life)

    def replace(self, old: Stored, document: Document, *, life: str | None = None) -> Stored:
        """Write a new version over the one that was read; else ``PreconditionFailed``."""
        life = life or old.life
        interface_changed = interface_of(document) != interface_of(old.document)
        hidden = {"life": life, **({"interfaceChanged": True} if interface_changed else {})}
        body = _body(document, hidden)
        revision = self.documents.put(old.place.key, body, if_match=old.etag)
        return Stored(old.place, document, revision.etag, revision.version, life, interface_changed)

    def bring_back(self, old: Stored) -> Stored:
        """Make an earlier version current where there is none; else ``PreconditionFailed``.

        Something that only blocks the place, left by a removal of this life
        that crashed, gives way.
        """
        try:
            found = self.documents.get(old.place.key)
            block = found.etag if found.body == _block_body(old.life) else None
        except NotFound:
            block = None
        body = _body(old.document, {"life": old.life})
        revision = self.documents.put(old.place.key, body, if_match=block, if_absent=block is None)
        return Stored(old.place, old.document, revision.etag, revision.version, old.life)

    def hide(self, place: Place) -> None:
        """Put a delete marker on a document; its versions stay."""
        self.documents.delete(place.key)

    def purge(self, place: Place, life: str) -> None:
        """Remove all versions of a document for good, unless another life has its place.

        A purge takes whatever is at the key, also what somebody adds there in
        that moment. So a block is put first, on the same conditions as any
        write: while it is there nobody can add. After a crash in between, the
        block hides what is left, and another purge goes on from it.
        """
        for _ in range(_TRIES):
            try:
                if not self._block(place, life):
                    return
            except PreconditionFailed:
                continue
            self.documents.purge(place.key)
            return
        raise Conflict("Too many requests change the same thing at once")

    def _block(self, place: Place, life: str) -> bool:
        try:
            found = self.documents.get(place.key)
        except NotFound:
            body = _block_body(life)
            self.documents.put(place.key, body, content_type=_BLOCK, if_absent=True)
            return True
        if found.content_type == _BLOCK:
            return True
        if _parsed(place, found).life != life:
            return False
        body = _block_body(life)
        self.documents.put(place.key, body, content_type=_BLOCK, if_match=found.etag)
        return True


def timestamp(moment: float) -> str:
    """ISO 8601 with milliseconds and Z.

    >>> timestamp(1.5)
    '1970-01-01T00:00:01.500Z'
    """
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def _body(document: Document, hidden: Mapping[str, Any]) -> bytes:
    text = json_text.dumps({**document, _SERVER_FIELD: hidden})
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput("A string holds half of a surrogate pair") from error


def _block_body(life: str) -> bytes:
    return _body({}, {"removed": life})


def _parsed(place: Place, found: StoredDocument) -> Stored:
    if found.content_type == _BLOCK:
        raise NotFound(f"No such {place.kind}")
    try:
        document = json_text.loads_exact(found.body.decode())
    except ValueError:
        document = None
    if not isinstance(document, dict):
        _logger.error("An object is not a JSON document", extra={"key": place.key})
        raise NotFound(f"The {place.kind} cannot be read")
    hidden = document.pop(_SERVER_FIELD, None)
    hidden = hidden if isinstance(hidden, dict) else {}
    return Stored(
        place=place,
        document=document,
        etag=found.etag,
        version=found.version,
        life=str(hidden.get("life", "")),
        interface_changed=bool(hidden.get("interfaceChanged")),
    )
