"""Group commit: events gather while an append is in flight; the next append takes them all.

One event costs one round trip, a thousand cheap nodes cost a handful. Text
chunks of one node that wait together are joined, of its progress only the
latest is kept. Nothing is shown before it is durable.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from chalicelib import json_text
from chalicelib.engine import events
from chalicelib.engine.definitions import NodeError
from chalicelib.engine.events import Event
from chalicelib.errors import LogMovedOn
from chalicelib.ports import Batch, RunLog
from chalicelib.services.frames import batch_text, event_frame
from chalicelib.services.runs import event_text
from chalicelib.services.runs.spill import MAX_EVENT_BYTES, Spill
from chalicelib.services.tally import Tally

MAX_BATCH_BYTES = 350_000
_MAX_WAITING_BYTES = 2_000_000
_MAX_JOINED_CHARACTERS = 4_000
_OVERHEAD = 64
_CUT_BYTES = 7
# Between two commits that nobody waits for: a commit costs the same whatever it holds,
# and text that comes twenty times a second is read as a stream. The first few come sooner:
# most runs have no more, and end sooner for it.
_PAUSE_SECONDS = 0.05
_FIRST_PAUSE_SECONDS = 0.01
FIRST_COMMITS = 5


@dataclass(frozen=True, slots=True)
class Commit:
    """What one append made durable: frames from sequence ``first`` on.

    ``ending`` is the run's terminal status, if the last of them is it.
    """

    first: int
    frames: list[str]
    ending: str | None


@dataclass(slots=True)
class _Waiting:
    """An event to commit; ``atomic`` ones go into the same batch as the one before.

    ``text`` is the payload as JSON, ``size`` its bytes. Others were joined to a
    ``stale`` one since: its text is old, its size an upper bound.
    """

    kind: str
    payload: Mapping[str, Any]
    cuts: tuple[int, ...] | None
    text: str
    size: int
    ticket: int
    atomic: bool
    stale: bool = False


class RunJournal:
    """``engine.journal.Journal`` over a run's log, for the one worker that holds the run."""

    def __init__(
        self,
        log: RunLog,
        spill: Spill,
        executor: Executor,
        *,
        prompt_id: str,
        writer: str,
        sequence: int,
        tally: Tally,
        on_commit: Callable[[Commit], None],
        pause: float = _PAUSE_SECONDS,
        first_pause: float = _FIRST_PAUSE_SECONDS,
    ) -> None:
        self._log = log
        self._spill = spill
        self._executor = executor
        self._prompt_id = prompt_id
        self._writer = writer
        self._tally = tally
        self._on_commit = on_commit
        self._loop = asyncio.get_running_loop()
        self.committed = sequence
        self.commits = 0
        # Done when another writer holds the log, or with the error of a failing store.
        self.lost: asyncio.Future[None] = self._loop.create_future()
        self._waiting: deque[_Waiting] = deque()
        self._waiting_bytes = 0
        self._joinable: dict[tuple[str, str], _Waiting] = {}
        self._tickets = 0
        self._durable = 0
        self._flushing: asyncio.Task[None] | None = None
        self._advanced = asyncio.Event()
        self._pause_seconds = pause
        self._first_pause_seconds = first_pause
        self._pause_until = 0.0
        self._hurried = 0
        self._hurry = asyncio.Event()

    def append(self, *happened: Event) -> int:
        encoded = [(event, _encode(event)) for event in happened]
        if self.lost.done():
            return self._tickets
        for position, (event, text) in enumerate(encoded):
            self._tickets += 1
            key = _stream_key(event)
            if key is None or not self._join(key, event, text):
                self._add(event, text, key, atomic=position > 0)
        if self._waiting and self._flushing is None:
            self._flushing = self._loop.create_task(self._flush())
        return self._tickets

    async def durable(self, ticket: int) -> None:
        with self._without_pause():
            while self._durable < ticket:
                await self._change()

    async def room(self) -> None:
        await asyncio.sleep(0)
        if self._waiting_bytes > _MAX_WAITING_BYTES:
            with self._without_pause():
                while self._waiting_bytes > _MAX_WAITING_BYTES:
                    await self._change()

    async def drain(self) -> None:
        """Wait until everything is committed, or nothing more can be."""
        with self._without_pause():
            while self._flushing is not None:
                await asyncio.wait({self._flushing})

    @contextmanager
    def _without_pause(self) -> Iterator[None]:
        self._hurried += 1
        self._hurry.set()
        try:
            yield
        finally:
            self._hurried -= 1

    async def _pause(self) -> None:
        """Let events gather for a moment after a commit, unless someone waits for the next."""
        left = self._pause_until - self._loop.time()
        if left > 0 and not self._hurried:
            self._hurry.clear()
            timer = self._loop.call_later(left, self._hurry.set)
            await self._hurry.wait()
            timer.cancel()

    def _next_pause(self) -> float:
        first = self.commits <= FIRST_COMMITS
        return self._first_pause_seconds if first else self._pause_seconds

    async def _change(self) -> None:
        if self.lost.done():
            # Whoever waits is about to be cancelled; it must not go on meanwhile.
            await asyncio.Event().wait()
        self._advanced.clear()
        await self._advanced.wait()

    def _add(self, event: Event, text: str, key: tuple[str, str] | None, *, atomic: bool) -> None:
        size = _bytes(text)
        entry = _Waiting(event.type, event.payload, event.cuts, text, size, self._tickets, atomic)
        self._waiting.append(entry)
        self._waiting_bytes += size + _OVERHEAD
        if key is not None and _can_join(event):
            self._joinable[key] = entry
        elif key is not None:
            # What came between two texts of a node must stay between them.
            self._joinable.pop(key, None)

    def _join(self, key: tuple[str, str], event: Event, encoded: str) -> bool:
        """Merge an event into one of the same node that is waiting still."""
        entry = self._joinable.get(key)
        if entry is None or not _can_join(event):
            return False
        if event.type == events.PROGRESS:
            entry.payload = event.payload
        else:
            old, new = entry.payload["yieldedContent"], event.payload["yieldedContent"]
            text = old["content"] + new["content"]
            if len(text) > _MAX_JOINED_CHARACTERS:
                return False
            if event.type == events.YIELD:
                entry.cuts = _cuts(entry.cuts, old) + _cuts(event.cuts, new)
            entry.payload = {**entry.payload, "yieldedContent": {**old, "content": text}}
        # At most; it is written anew only once, when it is taken.
        size = _bytes(encoded)
        entry.size += size
        self._waiting_bytes += size
        entry.stale = True
        return True

    def _write_anew(self, entry: _Waiting) -> None:
        entry.text = json_text.dumps_exact(entry.payload)
        size = _bytes(entry.text)
        self._waiting_bytes += size - entry.size
        entry.size = size
        entry.stale = False

    async def _flush(self) -> None:
        try:
            while self._waiting and not self.lost.done():
                await self._pause()
                await self._commit(self._take())
                self._pause_until = self._loop.time() + self._next_pause()
        except LogMovedOn:
            self._tally.append_conflicts += 1
            self.lost.set_result(None)
        except Exception as error:  # noqa: BLE001 (handed to whoever waits for the journal)
            self.lost.set_exception(error)
        finally:
            self._flushing = None
            self._advanced.set()

    def _take(self) -> list[_Waiting]:
        taken: list[_Waiting] = []
        size = 0
        while self._waiting:
            entry = self._waiting[0]
            if entry.stale:
                self._write_anew(entry)
            weight = (
                min(entry.size, MAX_EVENT_BYTES) + _OVERHEAD + _CUT_BYTES * len(entry.cuts or ())
            )
            if taken and not entry.atomic and size + weight > MAX_BATCH_BYTES * 3 // 4:
                break
            taken.append(self._waiting.popleft())
            size += weight
            self._waiting_bytes -= entry.size + _OVERHEAD
        self._joinable.clear()
        return taken

    async def _commit(self, taken: list[_Waiting]) -> None:
        first = self.committed + 1
        await self._loop.run_in_executor(self._executor, self._write, taken, first)
        self.committed += len(taken)
        self.commits += 1
        self._durable = taken[-1].ticket if self._waiting else self._tickets
        ending = _ending(taken[-1])
        self._tally.appended(len(taken), ending)
        frames = [
            event_frame(self._prompt_id, sequence, entry.kind, entry.text)
            for sequence, entry in enumerate(taken, first)
        ]
        self._on_commit(Commit(first, frames, ending))
        self._advanced.set()

    def _write(self, taken: list[_Waiting], first: int) -> None:
        for entry in taken:
            if entry.size > MAX_EVENT_BYTES:
                entry.payload = self._spill.shrink(entry.payload)
                entry.text = json_text.dumps_exact(entry.payload)
        text = batch_text((entry.kind, entry.text, entry.cuts) for entry in taken)
        batch = Batch(first, len(taken), text, self._writer)
        self._log.append(self._prompt_id, batch)


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _ending(last: _Waiting) -> str | None:
    status = last.payload["status"] if last.kind == events.STATUS else None
    return status if status in events.TERMINAL else None


def _encode(event: Event) -> str:
    try:
        return event_text.encode(event)
    except (TypeError, ValueError, RecursionError) as error:
        raise NodeError(f"Its output cannot be written as JSON: {error}") from error


def _cuts(cuts: tuple[int, ...] | None, content: Mapping[str, Any]) -> tuple[int, ...]:
    return (len(content["content"]),) if cuts is None else cuts


def _stream_key(event: Event) -> tuple[str, str] | None:
    """The stream of events that an event belongs to, if it is one of many."""
    payload = event.payload
    if event.type == events.PROGRESS:
        return event.type, str(payload["nodeId"])
    if event.type == events.YIELD:
        return event.type, str(payload["sourceNodeId"])
    if event.type == events.INTERFACE_YIELD:
        return event.type, str(payload["interfaceOutputKey"])
    return None


def _can_join(event: Event) -> bool:
    if event.type == events.PROGRESS:
        return True
    content = event.payload["yieldedContent"]
    return (
        not event.payload["isLastChunk"]
        and content["type"] == "text_chunk"
        and isinstance(content["content"], str)
    )
