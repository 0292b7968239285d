"""Versions side by side: a worker and a server that meet what a newer version wrote."""

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib import json_text
from chalicelib.adapters.embedded.database import Database
from chalicelib.api.http import error_reply
from chalicelib.engine import events
from chalicelib.engine.definitions import Context, Inputs
from chalicelib.errors import NewerFormat, NotFound
from chalicelib.ports import RUN_FORMAT, Batch, Run
from chalicelib.services.frames import event_batch
from chalicelib.services.library.projects import Projects
from chalicelib.services.library.workflows import Workflows
from chalicelib.services.runs import archive
from chalicelib.services.runs.dispatch import deferred_of, message_body, prompt_id_of, published_of
from tests.builders import Types, node, node_type, payload
from tests.world import ADA, Gate, World, make_world

NEWER = RUN_FORMAT + 1
SUM = payload([node("n", "add", inputs={"a": 1, "b": 2})])


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def world(database: Database, gate: Gate) -> World:
    def add(inputs: Inputs, _context: Context) -> dict[str, Any]:
        return {"out": inputs["a"] + inputs["b"]}

    types = Types(add=node_type("add", add), gate=node_type("gate", gate.code))
    return make_world(types, database)


def newer_batch(first: int, event: events.Event, writer: str = "newer") -> Batch:
    return replace(event_batch(first, event, writer), format=NEWER)


def begun_by_a_newer_worker(world: World, *, lease: float = 0.0) -> str:
    """A run whose newer worker was lost, or has a lease of so many seconds."""
    prompt_id = world.submit(SUM)
    world.log.append(prompt_id, newer_batch(1, events.status("running")))
    until = world.clock.now() + lease
    changes = {"status": "running", "writer": "newer", "lease_until": until, "attempts": 1}
    world.log.update(prompt_id, changes)
    return prompt_id


def test_a_worker_leaves_a_run_of_a_newer_version_as_it_is(world: World) -> None:
    prompt_id = begun_by_a_newer_worker(world)
    before = world.log.load(prompt_id)[1]
    assert world.work() == 1
    assert world.log.load(prompt_id)[1] == before
    assert world.log.header(prompt_id).attempts == 1


def test_a_payload_of_a_newer_version_is_left_too(world: World) -> None:
    prompt_id = "5c4f52a4-8f38-4f0e-bb0a-6e4d3d0a0001"
    run = Run(prompt_id, ADA, "queued", 1, payload="{}", dispatched=True, format=NEWER)
    world.log.create(run)
    world.dispatch.send(run)
    assert world.work() == 1
    assert world.log.load(prompt_id)[1] == []
    world.clock.advance(30)
    assert world.queue.receive() is not None


def test_a_deferred_run_comes_back_later_each_time_and_never_dies_of_it(world: World) -> None:
    begun_by_a_newer_worker(world)
    waited = []
    for _ in range(12):
        assert world.work() == 1
        seconds = 0
        while (message := world.queue.receive()) is None:
            world.clock.advance(10)
            seconds += 10
        waited.append(seconds)
        assert message.receive_count == 1
        world.queue.extend(message.receipt, 0)
    assert waited == [30, 60, 120, 240, 480, *[900] * 7]


def test_the_sweeper_sends_no_second_message_for_a_deferred_run(world: World) -> None:
    begun_by_a_newer_worker(world)
    world.work()
    world.clock.advance(29)
    assert world.sweeper.sweep()["requeued"] == 0


def test_a_newer_worker_takes_a_deferred_run_on_where_it_was(world: World) -> None:
    """The newer one is played by this version: what was written in between is of today's format."""
    prompt_id = world.submit(SUM)
    message = world.queue.receive()
    assert message is not None
    world.queue.delete(message.receipt)
    header = world.log.header(prompt_id)
    delay = world.dispatch.send_later(header, published=0)
    world.log.update(prompt_id, {"writer": None, "lease_until": world.clock.now() + delay + 300})
    assert world.work() == 0
    world.clock.advance(delay)
    assert world.work() == 1
    assert world.executions.status(ADA, prompt_id)["status"] == "complete"


def test_a_run_that_a_newer_worker_holds_is_not_sent_again(world: World) -> None:
    prompt_id = begun_by_a_newer_worker(world, lease=30)
    before = world.log.header(prompt_id)
    assert world.work() == 1
    world.clock.advance(900)
    assert world.queue.receive() is None
    assert world.log.header(prompt_id) == before


def test_a_run_that_a_newer_version_has_ended_needs_no_worker(world: World) -> None:
    prompt_id = begun_by_a_newer_worker(world)
    ended_at = int(world.clock.now()) + 86_400
    world.log.update(prompt_id, {"status": "complete", "expires_at": ended_at})
    assert world.work() == 1
    world.clock.advance(900)
    assert world.queue.receive() is None


def test_a_worker_that_a_newer_one_took_its_run_from_lets_go_of_it(
    world: World, gate: Gate
) -> None:
    """It may have been a newer server that ended the run, so that a newer worker has to look."""
    prompt_id = world.submit(payload([node("g", "gate")]))
    worker = threading.Thread(target=world.work)
    worker.start()
    assert gate.entered.wait(timeout=30)
    last = world.log.load(prompt_id)[1][-1].last
    world.log.append(prompt_id, newer_batch(last + 1, events.status("running")))
    worker.join(timeout=30)
    gate.open.set()
    assert not worker.is_alive()
    assert world.log.load(prompt_id)[1][-1].format == NEWER
    world.clock.advance(30)
    message = world.queue.receive()
    assert message is not None
    assert deferred_of(message.body) == 1


def test_a_run_of_a_newer_version_does_not_keep_the_sweeper_from_others(world: World) -> None:
    newer = begun_by_a_newer_worker(world)
    ours = world.submit(SUM)
    for prompt_id in (newer, ours):
        changes = {"status": "running", "writer": "lost", "lease_until": 0.0, "attempts": 5}
        world.log.update(prompt_id, changes)
    assert world.sweeper.sweep()["ended"] == 1
    assert world.executions.status(ADA, ours)["status"] == "error"
    assert world.log.header(newer).status == "running"


def test_a_dead_letter_of_a_newer_version_stays_in_its_queue(world: World) -> None:
    prompt_id = begun_by_a_newer_worker(world)
    with pytest.raises(NewerFormat):
        world.sweeper.dead_letter(prompt_id, "It was tried 5 times")
    assert world.log.header(prompt_id).status == "running"


def test_the_server_says_that_it_cannot_read_a_run_yet(world: World) -> None:
    prompt_id = begun_by_a_newer_worker(world)
    for act in (world.executions.status, world.executions.interrupt):
        with pytest.raises(NewerFormat) as refused:
            act(ADA, prompt_id)
        reply = error_reply(refused.value)
        assert (reply.status, reply.headers) == (409, {"Retry-After": "30"})
        with pytest.raises(NotFound):
            act("eve", prompt_id)
    assert [item["promptId"] for item in world.executions.list(ADA)["running"]] == [prompt_id]


def test_who_follows_a_run_of_a_newer_version_is_served_by_its_worker(world: World) -> None:
    prompt_id = begun_by_a_newer_worker(world, lease=30)
    connection = world.connect("here")
    with pytest.raises(NewerFormat):
        world.executions.follow(ADA, prompt_id, connection, 0)
    assert [follow.connection_id for follow in world.connections.follows(prompt_id)] == ["here"]


def test_an_archived_run_of_a_newer_version_is_told_from_a_missing_one(world: World) -> None:
    prompt_id, document = archived(world)
    put_archived(world, prompt_id, {**document, "version": archive.VERSION + 1})
    with pytest.raises(NewerFormat):
        world.executions.status(ADA, prompt_id)


def test_fields_of_an_archived_run_that_nobody_knows_are_ignored(world: World) -> None:
    prompt_id, document = archived(world)
    before = world.executions.status(ADA, prompt_id)
    batches = [{**batch, "colour": "red"} for batch in document["batches"]]
    odd = {**document, "run": {**document["run"], "colour": "red"}, "batches": batches}
    put_archived(world, prompt_id, {**odd, "colour": "red"})
    assert world.executions.status(ADA, prompt_id) == before


def archived(world: World) -> tuple[str, dict[str, Any]]:
    prompt_id = world.submit(SUM)
    world.work()
    world.clock.advance(8 * 86_400)
    world.sweeper.sweep()
    body = world.documents.get(f"runs/{ADA}/{prompt_id}/run.json").body
    return prompt_id, json_text.loads_exact(body.decode())


def put_archived(world: World, prompt_id: str, document: dict[str, Any]) -> None:
    body = json_text.dumps_exact(document).encode()
    world.documents.put(f"runs/{ADA}/{prompt_id}/run.json", body)


def test_fields_of_a_message_that_nobody_knows_are_ignored() -> None:
    body = json_text.dumps({**json_text.loads(message_body("run-1", 7, 2)), "colour": "red"})
    assert (prompt_id_of(body), published_of(body), deferred_of(body)) == ("run-1", 7, 2)


def test_a_message_of_the_first_version_was_never_deferred() -> None:
    assert deferred_of('{"promptId":"run-1"}') == 0


@pytest.mark.parametrize("file", ["project.json", "workflows/w.json"])
def test_a_document_of_a_newer_version_is_neither_shown_nor_saved_over(
    world: World, file: str
) -> None:
    projects = Projects(world.documents, world.index, world.clock)
    workflows = Workflows(world.documents, world.index, world.clock)
    projects.create(ADA, {"name": "P"})
    workflows.create(ADA, "P", {"name": "W", "id": "w"})
    key = f"users/{ADA}/projects/P/{file}"
    document = json_text.loads_exact(world.documents.get(key).body.decode())
    document["$server"]["format"] = 2
    world.documents.put(key, json_text.dumps_exact(document).encode())
    before = world.documents.get(key)
    of_project: list[Callable[[], object]] = [
        lambda: projects.get(ADA, "P"),
        lambda: projects.update(ADA, "P", {"description": "mine"}),
    ]
    of_workflow: list[Callable[[], object]] = [
        lambda: workflows.get(ADA, "P", "w"),
        lambda: workflows.save(ADA, "P", "w", {"name": "W"}),
    ]
    for act in of_project if file == "project.json" else of_workflow:
        with pytest.raises(NewerFormat):
            act()
    assert world.documents.get(key) == before
