"""Numbers and JSON text as JavaScript has them, which is what workflows expect.

Sources: ECMA-262, ``Number::toString`` and ``JSON.stringify``.
"""

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from chalicelib.nodes import NodeError

_SAFE_INTEGER = 2**53
_INTEGER_LIMIT = 1e21  # from here on JavaScript writes an exponent
_SURROGATE = re.compile("[\ud800-\udfff]")


def to_double(value: object) -> float:
    """An IEEE double; an int that is too large is an infinity, what is no number NaN."""
    if value is None:
        return 0.0
    if isinstance(value, (int, float)):
        try:
            return float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf
    return math.nan


def js_number(value: float) -> int | float:
    """A double as JavaScript would show it: 3.0 is the int 3, -0.0 is 0.

    Integral values of 1e21 and above, fractions, NaN and infinities stay floats.
    """
    double = to_double(value)
    if not double.is_integer() or abs(double) >= _INTEGER_LIMIT:
        return double
    return int(double) if abs(double) <= _SAFE_INTEGER else int(number_text(double))


def number_text(value: float) -> str:
    """What ``String(value)`` gives for a finite number: 3.0 -> 3, 1e-07 -> 1e-7."""
    double = to_double(value)
    if double == 0:
        return "0"
    sign = "-" if double < 0 else ""
    mantissa, _, power = repr(abs(double)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(power or 0) - (len(whole + fraction) - len(digits))
    return sign + _positional(digits.rstrip("0"), point)


def stringify(value: Any) -> str:
    """``JSON.stringify(value)``: no spaces, unicode kept, NaN and infinities as null.

    ``NodeError`` for what JSON has no form for.
    """
    try:
        return _json(value)
    except RecursionError as error:
        raise NodeError("The value nests too deep to be written as JSON") from error


def text_of(value: Any) -> str:
    """A string as it is, anything else as JSON."""
    return value if isinstance(value, str) else stringify(value)


def _positional(digits: str, point: int) -> str:
    """Digits with the decimal point after the first ``point`` of them."""
    if len(digits) <= point <= 21:
        return digits + "0" * (point - len(digits))
    if 0 < point <= 21:
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"0.{'0' * -point}{digits}"
    rest = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{digits[0]}{rest}e{point - 1:+d}"


def _json(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _json_string(value)
    if isinstance(value, (int, float)):
        return number_text(value) if math.isfinite(to_double(value)) else "null"
    if isinstance(value, Mapping):
        members = {_key(key): item for key, item in value.items()}
        written = [f"{_json_string(key)}:{_json(members[key])}" for key in _key_order(members)]
        return f"{{{','.join(written)}}}"
    if isinstance(value, (list, tuple)):
        return f"[{','.join(map(_json, value))}]"
    raise NodeError(f"A value of type {type(value).__name__} cannot be written as JSON")


def _json_string(text: str) -> str:
    quoted = json.dumps(text, ensure_ascii=False)
    return _SURROGATE.sub(lambda half: f"\\u{ord(half[0]):04x}", quoted)


def _key(key: object) -> str:
    return key if isinstance(key, str) else _json(key)


def _key_order(keys: Mapping[str, Any]) -> list[str]:
    """Array indices come first and ascend, as in every JavaScript object."""
    indices = [key for key in keys if _is_index(key)]
    if not indices:
        return [*keys]
    return sorted(indices, key=int) + [key for key in keys if not _is_index(key)]


def _is_index(key: str) -> bool:
    if not (key.isascii() and key.isdecimal()) or (key[0] == "0" and key != "0"):
        return False
    return len(key) <= 10 and int(key) < 2**32 - 1
