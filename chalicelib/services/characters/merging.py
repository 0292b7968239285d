"""A picture and a card that are one character."""

from collections.abc import Mapping
from typing import Any

from chalicelib.cards import Card

_EMPTY: tuple[Any, ...] = ("", [], {}, None)


def merged(first: Card, second: Card) -> Card:
    """Field by field what ``first`` says, and where that says nothing what ``second`` does.

    Fields of ``extensions`` are merged one by one.
    """
    return Card(
        _over(first.data, second.data, deep=True),
        _over(first.others, second.others),
        max(first.spec_version, second.spec_version, key=float),
    )


def _over(
    first: Mapping[str, Any], second: Mapping[str, Any], *, deep: bool = False
) -> dict[str, Any]:
    found = {**second, **{key: value for key, value in first.items() if value not in _EMPTY}}
    if deep:
        found["extensions"] = _over(first["extensions"], second["extensions"])
    return found
