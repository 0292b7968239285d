"""What a lorebook's object holds, and the rows that follow from it.

Rows of the partition ``{uid}#lorebooks``, beside those of ``items``:

    name/{folded name}/{id}      the entry of the list, by name
"""

from typing import Any

from chalicelib.cards.lorebooks import SPEC, Lorebook
from chalicelib.services.characters import names
from chalicelib.services.library import items
from chalicelib.services.library.items import Document, Item, Shown

BY_NAME = "name/"

_MAX_NAME = 200
_MAX_DESCRIPTION = 300
_OURS = ("spec", "data")


class LorebookKind:
    """Lorebooks, as the shelf keeps them."""

    name = "lorebook"
    folder = "lorebooks"
    file = "book.json"

    def title(self, item: Item) -> str:
        """The book's name."""
        return book_of(item).name[:_MAX_NAME]

    def shown(self, item: Item) -> Shown:
        """Its entry, by name."""
        folded = names.folded(book_of(item).name)
        return Shown({}, {f"{BY_NAME}{folded}/{item.id}": {"entry": entry(item)}})

    def moved(self, item: Item) -> Item:
        """The same: it has no row that could be another's."""
        return item


def book_of(item: Item) -> Lorebook:
    """The book that a lorebook's object holds."""
    others = {key: value for key, value in item.content.items() if key not in _OURS}
    return Lorebook(item.content["data"], others)


def content_of(book: Lorebook) -> Document:
    """A book as its object holds it: as a file of version 3."""
    return {"spec": SPEC, "data": dict(book.data), **book.others}


def entry(item: Item) -> Document:
    """A lorebook as it is listed; a long description is cut."""
    book = book_of(item)
    description: Any = book.data.get("description")
    found: Document = {
        "id": item.id,
        "name": book.name[:_MAX_NAME],
        "entryCount": len(book.entries),
        "createdAt": item.state[items.CREATED],
        "updatedAt": item.state[items.UPDATED],
    }
    if isinstance(description, str) and description:
        found["description"] = description[:_MAX_DESCRIPTION]
    return found
