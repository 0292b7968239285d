"""SillyTavern's world info: the same as a lorebook, under names of its own.

``entries`` is an object there, its keys are numbers. Field names, and which of them go into
the ``extensions`` of an entry and under what names, are those that SillyTavern itself uses
between a world and a card's book (``public/scripts/world-info.js`` and
``src/endpoints/characters.js`` of https://github.com/SillyTavern/SillyTavern).

What neither form knows stays where it is, so that a world comes out with all that it had.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from chalicelib.cards.notes import Notes

_RENAMED = {
    "uid": "id",
    "key": "keys",
    "keysecondary": "secondary_keys",
    "order": "insertion_order",
}
_SAME = ("comment", "content", "constant", "selective")

_EXTENSIONS: Mapping[str, tuple[str, Any]] = {
    "position": ("position", 0),
    "excludeRecursion": ("exclude_recursion", False),
    "preventRecursion": ("prevent_recursion", False),
    "delayUntilRecursion": ("delay_until_recursion", False),
    "displayIndex": ("display_index", 0),
    "probability": ("probability", 100),
    "useProbability": ("useProbability", True),
    "depth": ("depth", 4),
    "selectiveLogic": ("selectiveLogic", 0),
    "outletName": ("outlet_name", ""),
    "group": ("group", ""),
    "groupOverride": ("group_override", False),
    "groupWeight": ("group_weight", 100),
    "scanDepth": ("scan_depth", None),
    "caseSensitive": ("case_sensitive", None),
    "matchWholeWords": ("match_whole_words", None),
    "useGroupScoring": ("use_group_scoring", None),
    "automationId": ("automation_id", ""),
    "role": ("role", 0),
    "vectorized": ("vectorized", False),
    "sticky": ("sticky", None),
    "cooldown": ("cooldown", None),
    "delay": ("delay", None),
    "matchPersonaDescription": ("match_persona_description", False),
    "matchCharacterDescription": ("match_character_description", False),
    "matchCharacterPersonality": ("match_character_personality", False),
    "matchCharacterDepthPrompt": ("match_character_depth_prompt", False),
    "matchScenario": ("match_scenario", False),
    "matchCreatorNotes": ("match_creator_notes", False),
    "triggers": ("triggers", []),
    "ignoreBudget": ("ignore_budget", False),
}
"""World info's name of a field: its name in an entry's ``extensions``, and its usual value."""

_KEPT = "comfytavern_world_info"
"""Of an entry's extensions: what the other form has no place for."""

_BEFORE, _AFTER = "before_char", "after_char"
_THEIRS = frozenset((*_RENAMED, *_SAME, *_EXTENSIONS, "disable", "extensions"))
_BESIDE: Mapping[str, str] = {
    **{ours: theirs for theirs, ours in _RENAMED.items()},
    "enabled": "disable",
    "case_sensitive": "caseSensitive",
}
"""Version 3's names in an entry of world info, and which field counts where both are there."""
_MAX_DIGITS = 16
_REGEX_KEY = re.compile(r"/.+/[gimsuy]*", re.DOTALL)


def is_world_entry(entry: Mapping[str, Any]) -> bool:
    """Whether an entry has world info's names, wherever it was found."""
    return "keys" not in entry and ("key" in entry or "keysecondary" in entry)


def book_of(world: Mapping[str, Any], notes: Notes) -> dict[str, Any]:
    """A world as a lorebook of version 3, before its fields are checked.

    The entries are in the order of the file.
    """
    entries: dict[str, Any] = world["entries"]
    return {**world, "entries": list(_entries_of(entries, notes))}


def entry_of(fields: Mapping[str, Any], label: str | None = None) -> dict[str, Any]:
    """An entry of world info as one of version 3; ``label`` is its key among the entries."""
    entry: dict[str, Any] = {}
    kept: dict[str, Any] = {}
    for key, value in fields.items():
        if key in _BESIDE:
            kept.setdefault("fields", {})[key] = value
        if key not in _THEIRS and (key not in _BESIDE or _BESIDE[key] not in fields):
            entry[key] = value
    entry |= {ours: fields[theirs] for theirs, ours in _RENAMED.items() if theirs in fields}
    entry |= {name: fields[name] for name in _SAME if name in fields}
    if "disable" in fields:
        entry["enabled"] = not fields["disable"]
    if label is not None:
        if "id" not in entry and (number := _number_in(label)) is not None:
            entry["id"] = number
        if str(entry.get("id")) != label:
            kept["label"] = label
    if _is_number(position := fields.get("position")):
        entry["position"] = _BEFORE if position == 0 else _AFTER
    if isinstance(sensitive := fields.get("caseSensitive"), bool):
        entry["case_sensitive"] = sensitive
    if "use_regex" not in entry and _are_patterns(entry.get("keys")):
        entry["use_regex"] = True
    usual = {"keys": [], "content": "", "enabled": True, "insertion_order": 100}
    return {**usual, **entry, "extensions": _extensions(fields, kept)}


def world_of(book: Mapping[str, Any]) -> dict[str, Any]:
    """A lorebook of version 3 in its normal form as world info.

    All fields that SillyTavern knows are there; what an entry does not say gets the value
    that SillyTavern gives it. Where version 3 and an entry's ``extensions`` say the same thing
    otherwise, the latter count, as they do in SillyTavern. An ``id`` that is no number becomes one.
    """
    entries: dict[str, Any] = {}
    taken = {entry["id"] for entry in book["entries"] if _is_number(entry.get("id"))}
    free = (number for number in range(len(book["entries"]) * 2 + 1) if number not in taken)
    for index, entry in enumerate(book["entries"]):
        label, fields = _world_entry(entry, index, free)
        while label in entries:
            label = str(next(free))
        entries[label] = fields
    return {**book, "entries": entries}


def _entries_of(entries: Mapping[str, Any], notes: Notes) -> Iterator[Any]:
    for label, fields in entries.items():
        if not isinstance(fields, dict):
            notes.add(f"entries.{label[:40]}", "left out: an object is expected")
        elif "keys" in fields and "key" not in fields:
            notes.add(f"entries.{label[:40]}", "it has the names of a card's book")
            yield fields
        else:
            yield entry_of(fields, label)


def _extensions(fields: Mapping[str, Any], kept: dict[str, Any]) -> dict[str, Any]:
    """What belongs into ``extensions``; their copies in the world's own extensions are kept."""
    own = fields.get("extensions")
    extensions = dict(own) if isinstance(own, dict) else {}
    known = {ours for ours, _ in _EXTENSIONS.values()}
    copies = {key: extensions.pop(key) for key in known | {_KEPT} if key in extensions}
    if copies:
        kept["extensions"] = copies
    for theirs, (ours, _) in _EXTENSIONS.items():
        if theirs in fields:
            extensions[ours] = fields[theirs]
    return {**extensions, _KEPT: kept} if kept else extensions


def _world_entry(
    entry: Mapping[str, Any], index: int, free: Iterator[int]
) -> tuple[str, dict[str, Any]]:
    extensions = dict(entry["extensions"])
    found = extensions.pop(_KEPT, None)
    kept = found if isinstance(found, dict) else {}
    uid = entry["id"] if _is_number(entry.get("id")) else next(free)
    fields = {key: value for key, value in entry.items() if key not in _BESIDE.keys() | _THEIRS}
    fields |= {
        "uid": uid,
        "key": entry["keys"],
        "keysecondary": entry.get("secondary_keys", []),
        "comment": entry.get("comment", ""),
        "content": entry["content"],
        "constant": entry.get("constant", False),
        "selective": entry.get("selective", False),
        "order": entry["insertion_order"],
        "disable": not entry["enabled"],
    }
    fields.setdefault("addMemo", bool(fields["comment"]))
    for theirs, (ours, usual) in _EXTENSIONS.items():
        fields[theirs] = extensions.pop(ours) if ours in extensions else usual
    if "display_index" not in entry["extensions"]:
        fields["displayIndex"] = index
    if fields["caseSensitive"] is None and isinstance(entry.get("case_sensitive"), bool):
        fields["caseSensitive"] = entry["case_sensitive"]
    fields["position"] = _position(entry)
    fields["extensions"] = {**extensions, **_object(kept, "extensions")}
    return _label(kept, uid), fields | _object(kept, "fields")


def _position(entry: Mapping[str, Any]) -> Any:
    """SillyTavern's number; only without one ``position``, which knows no more than two places."""
    extensions, said = entry["extensions"], entry.get("position")
    exact = extensions.get("position")
    if exact is not None or ("position" in extensions and said is None):
        return exact
    return 0 if said == _BEFORE else 1


def _label(kept: Mapping[str, Any], uid: int) -> str:
    label = kept.get("label")
    return label if isinstance(label, str) else str(uid)


def _object(kept: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = kept.get(name)
    return value if isinstance(value, dict) else {}


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number_in(label: str) -> int | None:
    """The number that a label is, as SillyTavern writes it."""
    if not (label.isascii() and label.isdecimal() and len(label) < _MAX_DIGITS):
        return None
    number = int(label)
    return number if str(number) == label else None


def _are_patterns(keys: Any) -> bool:
    """Whether all keys are written as SillyTavern writes regular expressions: ``/a|b/i``."""
    return (
        isinstance(keys, list)
        and bool(keys)
        and all(isinstance(key, str) and _REGEX_KEY.fullmatch(key) for key in keys)
    )
