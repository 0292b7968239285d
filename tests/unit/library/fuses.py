"""Stores with a fuse: something happens at a chosen call of theirs.

Either the process dies, and nothing works from then on, or another request is
served in between.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Protocol, TypeVar

from chalicelib.errors import Conflict
from chalicelib.ports import (
    Add,
    Change,
    DocumentStore,
    DocumentVersion,
    Entry,
    Index,
    Page,
    Revision,
    StoredDocument,
    TextPage,
)

Answer = TypeVar("Answer")


class Crashed(Exception):  # noqa: N818 (the name reads as what happened)
    """The process is dead."""


class Fuse(Protocol):
    """What every call of a store goes through."""

    blown: bool

    def call(self, act: Callable[[], Answer]) -> Answer:
        """Call a store."""
        ...


class Death:
    """Lets ``calls`` calls through; the next one is the last.

    With ``late`` that one still reaches the store, but its answer never comes.
    """

    def __init__(self, calls: int, *, late: bool) -> None:
        self._left = calls
        self._late = late
        self.blown = False

    def call(self, act: Callable[[], Answer]) -> Answer:
        """Call a store, or die."""
        if self.blown:
            raise Crashed
        if self._left == 0:
            self.blown = True
            if self._late:
                act()
            raise Crashed
        self._left -= 1
        return act()


class Meanwhile:
    """Lets ``calls`` calls through; then another request is served before the next."""

    def __init__(self, calls: int, other: Callable[[], object]) -> None:
        self._left = calls
        self._other = other
        self.blown = False

    def call(self, act: Callable[[], Answer]) -> Answer:
        """Call a store."""
        if self._left == 0 and not self.blown:
            self.blown = True
            self._other()
        self._left -= 1
        return act()


class FusedDocuments:
    """A ``DocumentStore`` behind a fuse."""

    def __init__(self, documents: DocumentStore, fuse: Fuse) -> None:
        self._documents = documents
        self._fuse = fuse

    def get(self, key: str, version: str | None = None) -> StoredDocument:
        return self._fuse.call(lambda: self._documents.get(key, version))

    def read_range(self, key: str, start: int, count: int, version: str | None = None) -> bytes:
        return self._fuse.call(lambda: self._documents.read_range(key, start, count, version))

    def put(
        self,
        key: str,
        body: bytes,
        *,
        content_type: str = "application/json",
        if_match: str | None = None,
        if_absent: bool = False,
    ) -> Revision:
        return self._fuse.call(
            lambda: self._documents.put(
                key, body, content_type=content_type, if_match=if_match, if_absent=if_absent
            )
        )

    def copy(self, source: str, target: str) -> Revision:
        return self._fuse.call(lambda: self._documents.copy(source, target))

    def delete(self, key: str) -> None:
        self._fuse.call(lambda: self._documents.delete(key))

    def purge(self, key: str) -> None:
        self._fuse.call(lambda: self._documents.purge(key))

    def versions(self, key: str) -> list[DocumentVersion]:
        return self._fuse.call(lambda: self._documents.versions(key))

    def withdraw(self, key: str, version: str) -> None:
        self._fuse.call(lambda: self._documents.withdraw(key, version))

    def keys(self, prefix: str, *, after: str | None = None) -> Iterator[str]:
        return self._fuse.call(lambda: self._documents.keys(prefix, after=after))

    def history(
        self, prefix: str, *, after: str | None = None
    ) -> Iterator[tuple[str, DocumentVersion]]:
        return self._fuse.call(lambda: self._documents.history(prefix, after=after))


class FailingDocuments(FusedDocuments):
    """A ``DocumentStore`` which for a while gives no parts of documents."""

    failing = False

    def read_range(self, key: str, start: int, count: int, version: str | None = None) -> bytes:
        if self.failing:
            raise ConnectionError("The store does not answer")
        return super().read_range(key, start, count, version)


class FusedIndex:
    """An ``Index`` behind a fuse."""

    def __init__(self, index: Index, fuse: Fuse) -> None:
        self._index = index
        self._fuse = fuse

    def get(self, partition: str, key: str) -> Entry | None:
        return self._fuse.call(lambda: self._index.get(partition, key))

    def query(
        self,
        partition: str,
        prefix: str = "",
        *,
        limit: int | None = None,
        after: str | None = None,
    ) -> Page:
        return self._fuse.call(
            lambda: self._index.query(partition, prefix, limit=limit, after=after)
        )

    def texts(
        self,
        partition: str,
        prefix: str = "",
        *,
        limit: int | None = None,
        after: str | None = None,
    ) -> TextPage:
        return self._fuse.call(
            lambda: self._index.texts(partition, prefix, limit=limit, after=after)
        )

    def write(self, *changes: Change) -> None:
        self._fuse.call(lambda: self._index.write(*changes))

    def add(self, addition: Add) -> Mapping[str, int]:
        return self._fuse.call(lambda: self._index.add(addition))

    def expire(self, now: float) -> int:
        return self._fuse.call(lambda: self._index.expire(now))


class BusyIndex(FusedIndex):
    """An ``Index`` where others hold the rows of the next ``times`` transactions."""

    def __init__(self, index: Index, times: int) -> None:
        super().__init__(index, Death(1_000_000, late=False))
        self.times = times

    def write(self, *changes: Change) -> None:
        if len(changes) > 1 and self.times > 0:
            self.times -= 1
            raise Conflict("Too many requests change the same thing at once")
        super().write(*changes)
