"""A node that is careless with a credential in every way that it can be."""

import asyncio
import json
import logging
from typing import Any

from chalicelib.engine.definitions import Chunk
from chalicelib.nodes import BatchOutputs, Context, Input, Inputs, Node, NodeError, Output, Pack

log = logging.getLogger(__name__)


def spill(inputs: Inputs, context: Context) -> dict[str, Any]:
    """Logs it, then returns it or fails with it."""
    secret = context.credential(inputs["credential"])
    context.log(f"signing in with {secret}")
    log.warning("the header is %r", {"Authorization": f"Bearer {secret}"}, extra={"sent": secret})
    log.warning("%d letters", secret)  # a mistake: it is no number
    try:
        raise ConnectionError(f"https://example.org/?key={secret} refused it")
    except ConnectionError as error:
        log.exception("refused", stack_info=True)
        if inputs["how"] == "error":
            raise NodeError(f"refused: {secret}") from error
        if inputs["how"] == "crash":
            raise
    large = secret * 2_000
    return {"value": {secret: [secret, json.dumps({"key": secret}), large]}, "stream": large}


async def dribble(inputs: Inputs, context: Context) -> Any:
    """Yields it letter by letter, and across the place where a long text is cut."""
    secret = await asyncio.to_thread(context.credential, inputs["credential"])
    for letter in secret:
        yield Chunk("text_chunk", letter)
        await asyncio.sleep(0)
    yield Chunk("text_chunk", "." * 3_990 + secret)
    yield Chunk("custom", {"headers": [secret]})
    yield BatchOutputs({"value": secret})


CREDENTIAL = Input("STRING", required=True, description="The id of a credential.")
OUTPUTS = {"value": Output("WILDCARD"), "stream": Output("STRING", is_stream=True)}
pack = Pack(
    namespace="leaky",
    nodes=[
        Node(
            type="Spill",
            category="Tests",
            description="Shows a credential wherever it can.",
            inputs={"credential": CREDENTIAL, "how": Input("STRING", default="output")},
            outputs=OUTPUTS,
            run=spill,
        ),
        Node(
            type="Dribble",
            category="Tests",
            description="Streams a credential.",
            inputs={"credential": CREDENTIAL},
            outputs=OUTPUTS,
            run=dribble,
        ),
    ],
)
