"""Which version of a card an object is, and the card that it holds.

``spec`` decides, not the fields that are there: cards of versions 2 and 3 often carry a
copy of version 1 at their root.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib.cards.card import (
    FIELDS,
    OLD_NAMES,
    ROOT,
    V1_TEXTS,
    BrokenCard,
    Card,
    Kind,
    Read,
    Repair,
    is_current,
)
from chalicelib.cards.conversions import nests_deeper
from chalicelib.cards.fields import repaired
from chalicelib.cards.limits import MAX_JSON_DEPTH
from chalicelib.cards.notes import Notes

V2, V3 = "chara_card_v2", "chara_card_v3"
LOREBOOK = "lorebook_v3"

_GRADIO = {
    "char_name": "name",
    "char_persona": "description",
    "char_greeting": "first_mes",
    "example_dialogue": "mes_example",
    "world_scenario": "scenario",
}
_SIGNS = frozenset((*V1_TEXTS, *_GRADIO))
_CURRENT = "3.0"


def interpret(
    value: Any,
    *,
    stem: str,
    kind: Kind = "json",
    place: str = "The file",
    repairs: Iterable[Repair] = (),
) -> Read:
    """The card that a parsed JSON value holds, of whatever version.

    ``place`` begins the message of ``BrokenCard``, which is raised where there is no card.
    ``repairs`` are those that were made before. Numbers must be finite and texts storable:
    ``json_card.parse`` sees to both.
    """
    if not isinstance(value, dict):
        raise BrokenCard(f"{place}: an object is expected, not {_named(value)}")
    notes = Notes(repairs)
    data, others = _parted(value, place, notes)
    fields = repaired(data, stem=stem, notes=notes)
    if nests_deeper([fields, others], MAX_JSON_DEPTH - 1):
        raise too_deep(place)
    return Read(kind, Card(fields, others, _version(value, notes)), notes.told)


def too_deep(place: str) -> BrokenCard:
    """What to raise for JSON that is, or would be written, deeper than the limit."""
    return BrokenCard(f"{place}: the JSON nests deeper than {MAX_JSON_DEPTH} levels")


def _parted(
    root: Mapping[str, Any], place: str, notes: Notes
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What belongs into ``data``, and the other keys of the root."""
    spec, data = root.get("spec"), root.get("data")
    inside = data if isinstance(data, dict) else {}
    if spec == LOREBOOK or (spec is None and "entries" in root.keys() | inside.keys()):
        raise BrokenCard(f"{place}: this is a lorebook, not a card")
    if isinstance(data, dict) and (spec is not None or data.keys() & FIELDS):
        if spec not in (V2, V3):
            notes.add("spec", f"it should be {V3}; the card is read as one")
        return _with_copies(data, root, notes)
    if spec is None and not root.keys() & _SIGNS:
        raise BrokenCard(f"{place}: no field of a character card is there")
    if spec is not None or "data" in root:
        notes.add("data", "it is no object; the fields beside it are read")
    fields, others = _split(root, notes, aliases={} if "name" in root else _GRADIO)
    if not fields:
        raise BrokenCard(f"{place}: data is missing, and there are no fields beside it")
    return fields, others


def _with_copies(
    data: Mapping[str, Any], root: Mapping[str, Any], notes: Notes
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Versions 2 and 3; what the root has of the same fields is a copy for old readers."""
    merged = dict(data)
    copies, others = _split(root, notes)
    for name, value in copies.items():
        if name not in data:
            merged[name] = value
            notes.add(f"data.{name}", "it is missing; the one beside data is read")
        elif data[name] != value:
            notes.add(name, "it differs from the one in data, which is read")
    return merged, others


def _split(
    root: Mapping[str, Any], notes: Notes, aliases: Mapping[str, str] | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The root's fields under their names in ``data``, and what is no field."""
    names = {**OLD_NAMES, **(aliases or {})}
    fields: dict[str, Any] = {}
    others: dict[str, Any] = {}
    for key, value in root.items():
        name = names.get(key, key)
        if key in ROOT:
            continue
        if name not in FIELDS:
            others[key] = value
        elif name == key or name not in root:
            fields[name] = value
        elif root[name] != value:
            notes.add(key, f"it differs from {name}, which is read")
    return fields, others


def _version(root: Mapping[str, Any], notes: Notes) -> str:
    """A newer one than ours is kept; older cards become cards of ours."""
    said = root.get("spec_version", _CURRENT)
    if root.get("spec") != V3 or said == _CURRENT:
        return _CURRENT
    if isinstance(said, (int, float)) and not isinstance(said, bool):
        notes.add("spec_version", "a text is expected, not a number")
        said = str(said)
    if isinstance(said, str) and is_current(said):
        return said
    notes.add("spec_version", f"it is no version of {V3}; {_CURRENT} is taken")
    return _CURRENT


def _named(value: Any) -> str:
    """What kind of JSON a value is, in words."""
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a text"
    return "a list"
