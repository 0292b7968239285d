"""Lorebooks."""

from typing import TYPE_CHECKING

from chalicelib.container.characters import character_shelf
from chalicelib.container.identity import limits
from chalicelib.container.parts import clock, part
from chalicelib.container.stores import documents, index

if TYPE_CHECKING:
    from chalicelib.services.library.shelf import Shelf
    from chalicelib.services.library.shelf_repair import ShelfRepair
    from chalicelib.services.lorebooks.character_books import CharacterBooks
    from chalicelib.services.lorebooks.lorebooks import Lorebooks


@part
def lorebook_shelf() -> "Shelf":
    """Where lorebooks are kept."""
    from chalicelib.services.library.shelf import Shelf
    from chalicelib.services.lorebooks.kind import LorebookKind

    return Shelf(LorebookKind(), documents(), index(), clock(), limits().storage())


@part
def lorebooks() -> "Lorebooks":
    """Lorebooks: the list, and each of them."""
    from chalicelib.services.lorebooks.lorebooks import Lorebooks

    return Lorebooks(lorebook_shelf())


@part
def lorebook_repair() -> "ShelfRepair":
    """What rebuilds the list of lorebooks."""
    from chalicelib.services.library.shelf_repair import ShelfRepair

    return ShelfRepair(lorebook_shelf())


@part
def character_books() -> "CharacterBooks":
    """The books inside of characters."""
    from chalicelib.services.lorebooks.character_books import CharacterBooks

    return CharacterBooks(character_shelf(), lorebooks())
