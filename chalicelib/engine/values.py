"""How values fit slots: coercion by type, compatibility, the empty value of a type."""

import math
import re
from collections.abc import Sequence
from typing import Any, Final

from chalicelib import json_text
from chalicelib.engine.definitions import Slot
from chalicelib.errors import InvalidInput


class Absent:
    """The type of ``ABSENT``: no value at all, which None is not."""


ABSENT: Final = Absent()

NUMBERS = frozenset({"INTEGER", "FLOAT"})
ANYTHING = frozenset({"WILDCARD", "CONVERTIBLE_ANY"})
_TO_STRING = frozenset({"INTEGER", "FLOAT", "BOOLEAN"})
_PARSED = frozenset({"OBJECT", "ARRAY"})
_INTEGER = re.compile(r"[+-]?\d{1,400}\Z", re.ASCII)
_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\Z", re.ASCII)


def coerce(value: Any, slot: Slot) -> Any:
    """Fit a value to its slot; each value of a ``multi`` slot's list."""
    if slot.data_type not in NUMBERS and slot.data_type not in _PARSED:
        return value
    if slot.multi and isinstance(value, list):
        return [_coerce(item, slot.data_type) for item in value]
    return _coerce(value, slot.data_type)


def compatible(source: Slot, target: Slot) -> bool:
    """May a value of ``source`` stand in for one of ``target``?"""
    if source.is_stream != target.is_stream:
        return False
    given, wanted = source.data_type, target.data_type
    return (
        given == wanted
        or given in ANYTHING
        or wanted in ANYTHING
        or (given == "INTEGER" and wanted == "FLOAT")
        or (given in _TO_STRING and wanted == "STRING")
        or not source.categories.isdisjoint(target.categories)
    )


def empty(data_type: str) -> Any:
    """What a bypassed node gives where no input fits."""
    if data_type in NUMBERS:
        return 0
    if data_type == "STRING":
        return ""
    if data_type == "BOOLEAN":
        return False
    if data_type == "OBJECT":
        return {}
    if data_type == "ARRAY":
        return []
    return None


def collected_text(chunks: Sequence[Any]) -> str:
    """The text of a stream's text chunks, each ``{type, content}``."""
    return "".join(str(chunk["content"]) for chunk in chunks if chunk["type"] == "text_chunk")


def _coerce(value: Any, data_type: str) -> Any:
    if data_type in NUMBERS:
        return _number(value)
    if isinstance(value, str):
        try:
            return json_text.loads(value)
        except InvalidInput:
            return value
    return value


def _number(value: Any) -> int | float:
    """A number as it is, numeric text, a boolean or None as one; else NaN."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, (int, float)):
        return value
    if value is None:
        return 0
    if isinstance(value, str):
        text = value.strip()
        if _INTEGER.match(text):
            return int(text)
        if _DECIMAL.match(text):
            return float(text)
    return math.nan
