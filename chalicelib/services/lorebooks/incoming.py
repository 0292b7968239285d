"""What came as a lorebook, made ready to be kept."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib import cards
from chalicelib.cards import Card, Repair
from chalicelib.cards.conversions import nests_deeper
from chalicelib.cards.json_card import parse
from chalicelib.cards.limits import MAX_JSON_DEPTH
from chalicelib.cards.lorebooks import SPEC, Lorebook, interpret_lorebook, write_lorebook
from chalicelib.cards.reading import kind_of
from chalicelib.errors import InvalidInput, TooLarge
from chalicelib.schemas.names import MAX_NAME_LENGTH, trimmed_name
from chalicelib.services.characters import names
from chalicelib.services.characters.turns import Turns, turns
from chalicelib.services.library.items import Document

MAX_ENTRIES = 10_000
MAX_BYTES = 5 * 1024 * 1024
"""Of a book as JSON."""

MAX_DEPTH = MAX_JSON_DEPTH - 1
"""Levels of a book as JSON: in a card it is one deeper."""

ORIGIN = "comfytavern_lorebook"
"""Of a card's book, in its ``extensions``: the lorebook that it was copied from."""

UNNAMED = "Unnamed"
_BOOKS_OWN = frozenset(("spec", "data", "entries"))


@dataclass(frozen=True, slots=True)
class IncomingBook:
    """A book, and what had to be repaired in it."""

    book: Lorebook
    repairs: Sequence[Repair] = ()

    @classmethod
    def of_body(cls, body: object, name: str | None = None) -> "IncomingBook":
        """A book of any shape, itself or as ``book`` with a ``name``.

        An object without entries is an empty book. ``name`` is for one that has none.
        ``InvalidInput``, ``TooLarge``.
        """
        if not isinstance(body, dict):
            raise InvalidInput("A lorebook is expected, as an object")
        value: Any = body
        if "book" in body and not _BOOKS_OWN & body.keys():
            value = body["book"]
            name = _name(body["name"]) if "name" in body else name
            if isinstance(value, dict) and "name" in body:
                value = _renamed(value, name or UNNAMED)
        elif "name" in body and not _BOOKS_OWN & body.keys():
            value = {**body, "name": _name(body["name"]), "entries": []}
        _check_entries(value)
        read = interpret_lorebook(value, stem=name or UNNAMED)
        checked = _checked(_named(read.book, _name(read.book.name)))
        return cls(checked, read.repairs)

    @classmethod
    def read(
        cls, name: str | None, data: bytes, *, uid: str | None = None, turns: Turns = turns
    ) -> "IncomingBook":
        """A book in a file: its own, or in a card; the errors of ``cards.read``.

        ``uid`` is who waits for it, as for ``Incoming.read``; ``TooManyRequests``.
        """
        with turns.of(uid):
            return cls._read(names.stem_of(names.file_name(name)), data)

    @classmethod
    def _read(cls, stem: str, data: bytes) -> "IncomingBook":
        value: Any
        match kind_of(data):
            case "json":
                value, repairs = parse(data)
                card_of: Callable[..., cards.Read] = cards.interpret
            case "yaml":
                from chalicelib.cards import yaml_card  # what it needs, no other route needs

                value, repairs = yaml_card.parse(data)
                card_of = yaml_card.card_of
            case _:
                read = cards.read(data, stem=stem)
                return cls._of_file_with_card(read.card, read.repairs)
        if _is_card(value):
            read = card_of(value, stem=stem, repairs=repairs)
            return cls._of_file_with_card(read.card, read.repairs)
        found = interpret_lorebook(value, stem=stem, repairs=repairs)
        return cls._fitting(found.book, found.repairs)

    @classmethod
    def of_card(cls, card: Card) -> "IncomingBook | None":
        """The book in a card, without the note where it came from; None if there is none."""
        if card.book is None:
            return None
        read = interpret_lorebook(_without_origin(card.book), stem=card.name)
        return cls._fitting(read.book, read.repairs)

    @classmethod
    def _of_file_with_card(cls, card: Card | None, repairs: Sequence[Repair]) -> "IncomingBook":
        found = None if card is None else cls.of_card(card)
        if found is None:
            raise InvalidInput.field("file", "there is no lorebook in it")
        return cls(found.book, [*repairs, *found.repairs])

    @classmethod
    def _fitting(cls, book: Lorebook, repairs: Sequence[Repair]) -> "IncomingBook":
        """With a name that is short enough: a file has nobody who could give it another."""
        name = book.name.strip()
        if len(name) > MAX_NAME_LENGTH:
            name = name[:MAX_NAME_LENGTH].strip()
            what = f"it was cut to {MAX_NAME_LENGTH} characters"
            repairs = [*repairs, Repair("data.name", what)]
        return cls(_checked(_named(book, name)), repairs)


def _is_card(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    spec, data = value.get("spec"), value.get("data")
    if isinstance(spec, str) and spec.startswith("chara_card"):
        return True
    inside = data.keys() if isinstance(data, dict) else set()
    return spec is None and "entries" not in value.keys() | inside


def _name(given: object) -> str:
    if not isinstance(given, str):
        raise InvalidInput.field("name", "a text is expected")
    try:
        return trimmed_name(given)
    except ValueError as error:
        raise InvalidInput.field("name", str(error)) from None


def _renamed(value: Document, name: str) -> Document:
    """A book of any shape under another name."""
    data = value.get("data")
    if isinstance(data, dict) and "entries" not in value:
        return {**value, "data": {**data, "name": name}}
    return {**value, "name": name}


def _check_entries(value: Any) -> None:
    """``InvalidInput`` where entries would be taken for none: a client does not mean that."""
    if not isinstance(value, dict):
        return
    data: Any = value.get("data")
    has_data = isinstance(data, dict) and (value.get("spec") == SPEC or "entries" in data)
    inside = data if has_data else value
    if not isinstance(inside.get("entries", []), (list, dict)):
        raise InvalidInput.field("entries", "a list or an object is expected")


def _named(book: Lorebook, name: str) -> Lorebook:
    return Lorebook({**book.data, "name": name}, book.others)


def _without_origin(book: Any) -> Any:
    extensions = book.get("extensions")
    if not isinstance(extensions, dict):
        return book
    return {**book, "extensions": {key: extensions[key] for key in extensions if key != ORIGIN}}


def _checked(book: Lorebook) -> Lorebook:
    """The same; ``TooLarge``, and ``InvalidInput`` for one that its own file would not bring."""
    if len(book.entries) > MAX_ENTRIES:
        message = f"A lorebook has at most {MAX_ENTRIES} entries, and this one {len(book.entries)}"
        raise TooLarge(message, {"entries": [f"at most {MAX_ENTRIES}"]})
    if nests_deeper([{"data": book.data, **book.others}], MAX_DEPTH):
        raise InvalidInput(f"A lorebook nests at most {MAX_DEPTH} levels deep")
    size = len(write_lorebook(book))
    if size > MAX_BYTES:
        raise TooLarge(f"The lorebook has {size} bytes as JSON; at most {MAX_BYTES} are allowed")
    return book
