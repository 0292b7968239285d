"""Nodes of known cost: a cheap step, and a model that writes for a while."""

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


async def _step(inputs: Inputs, _context: Context) -> Outputs:
    await asyncio.sleep(float(inputs["seconds"]))
    return {"text": inputs["text"]}


async def _model(inputs: Inputs, _context: Context) -> AsyncIterator[Chunk | BatchOutputs]:
    for _ in range(int(inputs["chunks"])):
        await asyncio.sleep(float(inputs["pause"]))
        yield Chunk("text_chunk", "word ")


pack = Pack(
    "cost",
    [
        Node(
            "Step",
            _step,
            description="Takes its time and passes a text on.",
            inputs={"seconds": Input("FLOAT", default=0), "text": Input("STRING", default="")},
            outputs={"text": Output("STRING")},
        ),
        Node(
            "Model",
            _model,
            description="Writes chunks of text, with a pause before each.",
            inputs={
                "prompt": Input("STRING", default=""),
                "chunks": Input("INTEGER", default=0),
                "pause": Input("FLOAT", default=0),
            },
            outputs={"stream": Output("STRING", is_stream=True)},
        ),
    ],
)
