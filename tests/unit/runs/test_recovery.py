"""Runs that are lost and found, handed over, or held by two workers."""

import threading

from chalicelib import json_text
from chalicelib.engine import events
from chalicelib.ports import Batch
from chalicelib.services.frames import batch_text
from chalicelib.services.runs.dispatch import prompt_id_of
from tests.builders import edge, node, payload
from tests.unit.runs.scenes import SUM, assert_gapless, run_events
from tests.world import ADA, Gate, World


def test_a_large_value_survives_a_hand_over(world: World, gate: Gate) -> None:
    body = payload(
        [
            node("b", "big", inputs={"a": 100_000}),
            node("g", "gate"),
            node("l", "length"),
        ],
        edge("b.out", "l.text"),
        edge("b.out", "g.a"),
        edge("g.out", "l.b"),
    )
    prompt_id = world.submit(body)
    message = world.queue.receive()
    assert message is not None
    world.deliver(message, world.runner(), seconds=0)
    gate.open.set()
    assert world.work() == 1
    status = world.executions.status(ADA, prompt_id)
    assert status["nodeStatus"]["l"]["output"] == {"out": 100_000}


def test_a_worker_that_nears_its_deadline_hands_the_run_over(world: World, gate: Gate) -> None:
    body = payload([node("x", "add", inputs={"a": 7}), node("g", "gate")], edge("x.out", "g.a"))
    prompt_id = world.submit(body)
    message = world.queue.receive()
    assert message is not None
    world.deliver(message, world.runner(), seconds=0)
    gate.open.set()
    assert world.work() == 1
    status = world.executions.status(ADA, prompt_id)
    assert status["nodeStatus"]["g"]["output"] == {"out": 7}


def test_a_redelivered_run_goes_on_after_what_its_lost_worker_left(world: World) -> None:
    body = payload([node("x", "add", inputs={"a": 7}), node("y", "add")], edge("x.out", "y.a"))
    prompt_id = world.submit(body)
    lost = [events.status("running"), events.executing("x"), events.complete("x", {"out": 70})]
    text = batch_text([(item.type, json_text.dumps_exact(item.payload), None) for item in lost])
    world.log.append(prompt_id, Batch(1, 3, text, "lost"))
    world.log.update(prompt_id, {"writer": "lost", "lease_until": world.clock.now() + 30})
    world.connect("c1")
    world.runner().run(prompt_id, redelivered=True, time_left=lambda: 800)
    status = world.executions.status(ADA, prompt_id)
    assert status["nodeStatus"]["y"]["output"] == {"out": 70}
    assert_gapless(world.sockets.frames("c1"), prompt_id)


def test_a_second_delivery_leaves_a_run_alone_while_its_worker_lives(
    world: World, gate: Gate
) -> None:
    prompt_id = world.submit(payload([node("g", "gate")]))
    worker = threading.Thread(target=world.work)
    worker.start()
    assert gate.entered.wait(timeout=30)
    world.runner().run(prompt_id, redelivered=False, time_left=lambda: 800)
    gate.open.set()
    worker.join(timeout=30)
    batches = world.log.load(prompt_id)[1]
    assert len({batch.writer for batch in batches}) == 1


def test_a_worker_that_lost_its_run_to_another_writes_and_says_nothing_more(
    world: World, gate: Gate
) -> None:
    world.connect("c1")
    body = payload([node("g", "gate"), node("n", "add")], edge("g.out", "n.a"))
    prompt_id = world.submit(body)
    first = threading.Thread(target=world.work)
    first.start()
    assert gate.entered.wait(timeout=30)
    second = threading.Thread(
        target=world.runner().run,
        args=(prompt_id,),
        kwargs={"redelivered": True, "time_left": lambda: 800},
    )
    second.start()
    first.join(timeout=30)
    gate.open.set()
    second.join(timeout=30)
    writers = [batch.writer for batch in world.log.load(prompt_id)[1]]
    assert writers == sorted(writers, key=writers.index)
    assert len(set(writers)) == 2
    assert world.executions.status(ADA, prompt_id)["status"] == "complete"
    # The successor cannot know what was sent, so a sequence may come twice; none is missing.
    frames = run_events(world.sockets.frames("c1"), prompt_id)
    assert_gapless(list({item["sequence"]: item for item in frames}.values()), prompt_id)


def test_a_run_that_was_never_sent_to_the_queue_is_sent_by_the_sweeper(world: World) -> None:
    prompt_id = world.submit(SUM)
    message = world.queue.receive()
    assert message is not None
    world.queue.delete(message.receipt)
    world.log.update(prompt_id, {"dispatched": False})
    assert world.sweeper.sweep()["sent"] == 0
    world.clock.advance(6)
    assert world.sweeper.sweep()["sent"] == 1
    world.work()
    assert world.executions.status(ADA, prompt_id)["status"] == "complete"


def test_a_run_whose_lease_is_over_is_queued_again_once(world: World) -> None:
    prompt_id = world.submit(SUM)
    message = world.queue.receive()
    assert message is not None
    world.queue.delete(message.receipt)
    changes = {"status": "running", "writer": "lost", "lease_until": world.clock.now() + 30}
    world.log.update(prompt_id, changes)
    assert world.sweeper.sweep()["requeued"] == 0
    world.clock.advance(31)
    assert world.sweeper.sweep()["requeued"] == 1
    assert world.sweeper.sweep()["requeued"] == 0
    assert world.work() == 1
    assert world.executions.status(ADA, prompt_id)["status"] == "complete"


def test_a_run_that_was_tried_enough_ends_in_error(world: World) -> None:
    world.connect("c1")
    prompt_id = world.submit(SUM)
    changes = {"status": "running", "writer": "lost", "lease_until": 0.0, "attempts": 5}
    world.log.update(prompt_id, changes)
    assert world.sweeper.sweep()["ended"] == 1
    status = world.executions.status(ADA, prompt_id)
    assert status["status"] == "error"
    assert "lost 5 times" in status["errorInfo"]["message"]
    assert world.sockets.frames("c1")[0]["payload"]["status"] == "error"


def test_a_message_of_a_run_that_is_gone_is_dropped(world: World) -> None:
    world.runner().run(
        prompt_id_of('{"promptId":"gone"}'), redelivered=False, time_left=lambda: 800
    )
