"""The workers: kept running in processes of their own, or in threads."""

import asyncio
import contextlib
import logging
import os
import sys
import threading
from collections.abc import Awaitable, Callable
from functools import partial

from chalicelib.ports import Queue
from infra.local.hub import Hub, WorkerLink
from infra.local.product import Handler
from infra.local.settings import HUB_ADDRESS, STOP_SECONDS, CannotStart
from infra.local.worker import Worker

_logger = logging.getLogger(__name__)

_MAX_PAUSE_SECONDS = 30.0
_STEADY_SECONDS = 30.0
_LAST_WORDS_SECONDS = 2.0


class ProcessCrew:
    """Worker processes, started again when they end.

    ``give_back`` is called with the receipt of a message whose worker died, so
    that it is delivered again at once and not after its visibility time-out.
    """

    def __init__(self, count: int, hub: Hub, give_back: Callable[[str], Awaitable[None]]) -> None:
        self._hub = hub
        self._give_back = give_back
        self._may_start = asyncio.Event()
        self._stopping = asyncio.Event()
        self._processes: set[asyncio.subprocess.Process] = set()
        self._up: list[asyncio.Future[None]] = [
            asyncio.get_running_loop().create_future() for _ in range(count)
        ]
        self._keepers = [asyncio.create_task(self._keep(up)) for up in self._up]

    async def begin(self) -> None:
        """Let the workers take messages; returns when all do. ``CannotStart``."""
        self._may_start.set()
        await asyncio.gather(*self._up)

    async def stop(self) -> None:
        """Let the workers finish or hand over for a moment, then end them."""
        self._stopping.set()
        for worker in list(self._hub.workers.values()):
            worker.tell("stop")
        if self._keepers and self._may_start.is_set():
            await asyncio.wait(self._keepers, timeout=STOP_SECONDS)
        for process in self._processes:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        await asyncio.gather(*self._keepers, return_exceptions=True)

    async def _keep(self, up: "asyncio.Future[None]") -> None:
        """Have one worker running, with growing pauses if it keeps dying."""
        crashes = 0
        clock = asyncio.get_running_loop().time
        while not self._stopping.is_set():
            began = clock()
            try:
                code = await self._run(up)
            except OSError:  # no memory, say, or too many processes
                _logger.exception("a worker could not be started")
                code = 1
            if self._stopping.is_set():
                return
            if not up.done():
                up.set_exception(CannotStart("A worker does not start; the log above says why"))
                return
            steady = clock() - began > _STEADY_SECONDS
            crashes = 0 if code == 0 or steady else crashes + 1
            if code != 0:
                _logger.error("a worker died", extra={"code": code, "crashes": crashes})
            await self._pause(crashes)

    async def _run(self, up: "asyncio.Future[None]") -> int:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "infra.local.worker",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=sys.stderr.fileno(),  # ours says when the stack is ready, nothing else
            env={**os.environ, HUB_ADDRESS: self._hub.address},
        )
        self._processes.add(process)
        if self._stopping.is_set():  # it began too late to be told
            process.kill()
        starting = asyncio.create_task(self._start(process.pid, up))
        try:
            code = await process.wait()
        finally:
            starting.cancel()
            self._processes.discard(process)
        if starting.done():
            await self._bury(starting.result())
        return code

    async def _start(self, pid: int, up: "asyncio.Future[None]") -> WorkerLink:
        worker = await self._hub.worker(pid)
        await self._may_start.wait()
        worker.tell("start")
        if self._stopping.is_set():
            worker.tell("stop")
        if not up.done():
            up.set_result(None)
        return worker

    async def _bury(self, worker: WorkerLink) -> None:
        """Give back what a worker held, once its last words are read."""
        try:
            async with asyncio.timeout(_LAST_WORDS_SECONDS):
                await worker.gone.wait()
        except TimeoutError:
            _logger.warning("a worker's connection outlived it")
        if worker.receipt is not None:
            await self._give_back(worker.receipt)

    async def _pause(self, crashes: int) -> None:
        """The first crash is followed at once, so that its message need not wait."""
        seconds = min(_MAX_PAUSE_SECONDS, 0.25 * 2**crashes) if crashes > 1 else 0.0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()


class ThreadCrew:
    """Workers in threads of this process."""

    def __init__(
        self, count: int, queue: Queue, function: Handler, name: str, *, idle_pause: float = 0.0
    ) -> None:
        self._link = _ThreadLink()
        work = partial(self._keep, queue, function, name, idle_pause)
        self._threads = [
            threading.Thread(target=work, name=f"{name}-{number}", daemon=True)
            for number in range(count)
        ]
        for thread in self._threads:
            thread.start()

    async def stop(self) -> None:
        """Let the workers finish or hand over for a moment."""
        self._link.stop()
        deadline = asyncio.get_running_loop().time() + STOP_SECONDS
        for thread in self._threads:
            left = max(0.0, deadline - asyncio.get_running_loop().time())
            await asyncio.to_thread(thread.join, left)

    def _keep(self, queue: Queue, function: Handler, name: str, idle_pause: float) -> None:
        link = self._link
        worker = Worker(queue, function, name, link, idle_pause=idle_pause)
        while not link.stopping:
            try:
                worker.run()
            except Exception:
                _logger.exception("a worker failed")
                link.pause(1.0)


class _ThreadLink:
    """A ``Link`` within the process; a thread cannot be ended from outside."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._on_stop: list[Callable[[], None]] = []

    @property
    def stopping(self) -> bool:
        return self._stop.is_set()

    def hold(self, receipt: str | None) -> None:
        """Nobody needs to know: it dies with all the others."""

    def pause(self, seconds: float) -> None:
        self._stop.wait(seconds)

    def on_stop(self, callback: Callable[[], None]) -> None:
        self._on_stop.append(callback)

    def stop(self) -> None:
        self._stop.set()
        for callback in self._on_stop:
            callback()

    def timed_out(self) -> None:
        _logger.error("a function takes too long; its message will be delivered again")
