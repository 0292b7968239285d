"""Inputs, outputs and modes as a pack declares them."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, Final

from chalicelib.engine.definitions import Slot

DATA_TYPES = frozenset(
    {
        "STRING",
        "INTEGER",
        "FLOAT",
        "BOOLEAN",
        "OBJECT",
        "ARRAY",
        "BINARY",
        "WILDCARD",
        "CONVERTIBLE_ANY",
    }
)
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+|[^\W\d_A-Za-z]+")
_INDEXED = re.compile(r"__\d+\Z")


class DefinitionError(Exception):
    """A pack or a node is declared wrongly; the message names it and what is expected."""


class _Absent:
    """The type of ``ABSENT``: no default, which None is not."""

    def __repr__(self) -> str:
        return "<absent>"


ABSENT: Final = _Absent()


@dataclass(frozen=True, slots=True)
class Input:
    """An input, or a setting of a node's ``config_schema``.

    ``data_type`` is one of ``DATA_TYPES``. ``config`` holds what the editor's widget
    needs (min, max, step, suggestions, multiline, placeholder and the like); the default
    value is ``default``, not a key of it. An empty ``display_name`` is made from the key.
    """

    data_type: str
    _: KW_ONLY
    display_name: str = ""
    description: str = ""
    required: bool = False
    default: Any = ABSENT
    multi: bool = False
    is_stream: bool = False
    categories: Sequence[str] = ()
    config: Mapping[str, Any] | None = None
    actions: Sequence[Mapping[str, Any]] = ()
    max_connections: int | None = None
    allow_dynamic_type: bool = False

    def wire(self, key: str) -> dict[str, Any]:
        """The InputDefinition that clients get; a fresh copy."""
        definition = _wire_start(key, self) | {"required": self.required}
        if self.multi:
            definition["multi"] = True
        definition |= _wire_traits(self)
        if self.config is not None or self.default is not ABSENT:
            definition["config"] = plain(self.config or {})
            if self.default is not ABSENT:
                definition["config"]["default"] = plain(self.default)
        if self.actions:
            definition["actions"] = plain(self.actions)
        if self.max_connections is not None:
            definition["maxConnections"] = self.max_connections
        return definition

    def slot(self) -> Slot:
        """What the engine needs of it."""
        has_default = self.default is not ABSENT
        return Slot(
            data_type=self.data_type,
            required=self.required,
            multi=self.multi,
            is_stream=self.is_stream,
            categories=frozenset(self.categories),
            has_default=has_default,
            default=plain(self.default) if has_default else None,
        )


@dataclass(frozen=True, slots=True)
class Output:
    """An output. The chunks of a stream output are what an async generator yields."""

    data_type: str
    _: KW_ONLY
    display_name: str = ""
    description: str = ""
    is_stream: bool = False
    categories: Sequence[str] = ()
    allow_dynamic_type: bool = False

    def wire(self, key: str) -> dict[str, Any]:
        """The OutputDefinition that clients get; a fresh copy."""
        return _wire_start(key, self) | _wire_traits(self)

    def slot(self) -> Slot:
        """What the engine needs of it."""
        return Slot(
            data_type=self.data_type,
            is_stream=self.is_stream,
            categories=frozenset(self.categories),
        )


@dataclass(frozen=True, slots=True)
class Mode:
    """One of the ways a node works: its slots replace those of the node."""

    display_name: str
    inputs: Mapping[str, Input]
    outputs: Mapping[str, Output]
    description: str = ""

    def wire(self) -> dict[str, Any]:
        """The ModeDefinition that clients get; a fresh copy."""
        return {
            "displayName": self.display_name,
            "description": self.description,
            "inputs": wire_slots(self.inputs),
            "outputs": wire_slots(self.outputs),
        }


def wire_slots(slots: Mapping[str, Input] | Mapping[str, Output]) -> dict[str, Any]:
    """The definitions of some slots by key."""
    return {key: slot.wire(key) for key, slot in slots.items()}


def engine_slots(slots: Mapping[str, Input] | Mapping[str, Output]) -> dict[str, Slot]:
    """Some slots as the engine sees them."""
    return {key: slot.slot() for key, slot in slots.items()}


def check_slots(where: str, slots: Mapping[str, Input] | Mapping[str, Output]) -> None:
    """``DefinitionError`` that names the first slot that is wrong."""
    if not isinstance(slots, Mapping):
        raise DefinitionError(f"{where}: expected a mapping of slots by key")
    for key, slot in slots.items():
        if not isinstance(key, str) or not key.strip():
            raise DefinitionError(f"{where}: a key is not text: {key!r}")
        if _INDEXED.search(key):
            raise DefinitionError(f"{where}.{key}: a key may not end like an index (__0)")
        if not isinstance(slot, (Input, Output)):
            raise DefinitionError(f"{where}.{key}: expected an Input or an Output")
        if slot.data_type not in DATA_TYPES:
            known = ", ".join(sorted(DATA_TYPES))
            raise DefinitionError(
                f"{where}.{key}: unknown data type {slot.data_type!r}, expected one of {known}"
            )
        if isinstance(slot.categories, str):
            raise DefinitionError(f"{where}.{key}: categories is a list of words, not one text")
        if isinstance(slot, Input):
            _check_input(f"{where}.{key}", slot)


def plain(value: Any) -> Any:
    """A copy made of dicts, lists and scalars, so that nobody shares a declared value."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def is_json(value: Any) -> bool:
    """Can JSON carry it? NaN and infinities cannot go over the wire."""
    if isinstance(value, float):
        return math.isfinite(value)
    if value is None or isinstance(value, (str, bool, int)):
        return True
    if isinstance(value, Mapping):
        return all(isinstance(key, str) and is_json(item) for key, item in value.items())
    return isinstance(value, (list, tuple)) and all(is_json(item) for item in value)


def title_of(key: str) -> str:
    """A readable name: ``text_inputs`` and ``textInputs`` give "Text Inputs"."""
    words = _WORDS.findall(key)
    return " ".join(word[:1].upper() + word[1:] for word in words) or key


def _check_input(where: str, slot: Input) -> None:
    config = slot.config if slot.config is not None else {}
    if not isinstance(config, Mapping):
        raise DefinitionError(f"{where}: config is a mapping")
    if "default" in config:
        raise DefinitionError(f"{where}: give the default as default=, not in config")
    if slot.default is not ABSENT and not is_json(slot.default):
        raise DefinitionError(f"{where}: the default cannot be written as JSON")
    if not is_json(config) or not is_json(slot.actions):
        raise DefinitionError(f"{where}: config and actions must be writable as JSON")
    low, high = config.get("min"), config.get("max")
    if isinstance(low, (int, float)) and isinstance(high, (int, float)) and low > high:
        raise DefinitionError(f"{where}: min {low} is above max {high}")


def _wire_start(key: str, slot: Input | Output) -> dict[str, Any]:
    return {
        "displayName": slot.display_name or title_of(key),
        "description": slot.description,
        "dataFlowType": slot.data_type,
    }


def _wire_traits(slot: Input | Output) -> dict[str, Any]:
    traits: dict[str, Any] = {}
    if slot.is_stream:
        traits["isStream"] = True
    if slot.categories:
        traits["matchCategories"] = list(slot.categories)
    if slot.allow_dynamic_type:
        traits["allowDynamicType"] = True
    return traits
