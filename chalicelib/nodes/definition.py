"""Nodes and packs as their authors declare them.

A mistake in a declaration is a ``DefinitionError`` when the pack is loaded, not a
surprise in the middle of a run. ``docs/writing-nodes.md`` is the guide.
"""

import inspect
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

from chalicelib.engine.definitions import Bypass, NodeCode, NodeType
from chalicelib.nodes.slots import (
    DefinitionError,
    Input,
    Mode,
    Output,
    check_slots,
    engine_slots,
    plain,
    title_of,
    wire_slots,
)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*\Z")


@dataclass(frozen=True, slots=True)
class ButtonClick:
    """A user's click on a button of a node in the editor. ``owner`` is the user's uid."""

    node_id: str
    button: str
    owner: str
    workflow_id: str | None = None


ButtonHandler = Callable[[ButtonClick], None]


@dataclass(frozen=True, slots=True)
class Node:
    """A node type: its definition and its code.

    ``run`` takes ``(inputs, context)``. It is a plain function (run in a thread; with
    ``inline`` on the event loop, only for work of well under a millisecond), a coroutine
    function, or an async generator function (a stream node). ``timeout`` is in seconds.
    ``repeatable=False`` says that running it twice does harm. ``client_script`` is a path
    relative to the pack. ``on_button`` is called when a user clicks one of its buttons.
    """

    type: str
    run: NodeCode
    _: KW_ONLY
    category: str = "General"
    display_name: str = ""
    description: str = ""
    inputs: Mapping[str, Input] = field(default_factory=dict)
    outputs: Mapping[str, Output] = field(default_factory=dict)
    config_schema: Mapping[str, Input] = field(default_factory=dict)
    modes: Mapping[str, Mode] = field(default_factory=dict)
    mode_config_key: str | None = None
    default_mode_id: str | None = None
    client_script: str | None = None
    dynamic_slots: bool = False
    width: int | None = None
    bypass: Bypass | None = None
    deprecated: bool = False
    experimental: bool = False
    is_ui_node: bool = False
    inline: bool = False
    repeatable: bool = True
    timeout: float = 600.0
    retries: int = 0
    on_button: ButtonHandler | None = None

    def __post_init__(self) -> None:
        _check_name("A node's type", self.type)
        check_slots(f"{self.type}.inputs", self.inputs)
        check_slots(f"{self.type}.outputs", self.outputs)
        check_slots(f"{self.type}.config_schema", self.config_schema)
        _check_modes(self)
        _check_code(self)
        _check_bypass(self)
        if self.width is not None and self.width <= 0:
            raise DefinitionError(f"{self.type}: width is a positive number of pixels")

    def definition(self, namespace: str) -> dict[str, Any]:
        """The NodeDefinition that clients get: no code, no paths of the server."""
        definition: dict[str, Any] = {
            "type": self.type,
            "namespace": namespace,
            "category": self.category,
            "displayName": self.display_name or title_of(self.type),
            "description": self.description,
            "inputs": wire_slots(self.inputs),
            "outputs": wire_slots(self.outputs),
        }
        if self.config_schema:
            definition["configSchema"] = wire_slots(self.config_schema)
        if self.modes:
            definition["modes"] = {key: mode.wire() for key, mode in self.modes.items()}
        return definition | self._traits()

    def node_type(self, namespace: str) -> NodeType:
        """What the engine runs."""
        return NodeType(
            full_type=f"{namespace}:{self.type}",
            code=self.run,
            inputs=engine_slots(self.inputs),
            outputs=engine_slots(self.outputs),
            modes={
                key: (engine_slots(mode.inputs), engine_slots(mode.outputs))
                for key, mode in self.modes.items()
            },
            mode_key=self.mode_config_key,
            default_mode=self.default_mode_id,
            dynamic_slots=self.dynamic_slots,
            bypass=self.bypass,
            inline=self.inline,
            repeatable=self.repeatable,
            timeout=self.timeout,
            retries=self.retries,
        )

    def _traits(self) -> dict[str, Any]:
        traits = {
            "modeConfigKey": self.mode_config_key,
            "defaultModeId": self.default_mode_id,
            "clientScriptUrl": self.client_script,
            "dynamicSlots": self.dynamic_slots or None,
            "width": self.width,
            "bypassBehavior": _wire_bypass(self.bypass),
            "deprecated": self.deprecated or None,
            "experimental": self.experimental or None,
            "isUiNode": self.is_ui_node or None,
        }
        return {key: value for key, value in traits.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Pack:
    """Nodes under one namespace.

    ``client_scripts`` is the folder of the scripts that browsers may fetch, relative to
    the pack; nothing else of the pack is ever served.
    """

    namespace: str
    nodes: Sequence[Node]
    client_scripts: str = "client-scripts"

    def __post_init__(self) -> None:
        _check_name("A pack's namespace", self.namespace)
        for node in self.nodes:
            if not isinstance(node, Node):
                raise DefinitionError(f"{self.namespace}: expected nodes, got {node!r}")
        twice = [kind for kind, n in Counter(node.type for node in self.nodes).items() if n > 1]
        if twice:
            raise DefinitionError(f"{self.namespace}: {twice[0]} is declared twice")
        if not is_relative(self.client_scripts):
            raise DefinitionError(f"{self.namespace}: client_scripts is a folder within the pack")
        for node in self.nodes:
            script = node.client_script
            if script is not None and not self.is_client_script(script):
                raise DefinitionError(
                    f"{node.type}: client_script is a .js file within {self.client_scripts}/"
                )

    def is_client_script(self, path: str) -> bool:
        """Does the path, relative to the pack, name a script of the scripts' folder?"""
        folder = f"{self.client_scripts}/"
        return is_relative(path) and path.startswith(folder) and path.endswith(".js")


def is_relative(path: str) -> bool:
    """Is it a plain relative path with forward slashes that stays where it starts?"""
    if "\\" in path or "\0" in path:
        return False
    return all(part not in ("", ".", "..") for part in path.split("/"))


def _check_name(what: str, name: str) -> None:
    if not isinstance(name, str) or not _NAME.match(name):
        raise DefinitionError(
            f"{what} is letters, digits, '_', '.' and '-', and starts with a letter or a digit:"
            f" {name!r}"
        )


def _check_modes(node: Node) -> None:
    for key, mode in node.modes.items():
        if not mode.inputs and not mode.outputs:
            raise DefinitionError(f"{node.type}: mode {key!r} has no slots")
        check_slots(f"{node.type}.modes.{key}.inputs", mode.inputs)
        check_slots(f"{node.type}.modes.{key}.outputs", mode.outputs)
    if not node.modes:
        if node.mode_config_key is not None or node.default_mode_id is not None:
            raise DefinitionError(f"{node.type}: it has a mode key or default but no modes")
        return
    if node.default_mode_id not in node.modes:
        raise DefinitionError(
            f"{node.type}: default_mode_id {node.default_mode_id!r} is not one of its modes"
        )
    if node.mode_config_key not in node.config_schema:
        raise DefinitionError(
            f"{node.type}: mode_config_key {node.mode_config_key!r} is not in its config_schema"
        )


def _check_code(node: Node) -> None:
    if not _takes_two(node.run):
        raise DefinitionError(f"{node.type}: run is a function of (inputs, context)")
    is_async = inspect.isasyncgenfunction(node.run) or inspect.iscoroutinefunction(node.run)
    if node.inline and is_async:
        raise DefinitionError(f"{node.type}: inline is for plain functions")
    if not node.timeout > 0 or node.retries < 0:
        raise DefinitionError(f"{node.type}: timeout is above 0 seconds and retries 0 or more")
    if node.retries and not node.repeatable:
        raise DefinitionError(f"{node.type}: a node that may not run twice has no retries")


def _takes_two(code: Any) -> bool:
    if not callable(code):
        return False
    try:
        inspect.signature(code).bind(None, None)
    except TypeError:
        return False
    except ValueError:  # a built-in that does not tell its signature
        return True
    return True


def _check_bypass(node: Node) -> None:
    if node.bypass is None or node.modes or node.dynamic_slots:
        return
    for output, source in node.bypass.pass_through.items():
        if output not in node.outputs or source not in node.inputs:
            raise DefinitionError(
                f"{node.type}: bypass passes {source!r} to {output!r}, and one of them is unknown"
            )


def _wire_bypass(bypass: Bypass | None) -> str | dict[str, Any] | None:
    if bypass is None:
        return None
    if bypass.mute:
        return "mute"
    return {"passThrough": plain(bypass.pass_through), "defaults": plain(bypass.defaults)}
