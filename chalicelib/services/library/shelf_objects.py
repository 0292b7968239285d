"""The objects of documents with ids of their own."""

from collections.abc import Iterator
from dataclasses import replace

from chalicelib.errors import NotFound, PreconditionFailed
from chalicelib.ports import DocumentStore, DocumentVersion
from chalicelib.services.library import items
from chalicelib.services.library.items import PURGED, Item, Kind
from chalicelib.services.library.store import busy

_TRIES = 6


class ShelfObjects:
    """Reads and writes the documents of one kind."""

    def __init__(self, kind: Kind, documents: DocumentStore) -> None:
        self._kind = kind
        self._documents = documents

    def find(self, uid: str, item_id: str) -> Item | None:
        """A document, also a deleted one; ``NotFound`` and ``NewerFormat`` as of ``decoded``."""
        if not items.is_id(item_id):
            return None
        try:
            found = self._documents.get(self._key(uid, item_id))
        except NotFound:
            return None
        return items.decoded(self._kind, uid, item_id, found)

    def version(self, uid: str, item_id: str, version: str) -> Item:
        """A document as it was; ``NotFound``, ``NewerFormat``."""
        try:
            found = self._documents.get(self._key(uid, item_id), version)
        except NotFound:
            raise NotFound("No such version") from None
        return items.decoded(self._kind, uid, item_id, found)

    def versions(self, uid: str, item_id: str) -> list[DocumentVersion]:
        """The history of a document, newest first."""
        found = self._documents.versions(self._key(uid, item_id))
        return [version for version in found if not version.deleted]

    def put(self, item: Item, *, if_match: str | None = None, if_absent: bool = False) -> Item:
        """Write a document; as it is now. ``InvalidInput``, ``PreconditionFailed``."""
        body = items.encoded(item)
        key = self._key(item.uid, item.id)
        done = self._documents.put(key, body, if_match=if_match, if_absent=if_absent)
        return replace(item, etag=done.etag, version=done.version, size=len(body))

    def withdraw(self, item: Item) -> None:
        """Take one version back."""
        self._documents.withdraw(self._key(item.uid, item.id), item.version)

    def seal(self, uid: str, item_id: str) -> bool:
        """Have a deleted document never come back, so that it can be removed in peace.

        False if there is none at all; ``NotFound`` if it is not deleted.
        """
        for _ in range(_TRIES):
            found = self.find(uid, item_id)
            if found is None:
                return False
            if not found.is_deleted:
                raise NotFound("The recycle bin has no such entry")
            if PURGED in found.state:
                return True
            try:
                self.put(found.changed(found.content, **{PURGED: True}), if_match=found.etag)
            except PreconditionFailed:
                continue
            return True
        raise busy()

    def purge(self, uid: str, item_id: str) -> None:
        """Remove a document and what belongs to it for good; the document itself last.

        So what a crash leaves is found by it.
        """
        own, last = self._key(uid, item_id), None
        for key, _ in self._documents.history(items.folder_of(self._kind, uid, item_id)):
            if key not in (last, own):
                self._documents.purge(key)
            last = key
        self._documents.purge(own)

    def ids(self, uid: str, after: str | None = None) -> Iterator[str]:
        """The ids of all documents, deleted ones too; those past one."""
        start = None if after is None else items.folder_of(self._kind, uid, after) + "\U0010ffff"
        for key in self._documents.keys(items.folder(self._kind, uid), after=start):
            item_id = items.id_of(self._kind, uid, key)
            if item_id is not None:
                yield item_id

    def _key(self, uid: str, item_id: str) -> str:
        return items.key_of(self._kind, uid, item_id)
