"""The right to work on one entry of the recycle bin for a while.

What takes many steps (deleting or restoring a whole project, removing for good)
holds the entry's lease, so that no two of them meet. It lapses by itself when
its holder crashes.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from chalicelib.errors import ConditionFailed, Conflict
from chalicelib.ports import Entry, Index, Put, Remove
from chalicelib.services.library import keys as library_keys
from chalicelib.services.library.bin_entries import BinEntry
from chalicelib.services.library.store import REQUEST_SECONDS, LibraryStore


class BinLease:
    """A lease that is held."""

    def __init__(self, store: LibraryStore, index: Index, entry: BinEntry) -> None:
        self._store = store
        self._index = index
        self._partition = library_keys.entry_partition(entry.place.uid, entry.id)
        self._until = int(store.now()) + REQUEST_SECONDS

    def put(self, *, if_absent: bool) -> Put:
        """The change that takes or prolongs it."""
        row = Entry(self._partition, library_keys.LEASE, {}, expires_at=self._until)
        return Put(row, if_absent=if_absent)

    def remove(self) -> Remove:
        """The change that gives it up."""
        return Remove(self._partition, library_keys.LEASE)

    def renew(self) -> None:
        """Prolong it, if need be; ``Conflict`` if it lapsed, for then it may be another's."""
        left = self._until - self._store.now()
        if left <= 0:
            raise lapsed()
        if left < REQUEST_SECONDS / 2:
            self._until = int(self._store.now()) + REQUEST_SECONDS
            self._index.write(self.put(if_absent=False))


@contextmanager
def held(store: LibraryStore, index: Index, entry: BinEntry) -> Iterator[BinLease]:
    """Hold an entry's lease; ``Conflict`` while somebody else does."""
    lease = BinLease(store, index, entry)
    try:
        index.write(lease.put(if_absent=True))
    except ConditionFailed:
        raise in_use() from None
    try:
        yield lease
    finally:
        index.write(lease.remove())


def in_use() -> Conflict:
    """Somebody works on the entry, or did until a crash."""
    return Conflict("It is just being deleted, restored or removed; try again in a minute")


def lapsed() -> Conflict:
    """We were too slow."""
    return Conflict("This took too long; try again to go on with it")
