"""The payloads of events as JSON text: what ``json_text.dumps_exact`` gives, in less time.

Two of the three events of a plain node hold nothing but its id, and setting up
an encoder takes longer than writing that down.
"""

from json.encoder import encode_basestring
from typing import Any

from chalicelib import json_text
from chalicelib.engine import events
from chalicelib.engine.events import Event

_STREAM_ENDED = json_text.dumps_exact(events.STREAM_ENDED)
_BOOLEAN = {False: "false", True: "true"}


def encode(event: Event) -> str:
    """An event's payload; ``TypeError`` or ``ValueError`` for what cannot be written."""
    payload = event.payload
    if event.type == events.EXECUTING:
        return f'{{"nodeId":{_quoted(payload["nodeId"])}}}'
    if event.type == events.COMPLETE:
        output = json_text.dumps_exact(payload["output"])
        return f'{{"nodeId":{_quoted(payload["nodeId"])},"output":{output}}}'
    if event.type == events.YIELD and payload["yieldedContent"] is events.STREAM_ENDED:
        return (
            f'{{"sourceNodeId":{_quoted(payload["sourceNodeId"])},'
            f'"yieldedContent":{_STREAM_ENDED},"isLastChunk":{_BOOLEAN[payload["isLastChunk"]]}}}'
        )
    return json_text.dumps_exact(payload)


def _quoted(text: Any) -> str:
    quoted = encode_basestring(text)
    if not quoted.isascii():
        quoted.encode()
    return quoted
