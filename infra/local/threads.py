"""Threads that run handlers for the event loop.

``ThreadPoolExecutor`` joins its threads at exit, so one stuck handler would
keep the stack from stopping, and it takes two futures a call.
"""

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

Result = TypeVar("Result")
_Job = tuple[asyncio.AbstractEventLoop, "asyncio.Future[Any]", Callable[[], Any]]


class Threads:
    """A fixed number of daemon threads that share one line of jobs."""

    def __init__(self, name: str, count: int) -> None:
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._count = count
        for number in range(count):
            threading.Thread(target=self._work, name=f"{name}-{number}", daemon=True).start()

    def run(self, function: Callable[[], Result]) -> "asyncio.Future[Result]":
        """Call ``function`` in a thread; the future has its result or exception."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        self._jobs.put((loop, future, function))
        return future

    def close(self) -> None:
        """Let the threads end once they have done what waits."""
        for _ in range(self._count):
            self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            loop, future, function = job
            result, error = None, None
            try:
                result = function()
            except BaseException as raised:  # noqa: BLE001 (it is handed to who waits)
                error = raised
            if loop.is_closed():  # nobody waits any more
                return
            loop.call_soon_threadsafe(_settle, future, result, error)
            del job, future, function, result, error


def _settle(future: "asyncio.Future[Any]", result: object, error: BaseException | None) -> None:
    if future.cancelled():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)
