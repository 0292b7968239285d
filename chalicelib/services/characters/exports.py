"""Characters as files, for other programs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from chalicelib import cards, pictures
from chalicelib.cards import Card
from chalicelib.errors import Conflict, InvalidInput
from chalicelib.services.characters import names
from chalicelib.services.characters.objects import assets_file, image_file
from chalicelib.services.characters.rows import ASSETS, card_of, image_of
from chalicelib.services.characters.turns import Turns, turns
from chalicelib.services.library.items import Item
from chalicelib.services.library.shelf import Shelf

Format = Literal["png", "json", "charx"]
FORMATS: Mapping[str, str] = {
    "png": "image/png",
    "json": "application/json",
    "charx": "application/zip",
}
"""The formats, and their media types."""


@dataclass(frozen=True, slots=True)
class File:
    """A file for who asked."""

    name: str
    media_type: str
    data: bytes


class CharacterExports:
    """Exports of all users' characters; everyone gets his own."""

    def __init__(self, shelf: Shelf, turns: Turns = turns) -> None:
        self._shelf = shelf
        self._turns = turns

    def export(self, uid: str, character_id: str, form: str) -> File:
        """A character as a file.

        A PNG has the card of version 2 and of version 3 in it, and the picture as it came
        around them; a picture of another kind becomes a PNG. ``NotFound``, ``InvalidInput``;
        ``Conflict`` for a PNG of a character that has no picture; ``TooManyRequests`` where
        too many are made at once.
        """
        if form not in FORMATS:
            raise InvalidInput.field("format", f"one of {', '.join(FORMATS)} is expected")
        item = self._shelf.get(uid, character_id)
        card = card_of(item)
        with self._turns.of(uid):  # also to fetch the objects: they may have 64 MiB
            data = self._made(item, card, form)
        plain = card.name.replace("/", "-").replace("\\", "-")  # no folders
        name = names.with_ending(names.file_name(plain), form)
        return File(name, FORMATS[form], data)

    def _made(self, item: Item, card: Card, form: str) -> bytes:
        match form:
            case "json":
                return cards.write_json(card)
            case "png":
                return cards.write_png(self._as_png(item), card)
        return self._charx(item, card)

    def _as_png(self, item: Item) -> bytes:
        picture = self._picture(item)
        if picture is None:
            message = "There is no picture to put the card into: export json or charx"
            raise Conflict(message, {"format": ["json and charx need no picture"]})
        return pictures.as_png(picture)

    def _charx(self, item: Item, card: Card) -> bytes:
        from chalicelib.cards import charx
        from chalicelib.cards.archives import Archive
        from chalicelib.cards.files import Files

        packed = item.state.get(ASSETS)
        assets = Files({})
        if packed is not None:
            archive = Archive.open(self._object(item, assets_file(str(packed["hash"]))))
            assets = Files({entry.name: entry for entry in archive.files})
        return charx.write_charx(card, self._picture(item), assets)

    def _picture(self, item: Item) -> bytes | None:
        image = image_of(item)
        return None if image is None else self._object(item, image_file(image.hash))

    def _object(self, item: Item, name: str) -> bytes:
        return self._shelf.documents.get(self._shelf.folder(item.uid, item.id) + name).body
