"""One SQLite file that holds all state of a one-machine stack.

Many threads of several processes use it at once. Readers never wait (WAL);
writers take turns. What is acknowledged is synced to the disk first, so neither
``kill -9`` nor a power cut loses it.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from pathlib import Path

from chalicelib.adapters.embedded.schema import MIGRATIONS, Migration
from chalicelib.adapters.embedded.turnstile import Turnstile

APPLICATION_ID = 0x54415643  # "TAVC", shown by file(1)
BUSY_SECONDS = 30.0
_WAL_BYTES_KEPT = 64 * 1024 * 1024
_MAX_CODE_POINT = 0x10FFFF


class DatabaseUnusable(Exception):  # noqa: N818 (the names read as what happened)
    """The store cannot be opened; the message tells the operator why."""


class NewerVersion(DatabaseUnusable):
    """A newer version of the product wrote the store."""


class ForeignFile(DatabaseUnusable):
    """The file is not a store of this product."""


class UnusableDirectory(DatabaseUnusable):
    """The file or its directory cannot be made, read or written."""


class Database:
    """Connections to the store, each used by one thread at a time.

    ``path`` None keeps everything in memory: the fake of the tests. Opening
    makes the directory and the tables if they are missing and raises a
    ``DatabaseUnusable``. It reads no rows, so it takes no longer for a full store.

    A process opens its own; a connection does not survive a fork.
    """

    def __init__(
        self, path: Path | None, *, migrations: tuple[Migration, ...] = MIGRATIONS
    ) -> None:
        self.path = path
        self._migrations = migrations
        self._pool: list[_Connection] = []
        self._pool_lock = threading.Lock()
        self._closed = False
        # In memory there is one connection only, so whoever uses it excludes the others.
        self._only = threading.RLock() if path is None else None
        self._turnstile = Turnstile(None)
        try:
            self._prepare()
        except BaseException:
            self.close()
            raise

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A snapshot of the store: all statements within see the same state."""
        with self._connection() as connection:
            connection.sqlite.execute("BEGIN")
            with connection.transaction():
                yield connection.sqlite

    @contextmanager
    def write(self, *, relaxed: bool = False) -> Iterator[sqlite3.Connection]:
        """A transaction: committed on leaving, rolled back on an exception.

        Durable when the block is left. ``relaxed`` gives up surviving a power
        cut (not ``kill -9``) for speed: for what may be done again, such as
        receipts and heartbeats. What was committed later is then lost first.
        """
        with self._connection() as connection, self._turnstile:
            connection.sync(full=not relaxed)
            connection.sqlite.execute("BEGIN IMMEDIATE")
            with connection.transaction():
                yield connection.sqlite

    def backup(self, to: Path) -> None:
        """Copy the store to a new file while it is in use; ``UnusableDirectory``."""
        try:
            with self._connection() as connection, closing(sqlite3.connect(to)) as copy:
                connection.sqlite.backup(copy)
                copy.execute("PRAGMA journal_mode=DELETE")  # a copy is one file
        except sqlite3.Error as error:
            raise UnusableDirectory(f"Cannot write a copy to {to}: {error}") from error

    def close(self) -> None:
        """Close all connections; those in use close when they are given back."""
        with self._pool_lock:
            self._closed = True
            idle, self._pool = self._pool, []
        for connection in idle:
            connection.sqlite.close()
        self._turnstile.close()

    def _prepare(self) -> None:
        if self.path is not None:
            _make_directory(self.path.parent)
        try:
            if self.path is not None:
                self._turnstile = Turnstile(self.path.with_name(self.path.name + ".lock"))
            # Not while another process makes the file: SQLite does not wait when it turns to WAL.
            with self._turnstile, self._connection() as connection:
                connection.sqlite.execute("BEGIN")
                with connection.transaction():
                    check_file(connection.sqlite, self.path, len(self._migrations))
                if self.path is not None:
                    _use_wal(connection.sqlite)
            with self.write() as sqlite:
                self._migrate(sqlite)
        except (sqlite3.Error, OSError) as error:
            raise explained(error, self.path) from error

    def _migrate(self, sqlite: sqlite3.Connection) -> None:
        check_file(sqlite, self.path, len(self._migrations))  # another process may have been first
        version = _pragma(sqlite, "user_version")
        for migration in self._migrations[version:]:
            for statement in migration:
                sqlite.execute(statement)
        if version < len(self._migrations):
            sqlite.execute(f"PRAGMA application_id={APPLICATION_ID}")
            sqlite.execute(f"PRAGMA user_version={len(self._migrations)}")

    @contextmanager
    def _connection(self) -> Iterator["_Connection"]:
        with self._only or _UNLIMITED:
            with self._pool_lock:
                if self._closed:
                    raise DatabaseUnusable("The database is closed")
                connection = self._pool.pop() if self._pool else None
            connection = connection or _Connection(self.path)
            try:
                yield connection
            finally:
                self._give_back(connection)

    def _give_back(self, connection: "_Connection") -> None:
        with self._pool_lock:
            reusable = not self._closed and not connection.sqlite.in_transaction
            if reusable:
                self._pool.append(connection)
        if not reusable:
            connection.sqlite.close()


class _Connection:
    """A SQLite connection and the durability it is set to."""

    def __init__(self, path: Path | None) -> None:
        self.sqlite = sqlite3.connect(
            ":memory:" if path is None else path,
            timeout=BUSY_SECONDS,
            isolation_level=None,  # transactions are begun by hand
            check_same_thread=False,  # the pool sees to it
            cached_statements=256,
        )
        self._full = True
        self.sqlite.execute("PRAGMA synchronous=FULL")
        self.sqlite.execute(f"PRAGMA journal_size_limit={_WAL_BYTES_KEPT}")

    def sync(self, *, full: bool) -> None:
        if full != self._full:
            self.sqlite.execute(f"PRAGMA synchronous={'FULL' if full else 'NORMAL'}")
            self._full = full

    @contextmanager
    def transaction(self) -> Iterator[None]:
        try:
            yield
            self.sqlite.execute("COMMIT")
        except BaseException:
            if self.sqlite.in_transaction:  # some errors have rolled back already
                self.sqlite.execute("ROLLBACK")
            raise


_UNLIMITED: AbstractContextManager[None] = nullcontext()


def check_file(
    sqlite: sqlite3.Connection, path: Path | None, newest: int = len(MIGRATIONS)
) -> None:
    """Refuse a file of another program, or of a schema past ``newest``, before writing to it."""
    application_id = _pragma(sqlite, "application_id")
    holds_tables = sqlite.execute("SELECT EXISTS (SELECT 1 FROM sqlite_master)").fetchone()[0]
    if application_id != APPLICATION_ID and (application_id or holds_tables):
        raise ForeignFile(f"{path} is the database of another program")
    version = _pragma(sqlite, "user_version")
    if version > newest:
        raise NewerVersion(
            f"{path} was written by a newer version (its schema is {version}, "
            f"this version knows up to {newest}): update this program"
        )


def explained(error: Exception, path: Path | None) -> DatabaseUnusable:
    """What is the matter with a file, in the operator's words."""
    code = getattr(error, "sqlite_errorcode", None)
    if code == sqlite3.SQLITE_NOTADB:
        return ForeignFile(f"{path} is not a database")
    if code is not None and code & 0xFF == sqlite3.SQLITE_CORRUPT:
        return DatabaseUnusable(f"{path} is damaged; restore a copy of it")
    return UnusableDirectory(f"Cannot open {path}: {error}")


def key_range(prefix: str, after: str | None = None) -> tuple[str, str | bytes]:
    """Bounds of the keys that start with ``prefix`` (and follow ``after``): low <= key < high.

    The order of code points is that of UTF-8 bytes, which is SQLite's own. Above
    all text SQLite sorts the blobs, so an empty one stands for "no upper bound".

    >>> key_range("users/1/")
    ('users/1/', 'users/10')
    """
    low = prefix if after is None else max(prefix, after + "\0")
    for end in range(len(prefix), 0, -1):
        code = ord(prefix[end - 1])
        if code < _MAX_CODE_POINT:
            following = 0xE000 if code == 0xD7FF else code + 1  # no half surrogate pairs
            return low, prefix[: end - 1] + chr(following)
    return low, b""


def _pragma(sqlite: sqlite3.Connection, name: str) -> int:
    return int(sqlite.execute(f"PRAGMA {name}").fetchone()[0])


def _use_wal(sqlite: sqlite3.Connection) -> None:
    if sqlite.execute("PRAGMA journal_mode=WAL").fetchone()[0] != "wal":
        raise UnusableDirectory("The file system of the data directory cannot share memory (WAL)")


def _make_directory(directory: Path) -> None:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UnusableDirectory(
            f"Cannot use the data directory {directory}: {error.strerror}"
        ) from error
