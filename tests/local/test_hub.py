"""The hub, and the publisher that reaches the sockets through it."""

import asyncio
import os
import threading
from collections.abc import Callable, Sequence

import pytest

from chalicelib.adapters.embedded.publisher import EmbeddedPublisher, HubUnavailable
from chalicelib.ports import Connection, Delivery
from infra.local.hub import Hub
from infra.local.link import HubLink

HERE = Connection("here", "")
GONE = Connection("gone", "")


class Sockets:
    """One connection, ``here``."""

    def __init__(self) -> None:
        self.posted: list[str] = []
        self.closed: list[str] = []
        self.calls = 0

    async def post(self, connection: str, messages: Sequence[str]) -> bool:
        self.calls += 1
        self.posted += messages if connection == "here" else []
        return connection == "here"

    def close(self, connection: str) -> bool:
        self.closed.append(connection)
        return connection == "here"


def with_hub(play: Callable[[str], None]) -> Sockets:
    """Play in a thread, given the hub's address; the sockets behind it."""

    async def run() -> Sockets:
        hub, sockets = Hub(), Sockets()
        await hub.start()
        hub.attach(sockets)
        try:
            await asyncio.to_thread(play, hub.address)
        finally:
            await hub.close()
        return sockets

    return asyncio.run(run())


def with_publisher(play: Callable[[EmbeddedPublisher], None]) -> Sockets:
    def run(address: str) -> None:
        publisher = EmbeddedPublisher(address)
        play(publisher)
        publisher.disconnect()

    return with_hub(run)


def test_messages_arrive_in_order_in_one_round_trip() -> None:
    messages = [f"n\u00famero {number}" for number in range(3000)]
    sockets = with_publisher(lambda publisher: _taken(publisher.send(HERE, messages)))
    assert sockets.posted == messages
    assert sockets.calls == 1


def test_very_much_is_sent_in_several_requests() -> None:
    messages = [str(number) * 1_000_000 for number in range(10)]
    sockets = with_publisher(lambda publisher: _taken(publisher.send(HERE, messages)))
    assert sockets.posted == messages
    assert sockets.calls > 1


def test_without_messages_a_connection_is_asked_for() -> None:
    def play(publisher: EmbeddedPublisher) -> None:
        assert publisher.send(HERE, []) is Delivery.TAKEN
        assert publisher.send(GONE, []) is Delivery.GONE

    assert with_publisher(play).posted == []


def test_a_connection_that_is_gone_is_told() -> None:
    def play(publisher: EmbeddedPublisher) -> None:
        assert publisher.send(GONE, ["hello"]) is Delivery.GONE

    assert with_publisher(play).posted == []


def test_closing_reaches_the_sockets_and_forgives_one_that_is_gone() -> None:
    def play(publisher: EmbeddedPublisher) -> None:
        publisher.close(HERE)
        publisher.close(GONE)

    assert with_publisher(play).closed == ["here", "gone"]


def test_threads_share_a_publisher() -> None:
    def play(publisher: EmbeddedPublisher) -> None:
        threads = [
            threading.Thread(target=publisher.send, args=(HERE, [f"{name}{n}" for n in range(20)]))
            for name in "abcdefgh"
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    posted = with_publisher(play).posted
    assert len(posted) == 160
    for name in "abcdefgh":
        assert [text for text in posted if text[0] == name] == [f"{name}{n}" for n in range(20)]


def test_without_a_hub_sending_says_so_and_waking_does_nothing() -> None:
    publisher = EmbeddedPublisher("")
    publisher.wake()
    with pytest.raises(HubUnavailable, match="No hub is running"):
        publisher.send(HERE, ["hello"])
    with pytest.raises(HubUnavailable, match="No hub is running"):
        publisher.close(HERE)


def test_a_hub_that_has_stopped_is_unavailable() -> None:
    publishers: list[EmbeddedPublisher] = []

    def play(address: str) -> None:
        publishers.append(EmbeddedPublisher(address))
        publishers[0].send(HERE, ["hello"])

    with_hub(play)
    publishers[0].wake()
    with pytest.raises(HubUnavailable):
        publishers[0].send(HERE, ["hello"])


def test_a_wake_reaches_the_workers_and_a_hold_the_supervisor() -> None:
    async def run() -> None:
        hub = Hub()
        await hub.start()
        woken = threading.Event()
        link = HubLink(hub.address)
        starting = asyncio.create_task(asyncio.to_thread(link.wait_for_start))
        worker = await hub.worker(os.getpid())
        worker.tell("start")
        await starting
        link.listen(woken.set)
        publisher = EmbeddedPublisher(hub.address)
        publisher.wake()
        assert await asyncio.to_thread(woken.wait, 5)
        link.hold("receipt")
        link.close()
        await asyncio.wait_for(worker.gone.wait(), 5)
        assert worker.receipt == "receipt"
        publisher.disconnect()
        await hub.close()

    asyncio.run(run())


def test_a_stop_reaches_a_worker_with_its_callbacks() -> None:
    async def run() -> None:
        hub = Hub()
        await hub.start()
        stopped = threading.Event()
        link = HubLink(hub.address)
        link.on_stop(stopped.set)
        starting = asyncio.create_task(asyncio.to_thread(link.wait_for_start))
        worker = await hub.worker(os.getpid())
        worker.tell("start")
        await starting
        link.listen(lambda: None)
        worker.tell("stop")
        assert await asyncio.to_thread(stopped.wait, 5)
        assert link.stopping
        link.close()
        await hub.close()

    asyncio.run(run())


def _taken(delivery: Delivery) -> None:
    assert delivery is Delivery.TAKEN
