"""What every RunLog does."""

from dataclasses import replace

import pytest

from chalicelib import json_text
from chalicelib.errors import Conflict, InvalidInput, LogMovedOn, NotFound, TooLarge
from chalicelib.ports import Batch, Run, RunLog
from tests.contracts.conftest import Ports
from tests.contracts.runs import NOW, a_batch, a_key, a_run

FULL = Run(
    prompt_id="run-1",
    owner="ada",
    status="running",
    submitted_at=NOW,
    payload='{"nodes":[],"name":"Märchen 🐉"}',
    payload_key="runs/ada/run-1/payload.json",
    workflow_name="Märchen",
    started_at=NOW + 1,
    completed_at=NOW + 2,
    lease_until=1_800_000_030.25,
    writer="worker-1",
    dispatched=True,
    attempts=2,
    published=7,
    expires_at=1_900_000_000,
)
HOSTILE_IDS = ["", "x" * 1025, "half \ud800"]


def test_an_unknown_run_is_not_found(log: RunLog) -> None:
    with pytest.raises(NotFound):
        log.load("run-1")
    with pytest.raises(NotFound):
        log.header("run-1")


@pytest.mark.parametrize(
    "run",
    [FULL, a_run(), replace(FULL, format=7)],
    ids=["every field", "few fields", "another format"],
)
def test_a_run_reads_as_it_was_created(log: RunLog, run: Run) -> None:
    log.create(run)
    assert log.header("run-1") == run
    assert log.load("run-1") == (run, [])


def test_a_run_is_created_with_its_first_events(log: RunLog) -> None:
    log.create(a_run(), a_batch(1, 3))
    assert log.load("run-1") == (a_run(), [a_batch(1, 3)])


def test_batches_keep_the_formats_that_their_writers_gave_them(log: RunLog) -> None:
    older, newer = replace(a_batch(1), format=1), replace(a_batch(2), format=9)
    log.create(a_run(), older)
    log.append("run-1", newer)
    assert log.load("run-1")[1] == log.tail("run-1", 0) == [older, newer]


def test_active_runs_are_listed_with_their_formats(log: RunLog) -> None:
    log.create(replace(a_run(), format=7))
    assert [run.format for run in log.active()] == [7]


def test_the_same_events_in_another_format_are_another_batch(log: RunLog) -> None:
    log.create(a_run(), a_batch(1))
    with pytest.raises(LogMovedOn):
        log.append("run-1", replace(a_batch(1), format=9))


def test_a_prompt_id_in_use_is_a_conflict(log: RunLog) -> None:
    log.create(a_run(), a_batch(1))
    with pytest.raises(Conflict):
        log.create(a_run(owner="bob"))
    with pytest.raises(Conflict):
        log.create(a_run(), a_batch(1, writer="other"), a_key())
    assert log.load("run-1") == (a_run(), [a_batch(1)])


def test_creating_the_same_run_twice_is_a_conflict(log: RunLog) -> None:
    log.create(a_run())
    with pytest.raises(Conflict):
        log.create(a_run())


def test_a_key_in_use_gives_its_row_and_writes_nothing(log: RunLog) -> None:
    assert log.create(a_run(), a_batch(1), a_key()) is None
    assert log.create(a_run("run-2"), a_batch(1), a_key("run-2", digest="d2")) == a_key()
    with pytest.raises(NotFound):
        log.header("run-2")
    assert log.tail("run-2", 0) == []


def test_a_conflict_does_not_take_the_key(log: RunLog) -> None:
    log.create(a_run())
    with pytest.raises(Conflict):
        log.create(a_run(), idempotency=a_key())
    assert log.create(a_run("run-2"), idempotency=a_key("run-2")) is None


def test_keys_belong_to_their_owner(log: RunLog) -> None:
    log.create(a_run(), idempotency=a_key())
    other = replace(a_key("run-2"), owner="bob")
    assert log.create(a_run("run-2", owner="bob"), idempotency=other) is None


def test_a_key_is_free_again_after_its_expiry(ports: Ports) -> None:
    expiring = replace(a_key(), expires_at=int(ports.clock.now()) + 10)
    ports.log.create(a_run(), idempotency=expiring)
    ports.clock.advance(10)
    assert ports.log.create(a_run("run-2"), idempotency=a_key("run-2")) is None
    assert ports.log.create(a_run("run-3"), idempotency=a_key("run-3")) == a_key("run-2")


def test_the_log_loads_in_order(log: RunLog) -> None:
    log.create(a_run(), a_batch(1, 2))
    for first in range(3, 13):
        log.append("run-1", a_batch(first))
    assert [batch.first for batch in log.load("run-1")[1]] == [1, *range(3, 13)]


def test_a_log_of_many_megabytes_loads_whole(log: RunLog) -> None:
    log.create(a_run())
    batches = [Batch(first, 1, json_text.dumps(["x" * 350_000]), "w") for first in range(1, 9)]
    for batch in batches:
        log.append("run-1", batch)
    assert log.load("run-1") == (a_run(), batches)
    assert log.tail("run-1", 0) == batches


@pytest.mark.parametrize(
    ("after", "firsts"),
    [(0, [1, 4, 5]), (1, [1, 4, 5]), (2, [1, 4, 5]), (3, [4, 5]), (4, [5]), (6, [5]), (7, [])],
)
def test_a_tail_has_the_batches_with_later_events(
    log: RunLog, after: int, firsts: list[int]
) -> None:
    log.create(a_run(), a_batch(1, 3))
    log.append("run-1", a_batch(4))
    log.append("run-1", a_batch(5, 3))
    assert [batch.first for batch in log.tail("run-1", after)] == firsts


def test_a_long_tail_is_whole(log: RunLog) -> None:
    log.create(a_run())
    for first in range(1, 21):
        log.append("run-1", a_batch(first))
    assert log.tail("run-1", 3) == [a_batch(first) for first in range(4, 21)]


def test_an_unknown_run_has_no_tail(log: RunLog) -> None:
    assert log.tail("run-1", 0) == []


def test_a_taken_sequence_is_refused_and_changes_nothing(log: RunLog) -> None:
    log.create(a_run(), a_batch(1))
    with pytest.raises(LogMovedOn):
        log.append("run-1", a_batch(1, writer="zombie"), header={"status": "error"})
    assert log.load("run-1") == (a_run(), [a_batch(1)])


def test_other_events_of_the_same_writer_are_refused(log: RunLog) -> None:
    log.create(a_run(), a_batch(1))
    with pytest.raises(LogMovedOn):
        log.append("run-1", a_batch(1, 2))
    with pytest.raises(LogMovedOn):
        log.append("run-1", replace(a_batch(1), events="[]"))


def test_our_own_retry_is_fine_and_changes_nothing(log: RunLog) -> None:
    log.create(a_run(), a_batch(1))
    log.append("run-1", a_batch(2), header={"attempts": 1})
    log.append("run-1", a_batch(2), header={"attempts": 9})
    log.append("run-1", a_batch(2))
    assert log.load("run-1") == (replace(a_run(), attempts=1), [a_batch(1), a_batch(2)])


def test_header_changes_ride_with_a_batch(log: RunLog) -> None:
    log.create(a_run())
    log.append(
        "run-1", a_batch(1), header={"status": "running", "writer": "w1", "lease_until": 12.5}
    )
    expected = replace(a_run(), status="running", writer="w1", lease_until=12.5)
    assert log.load("run-1") == (expected, [a_batch(1)])


def test_header_changes_of_an_unknown_run_write_nothing(log: RunLog) -> None:
    with pytest.raises(NotFound):
        log.append("run-1", a_batch(1), header={"status": "running"})
    assert log.tail("run-1", 0) == []


def test_an_update_changes_the_named_fields_only(log: RunLog) -> None:
    log.create(FULL)
    log.update("run-1", {"status": "complete", "dispatched": False, "published": 9})
    expected = replace(FULL, status="complete", dispatched=False, published=9)
    assert log.header("run-1") == expected


def test_an_update_may_take_a_field_away(log: RunLog) -> None:
    log.create(FULL)
    log.update("run-1", {"writer": None, "completed_at": None, "expires_at": None})
    expected = replace(FULL, writer=None, completed_at=None, expires_at=None)
    assert log.header("run-1") == expected


def test_an_update_of_nothing_changes_nothing(log: RunLog) -> None:
    log.create(FULL)
    log.update("run-1", {})
    assert log.header("run-1") == FULL


@pytest.mark.parametrize("changes", [{"status": "error"}, {}])
def test_an_update_of_an_unknown_run_is_not_found(log: RunLog, changes: dict[str, object]) -> None:
    with pytest.raises(NotFound):
        log.update("run-1", changes)
    with pytest.raises(NotFound):
        log.header("run-1")


@pytest.mark.parametrize(
    "field", ["prompt_id", "owner", "payload", "format", "colour", "status; --"]
)
def test_what_is_no_changeable_field_is_a_mistake(log: RunLog, field: str) -> None:
    log.create(a_run())
    with pytest.raises(ValueError, match="field of a header"):
        log.update("run-1", {field: "x"})
    with pytest.raises(ValueError, match="field of a header"):
        log.append("run-1", a_batch(1), header={field: "x"})


def test_active_runs_are_the_owners_oldest_first_and_without_payload(log: RunLog) -> None:
    newer = replace(FULL, prompt_id="newer", submitted_at=NOW + 5)
    older = replace(FULL, prompt_id="older", submitted_at=NOW, status="queued")
    for run in (newer, older, a_run("bobs", owner="bob"), a_run("done", status="complete")):
        log.create(run)
    assert log.active("ada") == [replace(older, payload=None), replace(newer, payload=None)]


def test_active_runs_of_all_are_oldest_first(log: RunLog) -> None:
    log.create(replace(a_run("third"), submitted_at=NOW + 2))
    log.create(replace(a_run("first", owner="bob"), submitted_at=NOW))
    log.create(replace(a_run("second", status="running"), submitted_at=NOW + 1))
    assert [run.prompt_id for run in log.active()] == ["first", "second", "third"]


def test_nobody_has_active_runs_at_first(log: RunLog) -> None:
    assert (log.active(), log.active("ada")) == ([], [])


@pytest.mark.parametrize("status", ["complete", "error", "interrupted"])
def test_a_run_that_ends_is_no_longer_active(log: RunLog, status: str) -> None:
    log.create(a_run("by update"))
    log.create(a_run("by append"))
    log.update("by update", {"status": status})
    log.append("by append", a_batch(1), header={"status": status})
    assert log.active("ada") == []
    assert log.active() == []


def test_a_run_stays_active_from_queued_to_running(log: RunLog) -> None:
    log.create(a_run())
    log.append("run-1", a_batch(1), header={"status": "running"})
    log.update("run-1", {"lease_until": 5.0})
    assert log.active("ada") == [replace(a_run(), status="running", lease_until=5.0)]


def test_a_run_that_runs_again_is_active_again(log: RunLog) -> None:
    log.create(a_run(status="error"))
    log.update("run-1", {"status": "queued"})
    assert [run.prompt_id for run in log.active("ada")] == ["run-1"]


def test_a_run_past_its_expiry_is_absent(ports: Ports) -> None:
    ports.log.create(a_run(status="complete"), a_batch(1))
    ports.log.update("run-1", {"expires_at": int(ports.clock.now()) + 10})
    ports.clock.advance(10)
    with pytest.raises(NotFound):
        ports.log.load("run-1")
    with pytest.raises(NotFound):
        ports.log.header("run-1")


def test_expired_rows_are_dropped_and_counted(embedded: Ports) -> None:
    log, now = embedded.log, embedded.clock.now()
    log.create(a_run("kept"), a_batch(1))
    log.create(FULL, a_batch(1), replace(a_key(), expires_at=int(now)))
    log.update("run-1", {"expires_at": int(now)})
    assert log.expire(now) == 2
    assert log.expire(now) == 0
    assert log.tail("run-1", 0) == []
    assert log.load("kept") == (a_run("kept"), [a_batch(1)])


def test_expire_drops_nothing_that_is_not_expired(ports: Ports) -> None:
    ports.log.create(FULL, a_batch(1), a_key())
    assert ports.log.expire(ports.clock.now()) == 0
    assert ports.log.load("run-1") == (FULL, [a_batch(1)])


@pytest.mark.parametrize("prompt_id", HOSTILE_IDS, ids=["empty", "long", "surrogate"])
def test_what_cannot_be_a_prompt_id_is_refused_and_found_nowhere(
    log: RunLog, prompt_id: str
) -> None:
    with pytest.raises(InvalidInput):
        log.create(a_run(prompt_id))
    with pytest.raises(InvalidInput):
        log.append(prompt_id, a_batch(1))
    for look in (log.load, log.header):
        with pytest.raises(NotFound):
            look(prompt_id)
    with pytest.raises(NotFound):
        log.update(prompt_id, {"status": "error"})
    assert log.tail(prompt_id, 0) == []


@pytest.mark.parametrize("text", ["x" * 380_001, "é" * 190_001])
def test_what_fits_no_row_is_refused(log: RunLog, text: str) -> None:
    with pytest.raises(TooLarge):
        log.create(replace(a_run(), payload=text))
    with pytest.raises(TooLarge):
        log.create(a_run(), replace(a_batch(1), events=text))
    with pytest.raises(NotFound):
        log.header("run-1")
    log.create(a_run())
    with pytest.raises(TooLarge):
        log.append("run-1", replace(a_batch(1), events=text))
