"""Documents in SQLite, with the versions and delete markers of S3."""

import hashlib
import sqlite3
from collections.abc import Iterator

from chalicelib.adapters.embedded.database import Database, key_range
from chalicelib.adapters.limits import check_key, is_key
from chalicelib.errors import NotFound, PreconditionFailed
from chalicelib.ports import Clock, DocumentVersion, Revision, StoredDocument

_PAGE = 1000
_MAX_BOUND_BYTES = 8 * 1024 * 1024
_CURRENT = """
    SELECT body, etag, version, content_type, modified_at
    FROM documents JOIN document_versions USING (key, version) WHERE key = ?
"""
_ONE_VERSION = """
    SELECT body, etag, version, content_type, modified_at
    FROM document_versions WHERE key = ? AND version = ? AND etag IS NOT NULL
"""

_COPY = """
    INSERT INTO document_versions (key, etag, content_type, modified_at, size, body)
    SELECT ?, etag, content_type, ?, size, zeroblob(size) FROM document_versions WHERE version = ?
    RETURNING version, etag
"""
_SET_CURRENT = """
    INSERT INTO documents (key, version) VALUES (?, ?)
    ON CONFLICT (key) DO UPDATE SET version = excluded.version
"""
_CURRENT_NUMBER = "SELECT version FROM documents WHERE key = ?"
_ONE_NUMBER = """
    SELECT version FROM document_versions WHERE key = ? AND version = ? AND etag IS NOT NULL
"""

_Row = tuple[bytes, str, int, str, float]


class EmbeddedDocuments:
    """A ``DocumentStore``. An ETag is a hash of the content, as in S3."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def get(self, key: str, version: str | None = None) -> StoredDocument:
        """Read the current or a named version; ``NotFound``."""
        row = self._row(key, version) if is_key(key) else None
        if row is None:
            raise NotFound("No such document")
        return StoredDocument(
            body=row[0],
            etag=row[1],
            version=str(row[2]),
            content_type=row[3],
            modified_at=row[4],
        )

    def read_range(self, key: str, start: int, count: int, version: str | None = None) -> bytes:
        """``count`` bytes from ``start``, fewer where the document ends; ``NotFound``.

        SQLite reads those alone, not the whole.
        """
        with self._database.read() as sqlite:
            number = self._number(sqlite, key, version)
            if number is None:
                raise NotFound("No such document")
            with sqlite.blobopen("document_versions", "body", number, readonly=True) as body:
                if start >= len(body):
                    return b""
                body.seek(start)
                return body.read(count)

    def put(
        self,
        key: str,
        body: bytes,
        *,
        content_type: str = "application/json",
        if_match: str | None = None,
        if_absent: bool = False,
    ) -> Revision:
        """Write a new version; ``PreconditionFailed`` if a condition does not hold."""
        check_key(key)
        etag = hashlib.blake2b(body, digest_size=16).hexdigest()
        with self._database.write() as sqlite:
            current = _current_etag(sqlite, key)
            if (if_absent and current is not None) or (
                if_match is not None and current != if_match
            ):
                raise PreconditionFailed("The document has changed")
            version = _add_version(sqlite, (key, etag, content_type, self._clock.now()), body)
            sqlite.execute(_SET_CURRENT, (key, version))
        return Revision(etag=etag, version=str(version))

    def copy(self, source: str, target: str) -> Revision:
        """Write the current version of ``source`` under another key; ``NotFound``."""
        check_key(target)
        with self._database.write() as sqlite:
            number = self._number(sqlite, source, None)
            if number is None:
                raise NotFound("No such document")
            copied = (target, self._clock.now(), number)
            version, etag = sqlite.execute(_COPY, copied).fetchone()
            with (
                sqlite.blobopen("document_versions", "body", number, readonly=True) as body,
                sqlite.blobopen("document_versions", "body", version) as place,
            ):
                while part := body.read(_MAX_BOUND_BYTES):
                    place.write(part)
            sqlite.execute(_SET_CURRENT, (target, version))
        return Revision(etag=etag, version=str(version))

    def delete(self, key: str) -> None:
        """Put a delete marker on top; the versions stay. As in S3, for unknown keys too."""
        if not is_key(key):
            return
        with self._database.write() as sqlite:
            sqlite.execute("DELETE FROM documents WHERE key = ?", (key,))
            sqlite.execute(
                "INSERT INTO document_versions (key, modified_at, size) VALUES (?, ?, 0)",
                (key, self._clock.now()),
            )

    def purge(self, key: str) -> None:
        """Remove every version for good."""
        if not is_key(key):
            return
        with self._database.write() as sqlite:
            sqlite.execute("DELETE FROM documents WHERE key = ?", (key,))
            sqlite.execute("DELETE FROM document_versions WHERE key = ?", (key,))

    def withdraw(self, key: str, version: str) -> None:
        """Remove one version for good; that before it is current again."""
        if not (is_key(key) and _is_version(version)):
            return
        with self._database.write() as sqlite:
            sqlite.execute(
                "DELETE FROM document_versions WHERE key = ? AND version = ?", (key, int(version))
            )
            sqlite.execute("DELETE FROM documents WHERE key = ?", (key,))
            sqlite.execute(
                "INSERT INTO documents SELECT key, version FROM document_versions WHERE etag IS NOT"
                " NULL AND version = (SELECT max(version) FROM document_versions WHERE key = ?)",
                (key,),
            )

    def versions(self, key: str) -> list[DocumentVersion]:
        """The history of a key, newest first, delete markers included."""
        if not is_key(key):
            return []
        with self._database.read() as sqlite:
            rows = sqlite.execute(
                "SELECT version, size, modified_at, etag IS NULL FROM document_versions"
                " WHERE key = ? ORDER BY version DESC",
                (key,),
            ).fetchall()
        return [
            DocumentVersion(
                version=str(version),
                size=size,
                modified_at=modified_at,
                current=position == 0,
                deleted=bool(deleted),
            )
            for position, (version, size, modified_at, deleted) in enumerate(rows)
        ]

    def keys(self, prefix: str, *, after: str | None = None) -> Iterator[str]:
        """The keys with a current version below a prefix, in order; those past ``after``."""
        while True:
            with self._database.read() as sqlite:
                page = sqlite.execute(
                    "SELECT key FROM documents WHERE key >= ? AND key < ? ORDER BY key LIMIT ?",
                    (*key_range(prefix, after), _PAGE),
                ).fetchall()
            yield from (key for (key,) in page)
            if len(page) < _PAGE:
                return
            after = page[-1][0]

    def history(
        self, prefix: str, *, after: str | None = None
    ) -> Iterator[tuple[str, DocumentVersion]]:
        """All versions and delete markers below a prefix, by key; those past ``after``."""
        first, end = key_range(prefix, after)
        from_version = 0
        while True:
            with self._database.read() as sqlite:
                page = sqlite.execute(
                    "SELECT key, v.version, size, modified_at, etag IS NULL, v.version ="
                    " (SELECT max(version) FROM document_versions WHERE key = v.key)"
                    " FROM document_versions AS v WHERE (key, v.version) > (?, ?) AND key < ?"
                    " AND key >= ? ORDER BY key, v.version LIMIT ?",
                    (first, from_version - 1, end, first, _PAGE),
                ).fetchall()
            for key, version, size, modified_at, deleted, current in page:
                yield (
                    key,
                    DocumentVersion(str(version), size, modified_at, bool(current), bool(deleted)),
                )
            if len(page) < _PAGE:
                return
            first, from_version = page[-1][0], page[-1][1] + 1

    def _number(self, sqlite: sqlite3.Connection, key: str, version: str | None) -> int | None:
        """The row of the current or a named version."""
        if not is_key(key):
            return None
        if version is None:
            row = sqlite.execute(_CURRENT_NUMBER, (key,)).fetchone()
        elif _is_version(version):
            row = sqlite.execute(_ONE_NUMBER, (key, int(version))).fetchone()
        else:
            return None
        return None if row is None else int(row[0])

    def _row(self, key: str, version: str | None) -> _Row | None:
        with self._database.read() as sqlite:
            if version is None:
                row: _Row | None = sqlite.execute(_CURRENT, (key,)).fetchone()
            elif _is_version(version):
                row = sqlite.execute(_ONE_VERSION, (key, int(version))).fetchone()
            else:
                row = None
        return row


def _add_version(
    sqlite: sqlite3.Connection, about: tuple[str, str, str, float], body: bytes
) -> int:
    """Insert a version; its id.

    SQLite copies what is bound to a statement, and keeps the copy until the statement is
    used again. So a large body is written into its place instead.
    """
    is_large = len(body) > _MAX_BOUND_BYTES
    value, bound = ("zeroblob(?)", len(body)) if is_large else ("?", body)
    version = sqlite.execute(
        "INSERT INTO document_versions"  # noqa: S608 (one of two)
        f" (key, etag, content_type, modified_at, size, body) VALUES (?, ?, ?, ?, ?, {value})",
        (*about, len(body), bound),
    ).lastrowid
    assert version is not None  # noqa: S101 (a row was inserted)
    if is_large:
        with sqlite.blobopen("document_versions", "body", version) as place:
            place.write(body)
    return version


def _current_etag(sqlite: sqlite3.Connection, key: str) -> str | None:
    row = sqlite.execute(
        "SELECT etag FROM documents JOIN document_versions USING (key, version) WHERE key = ?",
        (key,),
    ).fetchone()
    return None if row is None else str(row[0])


def _is_version(text: str) -> bool:
    """Whether it can be a version id: at most 18 plain digits, which fit SQLite."""
    return text.isascii() and text.isdigit() and len(text) <= 18
