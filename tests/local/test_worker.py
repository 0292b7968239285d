"""What a worker does around a function, as Lambda and SQS do."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.ports import Depth, Message
from infra.local.events import Event, InvocationContext
from infra.local.worker import Worker, backoff

MESSAGE = Message(id="7", body='{"run": 1}', group="ada", receipt="r-7", receive_count=2)


class OneMessage:
    """A queue that gives one message, once."""

    def __init__(self) -> None:
        self.extended: list[int] = []
        self.deleted: list[str] = []
        self.kept = threading.Event()
        self._waiting = [MESSAGE]

    def send(self, body: str, *, group: str, delay: int = 0) -> None:
        raise NotImplementedError

    def receive(self, *, wait: float = 0.0) -> Message | None:
        return self._waiting.pop() if self._waiting else None

    def extend(self, receipt: str, seconds: int) -> None:
        assert receipt == MESSAGE.receipt
        self.extended.append(seconds)
        if len(self.extended) == 2:
            self.kept.set()

    def delete(self, receipt: str) -> None:
        self.deleted.append(receipt)

    def depth(self) -> Depth:
        raise NotImplementedError


class Link:
    """Stops the worker when it is idle."""

    def __init__(self) -> None:
        self.stopping = False
        self.held: list[str | None] = []
        self.over = threading.Event()
        self.stop_callbacks: list[Callable[[], None]] = []

    def hold(self, receipt: str | None) -> None:
        self.held.append(receipt)

    def pause(self, seconds: float) -> None:
        self.stopping = True

    def on_stop(self, callback: Callable[[], None]) -> None:
        self.stop_callbacks.append(callback)

    def timed_out(self) -> None:
        self.over.set()


def work(
    function: Callable[[Event, InvocationContext], Any], **options: Any
) -> tuple[OneMessage, Link]:
    queue, link = OneMessage(), Link()
    Worker(queue, function, "run_execution", link, **options).run()
    return queue, link


def test_a_message_is_done_when_the_function_returns() -> None:
    events: list[Event] = []
    queue, link = work(lambda event, _context: events.append(event))
    assert queue.deleted == ["r-7"]
    assert link.held == ["r-7", None]
    (record,) = events[0]["Records"]
    assert (record["messageId"], record["receiptHandle"]) == ("7", "r-7")
    assert (record["body"], record["eventSource"]) == ('{"run": 1}', "aws:sqs")
    assert record["attributes"]["ApproximateReceiveCount"] == "2"
    assert record["attributes"]["MessageGroupId"] == "ada"


def test_a_message_is_given_back_with_backoff_when_the_function_raises() -> None:
    def fail(_event: Event, _context: InvocationContext) -> None:
        raise RuntimeError("as asked")

    queue, _ = work(fail)
    assert queue.deleted == []
    assert queue.extended == [backoff(2)]


def test_a_message_stays_hidden_while_the_function_runs() -> None:
    queue, link = OneMessage(), Link()

    def function(_event: Event, _context: InvocationContext) -> None:
        assert queue.kept.wait(10)

    Worker(queue, function, "run_execution", link, visibility_seconds=1).run()
    assert queue.extended[:2] == [1, 1]
    assert queue.deleted == ["r-7"]


def test_a_function_that_takes_too_long_is_reported() -> None:
    link = Link()

    def function(_event: Event, _context: InvocationContext) -> None:
        assert link.over.wait(10)

    Worker(OneMessage(), function, "run_execution", link, function_seconds=0.05).run()


def test_a_stop_shortens_what_the_function_has_left() -> None:
    link = Link()
    left: list[int] = []

    def function(_event: Event, context: InvocationContext) -> None:
        left.append(context.get_remaining_time_in_millis())
        for callback in link.stop_callbacks:
            callback()
        left.append(context.get_remaining_time_in_millis())

    Worker(OneMessage(), function, "run_execution", link).run()
    assert left[0] > 800_000
    assert left[1] < 10_000


def test_a_worker_that_turns_stale_gives_the_message_back_and_ends() -> None:
    answers = iter([False, True])
    queue, link = work(
        lambda _event, _context: pytest.fail("stale code ran"), is_stale=lambda: next(answers)
    )
    assert queue.extended == [0]
    assert queue.deleted == []
    assert link.held == ["r-7", None]


@pytest.mark.parametrize(
    ("received", "seconds"), [(1, 1), (2, 2), (3, 4), (8, 128), (10, 300), (9999, 300)]
)
def test_backoff_doubles_up_to_five_minutes(received: int, seconds: int) -> None:
    assert backoff(received) == seconds
