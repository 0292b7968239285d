"""Short ways to say what a test is about."""

import asyncio
import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from chalicelib import json_text
from chalicelib.engine import events, graph
from chalicelib.engine.definitions import NodeCode, NodeError, NodeType, Slot
from chalicelib.engine.events import Event, RunState
from chalicelib.engine.node_run import Settings
from chalicelib.engine.plan import make_plan
from chalicelib.engine.run import Execution

NUMBER = Slot("FLOAT")
TEXT = Slot("STRING")
TEXT_STREAM = Slot("STRING", is_stream=True)


class Types(dict[str, NodeType]):
    """Node types by name."""

    def find(self, full_type: str) -> NodeType | None:
        return self.get(full_type)


class MemoryJournal:
    """A journal whose commits succeed at once; ``crash_after`` makes it die."""

    def __init__(self, *, crash_after: int | None = None) -> None:
        self.events: list[Event] = []
        self.commits: list[int] = []
        self._crash_after = crash_after

    def append(self, *happened: Event) -> int:
        for event in happened:
            try:
                text = json_text.dumps_exact(event.payload)
            except (TypeError, ValueError) as error:
                raise NodeError("Its output is not JSON") from error
            self.events.append(Event(event.type, json_text.loads_exact(text), event.cuts))
        if happened:
            self.commits.append(len(self.events))
        return len(self.events)

    async def durable(self, ticket: int) -> None:
        await asyncio.sleep(0)

    async def room(self) -> None:
        await asyncio.sleep(0)


def node_type(name: str, code: NodeCode, **changes: Any) -> NodeType:
    """A node type with FLOAT inputs ``a`` and ``b`` and output ``out``, unless told otherwise."""
    fields: dict[str, Any] = {
        "inputs": {"a": NUMBER, "b": NUMBER},
        "outputs": {"out": NUMBER},
        "inline": False,
    }
    return NodeType(name, code, **{**fields, **changes})


def node(node_id: str, full_type: str, **fields: Any) -> dict[str, Any]:
    """A node of a payload."""
    return {"id": node_id, "fullType": full_type, **fields}


def edge(source: str, target: str, **fields: Any) -> dict[str, Any]:
    """An edge from ``node.output`` to ``node.input``."""
    source_node, _, output = source.partition(".")
    target_node, _, key = target.partition(".")
    return {
        "id": f"{source}>{target}",
        "sourceNodeId": source_node,
        "sourceHandle": output,
        "targetNodeId": target_node,
        "targetHandle": key,
        **fields,
    }


def payload(nodes: Sequence[Mapping[str, Any]], *edges: Mapping[str, Any], **fields: Any) -> Any:
    """A WorkflowExecutionPayload."""
    return {"nodes": list(nodes), "edges": list(edges), **fields}


def run(
    body: Mapping[str, Any],
    types: Types,
    *,
    state: RunState | None = None,
    journal: MemoryJournal | None = None,
) -> list[Event]:
    """Run a payload on a journal in memory; the events of this attempt."""
    return asyncio.run(run_async(body, types, state=state, journal=journal))


async def run_async(
    body: Mapping[str, Any],
    types: Types,
    *,
    state: RunState | None = None,
    journal: MemoryJournal | None = None,
) -> list[Event]:
    """``run`` on the loop of the caller."""
    journal = journal or MemoryJournal()
    with ThreadPoolExecutor(8) as threads:
        plan = make_plan(graph.parse(body), types)
        await Execution(plan, state or RunState(), journal, threads, Settings("ada", "run-1")).run()
    return journal.events


def outcome(happened: Sequence[Event]) -> RunState:
    """The state that events fold to."""
    return events.fold(happened)


def same(one: object, other: object) -> bool:
    """Equality of JSON values in which NaN equals NaN."""
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    return one == other
