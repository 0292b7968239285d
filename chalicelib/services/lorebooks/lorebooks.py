"""What a user can do with lorebooks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from chalicelib.cards import Repair
from chalicelib.cards.lorebooks import Lorebook, write_lorebook, write_world_info
from chalicelib.errors import InvalidInput
from chalicelib.schemas.lorebooks import BookChanges
from chalicelib.schemas.parsing import parse
from chalicelib.services.characters import names
from chalicelib.services.library import cursors
from chalicelib.services.library.if_match import IfMatch
from chalicelib.services.library.items import Document, Item
from chalicelib.services.library.merge_patch import merge_patched
from chalicelib.services.library.names import free_name
from chalicelib.services.library.shelf import Shelf, Views
from chalicelib.services.lorebooks.incoming import IncomingBook
from chalicelib.services.lorebooks.kind import BY_NAME, book_of, content_of, entry

FORMATS: Mapping[str, Callable[[Lorebook], bytes]] = {
    "lorebook_v3": write_lorebook,
    "world_info": write_world_info,
}
"""The formats of files, and what writes them."""

MAX_LIMIT = 200


@dataclass(frozen=True, slots=True)
class KeptBook:
    """A lorebook as it is now."""

    item: Item
    repairs: Sequence[Repair] = ()

    def entry(self) -> Document:
        """For lists."""
        return entry(self.item)

    def view(self) -> Document:
        """With the whole book, as a file of version 3."""
        return {**self.entry(), "book": dict(self.item.content)}


@dataclass(frozen=True, slots=True)
class BookPage:
    """Part of a list; ``cursor`` is for the next one, None at the end."""

    entries: Views
    cursor: str | None


@dataclass(frozen=True, slots=True)
class BookFile:
    """A lorebook as JSON for another program."""

    name: str
    data: bytes


class Lorebooks:
    """The lorebooks of all users; everyone sees his own."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def mark(self, uid: str) -> str:
        """Another one whenever the list may have changed. One read."""
        return self._shelf.mark(uid)

    def list(self, uid: str) -> Views:
        """All lorebooks, by name. One query."""
        return self._entries(uid, None, None).entries

    def page(self, uid: str, limit: int, cursor: str | None) -> BookPage:
        """Part of the list; ``cursor`` is that of the part before. ``InvalidInput``."""
        if not 1 <= limit <= MAX_LIMIT:
            raise InvalidInput.field("limit", f"a whole number from 1 to {MAX_LIMIT} is expected")
        return self._entries(uid, limit, cursor)

    def create(self, uid: str, body: object) -> KeptBook:
        """Keep a lorebook of any shape; see ``IncomingBook.of_body``. ``TooLarge``."""
        return self.add(uid, IncomingBook.of_body(body))

    def receive(self, uid: str, name: str | None, data: bytes) -> KeptBook:
        """Keep what came as a file; the errors of ``IncomingBook.read``."""
        return self.add(uid, IncomingBook.read(name, data, uid=uid))

    def add(self, uid: str, incoming: IncomingBook) -> KeptBook:
        """Keep a lorebook; ``TooLarge``."""
        item = Item(uid, self._shelf.new_id(), content_of(incoming.book), {})
        return KeptBook(self._shelf.create(item), incoming.repairs)

    def get(self, uid: str, lorebook_id: str) -> KeptBook:
        """A lorebook; ``NotFound``. One read."""
        return KeptBook(self._shelf.get(uid, lorebook_id))

    def replace(
        self, uid: str, lorebook_id: str, body: object, if_match: IfMatch | None = None
    ) -> KeptBook:
        """Put another book in its place, whole; one without a name keeps the name.

        ``InvalidInput``, ``NotFound``, ``PreconditionFailed``, ``TooLarge``.
        """
        repairs: Sequence[Repair] = ()

        def replaced(item: Item) -> Item:
            nonlocal repairs
            incoming = IncomingBook.of_body(body, book_of(item).name)
            repairs = incoming.repairs
            return item.changed(content_of(incoming.book))

        return KeptBook(self._shelf.change(uid, lorebook_id, replaced, if_match), repairs)

    def patch(
        self, uid: str, lorebook_id: str, body: object, if_match: IfMatch | None = None
    ) -> KeptBook:
        """Change some fields of a book's ``data``; null takes one away (RFC 7396).

        Unlike in a file nothing is repaired that was there before: a value of a wrong type
        is ``InvalidInput``. ``NotFound``, ``PreconditionFailed``, ``TooLarge``.
        """
        if not isinstance(body, dict) or not body:
            raise InvalidInput("An object with the fields to change is expected")
        parse(BookChanges, body)
        repairs: Sequence[Repair] = ()

        def patched(item: Item) -> Item:
            nonlocal repairs
            old = book_of(item)
            content = {**item.content, "data": merge_patched(old.data, body)}
            incoming = IncomingBook.of_body(content, old.name)
            repairs = incoming.repairs
            return item.changed(content_of(incoming.book))

        return KeptBook(self._shelf.change(uid, lorebook_id, patched, if_match), repairs)

    def delete(self, uid: str, lorebook_id: str, if_match: IfMatch | None = None) -> None:
        """Put a lorebook into the recycle bin; ``NotFound``, ``PreconditionFailed``."""
        self._shelf.delete(uid, lorebook_id, if_match)

    def duplicate(self, uid: str, lorebook_id: str) -> KeptBook:
        """Another one that is just like it, under the next free name; ``NotFound``."""
        book = book_of(self._shelf.get(uid, lorebook_id))
        begins = f"{BY_NAME}{names.folded(book.name)}"
        alike = self._shelf.index.query(self._shelf.partition(uid), begins).entries
        name = free_name(book.name, {str(row.value["entry"]["name"]) for row in alike})
        return self.add(uid, IncomingBook(Lorebook({**book.data, "name": name}, book.others)))

    def export(self, uid: str, lorebook_id: str, form: str) -> BookFile:
        """A lorebook as a file of this format; ``NotFound``, ``InvalidInput``."""
        if form not in FORMATS:
            raise InvalidInput.field("format", f"one of {', '.join(FORMATS)} is expected")
        book = book_of(self._shelf.get(uid, lorebook_id))
        name = names.with_ending(names.file_name(book.name), "json")
        return BookFile(name, FORMATS[form](book))

    def versions(self, uid: str, lorebook_id: str) -> Views:
        """A lorebook's history, newest first; ``NotFound``."""
        return self._shelf.versions(uid, lorebook_id)

    def version(self, uid: str, lorebook_id: str, version: str) -> KeptBook:
        """A lorebook as it was; ``NotFound``."""
        return KeptBook(self._shelf.version(uid, lorebook_id, version))

    def restore_version(
        self, uid: str, lorebook_id: str, version: str, if_match: IfMatch | None = None
    ) -> KeptBook:
        """Make a lorebook what it was; ``NotFound``, ``PreconditionFailed``."""
        old = self._shelf.version(uid, lorebook_id, version)
        return KeptBook(
            self._shelf.change(uid, lorebook_id, lambda item: item.changed(old.content), if_match)
        )

    def _entries(self, uid: str, limit: int | None, cursor: str | None) -> BookPage:
        after = None if cursor is None else cursors.opened(cursor, BY_NAME)
        partition = self._shelf.partition(uid)
        found = self._shelf.index.query(partition, BY_NAME, limit=limit, after=after)
        entries = [dict(row.value["entry"]) for row in found.entries]
        return BookPage(entries, None if found.after is None else cursors.sealed(found.after))
