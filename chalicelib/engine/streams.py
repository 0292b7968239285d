"""Chunks between nodes: bounded channels with fan-out, back-pressure and no deadlock.

A node that streams waits for its slowest consumer. Bounded buffers alone can
deadlock a graph that would run with larger ones (two branches of one stream
that join, read one after the other). So when every running node is blocked,
the smallest full channel grows: Parks' bounded scheduling of process networks
(T. M. Parks, "Bounded Scheduling of Process Networks", 1995, section 4.1).
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence

from chalicelib.engine.definitions import Chunk

CAPACITY = 64


class Network:
    """The channels of one run, and how many of its node tasks can go on."""

    def __init__(self) -> None:
        self.running = 0
        self._blocked = 0
        self._full: set[Channel] = set()

    def node_started(self) -> None:
        """A node's task runs now."""
        self.running += 1

    def node_ended(self) -> None:
        """A node's task is over."""
        self.running -= 1
        self._grow_if_stuck()

    async def wait(self, channel: "Channel", waiters: "deque[asyncio.Future[None]]") -> None:
        """Block the caller on a channel until ``wake`` is called for its queue."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiters.append(future)
        self._blocked += 1
        if channel.full:
            self._full.add(channel)
        self._grow_if_stuck()
        try:
            await future
        except asyncio.CancelledError:
            if future in waiters:
                waiters.remove(future)
                self._blocked -= 1
            raise

    def wake(self, waiters: "deque[asyncio.Future[None]]") -> None:
        """Let one of those go on that wait there."""
        while waiters:
            future = waiters.popleft()
            self._blocked -= 1
            if not future.done():
                future.set_result(None)
                return

    def _grow_if_stuck(self) -> None:
        if self._blocked < self.running:
            return
        stuck = [channel for channel in self._full if channel.full and channel.writers]
        self._full = set(stuck)
        if stuck:
            min(stuck, key=lambda channel: channel.capacity).grow()


class Channel:
    """One consumer's view of a stream: an async iterator of chunks."""

    def __init__(self, network: Network, capacity: int = CAPACITY) -> None:
        self.capacity = capacity
        self.writers: deque[asyncio.Future[None]] = deque()
        self._readers: deque[asyncio.Future[None]] = deque()
        self._network = network
        self._chunks: deque[Chunk] = deque()
        self._failed = False
        self._closed = False
        self._detached = False

    @classmethod
    def replay(
        cls, network: Network, chunks: Sequence[Chunk], failure: Chunk | None = None
    ) -> "Channel":
        """A channel of a stream that has ended already, in ``failure`` if there is one."""
        channel = cls(network)
        channel._chunks.extend(chunks)
        channel._failed = any(chunk.type == "error_chunk" for chunk in chunks)
        channel.close(failure)
        return channel

    @property
    def full(self) -> bool:
        """Must the next writer wait?"""
        return len(self._chunks) >= self.capacity

    async def put(self, chunk: Chunk) -> None:
        """Hand on a chunk; waits while the consumer is behind."""
        while self.full and not self._detached:
            await self._network.wait(self, self.writers)
        if not self._detached:
            self._failed = self._failed or chunk.type == "error_chunk"
            self._chunks.append(chunk)
            self._network.wake(self._readers)

    def close(self, failure: Chunk | None = None) -> None:
        """The stream ends; ``failure`` tells the consumer why, unless it was told already."""
        if self._closed:
            return
        if failure is not None and not self._failed:
            self._chunks.append(failure)
        self._closed = True
        while self._readers:
            self._network.wake(self._readers)

    def detach(self) -> None:
        """The consumer reads no more: what comes is dropped, nobody waits."""
        self._detached = True
        self._chunks.clear()
        while self.writers:
            self._network.wake(self.writers)

    def grow(self) -> None:
        """Make room for as many chunks again."""
        self.capacity *= 2
        while self.writers:
            self._network.wake(self.writers)

    def __aiter__(self) -> AsyncIterator[Chunk]:
        return self

    async def __anext__(self) -> Chunk:
        while not self._chunks:
            if self._closed or self._detached:
                raise StopAsyncIteration
            await self._network.wait(self, self._readers)
        chunk = self._chunks.popleft()
        self._network.wake(self.writers)
        return chunk
