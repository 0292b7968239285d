"""A client of the stack's socket that counts and times what it gets."""

import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import Any, Self

from websockets.asyncio.client import ClientConnection, connect

from benchmarks.workflows import Payload

_ENDED = ('"status":"complete"', '"status":"error"', '"status":"interrupted"')
_SECONDS = 60.0

Frame = dict[str, Any]


class RunFailed(Exception):  # noqa: N818 (the name reads as what happened)
    """A run did not end as it should; the message says how."""


@dataclass(slots=True)
class Run:
    """What a client saw of one run: frames with a sequence, times in ms since the submit."""

    prompt_id: str = ""
    status: str = ""
    frames: list[Frame] = field(default_factory=list)
    first_node_ms: float = 0.0
    ended_ms: float = 0.0

    def check(self) -> None:
        """``RunFailed`` unless the run is complete and its sequence has no gap."""
        if self.status != "complete":
            raise RunFailed(f"A run ended {self.status!r}: {self.frames[-1:]}")
        sequences = [frame["sequence"] for frame in self.frames]
        if sequences != list(range(1, len(sequences) + 1)):
            raise RunFailed(f"The sequence of run {self.prompt_id} has gaps")


class Client:
    """One socket with batched frames, for one run at a time or for many at once."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    @classmethod
    async def open(cls, url: str) -> Self:
        """Connect to ``/ws``."""
        # Deflate would cost more than the loopback, and API Gateway has none.
        return cls(await connect(f"{url}?frames=batch", max_size=None, compression=None))

    async def close(self) -> None:
        """Leave."""
        await self._connection.close()

    async def run(self, payload: Payload) -> Run:
        """Submit a workflow and wait for its terminal frame.

        Frames are decoded when the clock has stopped: the client shares the
        machine with what it measures.
        """
        text = _request(payload)
        run = Run()
        texts: list[str] = []
        began = time.perf_counter()
        await self._connection.send(text)
        while not run.ended_ms:
            texts.append(await self._receive())
            now = (time.perf_counter() - began) * 1000
            if not run.first_node_ms and "NODE_EXECUTING" in texts[-1]:
                run.first_node_ms = now
            if any(mark in texts[-1] for mark in _ENDED):
                run.ended_ms = now
        while "SYSTEM_QUEUE_UPDATE" not in texts[-1]:
            texts.append(await self._receive())
        for text in texts:
            for frame in json.loads(text):
                _take(run, frame)
        run.check()
        return run

    async def run_many(self, payload: Payload, count: int) -> list[Run]:
        """Submit a workflow many times at once and wait until all runs have ended."""
        text = _request(payload)
        submitting = asyncio.create_task(self._submit(text, count))
        accepted: list[str] = []
        runs: dict[str, Run] = {}
        # The user's other sockets' runs come here too.
        while len(accepted) < count or any(not runs[key].status for key in accepted):
            for frame in json.loads(await self._receive()):
                prompt_id = frame["payload"].get("promptId")
                if prompt_id is not None:
                    _take(runs.setdefault(prompt_id, Run()), frame)
                if frame["type"] == "PROMPT_ACCEPTED_RESPONSE":
                    accepted.append(prompt_id)
        await submitting
        for prompt_id in accepted:
            runs[prompt_id].check()
        return [runs[prompt_id] for prompt_id in accepted]

    async def _submit(self, text: str, count: int) -> None:
        for _ in range(count):
            await self._connection.send(text)

    async def _receive(self) -> str:
        async with asyncio.timeout(_SECONDS):
            text = await self._connection.recv(decode=True)
        if '"type":"error"' in text:
            raise RunFailed(f"The stack answered {text[:500]}")
        return text


def _request(payload: Payload) -> str:
    return json.dumps({"type": "PROMPT_REQUEST", "payload": payload})


def _take(run: Run, frame: Frame) -> None:
    if "sequence" in frame:
        run.frames.append(frame)
        if frame["type"] == "EXECUTION_STATUS_UPDATE":
            status = frame["payload"]["status"]
            run.status = status if status in ("complete", "error", "interrupted") else ""
    elif frame["type"] == "PROMPT_ACCEPTED_RESPONSE":
        run.prompt_id = frame["payload"]["promptId"]
