"""Objects by key: the truth of what users keep."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Revision:
    """What a write of a document leaves: an opaque ETag and a version id."""

    etag: str
    version: str


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document as it was read."""

    body: bytes
    etag: str
    version: str
    content_type: str
    modified_at: float


@dataclass(frozen=True, slots=True)
class DocumentVersion:
    """One entry of a document's history; ``deleted`` marks a delete marker."""

    version: str
    size: int
    modified_at: float
    current: bool
    deleted: bool


class DocumentStore(Protocol):
    """Versioned objects by key (S3 semantics). The object is the truth."""

    def get(self, key: str, version: str | None = None) -> StoredDocument:
        """Read the current or a named version; ``NotFound``."""
        ...

    def read_range(self, key: str, start: int, count: int, version: str | None = None) -> bytes:
        """``count`` bytes (at least 1) from ``start`` of the current or a named version.

        Fewer where it ends before, none past its end; ``NotFound``.
        """
        ...

    def put(
        self,
        key: str,
        body: bytes,
        *,
        content_type: str = "application/json",
        if_match: str | None = None,
        if_absent: bool = False,
    ) -> Revision:
        """Write a new version, durable on return.

        ``if_match`` is the ETag the current version must have, ``if_absent``
        asks that there be none (a deleted document counts as absent). Else
        ``PreconditionFailed``, and nothing is written.
        """
        ...

    def copy(self, source: str, target: str) -> Revision:
        """Write the current version of ``source`` under another key; ``NotFound``."""
        ...

    def delete(self, key: str) -> None:
        """Put a delete marker on top; the versions stay. Unknown keys are fine."""
        ...

    def purge(self, key: str) -> None:
        """Remove every version for good. Unknown keys are fine."""
        ...

    def versions(self, key: str) -> list[DocumentVersion]:
        """The history of a key, newest first, delete markers included; may be empty."""
        ...

    def withdraw(self, key: str, version: str) -> None:
        """Remove one version for good; if it was the current one, that before it is again.

        Unknown ones are fine.
        """
        ...

    def keys(self, prefix: str, *, after: str | None = None) -> Iterator[str]:
        """The keys with a current version below a prefix, in order; those past ``after``."""
        ...

    def history(
        self, prefix: str, *, after: str | None = None
    ) -> Iterator[tuple[str, DocumentVersion]]:
        """All versions and delete markers of all keys below a prefix, in the order of keys.

        Of one key in no order. ``after`` is a key; what follows is past it.
        """
        ...
