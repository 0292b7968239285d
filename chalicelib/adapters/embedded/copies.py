"""Copies of the store's file, for backups and for restoring them."""

import contextlib
import os
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from chalicelib.adapters.embedded.database import (
    APPLICATION_ID,
    BUSY_SECONDS,
    DatabaseUnusable,
    ForeignFile,
    UnusableDirectory,
    check_file,
    explained,
)


def copy(source: Path, target: Path) -> None:
    """Copy a store's file, whole and synced to the disk, or not at all; ``DatabaseUnusable``.

    The source may be in use; it may be of an earlier schema, and the copy has the
    same. It replaces what has the target's name, once SQLite has found no fault in it.
    """
    try:
        file, name = tempfile.mkstemp(prefix=f"{target.name}.", dir=target.parent)
        os.close(file)
    except OSError as error:
        raise UnusableDirectory(f"Cannot write a copy to {target}: {error.strerror}") from error
    part = Path(name)
    try:
        _copy(source, part)
        _sync(part)
        part.replace(target)
        _sync(target.parent)
    except sqlite3.Error as error:
        raise explained(error, source) from error
    except OSError as error:
        raise UnusableDirectory(f"Cannot write a copy to {target}: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)


def set_aside(store: Path) -> Path | None:
    """Rename a store's file that nobody uses; where it is now, or None if there is none."""
    if not store.exists():
        return None
    with contextlib.suppress(sqlite3.Error):  # one that is damaged keeps its log beside it
        _make_one_file(store)
    number = 1
    while (aside := store.with_name(f"{store.name}.replaced-{number}")).exists():
        number += 1
    for suffix in ("-shm", "-wal", ""):
        part = store.with_name(store.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    _sync(store.parent)
    return aside


def _copy(source: Path, part: Path) -> None:
    with closing(_existing(source)) as store, closing(sqlite3.connect(part)) as made:
        check_file(store, source)
        if store.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
            raise ForeignFile(f"{source} is empty")
        store.backup(made)
        made.execute("PRAGMA journal_mode=DELETE")  # a copy is one file
        found = made.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if found != "ok":
            raise DatabaseUnusable(f"{source} is damaged: {found.splitlines()[-1]}")


def _make_one_file(store: Path) -> None:
    """Move what is in the write-ahead log into the file itself."""
    with closing(_existing(store)) as sqlite:
        sqlite.execute("PRAGMA journal_mode=DELETE")


def _existing(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True, timeout=BUSY_SECONDS)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
