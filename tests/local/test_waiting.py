"""Bodies that come slowly, or of which too much comes at once."""

import asyncio
import base64
from collections.abc import Awaitable, Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.local.bodies import BodyRefused, Message, Pace, Receive, pieces
from infra.local.gateway import Answer, Gateway, Request
from infra.local.large_uploads import LargeUploads
from infra.local.threads import Threads
from infra.local.waiting import IN_MEMORY_BYTES, Waiting

SOON = Pace(0.05, 1_000_000)
PATIENT = Pace(10.0, 1)


@pytest.fixture
def threads() -> Iterator[Threads]:
    """Two of them."""
    made = Threads("test", 2)
    yield made
    made.close()


def request(size: int, target: str = "/api/echo", ip: str = "192.0.2.1") -> Request:
    """A request that announces so many bytes."""
    return Request("POST", target, [(b"content-length", str(size).encode())], b"", ip)


def body(*sent: bytes, size: int, stalled: asyncio.Event | None = None) -> Receive:
    """What comes of a body of that size: these pieces, then nothing; tells when that is."""
    messages, left = list(sent), size

    async def receive() -> Message:
        nonlocal left
        if not messages:
            if stalled is not None:
                stalled.set()
            await asyncio.Event().wait()
        piece = messages.pop(0)
        left -= len(piece)
        return {"type": "http.request", "body": piece, "more_body": left > 0}

    return receive


def echo(request: Request) -> Answer:
    """An answer of the request's body."""
    return Answer(200, [], request.body)


async def refused(answer: Awaitable[Any]) -> Answer:
    """How a body was refused."""
    with pytest.raises(BodyRefused) as error:
        async with asyncio.timeout(10):
            await answer
    return error.value.answer


def test_a_body_that_stops_coming_is_a_408(threads: Threads) -> None:
    async def run() -> None:
        waiting = Waiting(threads, None, SOON)
        for begun in (b"abc", bytes(IN_MEMORY_BYTES + 1)):
            size = 9_000_000
            coming = body(begun, size=size)
            answer = await refused(waiting.answer(request(size), coming, echo))
            assert answer.status == 408
            assert dict(answer.headers)[b"connection"] == b"close"

    asyncio.run(run())


def test_a_body_that_trickles_is_a_408_though_it_never_stops() -> None:
    async def trickle() -> Message:
        await asyncio.sleep(0.01)  # longer than what the byte is worth
        return {"type": "http.request", "body": b"x", "more_body": True}

    async def run() -> None:
        async def read() -> None:
            async for _ in pieces([(b"transfer-encoding", b"chunked")], trickle, 10**6, SOON):
                pass

        assert (await refused(read())).status == 408

    asyncio.run(run())


@pytest.mark.parametrize("size", [1, IN_MEMORY_BYTES, IN_MEMORY_BYTES + 1, 3_000_000])
def test_a_body_arrives_whole_wherever_it_has_waited(threads: Threads, size: int) -> None:
    data = (bytes(range(256)) * (size // 256 + 1))[:size]
    parts = [data[start : start + 50_000] for start in range(0, size, 50_000)]

    async def run() -> bytes:
        waiting = Waiting(threads, None, PATIENT)
        return (await waiting.answer(request(size), body(*parts, size=size), echo)).body

    assert asyncio.run(run()) == data


def test_no_address_takes_all_the_room_and_all_together_take_no_more_than_there_is(
    threads: Threads,
) -> None:
    size = 1_000_000
    begun = bytes(IN_MEMORY_BYTES + 1)

    async def run() -> None:
        waiting = Waiting(threads, None, PATIENT, most=4 * size)
        async with asyncio.TaskGroup() as tasks:
            held = []
            for number in range(4):
                if number == 1:  # the first address has its share
                    coming = body(begun, size=size)
                    answer = await refused(waiting.answer(request(size), coming, echo))
                    assert answer.status == 429
                    assert dict(answer.headers)[b"retry-after"]
                stalled = asyncio.Event()
                coming = body(begun, size=size, stalled=stalled)
                asked = request(size, ip=f"192.0.2.{number + 1}")
                held.append(tasks.create_task(waiting.answer(asked, coming, echo)))
                await stalled.wait()
            other = request(size, ip="192.0.2.9")
            assert (
                await refused(waiting.answer(other, body(begun, size=size), echo))
            ).status == 429
            small = await waiting.answer(request(3), body(b"abc", size=3), echo)
            assert small.body == b"abc"
            for each in held:
                each.cancel()
        data = bytes(size)
        assert (await waiting.answer(other, body(data, size=size), echo)).body == data

    asyncio.run(run())


class Told(Gateway):
    """A gateway that answers by itself."""

    def __init__(self) -> None:
        self.carried: list[int] = []

    def answer(self, request: Request) -> Answer:
        """Say that it was carried."""
        self.carried.append(len(request.body))
        return Answer(204, [], b"")


def target(uid: str, upload: str) -> str:
    """The address of an offer."""
    located = base64.urlsafe_b64encode(f"uploads/{uid}/{upload}".encode()).decode().rstrip("=")
    return f"/api/uploads/{located}.secret"


def large(threads: Threads, folder: Path, pace: Pace) -> tuple[LargeUploads, Told]:
    """Large uploads with offers for everybody."""
    gateway = Told()
    return LargeUploads(gateway, threads, lambda _: 20_000_000, folder, pace), gateway


def test_who_sends_many_large_files_slowly_keeps_nobody_elses_from_coming(
    threads: Threads, tmp_path: Path
) -> None:
    size = 11_000_000

    async def run() -> list[int]:
        uploads, gateway = large(threads, tmp_path, PATIENT)
        stalled = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            held = []
            for number in range(30):
                asked = request(size, target("eve", str(number)))
                coming = body(b"--X", size=size, stalled=stalled)
                held.append(tasks.create_task(uploads.answer(asked, coming)))
            await stalled.wait()
            async with asyncio.timeout(10):
                frank = request(size, target("frank", "1"))
                await uploads.answer(frank, body(bytes(size), size=size))
            for each in held:
                each.cancel()
        return gateway.carried

    assert asyncio.run(run()) == [11_000_000]


def test_a_large_file_that_stops_coming_gives_its_place_to_the_next_of_its_user(
    threads: Threads, tmp_path: Path
) -> None:
    size = 11_000_000

    async def run() -> list[int]:
        uploads, gateway = large(threads, tmp_path, SOON)
        first = uploads.answer(request(size, target("eve", "1")), body(b"--X", size=size))
        second = uploads.answer(request(size, target("eve", "2")), body(bytes(size), size=size))
        answers = await asyncio.gather(refused(first), second)
        assert [answer.status for answer in answers] == [408, 204]
        return gateway.carried

    assert asyncio.run(run()) == [size]
