"""How long nodes run, by a clock that the test moves."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.engine import events
from chalicelib.engine.events import Event
from chalicelib.services.runs.node_times import TimedJournal
from tests.builders import MemoryJournal

SECOND = 1_000_000_000


class Timer:
    """A monotonic clock in nanoseconds."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        return self.now


def measured(*steps: Event | float) -> float:
    """The node seconds of events, with seconds that pass between them."""
    timer = Timer()
    journal = TimedJournal(MemoryJournal(), timer)
    for step in steps:
        if isinstance(step, Event):
            journal.append(step)
        else:
            timer.now += int(step * SECOND)
    return journal.seconds()


def test_a_node_runs_from_its_start_to_its_end() -> None:
    assert measured(2.0, events.executing("a"), 3.0, events.complete("a", {}), 5.0) == 3.0


def test_a_node_that_fails_has_run_until_then() -> None:
    assert measured(events.executing("a"), 3.0, events.failed("a", "no"), 5.0) == 3.0


def test_nodes_that_run_at_the_same_time_count_in_full() -> None:
    found = measured(
        events.executing("a"),
        1.0,
        events.executing("b"),
        1.0,
        events.complete("a", {}),
        1.0,
        events.complete("b", {}),
    )
    assert found == 4.0


def test_a_node_that_has_not_ended_counts_until_now() -> None:
    assert measured(events.executing("a"), 1.0, events.progress("a", 1, 2), 1.0) == 2.0


def test_what_never_started_takes_no_time() -> None:
    interface = events.complete(events.INTERFACE_NODE, {})
    found = measured(1.0, events.failed("a", "no input"), events.bypassed("b", {}), interface, 1.0)
    assert found == 0.0


def test_events_go_on_to_the_journal_as_they_are() -> None:
    inner = MemoryJournal()
    journal = TimedJournal(inner)
    happened = [events.executing("a"), events.complete("a", {"out": 1})]
    ticket = journal.append(*happened)
    asyncio.run(_wait(journal, ticket))
    assert (ticket, inner.events) == (2, happened)


async def _wait(journal: TimedJournal, ticket: int) -> None:
    await journal.durable(ticket)
    await journal.room()


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=8))
def test_the_sum_is_that_of_each_nodes_span(spans: list[tuple[int, int]]) -> None:
    """Whatever the nodes' order; ``spans`` are when a node starts and how long it takes."""
    timer = Timer()
    journal = TimedJournal(MemoryJournal(), timer)
    moments = [
        (start, 0, events.executing(str(number))) for number, (start, _) in enumerate(spans)
    ] + [
        (start + long, 1, events.complete(str(number), {}))
        for number, (start, long) in enumerate(spans)
    ]
    for moment, _, event in sorted(moments, key=lambda item: item[:2]):
        timer.now = moment * SECOND
        journal.append(event)
    assert journal.seconds() == sum(long for _, long in spans)
