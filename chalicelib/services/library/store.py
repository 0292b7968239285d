"""Projects and workflows as objects: JSON documents with what only the server sees."""

import logging
import secrets
from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalicelib import json_text
from chalicelib.errors import (
    Conflict,
    InvalidInput,
    NewerFormat,
    NotFound,
    PreconditionFailed,
)
from chalicelib.moments import timestamp
from chalicelib.ports import Clock, DocumentStore, StoredDocument
from chalicelib.services.library.group_interfaces import interface_of
from chalicelib.services.library.keys import Place

_logger = logging.getLogger(__name__)

# No request lives longer. What an unfinished one has left behind is therefore
# in use while it is younger, and litter of a crash from then on.
REQUEST_SECONDS = 60
# Absent in what is stored. A version that stores what this one would misread, or lose by
# saving, writes a higher number beside ``life``. Fields that may be ignored need none.
_FORMAT = 1
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

    ``life`` is what all versions from a creation, or a restoring, to the next
    deletion have in common. A life that has ended never returns, so whoever
    finds an object of it may hide it. ``interface_changed`` says that the write
    of this version changed the workflow's interface.
    """

    place: Place
    document: Document
    etag: str
    version: str
    life: str
    interface_changed: bool = False
    size: int = 0
    """In bytes, of what was written just now."""

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
        """The current or a named version; ``NotFound``, ``NewerFormat``."""
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
        try:
            revision = self.documents.put(place.key, body, if_absent=True)
        except PreconditionFailed:
            block = self._block_of_a_crash(place)
            if block is None:
                raise
            revision = self.documents.put(place.key, body, if_match=block.etag)
        return Stored(place, document, revision.etag, revision.version, life, size=len(body))

    def replace(self, old: Stored, document: Document, *, life: str | None = None) -> Stored:
        """Write a new version over the one that was read; else ``PreconditionFailed``."""
        life = life or old.life
        interface_changed = interface_of(document) != interface_of(old.document)
        hidden = {"life": life, **({"interfaceChanged": True} if interface_changed else {})}
        body = _body(document, hidden)
        revision = self.documents.put(old.place.key, body, if_match=old.etag)
        return Stored(
            old.place,
            document,
            revision.etag,
            revision.version,
            life,
            interface_changed,
            len(body),
        )

    def withdraw(self, written: Stored) -> None:
        """Take back a version that was just written; what was there before is current again."""
        self.documents.withdraw(written.place.key, written.version)

    def hide(self, current: Stored) -> None:
        """Put a delete marker on a document whose life has ended; its versions stay.

        A delete marker cannot be conditional. So the object is first replaced,
        if it is still of this life, by a block that refuses all writers for as
        long as this request may live; nobody else's work can be hidden by it.
        """
        for _ in range(_TRIES):
            try:
                self.documents.put(
                    current.place.key, self._block(), content_type=_BLOCK, if_match=current.etag
                )
            except PreconditionFailed:
                found = self.find(current.place)
                if found is None or found.life != current.life:
                    return
                current = found
            else:
                self.documents.delete(current.place.key)
                return
        raise busy()

    def hide_all(self, place: Place) -> None:
        """Put a delete marker on whatever is there: for who has the place to himself."""
        self.documents.delete(place.key)

    def unblock(self, place: Place) -> None:
        """Clear a place of what a crash between blocking and deleting has left."""
        if self._block_of_a_crash(place) is not None:
            self.documents.delete(place.key)

    def begin_purge(self, place: Place, lives: Set[str]) -> bool:
        """Block a place for a purge, so that nobody can add what would be purged along.

        False if a document of none of these lives is there now: it is to stay.
        ``Conflict`` while somebody else blocks the place.
        """
        for _ in range(_TRIES):
            try:
                found: StoredDocument | None = self.documents.get(place.key)
            except NotFound:
                found = None
            if found is not None and found.content_type == _BLOCK:
                found = self._block_of_a_crash(place)
                if found is None:
                    raise busy()
            elif found is not None and _parsed(place, found).life not in lives:
                return False
            try:
                self.documents.put(
                    place.key,
                    self._block(),
                    content_type=_BLOCK,
                    if_match=None if found is None else found.etag,
                    if_absent=found is None,
                )
            except PreconditionFailed:
                continue
            return True
        raise busy()

    def end_purge(self, place: Place, *, keep_versions: bool) -> None:
        """Remove a blocked place's versions for good, or only hide them again."""
        if keep_versions:
            self.documents.delete(place.key)
        else:
            self.documents.purge(place.key)

    def is_block(self, size: int) -> bool:
        """Does a version of so many bytes only block its place? No document is that small."""
        return size == len(self._block())

    def _block(self) -> bytes:
        return json_text.dumps({"blocked": self.timestamp(), "by": secrets.token_hex(8)}).encode()

    def _block_of_a_crash(self, place: Place) -> StoredDocument | None:
        """What blocks the place, if whoever put it there cannot be at work any more."""
        try:
            found = self.documents.get(place.key)
        except NotFound:
            return None
        if found.content_type != _BLOCK:
            return None
        since = json_text.loads_exact(found.body.decode())["blocked"]
        return None if self.is_recent(since) else found


def _body(document: Document, hidden: Mapping[str, Any]) -> bytes:
    try:
        return json_text.dumps_exact({**document, _SERVER_FIELD: hidden}).encode()
    except ValueError as error:
        raise InvalidInput("A string holds half of a surrogate pair") from error


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
    if hidden.get("format", _FORMAT) > _FORMAT:
        raise NewerFormat(place.kind)
    return Stored(
        place=place,
        document=document,
        etag=found.etag,
        version=found.version,
        life=str(hidden.get("life", "")),
        interface_changed=bool(hidden.get("interfaceChanged")),
    )


def busy() -> Conflict:
    """Another request has not finished with the same thing."""
    return Conflict("Another request is changing the same thing; try again in a moment")
