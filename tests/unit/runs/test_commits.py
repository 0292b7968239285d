"""When commits are made, and how much one holds."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

from chalicelib.adapters.embedded.database import Database
from chalicelib.adapters.embedded.documents import EmbeddedDocuments
from chalicelib.adapters.embedded.run_log import EmbeddedRunLog
from chalicelib.engine import events
from chalicelib.ports import Run
from chalicelib.services.runs.journal import FIRST_COMMITS, MAX_BATCH_BYTES, Commit, RunJournal
from chalicelib.services.runs.spill import Spill
from chalicelib.services.tally import Tally
from tests.clock import ManualClock

_FAR = 3600.0


def journal_on(
    database: Database,
    executor: ThreadPoolExecutor,
    on_commit: Callable[[Commit], None],
    pause: float,
    first_pause: float,
) -> RunJournal:
    log = EmbeddedRunLog(database, ManualClock())
    log.create(Run("run-1", "ada", "queued", 0))
    return RunJournal(
        log,
        Spill(EmbeddedDocuments(database, ManualClock()), "ada", "run-1"),
        executor,
        prompt_id="run-1",
        writer="w",
        sequence=0,
        tally=Tally(),
        on_commit=on_commit,
        pause=pause,
        first_pause=first_pause,
    )


def committed(database: Database, then: Callable[[RunJournal], Awaitable[None]]) -> list[int]:
    """How many events each commit held: one event, others a little later, then ``then``."""
    counts: list[int] = []

    async def write() -> None:
        first = asyncio.Event()

        def note(commit: Commit) -> None:
            counts.append(len(commit.frames))
            first.set()

        with ThreadPoolExecutor(1) as executor:
            journal = journal_on(database, executor, note, _FAR, _FAR)
            journal.append(events.executing("n0"))
            await first.wait()
            for number in range(1, 4):
                journal.append(events.executing(f"n{number}"))
                await journal.room()
            await then(journal)
            await journal.drain()

    asyncio.run(write())
    return counts


async def at_the_end(journal: RunJournal) -> None:
    """Nobody waits before the end."""


async def for_durability(journal: RunJournal) -> None:
    await journal.durable(journal.append(events.executing("n4")))
    journal.append(events.executing("n5"))


def test_events_soon_after_a_commit_gather_for_the_next(database: Database) -> None:
    assert committed(database, at_the_end) == [1, 3]


def test_who_needs_an_event_to_be_durable_does_not_wait_for_the_pause(database: Database) -> None:
    assert committed(database, for_durability) == [1, 4, 1]


def test_the_first_commits_of_a_run_do_not_wait_for_the_long_pause(database: Database) -> None:
    counts: list[int] = []

    async def write() -> None:
        committed = asyncio.Event()

        def note(commit: Commit) -> None:
            counts.append(len(commit.frames))
            committed.set()

        with ThreadPoolExecutor(1) as executor:
            journal = journal_on(database, executor, note, _FAR, 0.0)
            for number in range(FIRST_COMMITS + 1):
                committed.clear()
                journal.append(events.executing(f"n{number}"))
                await committed.wait()
            for number in range(3):
                journal.append(events.executing(f"late{number}"))
                await journal.room()
            await journal.drain()

    asyncio.run(write())
    assert counts == [1] * (FIRST_COMMITS + 1) + [3]


def test_texts_of_many_small_pieces_stay_below_the_stores_limit(database: Database) -> None:
    """How a joined text was cut is stored with it, and takes more room than the text."""

    async def write() -> None:
        with ThreadPoolExecutor(1) as executor:
            journal = journal_on(database, executor, lambda _commit: None, 0.0, 0.0)
            for number in range(100_000):
                content = {"type": "text_chunk", "content": str(number % 10)}
                journal.append(events.chunk("n", content))
            await journal.drain()

    asyncio.run(write())
    _, batches = EmbeddedRunLog(database, ManualClock()).load("run-1")
    assert max(len(batch.events) for batch in batches) <= MAX_BATCH_BYTES
