"""What a store holds when an upgrade comes: runs at every stage of their lives, and a library."""

import threading
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib import json_text
from chalicelib.engine import events
from chalicelib.engine.definitions import Chunk, Context, Inputs, NodeError, Slot
from chalicelib.ports import Batch
from chalicelib.services.frames import batch_text
from chalicelib.services.library.projects import Projects
from chalicelib.services.library.workflows import Workflows
from tests.builders import TEXT, TEXT_STREAM, Types, edge, node, node_type, payload
from tests.world import ADA, World

DAY = 86_400
KEY = "an idempotency key"
PROJECT = "Märchen"

ENDED = payload([node("x", "add", inputs={"a": 1, "b": 2})], metadata={"workflowName": "Ended"})
LOST = payload(
    [node("x", "add", inputs={"a": 7}), node("y", "add")],
    edge("x.out", "y.a"),
    metadata={"workflowName": "Lost"},
)
# Too large for the header's row.
WAITING = payload([node("x", "length", inputs={"text": "y" * 17_000})])
# One of every event before the gate, and behind it what needs them again.
HALF_DONE = payload(
    [
        node("x", "add", inputs={"a": 1, "b": 2}),
        node("nan", "nan"),
        node("big", "big", inputs={"a": 33_000}),
        node("words", "words", inputs={"a": 3}),
        node("far", "far"),
        node("bad", "bad"),
        node("behind", "add"),
        node("muted", "add", inputs={"a": 5}, bypassed=True),
        node("gate", "gate"),
        node("sum", "add"),
        node("length", "length"),
        node("echo", "echo"),
    ],
    edge("x.out", "gate.a"),
    edge("nan.out", "sum.a"),
    edge("gate.out", "sum.b"),
    edge("big.out", "length.text"),
    edge("gate.out", "length.after"),
    edge("words.out", "echo.text"),
    edge("gate.out", "echo.after"),
    edge("bad.out", "behind.a"),
    interfaceOutputs={"text": {}, "total": {}},
    outputInterfaceMappings={
        "text": {"sourceNodeId": "words", "sourceSlotKey": "out"},
        "total": {"sourceNodeId": "length", "sourceSlotKey": "out"},
    },
    metadata={"workflowName": "Half done"},
)


@dataclass(frozen=True, slots=True)
class Gate:
    """Where the half-done run stops until it is let through."""

    entered: threading.Event = field(default_factory=threading.Event)
    opened: threading.Event = field(default_factory=threading.Event)

    def code(self, inputs: Inputs, _context: Context) -> dict[str, Any]:
        self.entered.set()
        assert self.opened.wait(timeout=30)
        return {"out": inputs["a"]}


def make_types(gate: Gate) -> Types:
    """The node types of the scenario; later versions must keep what they do."""
    text_after = {"text": TEXT, "after": Slot("FLOAT")}
    return Types(
        add=node_type("add", _total, inline=True),
        nan=node_type("nan", lambda _inputs, _context: {"out": float("nan")}),
        big=node_type("big", lambda inputs, _context: {"out": "x" * int(inputs["a"])}),
        words=node_type("words", _words, outputs={"out": TEXT_STREAM}),
        far=node_type("far", _far),
        bad=node_type("bad", _bad),
        gate=node_type("gate", gate.code),
        length=node_type("length", _length, inputs=text_after),
        echo=node_type("echo", _echo, inputs=text_after),
    )


def build(world: World, gate: Gate) -> dict[str, str]:
    """Bring a store with nothing in it into that state; the runs' prompt ids by name."""
    _build_library(world)
    archived = world.submit(ENDED)
    world.work()
    world.clock.advance(8 * DAY)
    world.sweeper.sweep()
    ended = world.submit(ENDED)
    world.work()
    lost = _lose(world, world.submit(LOST))
    half_done = world.submit(HALF_DONE)
    _hand_over(world, gate)
    waiting = world.executions.submit(ADA, WAITING, idempotency_key=KEY)
    return {
        "archived": archived,
        "ended": ended,
        "lost": lost,
        "halfDone": half_done,
        "waiting": waiting,
    }


def finish(world: World) -> None:
    """Let everything end that can: the queue's messages, then what the sweeper finds."""
    world.work()
    world.clock.advance(31)
    world.sweeper.sweep()
    world.work()


def seen(world: World, runs: Mapping[str, str]) -> dict[str, Any]:
    """What the API tells of the runs, by name, but for ids and times."""
    found = {}
    for name, prompt_id in runs.items():
        status = world.executions.status(ADA, prompt_id)
        for volatile in ("promptId", "submittedAt", "startedAt", "completedAt", "durationMs"):
            status.pop(volatile, None)
        found[name] = json_text.loads(json_text.dumps(status).replace(prompt_id, "PROMPT_ID"))
    return found


def library_seen(world: World) -> dict[str, Any]:
    """What the API tells of projects and workflows."""
    projects = Projects(world.documents, world.index, world.clock)
    workflows = Workflows(world.documents, world.index, world.clock)
    summaries = workflows.list(ADA, PROJECT)
    return {
        "projects": projects.list(ADA),
        "project": projects.get(ADA, PROJECT).value,
        "workflows": summaries,
        "workflow": workflows.get(ADA, PROJECT, summaries[0]["id"]).value,
    }


def _build_library(world: World) -> None:
    projects = Projects(world.documents, world.index, world.clock)
    workflows = Workflows(world.documents, world.index, world.clock)
    projects.create(ADA, {"name": PROJECT, "customMetadata": {"colour": "red"}})
    draft: dict[str, Any] = {"name": "First", "id": "first", "odd": {"kept": True}}
    workflows.create(ADA, PROJECT, draft)
    workflows.save(ADA, PROJECT, "first", {**draft, "interfaceInputs": {"a": {}}})
    workflows.create(ADA, PROJECT, {"name": "Second", "id": "second"})
    workflows.delete(ADA, PROJECT, "second")


def _lose(world: World, prompt_id: str) -> str:
    """A worker takes the run, commits a node's result and dies."""
    message = world.queue.receive()
    assert message is not None
    world.queue.delete(message.receipt)
    happened = [events.status("running"), events.executing("x"), events.complete("x", {"out": 70})]
    text = batch_text([(item.type, json_text.dumps_exact(item.payload), None) for item in happened])
    world.log.append(prompt_id, Batch(1, 3, text, "lost"))
    lease = {"writer": "lost", "lease_until": world.clock.now() + 30, "attempts": 1}
    started_at = int(world.clock.now() * 1000)
    world.log.update(prompt_id, {"status": "running", "started_at": started_at, **lease})
    return prompt_id


def _hand_over(world: World, gate: Gate) -> None:
    """A worker brings the run to its gate, and lets go of it there."""
    message = world.queue.receive()
    assert message is not None
    looks = iter(range(2))  # asked twice a second: time for the rest to be committed

    def time_left() -> float:
        done = gate.entered.is_set() and next(looks, None) is None
        return 0.0 if done else 840.0

    prompt_id = json_text.loads(message.body)["promptId"]
    world.runner().run(prompt_id, redelivered=False, time_left=time_left)
    world.queue.delete(message.receipt)


def _total(inputs: Inputs, _context: Context) -> dict[str, Any]:
    return {"out": inputs.get("a", 0) + inputs.get("b", 0)}


async def _words(inputs: Inputs, _context: Context) -> AsyncIterator[Chunk]:
    for number in range(int(inputs["a"])):
        yield Chunk("text_chunk", f"Wörter {number}, ")
    yield Chunk("custom", {"seen": True})


def _far(_inputs: Inputs, context: Context) -> dict[str, Any]:
    context.progress(1, 2)
    return {"out": 1}


def _bad(_inputs: Inputs, _context: Context) -> dict[str, Any]:
    raise NodeError("It was bad")


def _length(inputs: Inputs, _context: Context) -> dict[str, Any]:
    return {"out": len(inputs["text"])}


def _echo(inputs: Inputs, _context: Context) -> dict[str, Any]:
    return {"out": inputs["text"]}
