"""What a character's object holds beside its card, and the rows that follow from it.

Rows of the partition ``{uid}#characters``, beside those of ``items``:

    item/{id}/{version}          the entry with short texts, the newest character first
    name/{folded name}/{id}      the same, by name
    changed/{moment}/{id}        the same, what was changed last first
    whole/{folded name}/{id}     the entry with longer texts, by name: for the whole list
    image/{imageName}            whose picture this is: one character's only
    file/{stem}                  whose card this is, where there is no picture yet
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalicelib import json_text
from chalicelib.cards import Card
from chalicelib.ports import Index
from chalicelib.services.characters import names
from chalicelib.services.library import items
from chalicelib.services.library.items import Document, Item, Shown

BY_NAME, BY_CHANGE, BY_IMAGE, BY_FILE = "name/", "changed/", "image/", "file/"
WHOLE = "whole/"

IMAGE, IMAGE_NAME, STEM, PARTS, ASSETS = "image", "imageName", "stem", "parts", "assets"
MERGED, SOURCES = "merged", "sources"
"""The fields of a character's state: its picture, what that is called, the name of its
card's file, what it was made of, the packed other files of its archive, which file was
merged into it last, if that is to be known when it is tried again, and what the files
it was made of are known by."""

PICTURE, CARD = "picture", "card"

MAX_TEXT = 4_000
"""Characters of a text in a list; fewer where all of an entry would be too large."""

# A row of 7 KB lets a thousand of them come in eight queries of a megabyte.
_MAX_BYTES = 6_500
_MAX_SHORT = 300
_MAX_LINE = 400
_MAX_TAGS, _MAX_TAG = 60, 60
_SPECS = ("spec", "spec_version", "data")
_LAST_MOMENT = 9_999_999_999_999


@dataclass(frozen=True, slots=True)
class Image:
    """A character's picture. ``hash`` is the SHA-256 of its bytes, and names its object."""

    hash: str
    media_type: str
    width: int
    height: int
    size: int

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> "Image":
        """As a state or a row has it."""
        return cls(
            hash=str(value["hash"]),
            media_type=str(value["mediaType"]),
            width=int(value["width"]),
            height=int(value["height"]),
            size=int(value["size"]),
        )

    def value(self) -> Document:
        """For a state or a row."""
        return {
            "hash": self.hash,
            "mediaType": self.media_type,
            "width": self.width,
            "height": self.height,
            "size": self.size,
        }


class CharacterKind:
    """Characters, as the shelf keeps them."""

    name = "character"
    folder = "characters"
    file = "card.json"

    def __init__(self, index: Index) -> None:
        self._index = index

    def title(self, item: Item) -> str:
        """The card's name."""
        return card_of(item).name[:_MAX_LINE]

    def shown(self, item: Item) -> Shown:
        """Its entry, in each order."""
        card, image = card_of(item), image_of(item)
        made_of = {key: item.state[key] for key in (PARTS, MERGED) if key in item.state}
        short = {**made_of, "entry": entry(item, card, _MAX_SHORT)}
        named = f"{names.folded(card.name)}/{item.id}"
        others: dict[str, Mapping[str, Any]] = {
            f"{BY_NAME}{named}": short,
            f"{BY_CHANGE}{_moment(item)}/{item.id}": short,
            f"{WHOLE}{named}": {"entry": entry(item, card)},
        }
        unique: dict[str, Mapping[str, Any]]
        held = {"id": item.id, **made_of}
        if SOURCES in item.state:
            held[SOURCES] = item.state[SOURCES]
        if image is None:
            unique = {f"{BY_FILE}{item.state[STEM]}": held}
        else:
            held["image"] = image.value()
            unique = {f"{BY_IMAGE}{item.state[IMAGE_NAME]}": held}
        return Shown({"entry": short["entry"]}, others, unique)

    def moved(self, item: Item) -> Item:
        """With the next free name for its picture, or its card's file."""
        if image_of(item) is None:
            stem = self.free(item.uid, BY_FILE, str(item.state[STEM]))
            return item.changed(item.content, **{STEM: stem})
        name = self.free(item.uid, BY_IMAGE, str(item.state[IMAGE_NAME]))
        return item.changed(item.content, **{IMAGE_NAME: name})

    def free(self, uid: str, rows: str, name: str) -> str:
        """A name that is nobody's, as near as can be; one read while it is free."""
        partition = items.partition(self, uid)
        if self._index.get(partition, rows + name) is None:
            return name
        stem = names.stem_of(name)[: names.MAX_NAME // 2]
        found = self._index.query(partition, rows + stem).entries
        return names.free(name, {each.key.removeprefix(rows) for each in found})


def card_of(item: Item) -> Card:
    """The card that a character's object holds."""
    others = {key: value for key, value in item.content.items() if key not in _SPECS}
    return Card(item.content["data"], others, str(item.content["spec_version"]))


def content_of(card: Card) -> Document:
    """The card as a character's object holds it: as a file of version 3."""
    return {
        "spec": "chara_card_v3",
        "spec_version": card.spec_version,
        "data": dict(card.data),
        **card.others,
    }


def image_of(item: Item) -> Image | None:
    """A character's picture."""
    found = item.state.get(IMAGE)
    return None if found is None else Image.read(found)


def entry_in(text: str) -> str:
    """The entry's JSON in that of a row that lists a character: it is the last field there.

    Quotes within texts are escaped, so that this is found nowhere else.
    """
    return text[text.index('"entry":{') + 8 : -1]


def entry(item: Item, card: Card, most: int = MAX_TEXT) -> Document:
    """The ApiCharacterEntry of a character; long texts are cut."""
    given: Document = {
        "id": item.id,
        "name": card.name[:_MAX_LINE],
        "description": card.description[:most] or None,
        "tags": [tag[:_MAX_TAG] for tag in card.tags[:_MAX_TAGS]],
        "creator": card.creator[:_MAX_LINE] or None,
        "creatorComment": card.creator_notes[: min(most, 1_000)] or None,
        "createDate": _line(card.created),
        "characterVersion": card.character_version[:_MAX_LINE] or None,
        "talkativeness": card.talkativeness,
        "favorite": card.favorite,
        "avatar": _line(card.avatar),
        "chat": _line(card.chat),
        "createdAt": item.state[items.CREATED],
        "updatedAt": item.state[items.UPDATED],
    }
    image = image_of(item)
    known = {key: value for key, value in given.items() if value is not None}
    if image is None:
        known["imageName"] = None
    else:
        known |= {"imageName": item.state[IMAGE_NAME], "imageHash": image.hash}
    return _small(known)


def _small(entry: Document) -> Document:
    """The same, with so much of the description that the whole is not too large."""
    text = entry.get("description", "")
    while text and (size := len(json_text.dumps(entry).encode())) > _MAX_BYTES:
        text = text[: min(len(text) - 1, len(text) * _MAX_BYTES // size)]
        entry = {**entry, "description": text}
    return entry


def _line(text: str | None) -> str | None:
    return None if text is None else text[:_MAX_LINE]


def _moment(item: Item) -> str:
    """Sorts what was changed later first."""
    changed = datetime.fromisoformat(str(item.state[items.UPDATED])).timestamp()
    return f"{_LAST_MOMENT - int(changed * 1000):013d}"
