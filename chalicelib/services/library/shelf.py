"""Documents with ids of their own: kept, changed, deleted, brought back.

The object is written first, each time under the condition that it is as it was read;
then the rows, in one transaction under the condition that the head row shows what the
object was before. What a crash or a lost race leaves between the two is mended by
``settle``, which whoever finds a head row that he did not expect calls.
"""

import logging
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from chalicelib.errors import (
    ConditionFailed,
    Conflict,
    NewerFormat,
    NotFound,
    PreconditionFailed,
    TooLarge,
)
from chalicelib.moments import timestamp
from chalicelib.ports import Add, Change, Clock, DocumentStore, Entry, Index
from chalicelib.services.library import items, shelf_rows
from chalicelib.services.library.if_match import IfMatch
from chalicelib.services.library.items import CREATED, DELETED, HEAD, PURGED, UPDATED, Item, Kind
from chalicelib.services.library.shelf_objects import ShelfObjects
from chalicelib.services.library.store import busy
from chalicelib.services.library.usage import UNLIMITED, StorageLimits, Usage

_logger = logging.getLogger(__name__)
_TRIES = 6
_MOST_MARK = 2**40

Views = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Deleted:
    """What the recycle bin knows of a document."""

    id: str
    name: str
    deleted_at: str


class Shelf:
    """All documents of one kind; everyone sees his own."""

    def __init__(
        self,
        kind: Kind,
        documents: DocumentStore,
        index: Index,
        clock: Clock,
        limits: StorageLimits = UNLIMITED,
    ) -> None:
        self.kind = kind
        self.documents = documents
        self.index = index
        self.usage = Usage(documents, index, limits)
        self._objects = ShelfObjects(kind, documents)
        self._clock = clock

    def now(self) -> float:
        """Seconds since the epoch."""
        return self._clock.now()

    def new_id(self) -> str:
        """An id for a new document."""
        return items.new_id(self.now())

    def folder(self, uid: str, item_id: str) -> str:
        """What the keys of all objects of a document start with."""
        return items.folder_of(self.kind, uid, item_id)

    def partition(self, uid: str) -> str:
        """Where the rows are that list a user's documents."""
        return items.partition(self.kind, uid)

    def mark(self, uid: str) -> str:
        """Another one whenever something in a user's list has changed; one read."""
        return str(self.usage.number(uid, self.kind.folder))

    def get(self, uid: str, item_id: str) -> Item:
        """A document; ``NotFound`` if there is none, or it is deleted. One read."""
        found = self._objects.find(uid, item_id)
        if found is None or found.is_deleted:
            raise self._unknown()
        return found

    def create(self, item: Item, *, extra_bytes: int = 0, also: Sequence[Change] = ()) -> Item:
        """Keep a new document; it is as it was kept.

        ``extra_bytes`` are those of objects that were written for it. ``also`` are changes
        of other rows, in the transaction that lists it; ``ConditionFailed`` if those lose.
        One that is there already was left by a try that did not get so far: it is listed.
        ``TooLarge``.
        """
        now = timestamp(self.now())
        item = item.changed(item.content, **{CREATED: now, UPDATED: now})
        for _ in range(_TRIES):
            try:
                written = self._objects.put(item, if_absent=True)
            except PreconditionFailed:
                found = self._objects.find(item.uid, item.id)
                if found is not None:
                    return self._take_over(item, found, extra_bytes, also)
            else:
                return self._list_new(written, extra_bytes, also, [written.version])
        raise busy()

    def change(
        self,
        uid: str,
        item_id: str,
        change: Callable[[Item], Item | None],
        if_match: IfMatch | None = None,
        *,
        extra_bytes: int = 0,
        also: Sequence[Change] = (),
    ) -> Item:
        """Write what ``change`` makes of a document; as it is then.

        ``change`` may be called again when others write in between, and may return None
        to leave all as it is. ``NotFound``; ``PreconditionFailed`` if ``if_match`` does
        not allow the current version; ``TooLarge``. Three calls of the stores.
        """
        return self._change(uid, item_id, change, if_match, extra_bytes, also, deleted=False)

    def delete(self, uid: str, item_id: str, if_match: IfMatch | None = None) -> None:
        """Put a document into the recycle bin; ``NotFound``, ``PreconditionFailed``."""

        def deleted(item: Item) -> Item:
            return item.changed(item.content, **{DELETED: timestamp(self.now())})

        try:
            self.change(uid, item_id, deleted, if_match)
        except NotFound:
            if not self._completed(uid, item_id, deleted=True):
                raise

    def deleted(self, uid: str) -> list[Deleted]:
        """What is in the recycle bin."""
        found = self.index.query(items.bin_partition(self.kind, uid), HEAD).entries
        return [
            Deleted(items.id_in(entry.key), str(entry.value["name"]), str(entry.value[DELETED]))
            for entry in found
        ]

    def restore(self, uid: str, item_id: str) -> Item:
        """Bring back what was deleted; ``NotFound``."""

        def restored(item: Item) -> Item:
            return item.changed(item.content, **{DELETED: None})

        try:
            return self._change(uid, item_id, restored, None, 0, (), deleted=True)
        except NotFound:
            if not self._completed(uid, item_id, deleted=False):
                raise
            return self.get(uid, item_id)

    def purge(self, uid: str, item_id: str) -> None:
        """Remove a deleted document with all that belongs to it for good; ``NotFound``."""
        if self._objects.seal(uid, item_id):
            self._objects.purge(uid, item_id)
        elif not self._heads(uid, item_id):
            raise NotFound("The recycle bin has no such entry")
        self._unlist(uid, self._heads(uid, item_id))

    def versions(self, uid: str, item_id: str) -> Views:
        """A document's history, newest first: ``{version, savedAt, size, current}``."""
        current = self.get(uid, item_id)
        return [
            {
                "version": entry.version,
                "savedAt": timestamp(entry.modified_at),
                "size": entry.size,
                "current": entry.version == current.version,
            }
            for entry in self._objects.versions(uid, item_id)
        ]

    def version(self, uid: str, item_id: str, version: str) -> Item:
        """A document as it was; ``NotFound``."""
        self.get(uid, item_id)
        return self._objects.version(uid, item_id, version)

    def all(self, uid: str, after: str | None = None) -> Iterator[Item]:
        """All documents as their objects tell, deleted ones too; those past an id."""
        for item_id in self._objects.ids(uid, after):
            try:
                found = self._objects.find(uid, item_id)
            except (NotFound, NewerFormat):
                _logger.warning("A document cannot be read", extra={"document": item_id})
                continue
            if found is not None:
                yield found

    def ids(self, uid: str) -> set[str]:
        """The ids of all documents, deleted ones too."""
        return set(self._objects.ids(uid))

    def settle(self, uid: str, item_id: str, *, anew: bool = False) -> Item:
        """Make the rows show the document as it is, whoever wrote it; that.

        ``anew`` writes all of them, whatever the head says. ``NotFound`` if there is none;
        ``Conflict`` while many are at work on it.
        """
        for _ in range(_TRIES):
            # In this order: a row may then be older than the object, never the other way.
            heads = self._heads(uid, item_id)
            current = self._objects.find(uid, item_id)
            if current is None:
                self._unlist(uid, heads)
                raise self._unknown()
            rows = items.rows_of(self.kind, current)
            if not anew and [head.key for head in heads] == [rows.head.key]:
                return current
            own = shelf_rows.own(self.index, rows) if anew else set()
            changes, taken = shelf_rows.mended(heads, rows, own)
            try:
                self.index.write(*changes, self._marked(uid))
            except ConditionFailed as lost:
                if taken.issuperset(lost.positions):  # else another has settled it
                    self._move(current)
                continue
            return current
        raise busy()

    def _change(
        self,
        uid: str,
        item_id: str,
        change: Callable[[Item], Item | None],
        if_match: IfMatch | None,
        extra_bytes: int,
        also: Sequence[Change],
        *,
        deleted: bool,
    ) -> Item:
        for _ in range(_TRIES):
            old = self._objects.find(uid, item_id)
            if old is None or old.is_deleted is not deleted or PURGED in old.state:
                raise self._unknown()
            if if_match is not None and not if_match.allows(old.etag):
                raise PreconditionFailed(
                    f"The {self.kind.name} has changed since it was read; read it again"
                )
            wanted = change(old)
            if wanted is None:
                return old
            stamped = wanted.changed(wanted.content, **{UPDATED: timestamp(self.now())})
            try:
                new = self._objects.put(stamped, if_match=old.etag)
            except PreconditionFailed:
                continue
            return self._list_again(old, new, extra_bytes, also)
        raise busy()

    def _list_new(
        self, item: Item, extra_bytes: int, also: Sequence[Change], written: list[str]
    ) -> Item:
        """``written`` are the versions to take back if it cannot be."""
        for _ in range(_TRIES):
            changes, unique = shelf_rows.first(items.rows_of(self.kind, item))
            addition = self._marked(item.uid, item.size + extra_bytes, documents=1)
            room = len(changes) + len(also)
            try:
                self.index.write(*changes, *also, addition)
            except ConditionFailed as lost:
                refused = set(lost.positions)
                if 0 in refused:  # another try has listed it
                    return self._listed(item, also)
                if refused & set(range(len(changes), room)):
                    self._take_back(item, written)
                    raise
                if refused == {room}:
                    self._make_room(item, addition, lambda lost: self._forget(lost, written))
                elif refused & unique:
                    extra_bytes += item.size
                    item = self._move(item)
                    written.append(item.version)
                continue
            except Conflict:  # others held its rows too long: nobody is to find what is not listed
                self._forget(item, written)
                raise
            return item
        self._forget(item, written)
        raise busy()

    def _list_again(self, old: Item, new: Item, extra_bytes: int, also: Sequence[Change]) -> Item:
        rows = (items.rows_of(self.kind, each) for each in (old, new))
        changes = shelf_rows.next_(*rows)
        addition = self._marked(new.uid, new.size + extra_bytes)
        room = len(changes) + len(also)
        for _ in range(_TRIES):
            try:
                self.index.write(*changes, *also, addition)
            except ConditionFailed as lost:
                refused = set(lost.positions)
                if refused & set(range(len(changes), room)):
                    self._withdraw(new)
                    raise
                if room in refused:
                    self._make_room(new, addition, self._withdraw)
                    continue
                try:
                    return self._listed(new, also)
                except ConditionFailed:
                    self._withdraw(new)
                    raise
            except Conflict:
                self._withdraw(new)
                raise
            return new
        self._withdraw(new)
        raise busy()

    def _listed(self, item: Item, also: Sequence[Change]) -> Item:
        """What others have listed, as it is now, with what was to be in that transaction."""
        settled = self.settle(item.uid, item.id)
        if also:
            self.index.write(*also)
        return settled

    def _take_over(self, item: Item, found: Item, extra_bytes: int, also: Sequence[Change]) -> Item:
        """List what another try has written, and was not seen to list."""
        if self._heads(item.uid, item.id):
            return self._listed(found, also)
        listed = self._list_new(found, extra_bytes, also, [])
        if self._objects.find(item.uid, item.id) is not None:
            return listed
        with suppress(PreconditionFailed):  # the other has just taken it back
            self._objects.put(item, if_absent=True)
        return self.settle(item.uid, item.id)

    def _completed(self, uid: str, item_id: str, *, deleted: bool) -> bool:
        """Was a delete or a restore cut off before it came to the rows? They are right now."""
        left = self.partition(uid) if deleted else items.bin_partition(self.kind, uid)
        if all(head.partition != left for head in self._heads(uid, item_id)):
            return False
        current = self.settle(uid, item_id)
        return current.is_deleted is deleted

    def _move(self, item: Item) -> Item:
        """Give a document other unique rows; as it is then."""
        current = item
        for _ in range(_TRIES):
            try:
                return self._objects.put(self.kind.moved(current), if_match=current.etag)
            except PreconditionFailed:
                found = self._objects.find(item.uid, item.id)
                if found is None:
                    raise self._unknown() from None
                current = found
        raise busy()

    def _unlist(self, uid: str, heads: Sequence[Entry]) -> None:
        for head in heads:
            with suppress(ConditionFailed):  # it is gone; its rows may be another's by now
                self.index.write(*shelf_rows.none(head), self._marked(uid))

    def _heads(self, uid: str, item_id: str) -> list[Entry]:
        return shelf_rows.heads(self.index, self.kind, uid, item_id)

    def _marked(self, uid: str, size: int = 0, documents: int = 0) -> Add:
        # Not one more each time: after a restore of an old copy it would come again.
        mark = {self.kind.folder: 1 + secrets.randbelow(_MOST_MARK)}
        return self.usage.added(uid, size, documents=documents, marks=mark)

    def _make_room(self, item: Item, addition: Add, undo: Callable[[Item], None]) -> None:
        try:
            self.usage.make_room(item.uid, addition, self.now())
        except TooLarge:
            undo(item)
            raise

    def _take_back(self, item: Item, written: Sequence[str]) -> None:
        """Undo the first write of a document that cannot be; one that is listed stays."""
        if self._heads(item.uid, item.id):
            return
        for version in reversed(written):
            self._objects.withdraw(replace(item, version=version))
        if self._heads(item.uid, item.id):  # listed meanwhile, by who had found it
            with suppress(PreconditionFailed):
                self._objects.put(item, if_absent=True)
            self.settle(item.uid, item.id)

    def _forget(self, item: Item, written: Sequence[str]) -> None:
        """The same, with all that was written for it."""
        self._take_back(item, written)
        if self._objects.find(item.uid, item.id) is None:
            self._objects.purge(item.uid, item.id)

    def _withdraw(self, item: Item) -> None:
        """Undo a change. The rows may show it already, if another settled them meanwhile."""
        self._objects.withdraw(item)
        with suppress(NotFound, Conflict):
            self.settle(item.uid, item.id)

    def _unknown(self) -> NotFound:
        return NotFound(f"No such {self.kind.name}")
