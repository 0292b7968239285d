"""An archive in the store, read piece by piece."""

from dataclasses import dataclass, field

from chalicelib.errors import NotFound
from chalicelib.ports import DocumentStore

_WINDOW = 8 * 1024 * 1024


class ArchiveGone(Exception):  # noqa: N818 (the name reads as what happened)
    """The archive was removed while it was read: the import was cancelled, say."""


@dataclass(slots=True)
class StoredArchive:
    """A ``Source`` of the bytes of an object.

    The files of an archive mostly lie in the order of its directory. So a read takes what
    follows along, and small files cost a call of the store for many.
    """

    documents: DocumentStore
    key: str
    size: int
    window: int = _WINDOW
    _start: int = field(default=0, init=False)
    _data: bytes = field(default=b"", init=False)

    @classmethod
    def of(cls, documents: DocumentStore, key: str) -> "StoredArchive":
        """The archive under a key; ``ArchiveGone``."""
        found = next(iter(documents.versions(key)), None)
        if found is None or found.deleted:
            raise ArchiveGone
        return cls(documents, key, found.size)

    def read(self, start: int, count: int) -> bytes:
        """``count`` bytes from ``start``; ``ArchiveGone``."""
        if not (self._start <= start and start + count <= self._start + len(self._data)):
            wanted = min(max(count, self.window), self.size - start)
            try:
                data = self.documents.read_range(self.key, start, wanted)
            except NotFound as error:
                raise ArchiveGone from error
            self._start, self._data = start, data
        at = start - self._start
        return self._data[at : at + count]
