"""What lies beside a character's card: its picture, and the other files of its archive."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from chalicelib.errors import TavernError
from chalicelib.services.characters.incoming import Picture
from chalicelib.services.characters.rows import ASSETS, image_of
from chalicelib.services.library.items import Item
from chalicelib.services.library.shelf import Shelf
from chalicelib.services.library.shelf_objects import ShelfObjects


class NoPartnerError(Exception):
    """The character has what came, by now."""


class Writing:
    """The objects that one request writes for a character, before the card names them.

    Of one object each request writes a version of its own: it takes that away.
    """

    def __init__(self, shelf: Shelf, uid: str, item_id: str) -> None:
        self._shelf = shelf
        self._uid = uid
        self._id = item_id
        self._written: dict[str, str] = {}

    def picture(self, picture: Picture) -> None:
        """Write a picture, as it came."""
        self.put(image_file(picture.image.hash), picture.data, picture.image.media_type)

    def archive(self, data: bytes) -> str:
        """Write other files, packed; their hash."""
        digest = hashlib.sha256(data).hexdigest()
        self.put(assets_file(digest), data, "application/zip")
        return digest

    def put(self, name: str, data: bytes, content_type: str) -> None:
        """Write one in the character's folder."""
        key = self._shelf.folder(self._uid, self._id) + name
        done = self._shelf.documents.put(key, data, content_type=content_type)
        self._written[name] = done.version

    def undo(self) -> None:
        """Remove what was written, unless a card is there by now that has nothing else."""
        kept = ShelfObjects(self._shelf.kind, self._shelf.documents).find(self._uid, self._id)
        named = [] if kept is None else object_files(kept)
        for name, version in self._written.items():
            key = self._shelf.folder(self._uid, self._id) + name
            others = [each.version for each in self._shelf.documents.versions(key)]
            if name not in named or others != [version]:
                self._shelf.documents.withdraw(key, version)


@contextmanager
def writing(shelf: Shelf, uid: str, item_id: str) -> Iterator[Writing]:
    """Write objects for a card that is kept within; if that is not to be, they go again.

    What no card names counts for no user, and none could remove it.
    """
    objects = Writing(shelf, uid, item_id)
    try:
        yield objects
    except (TavernError, NoPartnerError):
        objects.undo()
        raise


def object_files(item: Item) -> list[str]:
    """The objects that a card names, in its folder."""
    image, assets = image_of(item), item.state.get(ASSETS)
    found = [] if image is None else [image_file(image.hash)]
    return found if assets is None else [*found, assets_file(str(assets["hash"]))]


def image_file(digest: str) -> str:
    """Where a picture is, in its character's folder."""
    return f"images/{digest}"


def assets_file(digest: str) -> str:
    """Where the other files of a character's archive are, packed, in its folder."""
    return f"assets/{digest}"
