"""Runs nodes of the core pack by hand."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from chalicelib.nodes import BatchOutputs, Chunk, NodeError
from chalicelib.nodes.registry import Registry

CORE = Registry(installed=False)


@dataclass
class FakeContext:
    """A context that remembers what the node said."""

    node_id: str = "node-1"
    owner: str = "ada"
    config: Mapping[str, Any] = field(default_factory=dict)
    mode: str | None = None
    interface_inputs: Mapping[str, Any] = field(default_factory=dict)
    credentials: Mapping[str, str] = field(default_factory=dict)
    logged: list[str] = field(default_factory=list)
    reported: list[tuple[float, float]] = field(default_factory=list)

    def credential(self, credential_id: str) -> str:
        if credential_id not in self.credentials:
            raise NodeError("No such credential")
        return self.credentials[credential_id]

    def progress(self, value: float, maximum: float) -> None:
        self.reported.append((value, maximum))

    def log(self, message: str) -> None:
        self.logged.append(message)


def run(node: str, context: FakeContext | None = None, /, **inputs: Any) -> dict[str, Any]:
    """The outputs of a batch node of the core pack."""
    found = CORE.find(f"core:{node}")
    assert found is not None
    return dict(cast("Any", found.code)(inputs, context or FakeContext()))


def defaults(node: str) -> dict[str, Any]:
    """The inputs that a node has when nothing is given to it."""
    found = CORE.find(f"core:{node}")
    assert found is not None
    return {key: slot.default for key, slot in found.inputs.items() if slot.has_default}


def error_of(node: str, context: FakeContext | None = None, /, **inputs: Any) -> str:
    """The message of the ``NodeError`` that a batch node ends with."""
    with pytest.raises(NodeError) as raised:
        run(node, context, **inputs)
    return str(raised.value)


def stream(
    node: str, context: FakeContext | None = None, /, **inputs: Any
) -> tuple[list[Chunk | BatchOutputs], NodeError | None]:
    """What a stream node of the core pack yields, and the error it ends with."""
    found = CORE.find(f"core:{node}")
    assert found is not None
    chunks = cast("Any", found.code)(inputs, context or FakeContext())
    return asyncio.run(_collected(chunks))


async def chunks_of(chunks: Sequence[Chunk]) -> AsyncIterator[Chunk]:
    """A stream of these chunks."""
    for chunk in chunks:
        yield chunk


async def _collected(
    chunks: AsyncGenerator[Chunk | BatchOutputs, None],
) -> tuple[list[Chunk | BatchOutputs], NodeError | None]:
    got: list[Chunk | BatchOutputs] = []
    try:
        async for chunk in chunks:
            got.append(chunk)
    except NodeError as error:
        return got, error
    return got, None
