"""Nodes that pass a stream on: one logs it, one adds to its text."""

from collections.abc import AsyncIterable, AsyncIterator
from typing import Any

from chalicelib.nodes import BatchOutputs, Chunk, Context, Input, Inputs, Node, NodeError, Output
from chalicelib.nodes.packs.core.js import text_of

_LOGGED = 1000  # characters of a chunk that the log shows
_NO_STREAM = "inputStream: expected a stream; connect an output that streams"


async def _log(inputs: Inputs, context: Context) -> AsyncIterator[Chunk | BatchOutputs]:
    source = inputs.get("inputStream")
    if not isinstance(source, AsyncIterable):
        yield Chunk("error_chunk", _NO_STREAM)
        raise NodeError(_NO_STREAM)
    async for chunk in source:
        context.log(f"{chunk.type}: {_shown(chunk.content)}")
        yield chunk


async def _relay(inputs: Inputs, _context: Context) -> AsyncIterator[Chunk | BatchOutputs]:
    source = inputs.get("inputStream")
    if not isinstance(source, AsyncIterable):
        yield Chunk("error_chunk", _NO_STREAM)
        raise NodeError(_NO_STREAM)
    given = inputs.get("suffix")
    suffix = "" if given is None else text_of(given)
    async for chunk in source:
        if chunk.type == "text_chunk":
            yield Chunk("text_chunk", text_of(chunk.content) + suffix)
        else:
            yield chunk


def _shown(content: Any) -> str:
    text = content if isinstance(content, str) else repr(content)
    return text if len(text) <= _LOGGED else f"{text[:_LOGGED]}…"


STREAM_LOGGER = Node(
    "StreamLogger",
    _log,
    category="Streams",
    display_name="Log Stream",
    description="Writes each chunk of a stream to the server's log and passes it on.",
    inputs={"inputStream": Input("WILDCARD", display_name="Stream", is_stream=True, required=True)},
    outputs={"outputStream": Output("WILDCARD", display_name="Stream", is_stream=True)},
)

STREAM_SUFFIX_RELAY = Node(
    "StreamSuffixRelay",
    _relay,
    category="Streams",
    display_name="Add Suffix to Stream",
    description="Adds a text to the end of each text chunk of a stream.",
    inputs={
        "inputStream": Input("STRING", display_name="Stream", is_stream=True, required=True),
        "suffix": Input(
            "STRING",
            display_name="Suffix",
            description="What each text chunk ends with.",
            default="---",
            config={"multiline": False},
        ),
    },
    outputs={"outputStream": Output("STRING", display_name="Stream", is_stream=True)},
)
