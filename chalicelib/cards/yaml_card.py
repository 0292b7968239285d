"""Cards in YAML, as text-generation-webui keeps them: ``name``, ``context``, ``greeting``.

Only the parser of PyYAML is used: it gives events one after another and never recurses.
What makes values of them is here, because the loaders of PyYAML recurse (the one in C ends
the process on deep nesting), copy what an alias repeats, and turn a character called ``No``
into false. https://yaml.org/spec/1.1/
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import yaml  # type: ignore[import-untyped]

from chalicelib import json_text
from chalicelib.cards.budget import Budget
from chalicelib.cards.card import FIELDS, LISTS, TEXTS, BrokenCard, Read, Repair
from chalicelib.cards.notes import Notes
from chalicelib.cards.shapes import interpret
from chalicelib.errors import InvalidInput, TooLarge, UnsupportedMediaType

MAX_BYTES = 128 * 1024
"""The parser in Python, where there is none in C, takes up to half a second for this much."""

MAX_EVENTS = 5_000
"""Scalars, and beginnings and ends of lists and mappings."""

MAX_DEPTH = 16

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_RENAMED = {"context": "description", "greeting": "first_mes"}
_GRADIO = frozenset(("char_name", "char_persona", "char_greeting"))
_KNOWN = FIELDS | _RENAMED.keys() | _GRADIO
_AS_TEXT = frozenset((*TEXTS, *LISTS, *_RENAMED, *_GRADIO, "nickname", "source"))
"""Fields whose scalars are texts, whatever else they look like: names are not booleans."""

_NOTHING = ("", "~", "null")
_JSON_STARTS = frozenset("-0123456789tf")
_EXPECTED = "A PNG, JSON, YAML, CHARX or BYAF file is expected"


def read(data: bytes, *, stem: str, loader: Any = _LOADER, budget: Budget | None = None) -> Read:
    """The card in a YAML file: a mapping with at least one field of a card.

    ``loader`` is PyYAML's in C where there is one. ``BrokenCard`` says in which line
    something is wrong, ``TooLarge`` names a limit, ``UnsupportedMediaType`` is for text
    that is no mapping.
    """
    fields, repairs = parse(data, loader=loader, budget=budget)
    return card_of(fields, stem=stem, repairs=repairs)


def parse(
    data: bytes, *, loader: Any = _LOADER, budget: Budget | None = None
) -> tuple[dict[str, Any], tuple[Repair, ...]]:
    """The mapping in a YAML file, and what had to be repaired in it; the errors of ``read``."""
    notes = Notes()
    return _mapping(_text(data, budget or Budget()), loader, notes), notes.repairs


def card_of(fields: Mapping[str, Any], *, stem: str, repairs: Iterable[Repair] = ()) -> Read:
    """The card that a mapping holds; the errors of ``read``."""
    if not fields.keys() & _KNOWN:
        raise UnsupportedMediaType(_EXPECTED)
    named = dict(fields)
    for old, new in _RENAMED.items():
        if old in named and new not in named:
            named[new] = named.pop(old)
    return interpret(named, stem=stem, kind="yaml", repairs=repairs)


def _text(data: bytes, budget: Budget) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnsupportedMediaType(_EXPECTED) from error
    if len(data) > MAX_BYTES:
        raise TooLarge(f"The YAML has {len(data)} bytes; at most {MAX_BYTES} are allowed")
    budget.take_yaml(len(data))
    return text


def _mapping(text: str, loader: Any, notes: Notes) -> dict[str, Any]:
    try:
        value = _Builder(yaml.parse(text, loader), notes).document()
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        # The parser in Python makes numbers of escapes and versions without a look at them.
        raise _broken(error) from error
    if not isinstance(value, dict):
        raise UnsupportedMediaType(_EXPECTED)
    return value


class _Builder:
    """Makes the value of the first document; what is not a text field may be a number too."""

    def __init__(self, events: Iterator[Any], notes: Notes) -> None:
        self._events = events
        self._notes = notes
        self._left = MAX_EVENTS

    def document(self) -> Any:
        """The value; None for an empty file."""
        for event in self._next_events():
            if isinstance(event, yaml.DocumentStartEvent):
                return self._value(self._next(), 0, as_text=False)
        return None

    def _next_events(self) -> Iterator[Any]:
        for event in self._events:
            self._left -= 1
            if self._left < 0:
                raise TooLarge(f"The YAML has more than {MAX_EVENTS} values")
            yield event

    def _next(self) -> Any:
        return next(self._next_events())

    def _value(self, event: Any, depth: int, *, as_text: bool) -> Any:
        if depth > MAX_DEPTH:
            raise BrokenCard(f"{_place(event)}: more than {MAX_DEPTH} levels deep")
        if isinstance(event, yaml.ScalarEvent):
            return self._storable(_scalar(event, as_text=as_text))
        if isinstance(event, yaml.SequenceStartEvent):
            return self._list(depth, as_text=as_text)
        if isinstance(event, yaml.MappingStartEvent):
            return self._object(depth)
        raise BrokenCard(f"{_place(event)}: references (*) are not allowed")

    def _list(self, depth: int, *, as_text: bool) -> list[Any]:
        items = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            items.append(self._value(event, depth + 1, as_text=as_text))
        return items

    def _object(self, depth: int) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise BrokenCard(f"{_place(event)}: a key has to be a text")
            key = self._storable(_scalar(event, as_text=True))
            if key in fields:
                self._notes.add(key, "it is there twice; the last one is read")
            as_text = depth == 0 and key in _AS_TEXT
            fields[key] = self._value(self._next(), depth + 1, as_text=as_text)
        return fields

    def _storable(self, value: Any) -> Any:
        if not isinstance(value, str) or value.isascii():
            return value
        try:
            value.encode()
        except UnicodeEncodeError:
            self._notes.add("The YAML", "half of a surrogate pair became U+FFFD")
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return value


def _scalar(event: Any, *, as_text: bool) -> Any:
    text: str = event.value
    is_plain = event.implicit[0] and not event.style
    if is_plain and text in _NOTHING:
        return "" if as_text else None
    if as_text or not is_plain or text[0] not in _JSON_STARTS:
        return text
    try:
        value = json_text.loads(text)
    except InvalidInput:
        return text
    return text if isinstance(value, float) and not math.isfinite(value) else value


def _place(event: Any) -> str:
    mark = event.start_mark
    return f"The YAML, line {mark.line + 1}, column {mark.column + 1}"


def _broken(error: Any) -> BrokenCard:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None)
    where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    return BrokenCard(f"The YAML is malformed{where}: {problem or 'it cannot be read'}")
