"""What is counted of runs, and that each thing is counted once."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.adapters.embedded.database import Database
from chalicelib.adapters.embedded.run_log import EmbeddedRunLog
from chalicelib.engine import events
from chalicelib.engine.definitions import Context, Inputs
from chalicelib.ports import Batch, RunLog
from chalicelib.services.frames import event_batch
from chalicelib.services.runs.executions import Executions, Limits
from chalicelib.services.runs.runner import Parts, Runner
from tests.builders import Types, node, node_type, payload
from tests.world import ADA, Gate, World, make_world

STATUSES = ("complete", "error", "interrupted")


def total(inputs: Inputs, _context: Context) -> dict[str, Any]:
    return {"out": inputs.get("a", 0) + inputs.get("b", 0)}


def fail(_inputs: Inputs, _context: Context) -> dict[str, Any]:
    raise ValueError("as asked")


class ContestedLog(EmbeddedRunLog):
    """A log in which ``rival`` may append something before what is appended."""

    def __init__(self, database: Database, world: World) -> None:
        super().__init__(database, world.clock)
        self.rival: Callable[[Batch], Batch | None] = lambda _batch: None

    def append(self, prompt_id: str, batch: Batch, *, header: Any = None) -> None:
        first = self.rival(batch)
        if first is not None:
            super().append(prompt_id, first)
        super().append(prompt_id, batch, header=header)


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def world(database: Database, gate: Gate) -> World:
    types = Types(
        add=node_type("add", total, inline=True),
        fail=node_type("fail", fail),
        gate=node_type("gate", gate.code),
    )
    return make_world(types, database)


@pytest.fixture
def contested(database: Database, world: World) -> ContestedLog:
    return ContestedLog(database, world)


SUM = payload([node("n", "add", inputs={"a": 1, "b": 2})])
GATED = payload([node("g", "gate")])


def ended(world: World) -> dict[str, float]:
    """How many runs were counted as ended, by status."""
    found = {status: world.metrics.total("RunsEnded", status) for status in STATUSES}
    return {status: count for status, count in found.items() if count}


def runner_on(world: World, log: RunLog) -> Runner:
    return Runner(
        Parts(
            log=log,
            documents=world.documents,
            dispatch=world.dispatch,
            connections=world.connections,
            ending=world.ending,
            types=world.types,
            clock=world.clock,
            metrics=world.metrics,
        )
    )


def lose(world: World, prompt_id: str, **header: Any) -> None:
    """A worker claims a run and is never heard of again; its message is gone, too."""
    message = world.queue.receive()
    assert message is not None
    world.queue.delete(message.receipt)
    last = max((batch.last for batch in world.log.load(prompt_id)[1]), default=0)
    world.log.append(prompt_id, event_batch(last + 1, events.status("running"), "lost"))
    changes = {"status": "running", "writer": "lost", "lease_until": world.clock.now() + 30}
    world.log.update(prompt_id, {**changes, **header})


def test_a_workers_turn_is_one_report_that_names_its_run(world: World) -> None:
    world.connect("c1")
    prompt_id = world.submit(SUM)
    world.work()
    assert [report.prompt_id for report in world.metrics.reports] == [prompt_id]


def test_a_run_is_counted_as_started_and_as_ended_once(world: World) -> None:
    world.submit(SUM)
    world.work()
    assert world.metrics.total("RunsStarted") == 1
    assert ended(world) == {"complete": 1}


def test_a_run_whose_node_fails_ends_in_error(world: World) -> None:
    world.submit(payload([node("f", "fail")]))
    world.work()
    assert ended(world) == {"error": 1}


def test_a_run_waits_from_its_submission_to_its_first_start(world: World) -> None:
    world.submit(SUM)
    world.clock.advance(2.5)
    world.work()
    assert world.metrics.values("QueueWait") == [2500]


def test_a_clock_that_went_back_makes_no_negative_wait(world: World) -> None:
    prompt_id = world.submit(SUM)
    world.clock.advance(-10)
    world.runner().run(prompt_id, redelivered=False, time_left=lambda: 800)
    assert world.metrics.values("QueueWait") == [0]


def test_a_run_that_is_handed_over_starts_and_waits_once(world: World, gate: Gate) -> None:
    world.submit(GATED)
    message = world.queue.receive()
    assert message is not None
    world.deliver(message, world.runner(), seconds=0)
    gate.open.set()
    world.clock.advance(5)
    world.work()
    assert len(world.metrics.values("NodeSeconds")) == 2  # two turns
    assert world.metrics.total("RunsStarted") == 1
    assert world.metrics.values("QueueWait") == [0]
    assert ended(world) == {"complete": 1}


def test_a_takeover_from_a_lost_worker_is_no_start(world: World) -> None:
    prompt_id = world.submit(SUM)
    lose(world, prompt_id)
    world.runner().run(prompt_id, redelivered=True, time_left=lambda: 800)
    assert world.metrics.total("RunsStarted") == 0
    assert world.metrics.values("QueueWait") == []
    assert ended(world) == {"complete": 1}


def test_a_delivery_that_leaves_a_run_alone_reports_nothing(world: World) -> None:
    prompt_id = world.submit(SUM)
    lose(world, prompt_id)
    world.runner().run(prompt_id, redelivered=False, time_left=lambda: 800)
    assert world.metrics.reports == []


def test_every_append_of_a_turn_is_counted_with_its_events(world: World) -> None:
    prompt_id = world.submit(SUM)
    world.work()
    sizes = [batch.count for batch in world.log.load(prompt_id)[1]]
    assert world.metrics.total("Appends") == len(sizes)
    assert world.metrics.values("EventsPerAppend") == sizes


def test_a_claim_that_lost_to_another_writer_is_a_conflict(
    world: World, contested: ContestedLog
) -> None:
    prompt_id = world.submit(SUM)
    interrupts = [event_batch(1, events.status("interrupted"), "rival")]
    contested.rival = lambda _batch: interrupts.pop() if interrupts else None
    runner_on(world, contested).run(prompt_id, redelivered=False, time_left=lambda: 800)
    assert world.metrics.total("AppendConflicts") == 1
    assert world.metrics.total("RunsStarted") == 0
    assert ended(world) == {}  # the rival counts it


def test_a_commit_that_lost_to_another_writer_is_a_conflict(
    world: World, contested: ContestedLog
) -> None:
    prompt_id = world.submit(SUM)

    def interrupt(batch: Batch) -> Batch | None:
        ended = event_batch(2, events.status("interrupted"), "rival")
        return ended if batch.first == 2 else None

    contested.rival = interrupt
    runner_on(world, contested).run(prompt_id, redelivered=False, time_left=lambda: 800)
    assert world.metrics.total("AppendConflicts") == 1
    assert world.metrics.values("EventsPerAppend") == [1]  # its claim
    assert ended(world) == {}  # the rival counts it


def test_a_turn_that_fails_is_reported_all_the_same(world: World, contested: ContestedLog) -> None:
    prompt_id = world.submit(SUM)

    def break_down(batch: Batch) -> Batch | None:
        if batch.first == 2:
            raise OSError("the disk is gone")
        return None

    contested.rival = break_down
    with pytest.raises(OSError, match="gone"):
        runner_on(world, contested).run(prompt_id, redelivered=False, time_left=lambda: 800)
    assert world.metrics.total("RunsStarted") == 1
    assert world.metrics.total("AppendConflicts") == 0
    assert ended(world) == {}


def test_an_interrupted_queued_run_has_ended_once_and_never_started(world: World) -> None:
    prompt_id = world.submit(SUM)
    world.executions.interrupt(ADA, prompt_id)
    world.work()
    assert ended(world) == {"interrupted": 1}
    assert world.metrics.total("RunsStarted") == 0
    assert [report.prompt_id for report in world.metrics.reports] == [prompt_id]


def test_an_interrupted_running_run_has_ended_once(world: World, gate: Gate) -> None:
    world.connect("c1")
    prompt_id = world.submit(GATED)
    worker = threading.Thread(target=world.work)
    worker.start()
    assert gate.entered.wait(timeout=30)
    world.executions.interrupt(ADA, prompt_id)
    worker.join(timeout=30)
    gate.open.set()
    assert ended(world) == {"interrupted": 1}
    assert world.metrics.total("RunsStarted") == 1


def test_an_interrupt_that_met_another_writer_is_no_conflict(
    world: World, contested: ContestedLog
) -> None:
    prompt_id = world.submit(SUM)
    claims = [event_batch(1, events.status("running"), "rival")]
    contested.rival = lambda _batch: claims.pop() if claims else None
    executions = Executions(
        log=contested,
        documents=world.documents,
        dispatch=world.dispatch,
        connections=world.connections,
        archive=world.archive,
        ending=world.ending,
        clock=world.clock,
        metrics=world.metrics,
        limits=Limits(concurrent_runs=1),
    )
    executions.interrupt(ADA, prompt_id)
    assert claims == []
    assert ended(world) == {"interrupted": 1}
    assert world.metrics.total("AppendConflicts") == 0


def test_a_run_that_the_sweeper_gives_up_has_ended_once_in_error(world: World) -> None:
    prompt_id = world.submit(SUM)
    lose(world, prompt_id, lease_until=0.0, attempts=5)
    world.sweeper.sweep()
    world.sweeper.sweep()
    assert ended(world) == {"error": 1}


def test_all_that_a_sweep_did_is_one_report(world: World) -> None:
    for _ in range(3):
        prompt_id = world.submit(SUM)
        lose(world, prompt_id, lease_until=0.0)
    world.sweeper.sweep()
    assert [report.values("RunsRequeued") for report in world.metrics.reports] == [[3]]


def test_a_sweep_that_found_nothing_reports_nothing(world: World) -> None:
    world.sweeper.sweep()
    assert world.metrics.reports == []


def test_a_run_that_was_queued_again_is_counted_once(world: World) -> None:
    prompt_id = world.submit(SUM)
    lose(world, prompt_id, lease_until=0.0)
    world.sweeper.sweep()
    world.sweeper.sweep()
    assert world.metrics.total("RunsRequeued") == 1


def test_a_dead_letter_is_counted_and_its_run_has_ended_in_error(world: World) -> None:
    prompt_id = world.submit(SUM)
    world.sweeper.dead_letter(prompt_id, "It was tried too often")
    assert world.metrics.total("DeadLetters") == 1
    assert ended(world) == {"error": 1}


def test_a_dead_letter_of_a_run_that_has_ended_ends_nothing(world: World) -> None:
    prompt_id = world.submit(SUM)
    world.work()
    world.sweeper.dead_letter(prompt_id, "It was tried too often")
    assert world.metrics.total("DeadLetters") == 1
    assert ended(world) == {"complete": 1}


def test_frames_are_counted_for_every_socket_that_took_them(world: World) -> None:
    world.connect("single")
    world.connect("batched", batched=True)
    world.submit(SUM)
    world.work()
    taken = sum(len(world.sockets.frames(name)) for name in ("single", "batched"))
    assert world.metrics.total("FramesSent") == taken > 0


def test_frames_that_the_api_sends_are_counted_too(world: World) -> None:
    prompt_id = world.submit(SUM)
    world.work()
    connection = world.connect("late")
    world.executions.follow(ADA, prompt_id, connection, 0)
    assert world.metrics.total("FramesSent") == len(world.sockets.frames("late")) > 0


def test_a_socket_that_takes_nothing_has_failed_once(world: World) -> None:
    world.connect("stalled")
    world.sockets.stalled.add("stalled")
    world.submit(SUM)
    world.work()
    assert world.metrics.total("FramesFailed") == 1
    assert world.metrics.total("FramesSent") == 0


def test_a_socket_that_was_gone_has_not_failed(world: World) -> None:
    world.connect("gone")
    world.sockets.gone.add("gone")
    world.submit(SUM)
    world.work()
    assert world.metrics.total("FramesFailed") == 0


def test_what_is_measured_of_a_run_tells_nothing_of_its_user_or_its_content(
    world: World,
) -> None:
    world.connect("secret-socket")
    world.submit(payload([node("secret-node", "add", inputs={"a": 41})], name="secret"))
    world.work()
    shown = repr([report.measurements for report in world.metrics.reports])
    assert "RunsEnded" in shown
    assert ADA not in shown
    assert "secret" not in shown
