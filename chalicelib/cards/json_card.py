"""Cards as JSON: https://github.com/malfoyslastname/character-card-spec-v2 and version 3 of it.

Python's ``json`` takes more than JSON: what cannot be stored or written again is repaired
here and listed, so that any card that was read can be written, and read again as the same.
"""

import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

from chalicelib import json_text
from chalicelib.cards.budget import Budget
from chalicelib.cards.card import BrokenCard, Card, Read, Repair
from chalicelib.cards.conversions import HALF, nests_deeper, whole
from chalicelib.cards.limits import MAX_JSON_DEPTH
from chalicelib.cards.notes import Notes
from chalicelib.cards.shapes import V2, V3, interpret, too_deep

Version = Literal[2, 3]

_BOM = b"\xef\xbb\xbf"
_CONTINUATION = bytes(range(0x80, 0xC0))
# All bytes but the first ones of characters that take four bytes in memory, or two.
_NARROWER_THAN_4 = bytes(range(0xF0))
_NARROWER_THAN_2 = bytes(range(0xC4))
_PART = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\Z)|[\[{,]', re.DOTALL)
_MAX_KEY_SHOWN = 60
_MAX_COMPARED = 20_000  # keys, to find those that are there twice
_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")


def read(data: bytes, *, stem: str, budget: Budget | None = None) -> Read:
    """The card in a JSON text, of any version.

    ``BrokenCard`` says what is wrong, beginning with its place; ``TooLarge`` names the limit.
    """
    value, repairs = parse(data, budget=budget)
    return interpret(value, stem=stem, repairs=repairs)


def write_json(card: Card, *, version: Version = 3) -> bytes:
    """The card as JSON in UTF-8.

    As version 2 it has the same fields: those of version 3 are kept as unknown ones.
    """
    spec, number = (V3, card.spec_version) if version == 3 else (V2, "2.0")
    root = {"spec": spec, "spec_version": number, "data": dict(card.data), **card.others}
    return json_text.dumps(root).encode()


def parse(
    data: bytes, *, place: str = "The file", budget: Budget | None = None
) -> tuple[Any, tuple[Repair, ...]]:
    """A JSON value that can be stored, and what had to be repaired for that.

    Numbers that are none become null, halves of surrogate pairs U+FFFD; of keys that are
    there twice the last counts. ``budget`` is a file's own where no other is given. Raises
    what ``read`` raises.
    """
    notes = Notes()
    if data.startswith(_BOM):
        notes.add(place, "a byte order mark stands before the text")
        data = data[len(_BOM) :]
    halves = _SURROGATE_ESCAPE.search(data) is not None
    _spend(budget or Budget(), data, place, width=4 if halves else _width(data))
    text = _decoded(data, place)
    del data
    met = _Met(not_storable=halves)
    try:
        value = json.loads(
            text,
            object_pairs_hook=met.object,
            parse_float=met.number,
            parse_constant=met.number,
        )
    except RecursionError as error:
        raise too_deep(place) from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        raise BrokenCard(f"{place}: malformed JSON at {where}: {error.msg}") from error
    except ValueError as error:  # more digits than Python converts
        raise BrokenCard(f"{place}: malformed JSON: a number has too many digits") from error
    del text
    if nests_deeper([value], MAX_JSON_DEPTH):
        raise too_deep(place)
    if met.not_storable:
        value = _Storable(place, notes, met, halves=halves).of(value)
    if met.has_looked_away:
        notes.add(place, "there may be more keys that are there twice, which were not looked for")
    return value, notes.repairs


class _Met:
    """Makes objects and numbers, and remembers whether any of them has to be repaired."""

    def __init__(self, *, not_storable: bool) -> None:
        self.not_storable = not_storable
        self._doubled: dict[int, tuple[dict[str, Any], list[str]]] = {}
        self._left = _MAX_COMPARED

    def object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) != len(pairs) and self._left >= 0:
            self._left -= len(pairs)
            if self._left >= 0:
                self._doubled[id(made)] = (made, _twice(pairs))
                self.not_storable = True
        return made

    @property
    def has_looked_away(self) -> bool:
        """Whether there were so many keys twice that not all of them are known."""
        return self._left < 0

    def number(self, text: str) -> float:
        """Also NaN and Infinity, and what is too large to be anything else."""
        number = float(text)
        if not math.isfinite(number):
            self.not_storable = True
        return number

    def doubled(self, value: dict[str, Any]) -> Iterable[str]:
        """The keys that were there twice in an object."""
        found = self._doubled.get(id(value))
        return found[1] if found is not None else ()


@dataclass(frozen=True, slots=True)
class _Path:
    """A place in a value, written out only where it is needed: there may be a million."""

    above: "_Path | None" = None
    key: str | int = ""

    def __str__(self) -> str:
        above = "" if self.above is None else str(self.above)
        if isinstance(self.key, int):
            return f"{above}[{self.key}]"
        key = whole(self.key[:_MAX_KEY_SHOWN])
        return f"{above}.{key}" if above else key


class _Storable:
    """Goes through a value once and repairs it in place."""

    def __init__(self, place: str, notes: Notes, met: _Met, *, halves: bool) -> None:
        self._place = place
        self._notes = notes
        self._met = met
        self._halves = halves

    def of(self, value: Any) -> Any:
        root = {"": value}
        level: list[tuple[_Path, Any]] = [(_Path(), root)]
        while level:
            below: list[tuple[_Path, Any]] = []
            for path, parent in level:
                self._repair(path, parent, below)
            level = below
        return root[""]

    def _repair(self, path: _Path, parent: Any, below: list[tuple[_Path, Any]]) -> None:
        is_object = type(parent) is dict
        if is_object:
            self._keys(path, parent)
        for key, value in parent.items() if is_object else enumerate(parent):
            kind = type(value)
            if kind is dict or kind is list:
                below.append((_Path(path, key), value))
            elif kind is float:
                if not math.isfinite(value):
                    parent[key] = None
                    self._note(_Path(path, key), "it is no number that JSON has; null was taken")
            elif kind is str and self._halves and HALF.search(value):
                parent[key] = whole(value)
                self._note(_Path(path, key), "half of a surrogate pair became U+FFFD")

    def _keys(self, path: _Path, parent: dict[str, Any]) -> None:
        for key in self._met.doubled(parent):
            self._note(_Path(path, key), "the key is there twice; the last one counts")
        if self._halves and any(map(HALF.search, parent)):
            pairs = [(whole(key), value) for key, value in parent.items()]
            parent.clear()
            parent.update(pairs)
            self._note(path, "half of a surrogate pair in a key became U+FFFD")

    def _note(self, path: _Path, what: str) -> None:
        if not self._notes.full:
            self._notes.add(str(path) or self._place, what)


def _twice(pairs: list[tuple[str, Any]]) -> list[str]:
    """The keys that are there more than once, each once."""
    seen: set[str] = set()
    found: dict[str, None] = {}
    for key, _value in pairs:
        if key in seen:
            found[key] = None
        seen.add(key)
    return list(found)


def _spend(budget: Budget, data: bytes, place: str, width: int) -> None:
    """Whether a text may be parsed, by what it would cost in memory; ``TooLarge``."""
    characters = len(data) if data.isascii() else len(data.translate(None, _CONTINUATION))
    budget.take_memory(characters, width, place)
    most = 3 * (data.count(b",") + data.count(b"[") + data.count(b"{"))
    if most > budget.parts:  # a key and a text come with each at most: are they all there?
        most = sum(1 for _ in islice(_PART.finditer(data), budget.parts + 1))
    budget.take_parts(most, place)


def _width(data: bytes) -> int:
    """Bytes that a character takes in memory (PEP 393), also one that is written as an escape."""
    if data.isascii():
        return 2 if b"\\u" in data else 1
    if data.translate(None, _NARROWER_THAN_4):
        return 4
    return 2 if b"\\u" in data or data.translate(None, _NARROWER_THAN_2) else 1


def _decoded(data: bytes, place: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise BrokenCard(f"{place}: it is not UTF-8 at byte {error.start}") from error
