"""The lorebooks inside of characters: put there, taken out, made documents of their own."""

from typing import Any

from chalicelib.cards import Card
from chalicelib.errors import NotFound
from chalicelib.schemas.lorebooks import OfCharacter, OfLorebook
from chalicelib.schemas.parsing import parse
from chalicelib.services.characters.characters import Kept
from chalicelib.services.characters.rows import card_of, content_of
from chalicelib.services.library.if_match import IfMatch
from chalicelib.services.library.items import Document, Item
from chalicelib.services.library.shelf import Shelf
from chalicelib.services.lorebooks.incoming import ORIGIN, IncomingBook
from chalicelib.services.lorebooks.kind import book_of
from chalicelib.services.lorebooks.lorebooks import KeptBook, Lorebooks

_BOOK = "character_book"


class CharacterBooks:
    """Copies books between lorebooks and cards; ``characters`` is the shelf of those."""

    def __init__(self, characters: Shelf, lorebooks: Lorebooks) -> None:
        self._characters = characters
        self._lorebooks = lorebooks

    def attach(
        self, uid: str, character_id: str, body: object, if_match: IfMatch | None = None
    ) -> Kept:
        """Copy the lorebook ``{lorebookId}`` into a card, in the place of the one that it has.

        Its ``extensions`` note where it is from: ``{id, version}``, the version that was
        copied. ``InvalidInput``, ``NotFound``, ``PreconditionFailed``, ``TooLarge``.
        """
        item = self._lorebooks.get(uid, parse(OfLorebook, body).lorebook_id).item
        data = book_of(item).data
        origin = {"id": item.id, "version": item.version}
        book = {**data, "extensions": {**data["extensions"], ORIGIN: origin}}
        return self._with(uid, character_id, book, if_match)

    def take_out(self, uid: str, character_id: str, if_match: IfMatch | None = None) -> Kept:
        """Take the book out of a card; ``NotFound`` if there is none, ``PreconditionFailed``."""
        return self._with(uid, character_id, None, if_match)

    def find(self, uid: str, character_id: str) -> tuple[Item, Document]:
        """A character, and the book in its card with where it is from; ``NotFound``."""
        item = self._characters.get(uid, character_id)
        book = card_of(item).book
        if book is None:
            raise _none()
        return item, {"lorebookId": _origin(book), "book": dict(book)}

    def keep(self, uid: str, body: object) -> KeptBook:
        """Make a lorebook of the book in the card of ``{characterId}``, where it stays.

        ``InvalidInput``, ``NotFound``, ``TooLarge``.
        """
        character = self._characters.get(uid, parse(OfCharacter, body).character_id)
        found = IncomingBook.of_card(card_of(character))
        if found is None:
            raise _none()
        return self._lorebooks.add(uid, found)

    def _with(
        self, uid: str, character_id: str, book: Document | None, if_match: IfMatch | None
    ) -> Kept:
        def changed(item: Item) -> Item:
            card = card_of(item)
            if book is None and card.book is None:
                raise _none()
            data = {key: value for key, value in card.data.items() if key != _BOOK}
            if book is not None:
                data[_BOOK] = book
            return item.changed(content_of(Card(data, card.others, card.spec_version)))

        return Kept(self._characters.change(uid, character_id, changed, if_match))


def _origin(book: Any) -> str | None:
    """The id of the lorebook that a card's book was copied from."""
    extensions = book.get("extensions")
    origin = extensions.get(ORIGIN) if isinstance(extensions, dict) else None
    found = origin.get("id") if isinstance(origin, dict) else None
    return found if isinstance(found, str) else None


def _none() -> NotFound:
    return NotFound("The character has no lorebook")
