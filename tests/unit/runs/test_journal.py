"""Group commit, and who may write."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.adapters.embedded.database import Database
from chalicelib.adapters.embedded.documents import EmbeddedDocuments
from chalicelib.adapters.embedded.run_log import EmbeddedRunLog
from chalicelib.engine import events
from chalicelib.engine.definitions import Chunk, NodeError
from chalicelib.engine.events import Event
from chalicelib.engine.node_run import chunk_events
from chalicelib.ports import Batch, Run, RunLog
from chalicelib.services.frames import batch_events
from chalicelib.services.runs.journal import MAX_BATCH_BYTES, Commit, RunJournal
from chalicelib.services.runs.spill import Spill
from chalicelib.services.tally import Tally
from tests.clock import ManualClock

RUN = Run("run-1", "ada", "queued", 0)


class SlowLog(EmbeddedRunLog):
    """A log whose appends wait until the test lets them through."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, ManualClock())
        self.before_append: Callable[[], None] = lambda: None

    def append(self, prompt_id: str, batch: Batch, *, header: Any = None) -> None:
        self.before_append()
        super().append(prompt_id, batch, header=header)


def started(database: Database) -> SlowLog:
    log = SlowLog(database)
    log.create(RUN)
    return log


def journal_on(
    log: RunLog,
    database: Database,
    executor: ThreadPoolExecutor,
    commits: list[Commit],
    writer: str = "w",
) -> RunJournal:
    spill = Spill(EmbeddedDocuments(database, ManualClock()), "ada", "run-1")
    return RunJournal(
        log,
        spill,
        executor,
        prompt_id="run-1",
        writer=writer,
        sequence=0,
        tally=Tally(),
        on_commit=commits.append,
    )


def written(database: Database, *happened: Event, at_once: bool = True) -> list[Event]:
    """What the log holds after events were appended, all in one go or one by one."""
    log = started(database)

    async def write() -> None:
        with ThreadPoolExecutor(1) as executor:
            journal = journal_on(log, database, executor, [])
            for event in happened:
                journal.append(event)
                if not at_once:
                    await journal.drain()
            await journal.drain()

    asyncio.run(write())
    return [event for batch in log.load("run-1")[1] for event in batch_events(batch)]


def text(node_id: str, content: str) -> Event:
    return events.chunk(node_id, {"type": "text_chunk", "content": content})


def test_events_that_come_while_a_commit_is_in_flight_share_the_next_one(
    database: Database,
) -> None:
    log = started(database)
    commits: list[Commit] = []

    async def write() -> None:
        entered, release = asyncio.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()

        def hold() -> None:
            log.before_append = lambda: None
            loop.call_soon_threadsafe(entered.set)
            asyncio.run_coroutine_threadsafe(release.wait(), loop).result(30)

        log.before_append = hold
        with ThreadPoolExecutor(1) as executor:
            journal = journal_on(log, database, executor, commits)
            journal.append(events.executing("n0"))
            await entered.wait()
            for number in range(1, 500):
                journal.append(events.executing(f"n{number}"))
            release.set()
            await journal.drain()

    asyncio.run(write())
    assert [(commit.first, len(commit.frames)) for commit in commits] == [(1, 1), (2, 499)]


def test_texts_of_one_node_that_wait_together_are_joined(database: Database) -> None:
    found = written(database, text("a", "1"), text("b", "x"), text("a", "2"), text("a", "3"))
    assert [event.payload for event in found] == [
        text("a", "123").payload,
        text("b", "x").payload,
    ]


def test_what_consumers_saw_of_joined_and_cut_texts_is_not_forgotten(database: Database) -> None:
    long = chunk_events("a", Chunk("text_chunk", "x" * 9000))
    found = written(
        database, events.executing("a"), text("a", "1"), text("a", "23"), *long, text("a", "4")
    )
    contents = [chunk["content"] for chunk in events.fold(found).nodes["a"].chunks]
    assert contents == ["1", "23", "x" * 9000, "4"]


def test_a_text_does_not_move_before_another_kind_of_chunk_of_its_node(database: Database) -> None:
    call = events.chunk("a", {"type": "tool_call_chunk", "content": {}})
    found = written(database, text("a", "1"), call, text("a", "2"), text("a", "3"))
    assert [event.payload for event in found] == [
        item.payload for item in (text("a", "1"), call, text("a", "23"))
    ]


def test_of_a_nodes_progress_only_the_latest_that_waits_is_kept(database: Database) -> None:
    found = written(database, *(events.progress("a", number, 9) for number in range(10)))
    assert found == [events.progress("a", 9, 9)]


def test_batches_stay_below_the_stores_limit(database: Database) -> None:
    large = [events.complete(f"n{number}", {"out": "x" * 20_000}) for number in range(60)]
    assert written(database, *large) == large
    batches = EmbeddedRunLog(database, ManualClock()).load("run-1")[1]
    assert len(batches) > 1
    assert max(len(batch.events) for batch in batches) <= MAX_BATCH_BYTES


def test_events_of_one_call_are_never_split_between_commits(database: Database) -> None:
    log = started(database)

    async def write() -> None:
        with ThreadPoolExecutor(1) as executor:
            journal = journal_on(log, database, executor, [])
            for number in range(60):
                name = f"n{number}"
                journal.append(
                    events.complete(name, {"out": "x" * 20_000}),
                    events.chunk(name, events.STREAM_ENDED, last=True),
                )
            await journal.drain()

    asyncio.run(write())
    for batch in log.load("run-1")[1]:
        kinds = [event.type for event in batch_events(batch)]
        assert kinds.count(events.COMPLETE) == kinds.count(events.YIELD)


def test_a_value_that_is_no_json_is_refused_and_nothing_of_the_call_is_taken(
    database: Database,
) -> None:
    log = started(database)

    async def write() -> None:
        with ThreadPoolExecutor(1) as executor:
            journal = journal_on(log, database, executor, [])
            with pytest.raises(NodeError):
                journal.append(events.executing("n"), events.complete("n", {"out": {1, 2}}))
            await journal.drain()

    asyncio.run(write())
    assert log.load("run-1")[1] == []


def test_numbers_that_json_does_not_know_survive_in_the_log_and_are_null_in_frames(
    database: Database,
) -> None:
    log = started(database)
    commits: list[Commit] = []

    async def write() -> None:
        with ThreadPoolExecutor(1) as executor:
            journal = journal_on(log, database, executor, commits)
            journal.append(events.complete("n", {"out": float("inf")}))
            await journal.drain()

    asyncio.run(write())
    assert '"out":null' in commits[0].frames[0]
    event = batch_events(log.load("run-1")[1][0])[0]
    assert event.payload["output"]["out"] == float("inf")


def test_a_failing_store_is_told_to_whoever_waits_for_the_journal(database: Database) -> None:
    log = started(database)

    def fail() -> None:
        raise OSError("the disk is gone")

    log.before_append = fail

    async def write() -> None:
        with ThreadPoolExecutor(1) as executor:
            journal = journal_on(log, database, executor, [])
            journal.append(events.executing("n"))
            await journal.drain()
            with pytest.raises(OSError, match="gone"):
                await journal.lost

    asyncio.run(write())


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("xy"), st.integers(1, 4), st.booleans()), max_size=12))
def test_of_two_workers_on_one_run_one_wins_and_its_events_are_whole_and_in_order(
    steps: list[tuple[str, int, bool]],
) -> None:
    """Two workers append in any interleaving; the first to commit keeps the run."""
    database = Database(None)
    log = started(database)
    told: dict[str, list[Commit]] = {"x": [], "y": []}
    wanted: dict[str, list[Event]] = {"x": [], "y": []}

    async def write() -> None:
        with ThreadPoolExecutor(2) as executor:
            journals = {
                name: journal_on(log, database, executor, told[name], writer=name) for name in "xy"
            }
            for name, count, wait in steps:
                for _ in range(count):
                    event = events.executing(f"{name}{len(wanted[name])}")
                    wanted[name].append(event)
                    journals[name].append(event)
                if wait:
                    await journals[name].drain()
            for journal in journals.values():
                await journal.drain()

    asyncio.run(write())
    batches = log.load("run-1")[1]
    found = [event for batch in batches for event in batch_events(batch)]
    writers = {batch.writer for batch in batches}
    assert len(writers) <= 1
    for winner in writers:
        assert found == wanted[winner]
        assert sum(len(commit.frames) for commit in told[winner]) == len(found)
    for loser in {"x", "y"} - writers:
        assert told[loser] == []
    assert [batch.first for batch in batches] == [
        1 + sum(batch.count for batch in batches[:place]) for place in range(len(batches))
    ]
    database.close()
