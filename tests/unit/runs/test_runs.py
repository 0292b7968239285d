"""A run's life: submitted, worked on, watched, interrupted."""

import threading
from typing import Any

import pytest

from chalicelib.adapters.embedded.database import Database
from chalicelib.engine import events
from chalicelib.errors import Conflict, InvalidInput, NotFound, TooLarge, TooManyRequests
from tests.builders import Types, edge, node, payload
from tests.unit.runs.scenes import SUM, assert_gapless, run_events
from tests.world import ADA, Gate, World, make_world


def test_a_submitted_run_is_worked_on_and_stays_readable(world: World) -> None:
    prompt_id = world.submit(SUM)
    assert world.executions.list(ADA)["pending"][0]["promptId"] == prompt_id
    world.work()
    status = world.executions.status(ADA, prompt_id)
    assert status["status"] == "complete"
    assert status["nodeStatus"] == {"n": {"status": "complete", "output": {"out": 3}}}
    assert world.executions.list(ADA) == {"running": [], "pending": []}


def test_the_sockets_of_the_user_see_every_event_once_and_in_order(world: World) -> None:
    world.connect("c1")
    world.connect("other", uid="eve")
    prompt_id = world.submit(SUM)
    world.work()
    frames = world.sockets.frames("c1")
    assert [item["type"] for item in frames] == [
        "EXECUTION_STATUS_UPDATE",
        "NODE_EXECUTING",
        "NODE_COMPLETE",
        "NODE_YIELD",
        "EXECUTION_STATUS_UPDATE",
        "SYSTEM_QUEUE_UPDATE",
    ]
    assert_gapless(frames, prompt_id)
    assert frames[-1]["payload"] == {"runningExecutions": 0, "pendingExecutions": 0}
    assert world.sockets.frames("other") == []


def test_a_batched_socket_gets_arrays_of_the_same_frames(world: World) -> None:
    world.connect("single")
    world.connect("batched", batched=True)
    world.submit(SUM)
    world.work()
    assert world.sockets.frames("batched") == world.sockets.frames("single")
    assert all(text.startswith("[") for text in world.sockets.messages["batched"])


def test_a_run_that_has_to_wait_says_so_first(world: World) -> None:
    world.connect("c1")
    ids = [world.submit(SUM) for _ in range(3)]
    world.work()
    frames = world.sockets.frames("c1")
    assert run_events(frames, ids[0])[0]["payload"]["status"] == "running"
    assert run_events(frames, ids[2])[0]["payload"]["status"] == "queued"
    assert_gapless(frames, ids[2])


def test_duplicate_ids_and_cycles_are_refused_and_nothing_is_queued(world: World) -> None:
    twice = payload([node("n", "add"), node("n", "add")])
    circle = payload(
        [node("x", "add"), node("y", "add")], edge("x.out", "y.a"), edge("y.out", "x.a")
    )
    for body, guilty in ((twice, {"n"}), (circle, {"x", "y"})):
        with pytest.raises(InvalidInput) as refused:
            world.submit(body)
        assert set(refused.value.details) == guilty
    assert world.work() == 0


@pytest.mark.parametrize(
    "body",
    [
        [],
        None,
        {},
        {"nodes": {}},
        {"nodes": [1]},
        {"nodes": [{"id": 1, "fullType": "add"}]},
        {"nodes": [{"id": "", "fullType": "add"}]},
        {"nodes": [{"id": "a"}]},
        {"nodes": [{"id": "a", "fullType": "add", "inputs": []}]},
        {"nodes": [{"id": "a", "fullType": "add", "bypassed": "yes"}]},
        {"nodes": [], "edges": [{"sourceNodeId": "a"}]},
        {"nodes": [{"id": events.INTERFACE_NODE, "fullType": "add"}]},
    ],
)
def test_a_malformed_workflow_is_refused_with_the_field(world: World, body: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        world.executions.submit(ADA, body)
    assert refused.value.details


def test_the_same_idempotency_key_and_body_give_the_same_run(world: World) -> None:
    first = world.executions.submit(ADA, SUM, idempotency_key="k")
    again = world.executions.submit(ADA, dict(SUM), idempotency_key="k")
    elsewhere = world.executions.submit("eve", SUM, idempotency_key="k")
    assert first == again != elsewhere
    assert world.work() == 2


def test_the_same_idempotency_key_with_another_body_is_a_conflict(world: World) -> None:
    world.executions.submit(ADA, SUM, idempotency_key="k")
    with pytest.raises(Conflict):
        world.executions.submit(ADA, payload([]), idempotency_key="k")


def test_an_idempotency_key_is_forgotten_after_a_day(world: World) -> None:
    first = world.executions.submit(ADA, SUM, idempotency_key="k")
    world.clock.advance(24 * 3600 + 1)
    assert world.executions.submit(ADA, SUM, idempotency_key="k") != first


def test_a_payload_over_the_limit_is_refused(database: Database) -> None:
    world = make_world(Types(), database, payload_bytes=1000)
    with pytest.raises(TooLarge, match="1000"):
        world.submit(payload([node("n", "x", inputs={"a": "y" * 1000})]))


def test_too_many_waiting_runs_are_refused_with_the_limit(database: Database) -> None:
    world = make_world(Types(), database, queued_runs=2)
    world.submit(SUM)
    world.submit(SUM)
    with pytest.raises(TooManyRequests) as refused:
        world.submit(SUM)
    assert "2" in refused.value.details["queuedRuns"][0]


def test_a_payload_too_large_for_the_header_runs_from_its_document(world: World) -> None:
    text = "y" * 100_000
    prompt_id = world.submit(payload([node("n", "length", inputs={"text": text})]))
    world.work()
    status = world.executions.status(ADA, prompt_id)
    assert status["nodeStatus"]["n"]["output"] == {"out": 100_000}


def test_a_large_value_is_a_reference_in_the_log_and_whole_behind_it(world: World) -> None:
    body = payload(
        [node("b", "big", inputs={"a": 100_000}), node("l", "length")], edge("b.out", "l.text")
    )
    world.connect("c1")
    prompt_id = world.submit(body)
    world.work()
    status = world.executions.status(ADA, prompt_id)
    reference = status["nodeStatus"]["b"]["output"]["out"]["$ref"]
    digest = reference["url"].rpartition("/")[2]
    assert reference["bytes"] == 100_002
    assert world.executions.value(ADA, prompt_id, digest) == '"' + "x" * 100_000 + '"'
    assert status["nodeStatus"]["l"]["output"] == {"out": 100_000}
    assert max(len(text) for text in world.sockets.messages["c1"]) < 32 * 1024
    with pytest.raises(NotFound):
        world.executions.value("eve", prompt_id, digest)


def test_other_users_runs_are_not_found(world: World) -> None:
    prompt_id = world.submit(SUM)
    for act in (world.executions.status, world.executions.interrupt):
        with pytest.raises(NotFound):
            act("eve", prompt_id)
    world.work()
    with pytest.raises(NotFound):
        world.executions.status("eve", prompt_id)


def test_history_outlives_the_hot_rows(world: World) -> None:
    prompt_id = world.submit(SUM)
    world.work()
    before = world.executions.status(ADA, prompt_id)
    world.clock.advance(8 * 86_400)
    assert world.sweeper.sweep()["expired"] > 0
    with pytest.raises(NotFound):
        world.log.header(prompt_id)
    assert world.executions.status(ADA, prompt_id) == before
    with pytest.raises(NotFound):
        world.executions.status("eve", prompt_id)


def test_interrupting_a_waiting_run_ends_it_at_once_and_no_worker_starts_it(world: World) -> None:
    world.connect("c1")
    prompt_id = world.submit(SUM)
    world.executions.interrupt(ADA, prompt_id)
    world.work()
    types = [item["payload"].get("status") for item in world.sockets.frames("c1")]
    assert types == ["interrupted", None]
    assert world.executions.status(ADA, prompt_id)["status"] == "interrupted"
    with pytest.raises(NotFound):
        world.executions.interrupt(ADA, prompt_id)


def test_interrupting_a_running_run_cancels_it_and_no_event_follows(
    world: World, gate: Gate
) -> None:
    world.connect("c1")
    body = payload([node("g", "gate"), node("n", "add")], edge("g.out", "n.a"))
    prompt_id = world.submit(body)
    worker = threading.Thread(target=world.work)
    worker.start()
    world.sockets.wait_for("c1", "NODE_EXECUTING")
    world.executions.interrupt(ADA, prompt_id)
    worker.join(timeout=30)
    gate.open.set()
    assert not worker.is_alive()
    frames = run_events(world.sockets.frames("c1"), prompt_id)
    assert frames[-1]["payload"]["status"] == "interrupted"
    assert_gapless(frames, prompt_id)
    status = world.executions.status(ADA, prompt_id)
    assert status["nodeStatus"] == {"g": {"status": "interrupted"}, "n": {"status": "idle"}}
    assert world.executions.list(ADA) == {"running": [], "pending": []}


def test_following_a_run_that_has_ended_sends_all_of_it(world: World) -> None:
    prompt_id = world.submit(SUM)
    world.work()
    connection = world.connect("late")
    world.executions.follow(ADA, prompt_id, connection, 2)
    assert [item["sequence"] for item in world.sockets.frames("late")] == [3, 4, 5]


def test_following_a_running_run_goes_on_live_and_misses_nothing(world: World, gate: Gate) -> None:
    body = payload(
        [node("w", "words", inputs={"a": 3}), node("g", "gate"), node("v", "words")],
        edge("w.out", "g.b"),
        edge("g.out", "v.a"),
    )
    prompt_id = world.submit(body)
    worker = threading.Thread(target=world.work)
    worker.start()
    assert gate.entered.wait(timeout=30)
    connection = world.connect("late")
    world.executions.follow(ADA, prompt_id, connection, 0)
    gate.open.set()
    worker.join(timeout=30)
    seen = {item["sequence"] for item in world.sockets.frames("late") if "sequence" in item}
    last = world.log.load(prompt_id)[1][-1].last
    assert seen == set(range(1, last + 1))


def test_a_socket_that_is_gone_is_forgotten_and_the_others_go_on(world: World) -> None:
    world.connect("gone")
    world.connect("here")
    world.sockets.gone.add("gone")
    prompt_id = world.submit(SUM)
    world.work()
    assert_gapless(world.sockets.frames("here"), prompt_id)
    assert [item.id for item in world.connections.of_user(ADA)] == ["here"]
