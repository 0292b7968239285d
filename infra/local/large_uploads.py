"""Files that were offered to be sent, and are larger than other requests may be.

Whether a file may be sent, and how large it may be, is asked before a byte of it is
read. It waits on the disk until it is whole, so a slow client holds no memory, and
only one at a time is read into memory and carried to the product. One of each user is
on its way at a time, so that nobody takes all the places.
"""

import asyncio
import dataclasses
import tempfile
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import IO
from weakref import WeakValueDictionary

from chalicelib.adapters.embedded.uploads import PATH, folder_of
from chalicelib.errors import NotFound
from infra.local import gateway
from infra.local.bodies import BodyRefused, Message, Pace, Receive, pieces
from infra.local.gateway import Answer, Gateway, Request
from infra.local.threads import Threads
from infra.local.waiting import kept

FORM_BYTES = 64 * 1024
"""What the form may have beside the file, as in the product."""

_AT_ONCE = 8
_SECONDS = 15 * 60
_PACE = Pace(30.0, 32 * 1024)


class LargeUploads:
    """Takes them, a few at once, and of each user one; further ones wait unread.

    ``limit`` says how many bytes may come to an offer's token (``NotFound``). The
    files wait in ``folder``, and come at least at this ``pace``.
    """

    def __init__(
        self,
        gateway: Gateway,
        threads: Threads,
        limit: Callable[[str], int],
        folder: Path,
        pace: Pace = _PACE,
    ) -> None:
        self._gateway = gateway
        self._threads = threads
        self._limit = limit
        self.folder = folder
        self._pace = pace
        self._senders: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._one_at_a_time = threading.Lock()

    def serves(self, scope: Message) -> bool:
        """Whether a request goes to an address that was offered."""
        return bool(scope["method"] == "POST" and scope["raw_path"].startswith(PATH.encode()))

    async def answer(self, request: Request, receive: Receive) -> Answer:
        """Carry a request, whose body is still to come; ``BodyRefused``, ``ClientGone``."""
        await self._most(request)
        turn = self._senders.setdefault(_sender(request), asyncio.Lock())
        async with turn, self._places:
            most = await self._most(request)  # again: it may have been sent meanwhile
            with tempfile.TemporaryFile(dir=self.folder) as file:
                try:
                    async with asyncio.timeout(_SECONDS):
                        await self._keep(request, receive, most, file)
                except TimeoutError:
                    late = gateway.error(408, "The file took too long to come", connection="close")
                    raise BodyRefused(late) from None
                return await self._threads.run(partial(self._carry, request, file))

    async def _most(self, request: Request) -> int:
        """How many bytes the body may have; ``BodyRefused`` for want of an offer."""
        try:
            return await self._threads.run(partial(self._limit, _token(request))) + FORM_BYTES
        except NotFound:  # the product says so itself
            unread = await self._threads.run(partial(self._gateway.answer, request))
            raise BodyRefused(_closing(unread)) from None

    async def _keep(self, request: Request, receive: Receive, most: int, file: IO[bytes]) -> None:
        coming = pieces(request.headers, receive, most, self._pace)
        await kept(self._threads, bytearray(), coming, file)

    def _carry(self, request: Request, file: IO[bytes]) -> Answer:
        with self._one_at_a_time:
            file.seek(0)
            return self._gateway.answer(dataclasses.replace(request, body=file.read()))


def _token(request: Request) -> str:
    return request.target.removeprefix(PATH).partition("?")[0]


def _sender(request: Request) -> str:
    """Who sends, as the offer's token tells, which was checked."""
    token = _token(request)
    try:
        return folder_of(token)
    except NotFound:  # it is of another kind, and good nevertheless
        return token


def _closing(answer: Answer) -> Answer:
    return dataclasses.replace(answer, headers=[*answer.headers, (b"connection", b"close")])
