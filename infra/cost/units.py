"""How AWS meters what it is asked for. Pure functions.

DynamoDB: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html,
.../read-write-operations.html and, for indexes, .../GSI.html#GSI.ThroughputConsiderations.Writes
"""

import base64
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Item = Mapping[str, Mapping[str, Any]]

WRITE_UNIT_BYTES = 1024
READ_UNIT_BYTES = 4096
SQS_CHUNK_BYTES = 64 * 1024
SOCKET_CHUNK_BYTES = 32 * 1024
STORAGE_OVERHEAD_BYTES = 100
"""What DynamoDB adds to each stored item, and to each entry of an index."""

_FLOAT_DIGITS = 17
_CONTAINER_BYTES = 3


@dataclass(frozen=True, slots=True)
class Projection:
    """A global secondary index: its key attributes, and what else it copies (None: all)."""

    keys: tuple[str, str]
    attributes: frozenset[str] | None

    def entry(self, item: Item | None) -> dict[str, Mapping[str, Any]] | None:
        """What the index holds of an item; None if it lacks a key of the index."""
        if item is None or any(key not in item for key in self.keys):
            return None
        if self.attributes is None:
            return dict(item)
        kept = self.attributes | {"pk", "sk", *self.keys}
        return {name: value for name, value in item.items() if name in kept}


def item_bytes(item: Item | None) -> int:
    """The size of an item as DynamoDB counts it: names and values in UTF-8; 0 for None.

    Numbers count with as many digits as they can have, or a size would depend on
    the time of day.
    """
    if item is None:
        return 0
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def write_units(before: Item | None, after: Item | None) -> int:
    """Write units of one item's change: of the larger of its two sizes."""
    return _chunks(max(item_bytes(before), item_bytes(after)), WRITE_UNIT_BYTES)


def index_write_units(index: Projection, before: Item | None, after: Item | None) -> int:
    """Write units that a change of an item costs in an index.

    None if the entry stays as it is, one write to put, change or drop it, two if it
    moves to another key.
    """
    old, new = index.entry(before), index.entry(after)
    if old == new:
        return 0
    if old is None or new is None or all(old[key] == new[key] for key in index.keys):
        return write_units(old, new)
    return write_units(old, None) + write_units(None, new)


def read_units(items: Iterable[Item], *, consistent: bool) -> float:
    """Read units of what one request read: all of it together, at least one of 4 KB."""
    units = _chunks(sum(item_bytes(item) for item in items), READ_UNIT_BYTES)
    return float(units) if consistent else units / 2


def sqs_requests(body_bytes: int) -> int:
    """How many requests SQS counts for a message."""
    return _chunks(body_bytes, SQS_CHUNK_BYTES)


def socket_messages(body_bytes: int) -> int:
    """How many messages API Gateway counts for one of a socket's."""
    return _chunks(body_bytes, SOCKET_CHUNK_BYTES)


def _chunks(size: int, chunk: int) -> int:
    return max(1, math.ceil(size / chunk))


def _value_bytes(value: Mapping[str, Any]) -> int:
    ((kind, content),) = value.items()
    if kind == "S":
        return len(content.encode())
    if kind == "N":
        return _number_bytes(content)
    if kind == "B":
        return len(content if isinstance(content, bytes) else base64.b64decode(content))
    if kind in ("BOOL", "NULL"):
        return 1
    if kind == "L":
        return _CONTAINER_BYTES + sum(1 + _value_bytes(item) for item in content)
    if kind == "M":
        return _CONTAINER_BYTES + item_bytes(content) + len(content)
    raise ValueError(f"An attribute of type {kind} is not expected")


def _number_bytes(text: str) -> int:
    digits = _FLOAT_DIGITS if "." in text and float(text) % 1 else len(text.lstrip("-"))
    return math.ceil(digits / 2) + 1
