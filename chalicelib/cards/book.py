"""The lorebook inside of a card (``character_book``), readable for those who expect a right one.

What a reader can do without is left alone, so nothing that is written here is lost.
"""

from collections.abc import Mapping
from typing import Any

from chalicelib.cards.conversions import as_number, as_text, as_texts, check_items
from chalicelib.cards.notes import Notes
from chalicelib.cards.world_info import book_of, entry_of, is_world_entry

_BOOK_NUMBERS = ("scan_depth", "token_budget")
_ENTRY_NUMBERS = ("priority",)
_ORDER = "insertion_order"
_DEFAULT_ORDER = 100
_NUMBER = frozenset((int, float))
_RIGHT = {
    "keys": frozenset((list,)),
    "content": frozenset((str,)),
    "extensions": frozenset((dict,)),
    "enabled": frozenset((bool,)),
    _ORDER: _NUMBER,
}


def repaired_book(value: Any, where: str, notes: Notes) -> dict[str, Any] | None:
    """The same book with entries that have what all readers need; None for what is no book.

    Each entry gets ``keys``, ``content``, ``enabled``, ``insertion_order`` and ``extensions``.
    """
    if isinstance(value, list):
        notes.add(where, "an object is expected; the list was read as its entries")
        value = {"entries": value}
    if not isinstance(value, dict):
        notes.add(where, "an object is expected; it was left out")
        return None
    if isinstance(value.get("entries"), dict):
        notes.add(f"{where}.entries", "a list is expected; the object's values were taken")
        value = book_of(value, notes)
    book = _without_empty_numbers(value, _BOOK_NUMBERS, where, notes)
    if not isinstance(book.get("extensions", {}), dict):
        notes.add(f"{where}.extensions", "an object is expected; it became an empty one")
        book["extensions"] = {}
    book["entries"] = _entries(book.get("entries"), f"{where}.entries", notes)
    return book


def _entries(value: Any, where: str, notes: Notes) -> list[dict[str, Any]]:
    if not isinstance(value, list):
        notes.add(where, "a list is expected; it became an empty one")
        return []
    check_items(len(value), where)
    entries = []
    for index, entry in enumerate(value):
        place = f"{where}[{index}]"
        if isinstance(entry, dict) and is_world_entry(entry):
            notes.add(place, "it has the names of world info")
            entry = entry_of(entry)
        if isinstance(entry, dict) and _is_right(entry):
            entries.append(entry)
        elif isinstance(entry, dict):
            entries.append(_entry(entry, place, notes))
        else:
            notes.add(place, "an object is expected; it was left out")
    return entries


def _is_right(entry: Mapping[str, Any]) -> bool:
    """Whether nothing is to be repaired, as in nearly all of many entries."""
    if not entry.keys() >= _RIGHT.keys():
        return False
    return (
        all(type(entry[name]) in types for name, types in _RIGHT.items())
        and not isinstance(entry.get("priority"), str)
        and _are_texts(entry["keys"])
        and ("secondary_keys" not in entry or _are_texts(entry["secondary_keys"]))
    )


def _are_texts(value: Any) -> bool:
    return type(value) is list and all(type(item) is str for item in value)


def _entry(value: Mapping[str, Any], where: str, notes: Notes) -> dict[str, Any]:
    entry = _without_empty_numbers(value, _ENTRY_NUMBERS, where, notes)
    for name in ("keys", "secondary_keys"):
        if name in entry and (name == "keys" or entry[name] is not None):
            entry[name] = as_texts(entry[name], f"{where}.{name}", notes, commas=True)
    if "content" in entry:
        entry["content"] = as_text(entry["content"], f"{where}.content", notes)
    if not isinstance(entry.get("enabled", True), bool):
        entry["enabled"] = _as_switch(entry["enabled"])
        notes.add(f"{where}.enabled", "true or false is expected")
    if not isinstance(entry.get("extensions", {}), dict):
        notes.add(f"{where}.extensions", "an object is expected; it became an empty one")
        entry["extensions"] = {}
    if _ORDER in entry:
        entry[_ORDER] = _order(entry[_ORDER], f"{where}.{_ORDER}", notes)
    return entry | _missing(entry, where, notes)


def _missing(entry: Mapping[str, Any], where: str, notes: Notes) -> dict[str, Any]:
    usual: dict[str, Any] = {
        **{"keys": [], "content": "", "extensions": {}},
        **{"enabled": True, _ORDER: _DEFAULT_ORDER},
    }
    added = {name: value for name, value in usual.items() if name not in entry}
    for name in added:
        notes.add(f"{where}.{name}", "it was missing, and has its usual value")
    return added


def _order(value: Any, where: str, notes: Notes) -> int | float:
    number = as_number(value)
    if number is None:
        notes.add(where, f"a number is expected; it became {_DEFAULT_ORDER}")
        return _DEFAULT_ORDER
    if number is not value:
        notes.add(where, "a number is expected; it was read from a text")
    return number


def _without_empty_numbers(
    value: Mapping[str, Any], names: tuple[str, ...], where: str, notes: Notes
) -> dict[str, Any]:
    """Texts where optional numbers belong: the number if they spell one, else left out."""
    right = dict(value)
    for name in names:
        if not isinstance(right.get(name), str):
            continue
        number = as_number(right[name])
        if number is None:
            notes.add(f"{where}.{name}", "a number is expected; it was left out")
            del right[name]
        else:
            notes.add(f"{where}.{name}", "a number is expected; it was read from a text")
            right[name] = number
    return right


def _as_switch(value: Any) -> bool:
    return value not in (None, 0, "", "false", "False", "0")
