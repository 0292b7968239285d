"""Stands in for the schedule: invokes the sweeper now and then."""

import asyncio
import contextlib
import logging
from functools import partial

from infra.local.events import Event, InvocationContext, schedule_event
from infra.local.product import Handler
from infra.local.threads import Threads

_logger = logging.getLogger(__name__)

_FUNCTION_SECONDS = 300.0


class Sweeper:
    """Invokes ``function`` at once and then every so many seconds, never twice at a time."""

    def __init__(self, function: Handler, seconds: float) -> None:
        self._function = function
        self._seconds = seconds
        self._threads = Threads("sweep", 1)
        self._swept = asyncio.Event()
        self._task = asyncio.create_task(self._run())

    async def first(self, seconds: float) -> None:
        """Wait for the first sweep, but no longer than this."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._swept.wait()

    def stop(self) -> None:
        """Invoke it no more."""
        self._task.cancel()
        self._threads.close()

    async def _run(self) -> None:
        event = schedule_event("sweep")
        event["detail"] = {"graceSeconds": 0}  # nobody else is at work when the stack starts
        while True:
            await self._sweep(event)
            self._swept.set()
            await asyncio.sleep(self._seconds)
            event = schedule_event("sweep")

    async def _sweep(self, event: Event) -> None:
        context = InvocationContext("sweep", _FUNCTION_SECONDS)
        try:
            await self._threads.run(partial(self._function, event, context))
        except Exception:
            _logger.exception("sweep failed")
