"""What the consumers of a bypassed node get in place of its outputs."""

from typing import Any

from chalicelib.engine import inputs, values
from chalicelib.engine.definitions import Bypass, Slot
from chalicelib.engine.inputs import Lookup
from chalicelib.engine.plan import Step
from chalicelib.engine.values import ABSENT

STREAM_PLACEHOLDER = {
    "type": "stream_placeholder",
    "message": "This output is a stream; its chunks come as they are made",
}


def pseudo_outputs(step: Step, connected: Lookup) -> dict[str, Any]:
    """The outputs of a bypassed node.

    "mute" gives nothing; ``passThrough`` and ``defaults`` are followed as they
    say; else each output takes the first compatible input not yet taken,
    connected ones before literal ones (of a multi input its first value), or
    the empty value of its type.
    """
    rule = step.type.bypass if step.type else None
    if step.type is None or (rule is not None and rule.mute):
        return {}
    if rule is not None:
        return {
            key: _by_rule(step, key, slot, rule, connected) for key, slot in step.outputs.items()
        }
    candidates = _candidates(step, connected)
    given = {}
    for key, slot in step.outputs.items():
        fit = next((name for name in candidates if values.compatible(step.input(name), slot)), None)
        value = candidates.pop(fit) if fit is not None else values.empty(slot.data_type)
        given[key] = STREAM_PLACEHOLDER if slot.is_stream and fit is not None else value
    return given


def _by_rule(step: Step, key: str, slot: Slot, rule: Bypass, connected: Lookup) -> Any:
    if key in rule.pass_through:
        name = rule.pass_through[key]
        value = _first(inputs.value_of(step, name, step.input(name), connected), step.input(name))
        if value is not ABSENT:
            return STREAM_PLACEHOLDER if step.input(name).is_stream else value
    return rule.defaults[key] if key in rule.defaults else values.empty(slot.data_type)


def _candidates(step: Step, connected: Lookup) -> dict[str, Any]:
    """Input values in the order in which outputs may take them."""
    wired, literal = {}, {}
    for key, slot in step.inputs.items():
        value = _first(inputs.connected_value(step, key, slot, connected), slot)
        if value is not ABSENT:
            wired[key] = value
        elif key in step.node.inputs:
            value = _first(values.coerce(step.node.inputs[key], slot), slot)
            if value is not ABSENT:
                literal[key] = value
    return wired | literal


def _first(value: Any, slot: Slot) -> Any:
    if slot.multi and isinstance(value, list):
        return value[0] if value else ABSENT
    return value
