"""Cards in a PNG: texts with the keywords ``ccv3`` (version 3) and ``chara`` (1 and 2).

The texts are base64 of JSON, before or after the pixels, in any of the three kinds of text
that a PNG has. https://github.com/kwaroran/character-card-spec-v3/blob/main/SPEC_V3.md
"""

import binascii
from collections.abc import Mapping

from chalicelib.cards import base64_text, json_card
from chalicelib.cards.budget import Budget
from chalicelib.cards.card import BrokenCard, Card, Read
from chalicelib.cards.limits import MAX_FILE_BYTES
from chalicelib.cards.notes import Notes
from chalicelib.cards.png_chunks import chunks, made
from chalicelib.cards.png_texts import Text, Unpacker, text_of, texts
from chalicelib.cards.shapes import interpret
from chalicelib.errors import TooLarge
from chalicelib.pictures.png import SIGNATURE

__all__ = ["SIGNATURE", "assets", "read", "write_png"]

_KEYWORDS = ("ccv3", "chara")  # the first wins
_ASSET = "chara-ext-asset_"


def read(data: bytes, *, stem: str, budget: Budget | None = None) -> Read:
    """The card in a picture; None in it for a picture without one.

    The whole file is looked at: ``BrokenPicture`` for one that is not whole, ``BrokenCard``
    for a card that cannot be read, ``TooLarge`` for what breaks a limit.
    """
    notes = Notes()
    found = _card_texts(data, notes)
    budget = budget or Budget()
    for number, text in enumerate(found, start=1):
        try:
            return _read_text(text, budget, stem, notes)
        except BrokenCard as error:
            if number == len(found):
                raise
            notes.add(text.place, f"it cannot be read, the older one is ({error.message})")
    return Read("png", None, notes.told)


def write_png(picture: bytes, card: Card) -> bytes:
    """The picture with this card, as version 2 and as version 3, and no other in it.

    All else stays byte for byte: pixels, other chunks in their order, and what comes after
    the end. Where the file would be too large with both, version 3 is written alone;
    ``TooLarge`` if that is too large still. ``BrokenPicture`` for one that is not whole.
    """
    before, after = _without_cards(picture)
    size = sum(map(len, (*before, *after)))
    card_chunks = [_chunk("ccv3", json_card.write_json(card))]
    size += len(card_chunks[0])
    if size <= MAX_FILE_BYTES:
        older = _chunk("chara", json_card.write_json(card, version=2))
        if size + len(older) <= MAX_FILE_BYTES:
            card_chunks.insert(0, older)
    else:
        raise TooLarge(f"The file would have {size} bytes; at most {MAX_FILE_BYTES} are allowed")
    return b"".join((*before, *card_chunks, *after))


def assets(data: bytes) -> Mapping[str, bytes]:
    """What else is embedded, by the path that ``__asset:{path}`` refers to.

    ``BrokenCard`` and ``TooLarge`` as for cards.
    """
    unpacker, notes = Unpacker(), Notes()
    found: dict[str, bytes] = {}
    for text in texts(data, chunks(data)):
        if text.keyword.startswith(_ASSET):
            path = _spelled(data, text)[len(_ASSET) :].removeprefix(":")
            value = unpacker.value(text)
            found.setdefault(path, base64_text.decode(value, place=text.place, notes=notes))
    return found


def _card_texts(data: bytes, notes: Notes) -> list[Text]:
    """The first text of each keyword, the one that wins first."""
    first: dict[str, Text] = {}
    for text in texts(data, chunks(data)):
        if text.keyword not in _KEYWORDS:
            continue
        if text.keyword in first:
            notes.add(text.place, "it is not the first of its name, and was not read")
        first.setdefault(text.keyword, text)
    return [first[keyword] for keyword in _KEYWORDS if keyword in first]


def _read_text(text: Text, budget: Budget, stem: str, notes: Notes) -> Read:
    value = Unpacker(budget).value(text)
    mine = Notes(notes.repairs)
    if value.lstrip()[:1] == b"{":
        mine.add(text.place, "it is plain JSON and should be base64")
    else:
        value = base64_text.decode(value, place=text.place, notes=mine)
    parsed, repairs = json_card.parse(value, place=text.place, budget=budget)
    return interpret(
        parsed,
        stem=stem,
        kind="png",
        place=text.place,
        repairs=(*mine.repairs, *repairs),
    )


def _without_cards(picture: bytes) -> tuple[list[memoryview], list[memoryview]]:
    """The parts of a picture without its cards: those before IEND, and from there on."""
    view = memoryview(picture)
    before: list[memoryview] = []
    kept_from = end = 0
    for chunk in chunks(picture):
        text = text_of(picture, chunk)
        if text is not None and text.keyword in _KEYWORDS:
            before.append(view[kept_from : chunk.start])
            kept_from = chunk.end
        end = chunk.start
    return [*before, view[kept_from:end]], [view[end:]]


def _chunk(keyword: str, value: bytes) -> bytes:
    encoded = binascii.b2a_base64(value, newline=False)
    return made(b"tEXt", keyword.encode() + b"\0" + encoded)


def _spelled(data: bytes, text: Text) -> str:
    """The keyword with its capitals: paths have them."""
    start = text.chunk.body.start
    return data[start : start + len(text.keyword)].decode("latin-1")
