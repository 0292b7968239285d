"""JSON as the product reads and writes it.

Python's ``json`` accepts NaN, nests until the interpreter gives up and lets
lone surrogates through, which cannot be stored as UTF-8. Everything that
crosses the wire or a store is read and written here instead.
"""

import json
import math
import re
from typing import Any

from chalicelib.errors import InvalidInput

MAX_DEPTH = 64
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")

# Made once: ``json.dumps`` makes an encoder for every call that has options.
_EXACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_STRICT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def loads(text: str | bytes, *, max_depth: int = MAX_DEPTH, finite: bool = False) -> Any:
    """Parse strict JSON; ``InvalidInput`` says where and why it is not.

    A number too large for a float, such as 1e999, becomes an infinity, or is refused
    where all must be ``finite``.
    """
    try:
        decoded = text.decode("utf-8-sig") if isinstance(text, bytes) else text
        parse_float = _finite_float if finite else None
        value = json.loads(decoded, parse_float=parse_float, parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise InvalidInput("Body is not UTF-8") from error
    except RecursionError as error:
        raise InvalidInput(f"JSON nests deeper than {max_depth} levels") from error
    except json.JSONDecodeError as error:
        raise InvalidInput(
            f"Malformed JSON: {error.msg} at line {error.lineno} column {error.colno}"
        ) from error
    except ValueError as error:  # more digits than Python converts
        raise InvalidInput("Malformed JSON: a number has too many digits") from error
    _check_depth(value, max_depth)
    if _SURROGATE_ESCAPE.search(decoded) or not decoded.isascii():
        _check_encodable(value)
    return value


def dumps(value: Any) -> str:
    """Compact JSON for the wire: unicode kept, NaN and infinities as null.

    It can always be encoded: half of a surrogate pair becomes U+FFFD.
    """
    try:
        text = _STRICT.encode(value)
    except ValueError:
        text = _STRICT.encode(_finite(value))
    return text if text.isascii() else _encodable(text)


def dumps_exact(value: Any) -> str:
    """Compact JSON for our own logs: NaN and infinities survive a round trip.

    ``TypeError`` or ``ValueError`` for what cannot be written or stored.
    """
    text = _EXACT.encode(value)
    if not text.isascii():
        text.encode()
    return text


def loads_exact(text: str) -> Any:
    """Read what ``dumps_exact`` wrote."""
    return json.loads(text)


def _refuse_constant(name: str) -> None:
    raise InvalidInput(f"Malformed JSON: {name} is not a JSON number")


def _finite_float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise InvalidInput("Malformed JSON: a number is too large")
    return value


def _check_depth(value: Any, limit: int) -> None:
    level = [value]
    for _ in range(limit):
        level = [
            child
            for parent in level
            if isinstance(parent, (dict, list))
            for child in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(child, (dict, list))
        ]
        if not level:
            return
    raise InvalidInput(f"JSON nests deeper than {limit} levels")


def _check_encodable(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise InvalidInput("A string holds half of a surrogate pair") from error


def _encodable(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value
