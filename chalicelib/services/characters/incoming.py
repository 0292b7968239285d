"""What came as a file, made ready to be kept."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib import cards, pictures
from chalicelib.cards import Budget, Card, Read, Repair
from chalicelib.services.characters import names
from chalicelib.services.characters.rows import CARD, PICTURE, Image
from chalicelib.services.characters.sources import source
from chalicelib.services.characters.turns import Turns, turns


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as it came, and what is to be known of it."""

    data: bytes
    image: Image

    @classmethod
    def of(cls, data: bytes) -> "Picture":
        """``UnsupportedMediaType``, ``TooLarge``, ``BrokenPicture``."""
        found = pictures.check(data)
        digest = hashlib.sha256(data).hexdigest()
        return cls(data, Image(digest, found.media_type, found.width, found.height, len(data)))


@dataclass(frozen=True, slots=True)
class Incoming:
    """A file that was read. ``card`` and ``picture``: at least one of them is there.

    ``name`` is the file's. ``parts`` are what it gives a character: a picture with a card
    in it is a picture, to which the card of another file can come. ``source`` is what it
    is known by, ``assets`` are the other files of an archive, packed together as they came.
    """

    name: str
    source: str
    card: Card | None
    picture: Picture | None
    parts: frozenset[str]
    repairs: Sequence[Repair] = ()
    assets: bytes = b""

    @classmethod
    def read(
        cls,
        name: str | None,
        data: bytes,
        *,
        uid: str | None = None,
        known_by: str | None = None,
        budget: Budget | None = None,
        turns: Turns = turns,
    ) -> "Incoming":
        """Read a file of any kind; the errors of ``cards.read`` and of ``Picture.of``.

        ``uid`` is who waits for it, whose turn it has to be (``TooManyRequests``); None for a
        worker, which waits. ``known_by`` is the file's ``source``, from who has it already.
        ``budget`` is what all files that come together may cost.
        """
        with turns.of(uid):
            return cls._read(names.file_name(name), known_by or source(name, data), data, budget)

    @classmethod
    def _read(cls, safe: str, known_by: str, data: bytes, budget: Budget | None) -> "Incoming":
        if data.startswith(_PICTURES):  # of a kind that has no room for a card
            return cls(safe, known_by, None, Picture.of(data), frozenset({PICTURE}))
        found = cards.read(data, stem=names.stem_of(safe), budget=budget)
        if found.kind == "png":
            picture = Picture.of(data)
            return cls(safe, known_by, found.card, picture, frozenset({PICTURE}), found.repairs)
        if found.kind in ("json", "yaml"):
            return cls(safe, known_by, found.card, None, frozenset({CARD}), found.repairs)
        return cls._of_archive(safe, known_by, found)

    @classmethod
    def _of_archive(cls, name: str, known_by: str, found: Read) -> "Incoming":
        from chalicelib.cards.archives import write_archive

        picture = None if found.picture is None else Picture.of(found.picture)
        return cls(
            name,
            known_by,
            found.card,
            picture,
            frozenset({PICTURE, CARD}),
            found.repairs,
            write_archive(found.assets) if found.assets else b"",
        )

    @property
    def stem(self) -> str:
        """The file's name without its ending."""
        return names.stem_of(self.name)

    @property
    def image_name(self) -> str:
        """What the picture would be called."""
        if self.picture is None or CARD not in self.parts:
            return self.name
        ending = pictures.SUFFIXES[self.picture.image.media_type]
        return names.with_ending(self.name, ending)

    @property
    def size(self) -> int:
        """Bytes of what is kept beside the card."""
        return len(self.assets) + (0 if self.picture is None else self.picture.image.size)

    def filled(self) -> Card:
        """The card; for a picture without one, that of a character of the file's name."""
        return self.card or Card({"name": self.stem})


_PICTURES = (b"\xff\xd8\xff", b"GIF8", b"RIFF")
