"""What only the embedded queue does, or what can be told of it only."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from chalicelib.adapters.embedded.database import Database
from chalicelib.adapters.embedded.queue import EmbeddedQueue
from chalicelib.ports import Depth, Message
from tests.clock import ManualClock
from tests.contracts.conftest import MAX_RECEIVES, embedded_queue


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def database() -> Iterator[Database]:
    with closing(Database(None)) as opened:
        yield opened


@pytest.fixture
def queue(database: Database, clock: ManualClock) -> EmbeddedQueue:
    return embedded_queue(database, clock, "runs", dead_letter="runs-dead")


def taken(queue: EmbeddedQueue, *, wait: float = 0.0) -> Message:
    message = queue.receive(wait=wait)
    assert message is not None
    return message


def drained(queue: EmbeddedQueue) -> list[str]:
    bodies = []
    while (message := queue.receive()) is not None:
        bodies.append(message.body)
    return bodies


def test_the_oldest_message_comes_first(queue: EmbeddedQueue) -> None:
    for body in ("one", "two", "three"):
        queue.send(body, group="ada")
    assert drained(queue) == ["one", "two", "three"]


def test_the_group_with_the_fewest_messages_in_flight_comes_first(queue: EmbeddedQueue) -> None:
    for body in ("ada-1", "ada-2", "ada-3"):
        queue.send(body, group="ada")
    for body in ("bob-1", "bob-2"):
        queue.send(body, group="bob")
    assert drained(queue) == ["ada-1", "bob-1", "ada-2", "bob-2", "ada-3"]


def test_a_finished_message_makes_room_for_its_group(queue: EmbeddedQueue) -> None:
    for body in ("ada-1", "ada-2"):
        queue.send(body, group="ada")
    queue.send("bob-1", group="bob")
    queue.delete(taken(queue).receipt)
    assert drained(queue) == ["ada-2", "bob-1"]


def test_the_visibility_time_out_gives_a_message_back(
    queue: EmbeddedQueue, clock: ManualClock
) -> None:
    queue.send("run-1", group="ada")
    taken(queue)
    clock.advance(59.9)
    assert queue.receive() is None
    clock.advance(0.1)
    assert taken(queue).receive_count == 2


def test_a_receipt_is_worth_nothing_once_the_message_came_again(
    queue: EmbeddedQueue, clock: ManualClock
) -> None:
    queue.send("run-1", group="ada")
    stale = taken(queue)
    clock.advance(60)
    current = taken(queue)
    queue.extend(stale.receipt, 0)
    queue.delete(stale.receipt)
    assert queue.depth() == Depth(visible=0, in_flight=1)
    queue.delete(current.receipt)
    assert queue.depth() == Depth(visible=0, in_flight=0)


def test_a_timed_out_message_can_still_be_deleted(queue: EmbeddedQueue, clock: ManualClock) -> None:
    queue.send("run-1", group="ada")
    late = taken(queue)
    clock.advance(60)
    queue.delete(late.receipt)
    assert queue.receive() is None


def test_queues_are_apart(database: Database, clock: ManualClock, queue: EmbeddedQueue) -> None:
    other = embedded_queue(database, clock, "other")
    queue.send("run-1", group="ada")
    assert other.receive() is None
    assert other.depth() == Depth(0, 0)


def test_without_a_dead_letter_queue_a_message_comes_for_ever(
    database: Database, clock: ManualClock
) -> None:
    queue = embedded_queue(database, clock, "runs-dead")
    queue.send("poison", group="ada")
    for _ in range(MAX_RECEIVES + 3):
        queue.extend(taken(queue).receipt, 0)
    assert taken(queue).receive_count == MAX_RECEIVES + 4


def test_depth_counts_what_waits_and_what_is_worked_on(queue: EmbeddedQueue) -> None:
    queue.send("later", group="ada", delay=10)
    queue.send("one", group="ada")
    queue.send("two", group="ada")
    taken(queue)
    assert queue.depth() == Depth(visible=1, in_flight=1)


def test_release_all_gives_back_what_is_in_flight_only(queue: EmbeddedQueue) -> None:
    queue.send("later", group="ada", delay=10)
    queue.send("one", group="ada")
    queue.send("two", group="bob")
    drained(queue)
    assert queue.release_all() == 2
    assert queue.depth() == Depth(visible=2, in_flight=0)
    assert drained(queue) == ["one", "two"]


def test_crashes_of_everything_never_make_a_dead_letter(queue: EmbeddedQueue) -> None:
    queue.send("run-1", group="ada")
    for _ in range(3 * MAX_RECEIVES):
        taken(queue)
        queue.release_all()
    assert taken(queue).receive_count == 2


def test_a_receipt_from_before_release_all_is_worth_nothing(queue: EmbeddedQueue) -> None:
    queue.send("run-1", group="ada")
    message = taken(queue)
    queue.release_all()
    queue.delete(message.receipt)
    assert queue.depth() == Depth(visible=1, in_flight=0)


def test_a_send_wakes_others_once_the_message_is_there(
    database: Database, clock: ManualClock, queue: EmbeddedQueue
) -> None:
    seen: list[Depth] = []
    sender = EmbeddedQueue(
        database,
        clock,
        "runs",
        visibility_timeout=60,
        max_receives=MAX_RECEIVES,
        dead_letter=None,
        wake=lambda: seen.append(queue.depth()),
    )
    sender.send("run-1", group="ada")
    assert seen == [Depth(visible=1, in_flight=0)]


def test_a_notified_receiver_looks_again(queue: EmbeddedQueue, clock: ManualClock) -> None:
    queue.send("run-1", group="ada", delay=5)
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(taken, queue, wait=10)
        clock.advance(5)
        queue.notify()
        assert waiting.result(timeout=20).body == "run-1"


def test_a_message_of_another_process_is_found_without_a_call(
    tmp_path: Path, clock: ManualClock
) -> None:
    path = tmp_path / "tavern.db"
    with (
        closing(Database(path)) as here,
        closing(Database(path)) as there,
        ThreadPoolExecutor(1) as threads,
    ):
        waiting = threads.submit(taken, embedded_queue(here, clock, "runs"), wait=10)
        embedded_queue(there, clock, "runs").send("run-1", group="ada")
        assert waiting.result(timeout=20).body == "run-1"
