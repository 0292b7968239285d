"""What a node is given: connected values first, then its literals, then defaults."""

from collections.abc import Callable, Mapping
from typing import Any

from chalicelib.engine import values
from chalicelib.engine.definitions import Slot
from chalicelib.engine.plan import Link, Step
from chalicelib.engine.values import ABSENT

Lookup = Callable[[str, Link], Any]


def resolve(step: Step, connected: Lookup) -> tuple[dict[str, Any], list[str]]:
    """The node's inputs, and the required ones that are missing.

    ``connected`` gives the value of a link into an input, or ``ABSENT``. Inputs that the
    definition does not know are left out, unless the node's slots are dynamic.
    """
    given: dict[str, Any] = {}
    missing: list[str] = []
    for key, slot in step.inputs.items():
        value = value_of(step, key, slot, connected)
        if value is not ABSENT:
            given[key] = value
        elif slot.required:
            missing.append(key)
    if step.dynamic:
        for key in {**step.links, **step.node.inputs}:
            if key not in given:
                value = value_of(step, key, step.input(key), connected)
                if value is not ABSENT:
                    given[key] = value
    return given, missing


def value_of(step: Step, key: str, slot: Slot, connected: Lookup) -> Any:
    """One input's value, or ``ABSENT``."""
    if key in step.links:
        value = connected_value(step, key, slot, connected)
        if value is not ABSENT:
            return value
    literals: Mapping[str, Any] = step.node.inputs
    if key in literals:
        return values.coerce(literals[key], slot)
    return values.coerce(slot.default, slot) if slot.has_default else ABSENT


def connected_value(step: Step, key: str, slot: Slot, connected: Lookup) -> Any:
    """What the edges into an input give: a list for a ``multi`` slot."""
    links = step.links.get(key)
    if not links:
        return ABSENT
    if slot.multi:
        found = [value for link in links if (value := connected(key, link)) is not ABSENT]
        return values.coerce(found, slot) if found else ABSENT
    value = connected(key, links[0])
    return value if value is ABSENT or links[0].stream else values.coerce(value, slot)
