"""Lorebooks as documents of their own, and the three shapes that people have them in.

Version 3's ``{spec: "lorebook_v3", data}``, the ``character_book`` of a card, and
SillyTavern's world info. The normal form is version 3's ``data``; what no shape knows is
kept where it is.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from chalicelib import json_text
from chalicelib.cards.book import repaired_book
from chalicelib.cards.card import BrokenCard, Repair
from chalicelib.cards.json_card import parse
from chalicelib.cards.limits import MAX_FILE_BYTES
from chalicelib.cards.notes import Notes
from chalicelib.cards.world_info import book_of, entry_of, is_world_entry, world_of
from chalicelib.errors import TooLarge

SPEC = "lorebook_v3"

LorebookKind = Literal["lorebook_v3", "world_info", "character_book"]


@dataclass(frozen=True, slots=True)
class Lorebook:
    """A lorebook in its normal form; ``interpret_lorebook`` makes it.

    ``data`` has ``name``, ``extensions`` and ``entries``; each entry has ``keys``,
    ``content``, ``extensions``, ``enabled``, ``insertion_order`` and ``use_regex``. The
    optional fields of version 3 are there where the file had them. ``others`` are the keys
    beside ``data`` in a file of version 3.
    """

    data: Mapping[str, Any]
    others: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The book's name, which is never blank."""
        return str(self.data["name"])

    @property
    def entries(self) -> list[dict[str, Any]]:
        """The entries, in the order of the file."""
        entries: list[dict[str, Any]] = self.data["entries"]
        return entries


@dataclass(frozen=True, slots=True)
class ReadLorebook:
    """What a file holds, and what had to be repaired in it."""

    kind: LorebookKind
    book: Lorebook
    repairs: tuple[Repair, ...] = ()


def read_lorebook(data: bytes, *, stem: str) -> ReadLorebook:
    """The lorebook in a JSON file of any of the three shapes.

    ``stem``, the file's name without its ending, names a book without a name: world info
    has none. ``BrokenCard`` says what is wrong, ``TooLarge`` names the limit.
    """
    if len(data) > MAX_FILE_BYTES:
        raise TooLarge(f"The file has {len(data)} bytes; at most {MAX_FILE_BYTES} are allowed")
    value, repairs = parse(data)
    return interpret_lorebook(value, stem=stem, repairs=repairs)


def interpret_lorebook(value: Any, *, stem: str, repairs: Iterable[Repair] = ()) -> ReadLorebook:
    """The lorebook that a parsed JSON value holds; see ``read_lorebook``."""
    notes = Notes(repairs)
    kind, book, others = _told_apart(value, notes)
    repaired = repaired_book(book, "data", notes)
    if repaired is None:
        raise BrokenCard("The file: data has to be an object with the entries of a lorebook")
    name = repaired.get("name")
    if not isinstance(name, str) or not name.strip():
        repaired["name"] = stem if stem.strip() else "Unnamed"
    repaired.setdefault("extensions", {})
    for entry in repaired["entries"]:
        if not isinstance(entry.get("use_regex"), bool):
            entry["use_regex"] = False
    return ReadLorebook(kind, Lorebook(repaired, others), notes.told)


def write_lorebook(book: Lorebook) -> bytes:
    """JSON of version 3, from which the same book is read."""
    return json_text.dumps({"spec": SPEC, "data": book.data, **book.others}).encode()


def write_world_info(book: Lorebook) -> bytes:
    """JSON for SillyTavern. A world that was read comes out with all that it had."""
    return json_text.dumps(world_of(book.data)).encode()


def _told_apart(
    value: Any, notes: Notes
) -> tuple[LorebookKind, Mapping[str, Any] | None, dict[str, Any]]:
    """The shape of a file, its book under version 3's names, and what is beside it."""
    if not isinstance(value, dict):
        raise BrokenCard("The file: an object is expected")
    spec, data = value.get("spec"), value.get("data")
    if isinstance(spec, str) and spec.startswith("chara_card"):
        raise BrokenCard("The file: this is a card, not a lorebook")
    if spec == SPEC or (isinstance(data, dict) and "entries" in data):
        if spec != SPEC:
            notes.add("spec", f"it should be {SPEC}; the file is read as one")
        others = {key: value[key] for key in value if key not in ("spec", "data")}
        book = _in_our_names(data, notes) if isinstance(data, dict) else None
        return "lorebook_v3", book, others
    if "entries" not in value:
        raise BrokenCard("The file: a lorebook has entries; there are none")
    kind: LorebookKind = "world_info" if isinstance(value["entries"], dict) else "character_book"
    return kind, _in_our_names(value, notes), {}


def _in_our_names(book: Mapping[str, Any], notes: Notes) -> Mapping[str, Any]:
    entries = book.get("entries")
    if isinstance(entries, dict):
        return book_of(book, notes)
    if not isinstance(entries, list):
        return book
    named = []
    for index, entry in enumerate(entries):
        if isinstance(entry, dict) and is_world_entry(entry):
            notes.add(f"data.entries[{index}]", "it has the names of world info")
            named.append(entry_of(entry))
        else:
            named.append(entry)
    return {**book, "entries": named}
