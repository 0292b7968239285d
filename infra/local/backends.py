"""What differs between the two families of adapters when the stack runs on them."""

import asyncio
import contextlib
import errno
import fcntl
import os
import secrets
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Protocol, cast

from infra.local.crew import ProcessCrew, ThreadCrew
from infra.local.hub import Hub
from infra.local.management_api import ManagementApi
from infra.local.product import LocalQueue, Product
from infra.local.server import Server, listener, url
from infra.local.settings import HUB_ADDRESS, CannotStart, Settings
from infra.local.sockets import Sockets

_MOTO_PAUSE_SECONDS = 0.1
_MANAGEMENT_ENDPOINT = "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI"  # botocore reads it


class Backend(Protocol):
    """One family's part of a running stack; it is made before the product is imported.

    ``idle_pause`` is how long to leave an empty queue alone, in seconds.
    """

    idle_pause: float

    def recover(self, product: Product) -> None:
        """Open what is stored, and deliver again what was in flight when it was left."""
        ...

    async def begin(self, product: Product, sockets: Sockets) -> None:
        """Let runs be worked on, and sockets be reached by who works; ``CannotStart``."""
        ...

    async def stop(self) -> None:
        """Let the workers finish for a moment, then end them."""
        ...


@contextlib.asynccontextmanager
async def embedded(settings: Settings) -> AsyncIterator[Backend]:
    """State in the data directory, workers in processes, sockets behind a hub."""
    with exclusive(settings.data_dir):
        hub = Hub()
        await hub.start()
        os.environ["TAVERN_DATA_DIR"] = str(settings.data_dir)
        os.environ[HUB_ADDRESS] = hub.address
        backend = _Embedded(settings.workers, hub)
        try:
            await asyncio.sleep(0)  # the workers' imports begin before ours hold the loop
            yield backend
        finally:
            await backend.stop()
            await hub.close()


@contextlib.asynccontextmanager
async def moto(settings: Settings) -> AsyncIterator[Backend]:
    """State in this process, forgotten at its end, and workers in its threads."""
    from infra.local import moto_backend  # it takes a second, which the others need not wait

    with contextlib.closing(listener("127.0.0.1", 0)) as bound:
        secret = secrets.token_urlsafe(16)
        os.environ[_MANAGEMENT_ENDPOINT] = f"{url('127.0.0.1', bound)}/{secret}"
        moto_backend.start()
        yield _Moto(settings.workers, bound, secret)


class _Embedded:
    idle_pause = 0.0

    def __init__(self, workers: int, hub: Hub) -> None:
        self._hub = hub
        self._queue: LocalQueue | None = None
        self._crew = ProcessCrew(workers, hub, self._give_back)

    def recover(self, product: Product) -> None:
        # The data directory is ours alone: nobody works on what is in flight.
        self._queue = cast(LocalQueue, product.container.queue())
        self._queue.release_all()
        for other in ("dead_letters", "import_queue", "dead_imports"):
            cast(LocalQueue, getattr(product.container, other)()).release_all()

    async def begin(self, _product: Product, sockets: Sockets) -> None:
        self._hub.attach(sockets)
        await self._crew.begin()

    async def stop(self) -> None:
        await self._crew.stop()

    async def _give_back(self, receipt: str) -> None:
        if self._queue is not None:
            await asyncio.to_thread(self._queue.extend, receipt, 0)
            self._hub.wake()


class _Moto:
    idle_pause = _MOTO_PAUSE_SECONDS

    def __init__(self, workers: int, bound: socket.socket, secret: str) -> None:
        self._workers = workers
        self._bound = bound
        self._secret = secret
        self._server: Server | None = None
        self._crew: ThreadCrew | None = None

    def recover(self, product: Product) -> None:
        """There is nothing yet."""

    async def begin(self, product: Product, sockets: Sockets) -> None:
        self._server = Server(ManagementApi(sockets, self._secret), self._bound)
        await self._server.begin()
        self._crew = ThreadCrew(
            self._workers,
            product.container.queue(),
            product.run_execution,
            "run_execution",
            idle_pause=self.idle_pause,
        )

    async def stop(self) -> None:
        if self._crew is not None:
            await self._crew.stop()
        if self._server is not None:
            await self._server.stop()


@contextlib.contextmanager
def exclusive(directory: Path) -> Iterator[None]:
    """Make the data directory and keep other instances out of it; ``CannotStart``.

    The kernel gives up the lock of a process that dies.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(directory / "instance.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        reason = error.strerror
        raise CannotStart(f"Cannot use the data directory {directory}: {reason}") from error
    try:
        _lock(lock, directory)
        yield
    finally:
        os.close(lock)


def _lock(file: int, directory: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno == errno.EWOULDBLOCK:
            message = f"Another instance uses the data directory {directory}"
        else:
            message = f"Cannot lock the data directory {directory}: {error.strerror}"
        raise CannotStart(message) from error
