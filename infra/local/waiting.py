"""Bodies of which the rest is still to come: where they wait, and how much may wait.

Anybody can send half of a body and then wait, so what waits takes little memory: all but
the first bytes is on the disk, and is read by the thread that carries the request.
"""

import dataclasses
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO

from infra.local import gateway
from infra.local.bodies import MAX_BODY_BYTES, PACE, BodyRefused, Pace, Receive, announced, pieces
from infra.local.gateway import Answer, Request
from infra.local.threads import Threads

IN_MEMORY_BYTES = 64 * 1024
"""Bodies up to this size never touch the disk, and always have room."""

_MOST_BYTES = 1024 * 1024 * 1024
_SHARE = 4
_WRITTEN_AT_ONCE = 256 * 1024
_RETRY_AFTER = "5"


class Waiting:
    """Takes bodies of up to ``MAX_BODY_BYTES`` and carries their requests.

    ``most`` bytes may wait on the disk together, in ``folder`` (None: where the system
    has its temporary files), a quarter of them from one address.
    """

    def __init__(
        self, threads: Threads, folder: Path | None, pace: Pace = PACE, most: int = _MOST_BYTES
    ) -> None:
        self._threads = threads
        self._folder = folder
        self._pace = pace
        self._most = most
        self._reserved: Counter[str] = Counter()

    async def answer(
        self, request: Request, receive: Receive, carry: Callable[[Request], Answer]
    ) -> Answer:
        """What ``carry`` answers to the request with its body; ``BodyRefused``, ``ClientGone``."""
        coming = pieces(request.headers, receive, MAX_BODY_BYTES, self._pace)
        begun = bytearray()
        async for piece in coming:
            begun += piece
            if len(begun) > IN_MEMORY_BYTES:
                break
        else:
            whole = dataclasses.replace(request, body=bytes(begun))
            return await self._threads.run(partial(carry, whole))
        with self._room(request), tempfile.TemporaryFile(dir=self._folder) as file:
            await kept(self._threads, begun, coming, file)
            return await self._threads.run(partial(_carried, request, file, carry))

    @contextmanager
    def _room(self, request: Request) -> Iterator[None]:
        """Room for a body as large as it was announced, or as any, until it is answered."""
        size = announced(request.headers) or MAX_BODY_BYTES
        who = request.source_ip
        in_all = self._reserved.total() + size
        if in_all > self._most or self._reserved[who] + size > self._most // _SHARE:
            raise BodyRefused(_no_room())
        self._reserved[who] += size
        try:
            yield
        finally:
            self._reserved[who] -= size
            if not self._reserved[who]:
                del self._reserved[who]


async def kept(
    threads: Threads, begun: bytearray, coming: AsyncIterator[bytes], file: IO[bytes]
) -> None:
    """Write what has come and what is still to come into a file, which waits on the disk."""
    waiting = begun
    async for piece in coming:
        waiting += piece
        if len(waiting) >= _WRITTEN_AT_ONCE:
            await threads.run(partial(file.write, waiting))
            waiting = bytearray()
    await threads.run(partial(file.write, waiting))


def _carried(request: Request, file: IO[bytes], carry: Callable[[Request], Answer]) -> Answer:
    file.seek(0)
    return carry(dataclasses.replace(request, body=file.read()))


def _no_room() -> Answer:
    message = "Too many large bodies are on their way; try again soon"
    headers = {"connection": "close", "retry-after": _RETRY_AFTER}
    return gateway.error(429, message, **headers)
