"""The bodies of requests as they come in: how large they may be, and how slow."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from infra.larger_files import ELSEWHERE
from infra.local import gateway
from infra.local.gateway import Answer, Headers

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

MAX_BODY_BYTES = 10 * 1024 * 1024


class BodyRefused(Exception):  # noqa: N818 (the names read as what happened)
    """The rest of a body is not wanted; ``answer`` says why."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


class ClientGone(Exception):  # noqa: N818
    """The client left before its request was whole."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How slowly a body may come.

    A client may keep us waiting for ``seconds`` in all; each ``rate`` bytes that come
    give one of them back. So it may pause that long, and on the whole has to keep the rate.
    """

    seconds: float
    rate: int


PACE = Pace(20.0, 32 * 1024)


async def pieces(
    headers: Headers, receive: Receive, most: int, pace: Pace = PACE
) -> AsyncIterator[bytes]:
    """A body as it comes; ``ClientGone``.

    ``BodyRefused`` if more than ``most`` bytes are announced or sent, or if it is too slow.
    """
    length = announced(headers)
    if length == 0:
        return
    if length is not None and length > most:
        raise _too_large(most)
    size, patience, now = 0, pace.seconds, asyncio.get_running_loop().time
    while True:
        since = now()
        try:
            async with asyncio.timeout(patience):
                message = await receive()
        except TimeoutError:
            slow = gateway.error(408, "The body comes too slowly", connection="close")
            raise BodyRefused(slow) from None
        if message["type"] == "http.disconnect":
            raise ClientGone
        count = len(message["body"])
        size += count
        if size > most:
            raise _too_large(most)
        patience = min(pace.seconds, patience - (now() - since) + count / pace.rate)
        yield message["body"]
        if not message["more_body"]:
            return


def announced(headers: Headers) -> int | None:
    """The body's length, or None for one in chunks; the parser has checked both."""
    length = 0
    for name, value in headers:
        if name == b"transfer-encoding":
            return None
        if name == b"content-length":
            length = int(value)
    return length


def _too_large(most: int) -> BodyRefused:
    message = f"Body is larger than {most} bytes"
    if most == MAX_BODY_BYTES:
        message = f"Body is larger than {most // 1024 // 1024} MB. {ELSEWHERE}"
    return BodyRefused(gateway.error(413, message, connection="close"))
