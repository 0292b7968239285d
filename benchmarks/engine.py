"""The engine alone, with a journal in memory, against ``peer``.

Both start from a description of the graph that is in memory: the engine from a
payload, which it parses and plans, the peer from each node's predecessors.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, replace

from benchmarks import peer, workflows
from benchmarks.measure import Goal, Result, Sampler, interleaved
from benchmarks.peer import Upstream, Work
from benchmarks.workflows import Payload
from chalicelib.engine import graph
from chalicelib.engine.definitions import Context, Inputs, NodeCode, NodeType, Outputs, Slot
from chalicelib.engine.events import Event, RunState
from chalicelib.engine.node_run import Settings
from chalicelib.engine.plan import make_plan
from chalicelib.engine.run import Execution

_GOAL, _GOAL_FROM = Goal(2.0), 1000
_THREADS = 8


class _Types(dict[str, NodeType]):
    """Node types by name."""

    def find(self, full_type: str) -> NodeType | None:
        return self.get(full_type)


class _Journal:
    """Keeps what happened; all of it is durable at once."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def append(self, *happened: Event) -> int:
        self.events.extend(happened)
        return len(self.events)

    async def durable(self, ticket: int) -> None:
        """It is already."""

    async def room(self) -> None:
        await asyncio.sleep(0)  # as the real one, which has work of its own


@dataclass(frozen=True, slots=True)
class _Shape:
    """A graph, as the engine and as the peer get it."""

    name: str
    payload: Payload
    upstream: Upstream
    goal: Goal | None = None


def _add(inputs: Inputs, _context: Context) -> Outputs:
    return {"out": 1 + inputs.get("a", 0)}


async def _add_async(inputs: Inputs, context: Context) -> Outputs:
    return _add(inputs, context)


def _join(inputs: Inputs, _context: Context) -> Outputs:
    return {"out": 1 + sum(inputs["values"])}


async def _join_async(inputs: Inputs, context: Context) -> Outputs:
    return _join(inputs, context)


async def results(
    repeat: int, *, lengths: Sequence[int] = (10, 100, 1000), width: int = 200
) -> list[Result]:
    """Chains and a fan-out, of inline, coroutine and threaded nodes."""
    found = []
    with ThreadPoolExecutor(_THREADS) as threads:
        for kind, types in _kinds():
            for shape in _shapes(lengths, width):
                work = peer.adding(shape.upstream)
                goal = shape.goal
                if kind == "threaded":
                    work, goal = peer.adding_in_threads(shape.upstream, threads), None
                samplers = [_engine(shape, types, threads), _peer(shape, work)]
                ours, theirs = await interleaved(samplers, repeat=repeat)
                name = f"engine: {shape.name}, {kind} nodes"
                found.append(Result(name, "ms", ours, theirs, goal=goal))
    return found


def _kinds() -> Iterator[tuple[str, _Types]]:
    yield "inline", _types(_add, _join, inline=True)
    yield "coroutine", _types(_add_async, _join_async, inline=False)
    yield "threaded", _types(_add, _join, inline=False)


def _types(add: NodeCode, join: NodeCode, *, inline: bool) -> _Types:
    number = Slot("FLOAT")
    kind = NodeType("add", add, inputs={"a": number}, outputs={"out": number}, inline=inline)
    many = Slot("FLOAT", multi=True)
    return _Types(
        add=kind, join=replace(kind, full_type="join", code=join, inputs={"values": many})
    )


def _shapes(lengths: Sequence[int], width: int) -> Iterator[_Shape]:
    for length in lengths:
        payload = workflows.chain(length, "add", output="out", target="a")
        goal = _GOAL if length >= _GOAL_FROM else None
        yield _Shape(f"chain of {length}", payload, peer.chain(length), goal)
    payload = workflows.fan_out(width, "add", join="join", output="out", target="a")
    yield _Shape(f"fan-out of {width} and join", payload, peer.fan_out(width))


def _engine(shape: _Shape, types: _Types, threads: Executor) -> Sampler:
    last = str(len(shape.upstream) - 1)
    expected = _expected(shape)

    async def sample() -> float:
        began = time.perf_counter()
        plan = make_plan(graph.parse(shape.payload), types)
        journal = _Journal()
        await Execution(plan, RunState(), journal, threads, Settings("bench", "bench")).run()
        seconds = time.perf_counter() - began
        output = next(
            event.payload["output"]
            for event in reversed(journal.events)
            if event.payload.get("nodeId") == last
        )
        assert output == {"out": expected}
        return seconds * 1000

    return sample


def _peer(shape: _Shape, work: Work) -> Sampler:
    expected = _expected(shape)

    async def sample() -> float:
        began = time.perf_counter()
        outputs = await peer.run(shape.upstream, work)
        seconds = time.perf_counter() - began
        assert outputs[len(shape.upstream) - 1] == expected
        return seconds * 1000

    return sample


def _expected(shape: _Shape) -> float:
    """What the last node gives, worked out one node after the other."""
    outputs: dict[int, float] = {}
    for node, upstream in shape.upstream.items():
        outputs[node] = 1 + sum(outputs[source] for source in upstream)
    return outputs[len(shape.upstream) - 1]
