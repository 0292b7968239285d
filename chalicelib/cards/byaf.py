"""BYAF, the archives of Backyard AI: a manifest, one character, and its scenarios.

The specification is at https://github.com/ahoylabs/byaf (``specs/v1``). The first scenario is
that of the card; the first messages of the others are greetings beside it. What a card has
no field for is kept in ``extensions.backyard``, but for chats, which are no part of a card.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from chalicelib.cards.archives import Archive, safe_name
from chalicelib.cards.budget import Budget
from chalicelib.cards.card import BrokenCard, Read
from chalicelib.cards.files import Files
from chalicelib.cards.inside import EMBEDDED, suffix_of
from chalicelib.cards.json_card import parse
from chalicelib.cards.limits import MAX_FILE_BYTES
from chalicelib.cards.notes import Notes
from chalicelib.cards.shapes import V3, interpret
from chalicelib.cards.zip_entries import Entry
from chalicelib.errors import TooLarge

MANIFEST = "manifest.json"

MAX_NAMED = 200
"""Scenarios that a manifest may name, and pictures that a character may have."""

_EXTENSION = "backyard"
_HEAD = 16
_MACRO = re.compile(r"(?<!\{)\{(character|user)\}(?!\})", re.IGNORECASE)
_SPEAKER = re.compile(r"#(?=\{(?:character|user)\}:)", re.IGNORECASE)
_IN_CARDS = {"character": "{{char}}", "user": "{{user}}"}

_CHARACTER_TAKEN = frozenset(("$schema", "schemaVersion", "name", "persona", "loreItems", "images"))
_SCENARIO_TAKEN = frozenset(("$schema", "schemaVersion", "messages"))
_FIRST_TAKEN = frozenset(
    ("narrative", "firstMessages", "exampleMessages", "formattingInstructions")
)


def read(archive: Archive, *, stem: str, budget: Budget | None = None) -> Read:
    """The first character in the archive; its first picture, and the others as assets.

    ``BrokenCard`` where there is no character, ``BrokenArchive`` for files that cannot be
    read, ``TooLarge`` for more than ``MAX_NAMED`` of a kind. Scenarios and pictures that are
    named but not there, or named before, are repairs.
    """
    notes = Notes(archive.repairs)
    files = _Files(archive, budget or Budget(), notes)
    manifest = files.json(MANIFEST)
    path = _path_of_character(manifest, notes)
    character = files.json(path)
    scenarios = list(_scenarios(files, manifest, notes))
    pictures = list(_pictures(files, character, path, notes))
    fields = _fields(manifest, character, scenarios)
    assets = Files({})
    if len(pictures) > 1:
        fields["assets"], assets = _assets(pictures)
    card = {"spec": V3, "data": fields}
    found = interpret(card, stem=stem, kind="byaf", place=path, repairs=notes.repairs)
    return replace(found, picture=pictures[0].entry.read() if pictures else None, assets=assets)


class _Files:
    """The archive's files, each given out once: they may be named any number of times."""

    def __init__(self, archive: Archive, budget: Budget, notes: Notes) -> None:
        self._left = {entry.name: entry for entry in archive.files}
        self._json_left = MAX_FILE_BYTES  # so that the card in them fits a file of its own
        self._given: set[str] = set()
        self._budget = budget
        self._notes = notes

    def json(self, path: str) -> dict[str, Any]:
        """The object in a file; ``BrokenCard``."""
        entry = self._left.pop(path, None)
        if entry is None:
            raise BrokenCard(f"The archive has no {path}")
        self._given.add(path)
        data = entry.read(at_most=self._json_left)
        self._json_left -= entry.size
        value, repairs = parse(data, place=path, budget=self._budget)
        for repair in repairs:
            self._notes.add(repair.where, repair.what)
        if not isinstance(value, dict):
            raise BrokenCard(f"{path}: an object is expected")
        return value

    def has(self, path: object, where: str, folder: str = ".") -> str | None:
        """The name of a file that is named in a folder; None, which is noted, for no file."""
        name = safe_name(f"{folder}/{path}") if isinstance(path, str) else None
        if name in self._left:
            return name
        what = "that was named before" if name in self._given else "that is not in the archive"
        self._notes.add(where, f"it names a file {what}")
        return None

    def take(self, name: str) -> Entry:
        """A file that is there."""
        self._given.add(name)
        return self._left.pop(name)


@dataclass(frozen=True, slots=True)
class _Picture:
    label: str
    entry: Entry
    head: bytes

    @property
    def suffix(self) -> str | None:
        return suffix_of(self.head)


def _path_of_character(manifest: Mapping[str, Any], notes: Notes) -> str:
    found = manifest.get("characters")
    paths: list[Any] = found if isinstance(found, list) else []
    path = safe_name(paths[0]) if paths and isinstance(paths[0], str) else None
    if path is None:
        raise BrokenCard(f"{MANIFEST}: characters: the path of a character is expected")
    if len(paths) > 1:
        notes.add("characters", "there is more than one; the first is read")
    return path


def _scenarios(
    files: _Files, manifest: Mapping[str, Any], notes: Notes
) -> Iterator[dict[str, Any]]:
    paths = manifest.get("scenarios")
    for index, path in enumerate(_few(paths if isinstance(paths, list) else [], "scenarios")):
        name = files.has(path, f"scenarios[{index}]")
        if name is None:
            continue
        scenario = files.json(name)
        if scenario.get("messages"):
            notes.add(f"scenarios[{index}].messages", "left out: a chat is no part of a card")
        yield scenario


def _fields(
    manifest: Mapping[str, Any], character: Mapping[str, Any], scenarios: list[dict[str, Any]]
) -> dict[str, Any]:
    first = scenarios[0] if scenarios else {}
    greetings = [_greeting(scenario) for scenario in scenarios[1:]]
    author = _object(manifest.get("author"))
    fields: dict[str, Any] = {
        "name": character.get("name") or character.get("displayName") or "",
        "description": _with_macros(character.get("persona")),
        "scenario": _with_macros(first.get("narrative")),
        "first_mes": _greeting(first),
        "mes_example": _examples(first.get("exampleMessages")),
        "system_prompt": _with_macros(first.get("formattingInstructions")),
        "alternate_greetings": [greeting for greeting in greetings if greeting],
        "creator": author.get("name") or "",
        "extensions": {_EXTENSION: _rest(character, scenarios)},
    }
    if (url := author.get("backyardURL")) and isinstance(url, str):
        fields["source"] = [url]
    for ours, theirs in (("creation_date", "createdAt"), ("modification_date", "updatedAt")):
        if (seconds := _seconds(character.get(theirs))) is not None:
            fields[ours] = seconds
    if entries := list(_entries(character.get("loreItems"))):
        fields["character_book"] = {"extensions": {}, "entries": entries}
    return fields


def _entries(items: Any) -> Iterator[dict[str, Any]]:
    for index, item in enumerate(_list(items)):
        keys = _with_macros(item.get("key")).split(",")
        yield {
            "keys": [key.strip() for key in keys if key.strip()],
            "content": _with_macros(item.get("value")),
            "extensions": {},
            "enabled": True,
            "insertion_order": index,
            "use_regex": False,
        }


def _rest(character: Mapping[str, Any], scenarios: list[dict[str, Any]]) -> dict[str, Any]:
    rest = {key: value for key, value in character.items() if key not in _CHARACTER_TAKEN}
    kept = [
        {
            key: value
            for key, value in scenario.items()
            if key not in _SCENARIO_TAKEN and (index or key not in _FIRST_TAKEN)
        }
        for index, scenario in enumerate(scenarios)
    ]
    return {**rest, "scenarios": kept}


def _pictures(
    files: _Files, character: Mapping[str, Any], path: str, notes: Notes
) -> Iterator[_Picture]:
    """A character's pictures; their paths begin at its folder."""
    folder = path.rpartition("/")[0] or "."
    for index, image in enumerate(_few(_list(character.get("images")), "images")):
        name = files.has(image.get("path"), f"images[{index}].path", folder)
        if name is None:
            continue
        entry = files.take(name)
        label = image.get("label")
        label = label if label and isinstance(label, str) else f"picture {index + 1}"
        picture = _Picture(label, entry, entry.begins(_HEAD))
        if picture.suffix is None:
            notes.add(f"images[{index}]", "left out: no JPEG, PNG, GIF or WebP picture")
            continue
        yield picture


def _assets(pictures: list[_Picture]) -> tuple[list[dict[str, Any]], Files]:
    """The card's assets, the first of which is its own picture, and the files of the others."""
    named: list[dict[str, Any]] = [
        {"type": "icon", "uri": "ccdefault:", "name": "main", "ext": pictures[0].suffix}
    ]
    entries, heads = {}, {}
    for index, picture in enumerate(pictures[1:], start=2):
        path = f"assets/icon/images/picture_{index}.{picture.suffix}"
        name = picture.label if picture.label != "main" else f"picture {index}"
        uri = f"{EMBEDDED}{path}"
        named.append({"type": "icon", "uri": uri, "name": name, "ext": picture.suffix})
        entries[path], heads[path] = picture.entry, picture.head
    return named, Files(entries, heads)


def _few(named: list[Any], what: str) -> list[Any]:
    if len(named) > MAX_NAMED:
        raise TooLarge(f"{what}: {len(named)} are named; at most {MAX_NAMED} are allowed")
    return named


def _greeting(scenario: Mapping[str, Any]) -> str:
    messages = _list(scenario.get("firstMessages"))
    return _with_macros(messages[0].get("text")) if messages else ""


def _examples(messages: Any) -> str:
    texts = (_with_macros(message.get("text")) for message in _list(messages))
    return "\n".join(f"<START>\n{text}" for text in texts if text)


def _with_macros(text: Any) -> str:
    if not isinstance(text, str):
        return ""
    marked = _SPEAKER.sub("", text)
    return _MACRO.sub(lambda match: _IN_CARDS[match[1].lower()], marked)


def _seconds(moment: Any) -> int | None:
    try:
        return int(datetime.fromisoformat(moment).timestamp())
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def _list(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
