"""Frames: what a socket carries. Events of a run become frames; frames become messages."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from chalicelib import json_text
from chalicelib.engine import events
from chalicelib.engine.events import Event, RunState
from chalicelib.errors import NewerFormat
from chalicelib.ports import RUN_FORMAT, Batch, Connection, Run

# API Gateway refuses messages over 128 KB; room is left for the array's own marks.
MAX_MESSAGE_BYTES = 120_000


def frame(kind: str, payload: Mapping[str, Any], **beside: str) -> str:
    """A frame that belongs to no run's log; ``beside`` are fields of ours at its top level."""
    return json_text.dumps({"type": kind, "payload": payload, **beside})


def event_frame(prompt_id: str, sequence: int, kind: str, payload: str) -> str:
    """The frame of an event whose payload is JSON text (an object that is not empty)."""
    if "NaN" in payload or "Infinity" in payload:
        payload = json_text.dumps(json_text.loads_exact(payload))
    return (
        f'{{"type":"{kind}","payload":{{"promptId":"{prompt_id}",{payload[1:]},'
        f'"sequence":{sequence}}}'
    )


def batch_events(batch: Batch) -> list[Event]:
    """The events of a committed batch; ``NewerFormat``."""
    _check_format(batch.format)
    return [
        Event(item[0], item[1], tuple(item[2]) if len(item) > 2 else None)
        for item in json_text.loads_exact(batch.events)
    ]


def state_of(run: Run, batches: Iterable[Batch]) -> RunState:
    """The state of a run after its whole log; ``NewerFormat``."""
    _check_format(run.format)
    return events.fold(event for batch in batches for event in batch_events(batch))


def batch_text(encoded: Iterable[tuple[str, str, Sequence[int] | None]]) -> str:
    """The stored form of events, each a type, its payload as JSON text, and its cuts."""
    texts = (
        f'["{kind}",{payload}]' if cuts is None else f'["{kind}",{payload},{list(cuts)}]'
        for kind, payload, cuts in encoded
    )
    return "[" + ",".join(texts) + "]"


def event_batch(first: int, event: Event, writer: str) -> Batch:
    """A batch of a single event."""
    text = batch_text([(event.type, json_text.dumps_exact(event.payload), event.cuts)])
    return Batch(first, 1, text, writer)


def batch_frames(prompt_id: str, batches: Iterable[Batch], after: int) -> list[str]:
    """The frames of all events past sequence ``after``."""
    frames = []
    for batch in batches:
        for sequence, event in enumerate(batch_events(batch), batch.first):
            if sequence > after:
                text = json_text.dumps_exact(event.payload)
                frames.append(event_frame(prompt_id, sequence, event.type, text))
    return frames


def messages(connection: Connection, frames: Sequence[str]) -> list[str]:
    """Frames as the connection wants them: one a message, or packed into arrays."""
    if not connection.batched:
        return list(frames)
    packed: list[str] = []
    group: list[str] = []
    size = 0
    for text in frames:
        # A character is at most four bytes; most texts are far smaller, so count once.
        length = len(text) if text.isascii() else len(text.encode())
        if group and size + length > MAX_MESSAGE_BYTES:
            packed.append("[" + ",".join(group) + "]")
            group, size = [], 0
        group.append(text)
        size += length + 1
    if group:
        packed.append("[" + ",".join(group) + "]")
    return packed


def _check_format(number: int) -> None:
    if number > RUN_FORMAT:
        raise NewerFormat("run")
