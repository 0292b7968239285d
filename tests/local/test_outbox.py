"""What waits to be sent to one client."""

import asyncio
from collections.abc import Awaitable, Callable

from infra.local.outbox import MAX_WAITING_CHARACTERS, Outbox


class SlowClient:
    """Takes a message each time it is let; notes what it took and its close code."""

    def __init__(self, *, eager: bool = True) -> None:
        self.taken: list[str] = []
        self.closed: int | None = None
        self.ready = asyncio.Semaphore(1_000_000 if eager else 0)

    async def send(self, text: str) -> None:
        await self.ready.acquire()
        self.taken.append(text)

    async def close(self, code: int) -> None:
        await self.ready.acquire()
        self.closed = code


def scenario(
    play: Callable[[Outbox, SlowClient], Awaitable[None]],
    *,
    eager: bool = True,
    stall_seconds: float = 30.0,
) -> SlowClient:
    """Play while the outbox delivers; the client, after both are over."""

    async def run() -> SlowClient:
        outbox, client = Outbox(stall_seconds), SlowClient(eager=eager)
        async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
            tasks.create_task(outbox.deliver(client.send, client.close))
            await play(outbox, client)
        return client

    return asyncio.run(run())


def test_messages_leave_in_order_and_the_close_comes_last() -> None:
    async def play(outbox: Outbox, _client: SlowClient) -> None:
        assert await outbox.put([str(number) for number in range(500)])
        assert await outbox.put(["last"])
        outbox.finish(1000)

    client = scenario(play)
    assert client.taken == [*map(str, range(500)), "last"]
    assert client.closed == 1000


def test_a_finished_outbox_takes_no_more() -> None:
    async def play(outbox: Outbox, _client: SlowClient) -> None:
        outbox.finish(1000)
        assert not await outbox.put(["late"])

    assert scenario(play).taken == []


def test_a_sender_waits_while_too_much_waits() -> None:
    half = "x" * (MAX_WAITING_CHARACTERS // 2)

    async def play(outbox: Outbox, client: SlowClient) -> None:
        assert await outbox.put([half, half])
        waiting = asyncio.create_task(outbox.put(["more"]))
        done, _ = await asyncio.wait({waiting}, timeout=0.05)
        assert not done
        client.ready.release()
        client.ready.release()
        assert await waiting
        client.ready.release()
        client.ready.release()
        outbox.finish(1000)

    assert scenario(play, eager=False).taken == [half, half, "more"]


def test_senders_that_wait_do_not_mix() -> None:
    large = "x" * MAX_WAITING_CHARACTERS

    async def play(outbox: Outbox, client: SlowClient) -> None:
        first = asyncio.create_task(outbox.put([large, "1", large, "2"]))
        second = asyncio.create_task(outbox.put(["3", "4"]))
        for _ in range(7):
            client.ready.release()
        assert await first
        assert await second
        outbox.finish(1000)

    assert scenario(play, eager=False).taken == [large, "1", large, "2", "3", "4"]


def test_a_message_larger_than_all_room_goes_alone() -> None:
    huge = "x" * (MAX_WAITING_CHARACTERS + 1)

    async def play(outbox: Outbox, _client: SlowClient) -> None:
        assert await outbox.put([huge])
        outbox.finish(1000)

    assert scenario(play).taken == [huge]


def test_a_client_that_stalls_is_given_up_and_its_senders_told() -> None:
    large = "x" * MAX_WAITING_CHARACTERS

    async def play(outbox: Outbox, _client: SlowClient) -> None:
        assert not await outbox.put([large, large, large])
        assert outbox.gone

    assert scenario(play, eager=False, stall_seconds=0.05).closed is None


def test_a_client_that_left_is_given_up() -> None:
    async def run() -> bool:
        async def leave(_text: str) -> None:
            raise ConnectionResetError

        async def close(_code: int) -> None:
            raise AssertionError("nobody is there to be told")

        outbox = Outbox()
        assert await outbox.put(["hello"])
        await outbox.deliver(leave, close)
        return outbox.gone

    assert asyncio.run(run())
