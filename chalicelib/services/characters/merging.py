"""A picture and a card that are one character."""

from collections.abc import Iterator, Mapping
from typing import Any

from chalicelib.cards import Card

_EMPTY: tuple[Any, ...] = ("", [], {}, None)
_UNKNOWN_MOMENT = 0
_SETTINGS = ("fav", "talkativeness")


def merged(first: Card, second: Card) -> Card:
    """Field by field what ``first`` says, and where that says nothing what ``second`` does.

    Fields of ``extensions`` are merged one by one. What a card can say in two places, one
    of which is read before the other, is said by ``first`` if it is in either of its own.
    """
    second = _without_other_places(first, second)
    return Card(
        _over(first.data, second.data, deep=True),
        _over(first.others, second.others),
        max(first.spec_version, second.spec_version, key=float),
    )


def gave_way(first: Card, second: Card) -> list[str]:
    """The fields of ``second`` that say something else than ``first``, which wins."""
    return sorted(
        key
        for key, value in second.data.items()
        if key != "extensions" and _says(value)
        if _says(first.data.get(key)) and first.data[key] != value
    )


def _without_other_places(first: Card, second: Card) -> Card:
    extensions, others = dict(second.data["extensions"]), dict(second.others)
    data = {**second.data, "extensions": extensions}
    for name in _SETTINGS:
        if any(_says(place.get(name)) for place in (first.data["extensions"], first.others)):
            extensions.pop(name, None)
            others.pop(name, None)
    if any(_moments(first)):
        data.pop("creation_date", None)
        others.pop("create_date", None)
    return Card(data, others, second.spec_version)


def _moments(card: Card) -> Iterator[bool]:
    """Is it said when the card was made, in each of two places?"""
    seconds = card.data.get("creation_date", _UNKNOWN_MOMENT)
    yield _says(seconds) and seconds != _UNKNOWN_MOMENT
    yield _says(card.others.get("create_date"))


def _says(value: object) -> bool:
    return value not in _EMPTY


def _over(
    first: Mapping[str, Any], second: Mapping[str, Any], *, deep: bool = False
) -> dict[str, Any]:
    found = {**second, **{key: value for key, value in first.items() if _says(value)}}
    if deep:
        found["extensions"] = _over(first["extensions"], second["extensions"])
    return found
