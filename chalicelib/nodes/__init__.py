"""The node kit: all that a pack imports. ``docs/writing-nodes.md`` shows how it is used."""

from chalicelib.engine.definitions import (
    BatchOutputs,
    Bypass,
    Chunk,
    Context,
    Inputs,
    NodeError,
    Outputs,
)
from chalicelib.nodes.definition import ButtonClick, Node, Pack
from chalicelib.nodes.slots import DATA_TYPES, DefinitionError, Input, Mode, Output

__all__ = [
    "DATA_TYPES",
    "BatchOutputs",
    "ButtonClick",
    "Bypass",
    "Chunk",
    "Context",
    "DefinitionError",
    "Input",
    "Inputs",
    "Mode",
    "Node",
    "NodeError",
    "Output",
    "Outputs",
    "Pack",
]
