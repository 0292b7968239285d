"""Nodes that tests run, and what they look for in frames."""

from collections.abc import AsyncIterator
from typing import Any

from chalicelib.engine.definitions import Chunk, Context, Inputs, Slot
from tests.builders import TEXT_STREAM, Types, node, node_type, payload
from tests.world import Gate

SUM = payload([node("n", "add", inputs={"a": 1, "b": 2})])


def total(inputs: Inputs, _context: Context) -> dict[str, Any]:
    return {"out": inputs.get("a", 0) + inputs.get("b", 0)}


def big(inputs: Inputs, _context: Context) -> dict[str, Any]:
    return {"out": "x" * int(inputs["a"])}


def length(inputs: Inputs, _context: Context) -> dict[str, Any]:
    return {"out": len(inputs["text"])}


async def words(inputs: Inputs, _context: Context) -> AsyncIterator[Chunk]:
    for number in range(int(inputs.get("a", 0))):
        yield Chunk("text_chunk", f"{number} ")


def types_with(gate: Gate) -> Types:
    """The types of these nodes; ``gate`` waits at its gate."""
    return Types(
        add=node_type("add", total, inline=True),
        gate=node_type("gate", gate.code),
        big=node_type("big", big),
        length=node_type("length", length, inputs={"text": Slot("STRING")}),
        words=node_type("words", words, outputs={"out": TEXT_STREAM}),
    )


def run_events(frames: list[dict[str, Any]], prompt_id: str) -> list[dict[str, Any]]:
    return [item for item in frames if item["payload"].get("promptId") == prompt_id]


def assert_gapless(frames: list[dict[str, Any]], prompt_id: str) -> None:
    sequences = [item["sequence"] for item in run_events(frames, prompt_id) if "sequence" in item]
    assert sequences == list(range(1, len(sequences) + 1))
