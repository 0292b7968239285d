"""Pictures of characters: as they came, and small."""

from dataclasses import dataclass

from chalicelib import pictures
from chalicelib.errors import InvalidInput, NotFound
from chalicelib.services.characters import names
from chalicelib.services.characters.objects import image_file
from chalicelib.services.characters.rows import BY_IMAGE, Image
from chalicelib.services.library.shelf import Shelf


@dataclass(frozen=True, slots=True)
class Shown:
    """Whose picture it is, what it is, and where its bytes are."""

    uid: str
    character_id: str
    image: Image
    key: str


class CharacterImages:
    """The pictures of all characters; everyone sees his own."""

    thumbnail_type = pictures.THUMBNAIL_MEDIA_TYPE

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def find(self, uid: str, image_name: str) -> Shown:
        """The picture of that name; ``InvalidInput``, ``NotFound``. One read."""
        row = self._shelf.index.get(
            self._shelf.partition(uid), BY_IMAGE + names.checked(image_name)
        )
        if row is None:
            raise NotFound("No such picture")
        image, character_id = Image.read(row.value["image"]), str(row.value["id"])
        key = self._shelf.folder(uid, character_id) + image_file(image.hash)
        return Shown(uid, character_id, image, key)

    def data(self, shown: Shown) -> bytes:
        """The bytes, as they came; ``NotFound`` if they have just gone. One read."""
        return self._shelf.documents.get(shown.key).body

    def part(self, shown: Shown, start: int, count: int) -> bytes:
        """Some of the bytes; ``NotFound``. One read."""
        return self._shelf.documents.read_range(shown.key, start, count)

    def thumbnail(self, shown: Shown, size: int) -> bytes:
        """The picture with its longer side of so many pixels, made once.

        ``InvalidInput`` for a size that is not offered. One read, when it was made before.
        """
        if size not in pictures.THUMBNAIL_SIZES:
            expected = ", ".join(map(str, pictures.THUMBNAIL_SIZES))
            raise InvalidInput.field("size", f"one of {expected} is expected")
        folder = self._shelf.folder(shown.uid, shown.character_id)
        key = f"{folder}thumbnails/{shown.image.hash}-{size}"
        try:
            return self._shelf.documents.get(key).body
        except NotFound:
            made = pictures.thumbnail(self.data(shown), size)
            self._shelf.documents.put(key, made, content_type=self.thumbnail_type)
            return made
