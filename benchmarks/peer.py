"""The peer: the standard library's topological sorter, driven by asyncio.

It does what ``graphlib``'s documentation shows, with a task for each node, and
nothing of what the product does beside: no log, no inputs by name, no failures.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Set
from concurrent.futures import Executor
from graphlib import TopologicalSorter

Work = Callable[[int, dict[int, float]], Coroutine[None, None, None]]
Upstream = Mapping[int, Set[int]]


def chain(length: int) -> Upstream:
    """Nodes in a line."""
    return {node: {node - 1} if node else set() for node in range(length)}


def fan_out(width: int) -> Upstream:
    """One node, ``width`` nodes behind it, and one that joins them."""
    branches = range(1, width + 1)
    return {0: set(), **{node: {0} for node in branches}, width + 1: set(branches)}


def adding(upstream: Upstream) -> Work:
    """Coroutines that add one to what their predecessors gave."""

    async def add(node: int, outputs: dict[int, float]) -> None:
        outputs[node] = _sum(upstream[node], outputs)

    return add


def adding_in_threads(upstream: Upstream, threads: Executor) -> Work:
    """The same, with the work in a thread."""

    async def add(node: int, outputs: dict[int, float]) -> None:
        loop = asyncio.get_running_loop()
        outputs[node] = await loop.run_in_executor(threads, _sum, upstream[node], outputs)

    return add


async def run(upstream: Upstream, work: Work) -> dict[int, float]:
    """Run every node as soon as those before it are done; their outputs."""
    outputs: dict[int, float] = {}
    sorter = TopologicalSorter(upstream)
    sorter.prepare()
    running: dict[asyncio.Task[None], int] = {}
    while sorter.is_active():
        for node in sorter.get_ready():
            running[asyncio.create_task(work(node, outputs))] = node
        done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
            sorter.done(running.pop(task))
    return outputs


def _sum(upstream: Set[int], outputs: Mapping[int, float]) -> float:
    return 1 + sum(outputs[source] for source in upstream)
