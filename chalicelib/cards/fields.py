"""The fields of a card's ``data``, with what would break its readers repaired.

What is right stays as it is, unknown keys included.
"""

from collections.abc import Callable, Mapping
from typing import Any

from chalicelib.cards.book import repaired_book
from chalicelib.cards.card import LISTS, OBJECTS, TEXTS
from chalicelib.cards.conversions import as_number, as_text, as_texts, whole
from chalicelib.cards.notes import Notes

Repairer = Callable[[Any, str, Notes], Any]
"""Takes a value, its place and the notes; gives what it should be, or None to leave it out."""

UNNAMED = "Unnamed"


def repaired(data: Mapping[str, Any], *, stem: str, notes: Notes) -> dict[str, Any]:
    """The same fields in their order, each of the type that cards have."""
    fields: dict[str, Any] = {}
    for name, value in data.items():
        repairer = _REPAIRERS.get(name)
        right = value if repairer is None else repairer(value, f"data.{name}", notes)
        if repairer is None or right is not None:
            fields[name] = right
    if not str(fields.get("name", "")).strip():
        fields["name"] = whole(stem) if stem.strip() else UNNAMED
        notes.add("data.name", "it is missing or empty; the file's name is taken")
    return fields


def _tags(value: Any, where: str, notes: Notes) -> list[str]:
    return as_texts(value, where, notes, commas=True)


def _object(value: Any, where: str, notes: Notes) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    notes.add(where, "an object is expected; it became an empty one")
    return {}


def _optional(repairer: Repairer) -> Repairer:
    """Fields that need not be there are left out where they say nothing."""

    def repair(value: Any, where: str, notes: Notes) -> Any:
        if value is None or value == "":
            notes.add(where, "it says nothing, and was left out")
            return None
        return repairer(value, where, notes)

    return repair


def _number(value: Any, where: str, notes: Notes) -> int | float | None:
    number = as_number(value)
    if number is None:
        notes.add(where, "a number is expected; it was left out")
    elif number is not value:
        notes.add(where, "a number is expected; it was read from a text")
    return number


def _notes_by_language(value: Any, where: str, notes: Notes) -> dict[str, Any] | None:
    if isinstance(value, dict):
        return value
    notes.add(where, "an object is expected; it was left out")
    return None


def _assets(value: Any, where: str, notes: Notes) -> list[dict[str, Any]] | None:
    if not isinstance(value, list):
        notes.add(where, "a list is expected; it was left out")
        return None
    if all(isinstance(item, dict) for item in value):
        return value
    notes.add(where, "what is no object was left out")
    return [item for item in value if isinstance(item, dict)]


_REPAIRERS: Mapping[str, Repairer] = {
    **dict.fromkeys(TEXTS, as_text),
    **dict.fromkeys(LISTS, as_texts),
    **dict.fromkeys(OBJECTS, _object),
    "tags": _tags,
    "character_book": _optional(repaired_book),
    "nickname": lambda value, where, notes: (
        value if value == "" else _optional(as_text)(value, where, notes)
    ),
    "creator_notes_multilingual": _optional(_notes_by_language),
    "source": _optional(as_texts),
    "creation_date": _optional(_number),
    "modification_date": _optional(_number),
    "assets": _optional(_assets),
}
