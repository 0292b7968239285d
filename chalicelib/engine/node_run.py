"""One node while it runs: what its code may ask for, and how its stream is read."""

import asyncio
import inspect
import logging
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from chalicelib.engine import events
from chalicelib.engine.definitions import BatchOutputs, Chunk, NodeError, Outputs
from chalicelib.engine.graph import Workflow
from chalicelib.engine.journal import Journal
from chalicelib.engine.plan import Step
from chalicelib.engine.redaction import Redaction, StreamRedaction

_logger = logging.getLogger("chalicelib.nodes")
_CHUNK_TYPES = frozenset(
    {
        "text_chunk",
        "tool_call_chunk",
        "finish_reason_chunk",
        "usage_chunk",
        "error_chunk",
        "custom",
    }
)
# Six bytes a character is JSON's worst case, and a frame holds 32 KB.
_TEXT_PIECE = 4_000
_FIRST_BACKOFF, _LONGEST_BACKOFF = 0.5, 30.0


def no_credential(_credential_id: str) -> str:
    """For runs whose owner has none."""
    raise NodeError("No such credential")


@dataclass(frozen=True, slots=True)
class Settings:
    """What nodes are told of their run.

    ``credential`` gives the text of a credential of the owner's by its id, and adds
    it to ``redaction`` first; it is called in threads.
    """

    owner: str
    prompt_id: str
    credential: Callable[[str], str] = no_credential
    redaction: Redaction = field(default_factory=Redaction)


class Kind(Enum):
    """How a node's code is called."""

    STREAM = 1
    COROUTINE = 2
    PLAIN = 3


@dataclass(slots=True)
class Collected:
    """The chunks that one attempt of a stream node has yielded."""

    chunks: list[Mapping[str, Any]] = field(default_factory=list)


class NodeContext:
    """``definitions.Context`` for one attempt at one node."""

    def __init__(
        self, step: Step, workflow: Workflow, settings: Settings, journal: Journal
    ) -> None:
        self._step = step
        self._workflow = workflow
        self._settings = settings
        self._journal = journal
        self._loop = asyncio.get_running_loop()
        self._latest: tuple[float, float] | None = None
        self._open = True

    @property
    def node_id(self) -> str:
        return self._step.node.id

    @property
    def owner(self) -> str:
        return self._settings.owner

    @property
    def config(self) -> Mapping[str, Any]:
        return self._step.node.config

    @property
    def mode(self) -> str | None:
        return self._step.type.mode_of(self.config) if self._step.type else None

    @property
    def interface_inputs(self) -> Mapping[str, Any]:
        return self._workflow.interface_inputs

    def credential(self, credential_id: str) -> str:
        if _on_event_loop():
            raise RuntimeError("An async node awaits asyncio.to_thread(context.credential, id)")
        return self._settings.credential(credential_id)

    def progress(self, value: float, maximum: float) -> None:
        # Of what a thread tells while the loop is busy only the latest counts.
        waiting, self._latest = self._latest, (float(value), float(maximum))
        if waiting is None:
            self._loop.call_soon_threadsafe(self._tell)

    def log(self, message: str) -> None:
        _logger.info(
            self._settings.redaction.value(message),
            extra={"prompt_id": self._settings.prompt_id, "node_id": self.node_id},
        )

    def close(self) -> None:
        """The node has ended: what a left-over thread still tells is dropped."""
        self._open = False

    def _tell(self) -> None:
        latest, self._latest = self._latest, None
        if latest is not None and self._open:
            self._journal.append(events.progress(self.node_id, *latest))


def kind_of(code: Callable[..., Any]) -> Kind:
    """What to do with a node's code."""
    if inspect.isasyncgenfunction(code):
        return Kind.STREAM
    return Kind.COROUTINE if inspect.iscoroutinefunction(code) else Kind.PLAIN


def as_outputs(returned: Any) -> Outputs:
    """What a node's code returned, as its outputs; ``NodeError``."""
    if returned is None:
        return {}
    if not isinstance(returned, Mapping):
        raise NodeError(f"Its code returned {type(returned).__name__} where outputs are expected")
    return returned


async def run_stream(
    stream: AsyncGenerator[Chunk | BatchOutputs, None],
    publish: Callable[[Chunk], Awaitable[None]],
    collected: Collected,
    redaction: Redaction,
) -> Outputs:
    """Read a stream node to its end; its batch outputs.

    An error chunk is published, then fails the node.
    """
    outputs: dict[str, Any] = {}
    redacted = StreamRedaction(redaction)
    try:
        async for item in stream:
            if isinstance(item, BatchOutputs):
                outputs.update(item.values)
                continue
            if not isinstance(item, Chunk) or item.type not in _CHUNK_TYPES:
                raise NodeError("Its code yielded something that is no chunk")
            for chunk in redacted.take(item):
                await _publish(chunk, publish, collected)
        for chunk in redacted.rest():
            await _publish(chunk, publish, collected)
    finally:
        await stream.aclose()
    return outputs


async def _publish(
    chunk: Chunk, publish: Callable[[Chunk], Awaitable[None]], collected: Collected
) -> None:
    collected.chunks.append({"type": chunk.type, "content": chunk.content})
    await publish(chunk)
    if chunk.type == "error_chunk":
        raise NodeError(_error_text(chunk.content))


def backoff(attempt: int) -> float:
    """Seconds to wait before the next attempt: exponential, with full jitter."""
    longest = min(_LONGEST_BACKOFF, _FIRST_BACKOFF * 2**attempt)
    return random.uniform(0, longest)  # noqa: S311 (jitter, not a secret)


def chunk_events(node_id: str, chunk: Chunk) -> list[events.Event]:
    """The events of a chunk: several for a text that is too long for one frame."""
    text = chunk.content
    if chunk.type != "text_chunk" or not isinstance(text, str) or len(text) <= _TEXT_PIECE:
        return [events.chunk(node_id, {"type": chunk.type, "content": text})]
    pieces = [text[start : start + _TEXT_PIECE] for start in range(0, len(text), _TEXT_PIECE)]
    return [
        events.chunk(
            node_id,
            {"type": chunk.type, "content": piece},
            cuts=None if number == len(pieces) else (-len(piece),),
        )
        for number, piece in enumerate(pieces, 1)
    ]


def _on_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _error_text(content: Any) -> str:
    if isinstance(content, Mapping) and isinstance(content.get("message"), str):
        return str(content["message"])
    return str(content)
