"""Values of another type than cards have, made into what was meant. All is noted."""

import math
import re
from typing import Any

from chalicelib import json_text
from chalicelib.cards.limits import MAX_ITEMS
from chalicelib.cards.notes import Notes
from chalicelib.errors import TooLarge

HALF = re.compile("[\\ud800-\\udfff]")
"""Half of a surrogate pair."""

_CONTAINERS = frozenset((dict, list))


def as_text(value: Any, where: str, notes: Notes) -> str:
    """A text; numbers are written out, lists of texts become lines."""
    if isinstance(value, str):
        return value
    if value is None:
        notes.add(where, "null became an empty text")
        return ""
    notes.add(where, "a text is expected; what is there was written as one")
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return "\n".join(value)
    return json_text.dumps(value)


def as_texts(value: Any, where: str, notes: Notes, *, commas: bool = False) -> list[str]:
    """A list of texts; one text becomes a list, with ``commas`` split at them."""
    if isinstance(value, list):
        if all(isinstance(item, str) for item in value):
            return value
        return _items_as_texts(value, where, notes)
    if value is None or value == "":
        notes.add(where, "a list is expected; it became an empty one")
        return []
    notes.add(where, "a list is expected; it was made of what is there")
    text = value if isinstance(value, str) else json_text.dumps(value)
    if not commas:
        return [text]
    check_items(text.count(","), where)
    return [part.strip() for part in text.split(",") if part.strip()]


def _items_as_texts(values: list[Any], where: str, notes: Notes) -> list[str]:
    check_items(len(values), where)
    texts = []
    for index, value in enumerate(values):
        place = f"{where}[{index}]"
        if value is None:
            notes.add(place, "null was left out")
        else:
            texts.append(as_text(value, place, notes))
    return texts


def as_number(value: Any) -> int | float | None:
    """The number that a value is or spells; None for what is no finite one."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    if not isinstance(value, str):
        return value
    for spelled in (int, float):
        try:
            number: int | float = spelled(value)
            is_finite = math.isfinite(number)
        except (ValueError, OverflowError):  # whole numbers that no float holds
            continue
        return number if is_finite else None
    return None


def check_items(count: int, where: str) -> None:
    """``TooLarge`` for a list to repair that was made to cost time."""
    if count > MAX_ITEMS:
        raise TooLarge(f"{where}: it has {count} items; at most {MAX_ITEMS} are allowed")


def whole(text: str) -> str:
    """The same text, with U+FFFD for each half of a surrogate pair: others cannot be stored."""
    return HALF.sub("\ufffd", text)


def nests_deeper(values: list[Any], limit: int) -> bool:
    """Whether any of some values has more levels of objects and lists than the limit."""
    level = [value for value in values if type(value) in _CONTAINERS]
    for _ in range(limit):
        level = [
            child
            for parent in level
            for child in (parent.values() if type(parent) is dict else parent)
            if type(child) in _CONTAINERS
        ]
        if not level:
            return False
    return True
