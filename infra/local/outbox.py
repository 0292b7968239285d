"""What waits to be sent to one client: ordered, bounded, never skipped."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

MAX_WAITING_CHARACTERS = 16 * 1024 * 1024
STALL_SECONDS = 30.0

_TURN_MESSAGES = 64
_TURN_CHARACTERS = 64 * 1024

SendText = Callable[[str], Awaitable[None]]
SendClose = Callable[[int], Awaitable[None]]


class Outbox:
    """A client's messages on their way out. Used on the event loop only.

    Senders do not wait for the client, unless more than
    ``MAX_WAITING_CHARACTERS`` wait already. A client that takes nothing for
    ``STALL_SECONDS`` is given up: ``gone`` turns true and ``deliver`` returns.
    """

    def __init__(self, stall_seconds: float = STALL_SECONDS) -> None:
        self.gone = False
        self._stall_seconds = stall_seconds
        self._waiting: deque[str] = deque()
        self._characters = 0
        self._close_code: int | None = None
        self._work = asyncio.Event()
        self._room = asyncio.Event()
        self._turn = asyncio.Lock()

    async def put(self, messages: Sequence[str]) -> bool:
        """Line up messages, together and in order; False if the client is gone."""
        async with self._turn:  # or senders that wait for room would mix
            for message in messages:
                while not self.gone and self._full(message):
                    self._room.clear()
                    await self._room.wait()
                if self.gone:
                    return False
                self._waiting.append(message)
                self._characters += len(message)
                self._work.set()
        return not self.gone

    def finish(self, code: int) -> None:
        """Take no more messages, and close once those that wait are sent."""
        if not self.gone:
            self._close_code = code
            self.abandon()

    def abandon(self) -> None:
        """Take no more messages: the client is gone."""
        self.gone = True
        self._room.set()
        self._work.set()

    async def deliver(self, send: SendText, close: SendClose) -> None:
        """Send what is lined up, until the client is gone or the outbox finished."""
        with contextlib.suppress(OSError):  # it left, or stalled (TimeoutError is one)
            while not self.gone:
                await self._work.wait()
                self._work.clear()
                await self._drain(send)
            await self._drain(send)
            if self._close_code is not None:
                async with asyncio.timeout(self._stall_seconds):
                    await close(self._close_code)
        self._waiting.clear()
        self.abandon()

    async def _drain(self, send: SendText) -> None:
        while self._waiting:
            async with asyncio.timeout(self._stall_seconds):
                await self._send_some(send)
            self._room.set()
            await asyncio.sleep(0)  # thousands of small messages must not hold the loop

    async def _send_some(self, send: SendText) -> None:
        characters = 0
        for _ in range(min(_TURN_MESSAGES, len(self._waiting))):
            message = self._waiting.popleft()
            await send(message)
            self._characters -= len(message)
            characters += len(message)
            if characters > _TURN_CHARACTERS:
                return

    def _full(self, message: str) -> bool:
        """Whether a message must wait; one that is larger than all room goes alone."""
        return bool(self._waiting) and self._characters + len(message) > MAX_WAITING_CHARACTERS
