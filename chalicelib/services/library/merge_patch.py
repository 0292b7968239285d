"""Changing some fields of a JSON object (RFC 7396)."""

from collections.abc import Mapping
from typing import Any


def merge_patched(value: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The object with these fields changed; null takes one away, objects are gone into.

    >>> merge_patched({"a": 1, "b": {"c": 2, "d": 3}}, {"a": None, "b": {"c": 4}})
    {'b': {'c': 4, 'd': 3}}
    """
    found = dict(value)
    for key, change in changes.items():
        if change is None:
            found.pop(key, None)
        elif isinstance(change, dict):
            own = found.get(key)
            found[key] = merge_patched(own if isinstance(own, dict) else {}, change)
        else:
            found[key] = change
    return found
