"""Nodes that only benchmarks need: one waits, one is a source of chunks."""

import asyncio
from collections.abc import AsyncIterator

from chalicelib.nodes import (
    BatchOutputs,
    Chunk,
    Context,
    Input,
    Inputs,
    Node,
    Output,
    Outputs,
    Pack,
)


async def _sleep(inputs: Inputs, _context: Context) -> Outputs:
    await asyncio.sleep(float(inputs["seconds"]))
    return {"seconds": inputs["seconds"]}


async def _chunks(inputs: Inputs, _context: Context) -> AsyncIterator[Chunk | BatchOutputs]:
    for number in range(int(inputs["count"])):
        yield Chunk("text_chunk", f"{number} ")


pack = Pack(
    "bench",
    [
        Node(
            "Sleep",
            _sleep,
            description="Waits.",
            inputs={"seconds": Input("FLOAT", default=0)},
            outputs={"seconds": Output("FLOAT")},
        ),
        Node(
            "Chunks",
            _chunks,
            description="Yields numbered chunks of text.",
            inputs={"count": Input("INTEGER", default=0)},
            outputs={"stream": Output("STRING", is_stream=True)},
        ),
    ],
)
