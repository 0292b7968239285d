"""Workers that die, are taken for dead, or have no more time: every file comes once."""

from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace

import pytest

from chalicelib.adapters.embedded.database import Database
from chalicelib.ports import Remove
from chalicelib.services.imports.jobs import Job
from chalicelib.services.imports.worker import (
    BUSY_TRIES,
    LEASE_SECONDS,
    MAX_LOSSES,
    MAX_TRIES,
)
from tests.unit.imports.depot import ADA, VISIBILITY_SECONDS, Depot, card, picture, plenty, zipped
from tests.unit.library.fuses import BusyIndex, Crashed, Death, FailingDocuments, Meanwhile

FILES = {
    "Ada.png": picture(1),
    "Ada.json": card("Ada Lovelace"),
    "Bob.json": card("Bob"),
    "Bob.png": picture(2),
    "broken.json": b"{",
}
LISTED = [("Ada Lovelace", "Ada.png"), ("Bob", "Bob.png")]
STATUSES = ["created", "merged", "created", "merged", "failed"]
REASON = "It was tried 5 times"


@pytest.fixture
def depot() -> Iterator[Depot]:
    with closing(Database(None)) as database:
        yield Depot.on(database)


def assert_each_file_came_once(depot: Depot, import_id: str) -> None:
    """In the lists, in the objects, and in what is told."""
    job = depot.job(import_id)
    assert (job.status, job.total, job.done) == ("complete", 5, 5)
    assert [each["status"] for each in depot.lines(import_id)] == STATUSES
    assert (job.created, job.merged, job.failed) == (2, 2, 1)
    assert depot.listed() == depot.listed_anew() == LISTED
    assert not [*depot.documents.history("imports/")]
    assert not [*depot.jobs.opened()]


@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
def test_wherever_a_worker_dies_the_next_goes_on_and_nothing_comes_twice(late: bool) -> None:
    calls = 0
    while True:
        with closing(Database(None)) as database:
            depot = Depot.on(database)
            job = depot.imports.start(ADA, zipped(FILES))
            death = Death(calls, late=late)
            try:
                depot.through(death).work()
            except Crashed:
                depot.clock.advance(VISIBILITY_SECONDS + 1)
                depot.work()
            assert_each_file_came_once(depot, job.id)
            calls += 1
        if not death.blown:
            break
    assert calls > 25


def test_a_worker_that_is_taken_for_lost_does_no_harm_wherever_it_is() -> None:
    """Another has the import at each of its calls, and does all that is left."""
    calls = 0
    while True:
        with closing(Database(None)) as database:
            depot = Depot.on(database)
            job = depot.imports.start(ADA, zipped(FILES))

            def another(depot: Depot = depot, import_id: str = job.id) -> None:
                depot.worker.work(ADA, import_id, redelivered=True, time_left=lambda: 800.0)

            meanwhile = Meanwhile(calls, another)
            depot.through(meanwhile).work()
            assert_each_file_came_once(depot, job.id)
            calls += 1
        if not meanwhile.blown:
            break
    assert calls > 25


def test_whoever_notes_that_it_was_sent_does_not_stop_its_worker() -> None:
    """The message may be there before the note."""
    for calls in range(8):
        with closing(Database(None)) as database:
            depot = Depot.on(database)
            job = depot.jobs.open(ADA, "0" * 22, 5)
            depot.documents.put(job.key, zipped(FILES))
            noted = replace(job, sent_at=depot.clock.now())

            def note(depot: Depot = depot, job: Job = job, noted: Job = noted) -> None:
                depot.jobs.replace(job, noted)

            fused = depot.through(Meanwhile(calls, note))
            fused.worker.work(ADA, job.id, redelivered=False, time_left=plenty)
            assert_each_file_came_once(depot, job.id)


def test_a_file_that_others_kept_from_being_listed_is_tried_again(depot: Depot) -> None:
    """Many imports of a user's meet at the row that counts what he keeps."""
    job = depot.imports.start(ADA, zipped(FILES))
    replace(depot, index=BusyIndex(depot.index, BUSY_TRIES - 1)).work()
    assert_each_file_came_once(depot, job.id)


def test_a_file_that_never_comes_to_its_turn_is_told_of(depot: Depot) -> None:
    job = depot.imports.start(ADA, zipped(FILES))
    replace(depot, index=BusyIndex(depot.index, BUSY_TRIES)).work()
    assert depot.lines(job.id)[0]["status"] == "failed"
    assert depot.listed() == depot.listed_anew()


def test_a_store_that_fails_is_no_fault_of_the_files(depot: Depot) -> None:
    """The next worker has them."""
    job = depot.imports.start(ADA, zipped({**FILES, "large.png": bytes(9_000_000)}))
    documents = FailingDocuments(depot.documents, Death(1_000_000, late=False))
    failing = replace(depot, documents=documents)

    def after_it_was_opened() -> float:
        documents.failing = True
        return plenty()

    with pytest.raises(ConnectionError):
        failing.work(time_left=after_it_was_opened)
    assert "failed" not in {each["status"] for each in depot.lines(job.id)}
    depot.clock.advance(VISIBILITY_SECONDS + 1)
    depot.work()
    assert [each["status"] for each in depot.lines(job.id)] == [*STATUSES, "failed"]
    assert depot.listed() == LISTED


def test_two_deliveries_of_one_message_are_one_import(depot: Depot) -> None:
    """The second comes while the first is held."""
    job = depot.imports.start(ADA, zipped(FILES))
    seen = []

    def while_it_is_held() -> float:
        depot.worker.work(ADA, job.id, redelivered=False, time_left=lambda: 800.0)
        seen.append(depot.job(job.id).writer)
        return 800.0

    depot.work(time_left=while_it_is_held)
    assert len(set(seen)) == 1
    assert_each_file_came_once(depot, job.id)


def test_a_worker_without_time_hands_over_and_none_is_taken_for_lost(depot: Depot) -> None:
    job = depot.imports.start(ADA, zipped(FILES))
    left = iter([800.0, 800.0, 0.0, 800.0, 800.0, 0.0, *[800.0] * 10])
    assert depot.work(time_left=lambda: next(left)) == 3
    assert depot.job(job.id).losses == 0
    assert_each_file_came_once(depot, job.id)


def test_what_an_archive_leaves_out_is_told_and_counted_once_however_many_workers_it_takes(
    depot: Depot,
) -> None:
    job = depot.imports.start(ADA, zipped({"../Eve.json": card("Eve"), **FILES}))
    left = iter([800.0, 0.0, *[800.0] * 10])
    assert depot.work(time_left=lambda: next(left)) == 2
    ended = depot.job(job.id)
    assert (ended.total, ended.done, ended.skipped) == (6, 6, 1)
    assert [each["status"] for each in depot.lines(job.id)] == [*STATUSES, "skipped"]


def test_who_has_lost_an_import_leaves_it_to_whoever_holds_it(depot: Depot) -> None:
    job = depot.imports.start(ADA, zipped(FILES))

    def another_takes_it() -> float:
        held = depot.job(job.id)
        depot.jobs.replace(held, replace(held, writer="another"))
        depot.clock.advance(2)  # it is noted how far it is
        return 800.0

    depot.work(time_left=another_takes_it)
    left = depot.job(job.id)
    assert (left.status, left.writer) == ("running", "another")
    assert depot.ending.is_held(ADA)


def test_nobody_is_at_an_import_that_has_ended(depot: Depot) -> None:
    """Who erases its user waits for no lease."""
    depot.imports.start(ADA, zipped(FILES))
    held = []

    def looked() -> float:
        held.append(depot.ending.is_held(ADA))
        return 800.0

    depot.work(time_left=looked)
    assert held == [True] * 5
    assert not depot.ending.is_held(ADA)


def test_who_hands_over_after_another_was_lost_does_not_count_as_lost(depot: Depot) -> None:
    """A file is left out for what kills workers, not for the want of time at it."""
    job = depot.imports.start(ADA, zipped(FILES))
    message = depot.queue.receive()
    assert message is not None
    depot.queue.delete(message.receipt)
    crash_at_the_first_file(depot, job.id)
    depot.clock.advance(LEASE_SECONDS + 1)
    depot.ending.sweep()
    left = iter([*[0.0] * MAX_TRIES, *[800.0] * 10])
    assert depot.work(time_left=lambda: next(left)) == MAX_TRIES + 1
    assert depot.job(job.id).losses == 1
    assert_each_file_came_once(depot, job.id)


def crash_at_the_first_file(depot: Depot, import_id: str) -> None:
    """A worker is killed there; nobody hears of it."""

    def killed() -> float:
        raise Crashed

    with pytest.raises(Crashed):
        depot.worker.work(ADA, import_id, redelivered=False, time_left=killed)


def test_the_sweeper_has_a_lost_import_go_on(depot: Depot) -> None:
    job = depot.imports.start(ADA, zipped(FILES))
    message = depot.queue.receive()
    assert message is not None
    crash_at_the_first_file(depot, job.id)
    depot.queue.delete(message.receipt)
    assert depot.ending.sweep() == 0
    depot.clock.advance(LEASE_SECONDS + 1)
    assert depot.ending.sweep() == 1
    assert depot.ending.sweep() == 0
    assert depot.work() == 1
    assert_each_file_came_once(depot, job.id)


def test_the_sweeper_sends_what_was_never_sent(depot: Depot) -> None:
    """The process that took it in died on the way to the queue."""
    archive = zipped(FILES)
    job = depot.jobs.open(ADA, "0" * 22, 5)
    depot.documents.put(job.key, archive)
    assert depot.ending.sweep(grace=5) == 0
    depot.clock.advance(200)
    assert depot.ending.sweep(grace=5) == 1
    assert depot.ending.sweep(grace=5) == 0
    depot.work()
    assert_each_file_came_once(depot, job.id)


def test_the_sweeper_sends_again_what_was_lost_on_its_way(depot: Depot) -> None:
    """Nobody has had its message for six hours: a restore of the tables has lost it, say."""
    job = depot.imports.start(ADA, zipped(FILES))
    message = depot.queue.receive()
    assert message is not None
    depot.queue.delete(message.receipt)
    depot.clock.advance(6 * 3600 - 1)
    assert depot.ending.sweep() == 0
    depot.clock.advance(1)
    assert depot.ending.sweep() == 1
    assert depot.ending.sweep() == 0
    depot.work()
    assert_each_file_came_once(depot, job.id)


def test_an_open_row_without_an_import_goes_and_keeps_none_from_the_sweeper(depot: Depot) -> None:
    """The rows of imports go with time, the one of the import before its open row, say."""
    gone = depot.jobs.open(ADA, "0" * 22, 5)
    other = depot.jobs.open("bob", "1" * 22, 5)
    depot.index.write(Remove(f"{ADA}#imports", gone.id))
    assert depot.ending.sweep(grace=0) == 2
    assert [*depot.jobs.opened()] == [("bob", other.id)]
    assert depot.queue.receive() is not None


def test_at_a_start_nothing_waits(depot: Depot) -> None:
    job = depot.jobs.open(ADA, "0" * 22, 5)
    depot.documents.put(job.key, zipped(FILES))
    assert depot.ending.sweep(grace=0) == 1
    depot.work()
    assert_each_file_came_once(depot, job.id)


def test_the_sweeper_clears_away_what_the_end_of_an_import_has_left(depot: Depot) -> None:
    job = depot.imports.start(ADA, zipped(FILES))
    depot.work()
    left = depot.jobs.open(ADA, "1" * 22, 5)
    depot.documents.put(left.key, b"left")
    assert depot.jobs.replace(left, replace(left, status="complete")) is not None
    assert depot.ending.sweep() == 1
    assert_each_file_came_once(depot, job.id)


def test_a_file_that_kills_every_worker_is_left_out_and_the_others_come(depot: Depot) -> None:
    job = depot.imports.start(ADA, zipped(FILES))
    for _ in range(MAX_TRIES):
        crash_at_the_first_file(depot, job.id)
        depot.clock.advance(LEASE_SECONDS + 1)
        depot.ending.sweep()
    depot.work()
    ended = depot.job(job.id)
    assert (ended.status, ended.created, ended.failed) == ("complete", 2, 2)
    first, *_ = depot.lines(job.id)
    assert (first["file"], first["status"]) == ("Ada.png", "failed")
    assert "given up" in first["error"]


def test_an_import_that_always_loses_its_worker_ends_in_error(depot: Depot) -> None:
    files = {f"{number}.json": card(str(number)) for number in range(MAX_LOSSES)}
    job = depot.imports.start(ADA, zipped(files))

    def killed() -> float:
        raise Crashed

    while not depot.job(job.id).has_ended:
        with suppress(Crashed):  # the last one ends it
            depot.worker.work(ADA, job.id, redelivered=True, time_left=killed)
    ended = depot.job(job.id)
    assert ended.status == "error"
    assert ended.message == f"It was given up: its worker was lost {MAX_LOSSES} times"
    assert not [*depot.jobs.opened()]


def test_a_dead_letter_ends_its_import(depot: Depot, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("WARNING")
    depot.connect()
    job = depot.imports.start(ADA, zipped(FILES))
    depot.ending.dead_letter(ADA, job.id, REASON)
    ended = depot.job(job.id)
    assert (ended.status, ended.message) == ("error", REASON)
    assert not [*depot.documents.history("imports/")]
    assert depot.sockets.frames(ADA)[-1]["payload"]["status"] == "error"
    assert [vars(each)["importId"] for each in caplog.records] == [job.id]
    depot.ending.dead_letter(ADA, job.id, "again")
    depot.ending.dead_letter(ADA, "unknown", REASON)
    assert depot.job(job.id).message == REASON


def test_a_dead_letter_leaves_an_import_alone_that_another_delivery_works_on(depot: Depot) -> None:
    job = depot.imports.start(ADA, zipped(FILES))

    def dead() -> float:
        depot.ending.dead_letter(ADA, job.id, REASON)
        return 800.0

    depot.work(time_left=dead)
    assert_each_file_came_once(depot, job.id)
