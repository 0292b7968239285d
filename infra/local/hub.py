"""Where other processes reach the sockets, and the supervisor the workers.

A Unix-domain socket in a directory that only this user may enter. Its messages
are those of ``chalicelib.adapters.embedded.publisher``; a worker's own
connection has these beside them:

- ``["hello", pid]`` from a worker that has imported the product and can start;
- ``["hold", receipt or null]`` from it: the message that it works on;
- ``["start"]``, ``["wake"]`` and ``["stop"]`` to it.
"""

import asyncio
import contextlib
import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from chalicelib.adapters.embedded.publisher import LENGTH, MAX_FRAME_BYTES, pack


class Posts(Protocol):
    """The part of ``Sockets`` that the hub needs."""

    async def post(self, connection: str, messages: Sequence[str]) -> bool:
        """Send messages in order; False if the connection is gone."""
        ...

    def close(self, connection: str) -> bool:
        """Close a connection; False if it is gone."""
        ...


@dataclass(eq=False, slots=True)
class WorkerLink:
    """The hub's end of a worker's connection."""

    pid: int
    writer: asyncio.StreamWriter
    receipt: str | None = None
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, *message: object) -> None:
        """Send a message, without waiting."""
        if not self.writer.is_closing():
            self.writer.write(pack(list(message)))


class Hub:
    """Answers publishers and keeps the links to the workers."""

    def __init__(self) -> None:
        self.workers: dict[int, WorkerLink] = {}
        self._sockets: Posts | None = None
        self._directory = Path(tempfile.mkdtemp(prefix="tavern-"))  # mode 0700
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.Task[None]] = set()
        self._hello = asyncio.Condition()

    @property
    def address(self) -> str:
        """The socket's path, for ``EmbeddedPublisher``."""
        return str(self._directory / "hub")

    async def start(self) -> None:
        """Begin to listen."""
        self._server = await asyncio.start_unix_server(self._accept, self.address, backlog=512)

    def attach(self, sockets: Posts) -> None:
        """Send to these sockets; until then every connection counts as gone."""
        self._sockets = sockets

    async def worker(self, pid: int) -> WorkerLink:
        """The link of a worker, once it has said hello."""
        async with self._hello:
            await self._hello.wait_for(lambda: pid in self.workers)
            return self.workers[pid]

    def wake(self) -> None:
        """Tell the workers that there may be a message."""
        for worker in self.workers.values():  # busy ones too: one may be done by now
            worker.tell("wake")

    async def close(self) -> None:
        """Stop listening, drop all connections, remove the socket."""
        if self._server is not None:
            self._server.close()
        for client in list(self._clients):
            client.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)
        shutil.rmtree(self._directory, ignore_errors=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._clients.add(task)
            task.add_done_callback(self._clients.discard)
        worker: WorkerLink | None = None
        try:
            while (message := await _read(reader)) is not None:
                if message[0] == "hello":
                    worker = await self._greet(int(message[1]), writer)
                elif message[0] == "hold" and worker is not None:
                    worker.receipt = message[1]
                else:
                    await self._serve(message, writer)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            if worker is not None:
                worker.gone.set()
                self.workers.pop(worker.pid, None)

    async def _greet(self, pid: int, writer: asyncio.StreamWriter) -> WorkerLink:
        worker = WorkerLink(pid, writer)
        async with self._hello:
            self.workers[pid] = worker
            self._hello.notify_all()
        return worker

    async def _serve(self, message: list[Any], writer: asyncio.StreamWriter) -> None:
        match message:
            case ["send", str(connection), list(messages)]:
                sockets = self._sockets
                taken = sockets is not None and await sockets.post(connection, messages)
                writer.write(pack([taken]))
            case ["close", str(connection)]:
                if self._sockets is not None:
                    self._sockets.close(connection)
                writer.write(pack([True]))
            case ["wake"]:
                self.wake()


async def _read(reader: asyncio.StreamReader) -> list[Any] | None:
    """The next message, or None at the end of a connection."""
    with contextlib.suppress(asyncio.IncompleteReadError, OSError):
        size = LENGTH.unpack(await reader.readexactly(LENGTH.size))[0]
        if size <= MAX_FRAME_BYTES:
            return list(json.loads(await reader.readexactly(size)))
    return None
