"""What makes a workflow impossible to run: all problems at once, by node."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from chalicelib.engine.events import INTERFACE_NODE
from chalicelib.engine.graph import Edge, Workflow


def problems(payload: Mapping[str, Any], workflow: Workflow) -> dict[str, list[str]]:
    """Problems of a payload and its parsed workflow, keyed by node id.

    Duplicate and reserved ids are seen in the payload only: parsing folds them.
    An empty answer means that the workflow can be queued.
    """
    found: dict[str, list[str]] = {}
    counts = Counter(item["id"] for item in payload.get("nodes") or ())
    for node_id, count in counts.items():
        if count > 1:
            found.setdefault(node_id, []).append(f"the id is used by {count} nodes")
    if INTERFACE_NODE in counts:
        found.setdefault(INTERFACE_NODE, []).append("the id is reserved")
    for circle in cycles(workflow.nodes, workflow.edges):
        path = " -> ".join([*circle, circle[0]])
        for node_id in circle:
            found.setdefault(node_id, []).append(f"is part of the cycle {path}")
    return found


def cycles(nodes: Iterable[str], edges: Sequence[Edge]) -> list[list[str]]:
    """One cycle of every strongly connected part, each in the direction of its edges."""
    downstream: dict[str, list[str]] = {node: [] for node in nodes}
    for edge in edges:
        downstream[edge.source].append(edge.target)
    found = []
    left = _on_or_behind_cycles(downstream)
    while left:
        circle = _walk_into_cycle(left, downstream)
        found.append(circle)
        left -= _connected_both_ways(circle[0], left, downstream)
        left = _prune(left, downstream)
    return found


def _on_or_behind_cycles(downstream: Mapping[str, Sequence[str]]) -> set[str]:
    """Kahn's algorithm (1962): what is left when every node without a way on is removed."""
    return _prune(set(downstream), downstream)


def _prune(nodes: set[str], downstream: Mapping[str, Sequence[str]]) -> set[str]:
    left = set(nodes)
    upstream: dict[str, list[str]] = {node: [] for node in left}
    ways_on = dict.fromkeys(left, 0)
    for node in left:
        for target in downstream[node]:
            if target in left:
                upstream[target].append(node)
                ways_on[node] += 1
    dead_ends = [node for node, count in ways_on.items() if count == 0]
    while dead_ends:
        node = dead_ends.pop()
        left.discard(node)
        for source in upstream[node]:
            ways_on[source] -= 1
            if ways_on[source] == 0:
                dead_ends.append(source)
    return left


def _walk_into_cycle(left: set[str], downstream: Mapping[str, Sequence[str]]) -> list[str]:
    """Follow edges until a node comes twice; every node left has a way on."""
    order = {node: position for position, node in enumerate(downstream)}
    node = min(left, key=order.__getitem__)
    seen: dict[str, int] = {}
    path: list[str] = []
    while node not in seen:
        seen[node] = len(path)
        path.append(node)
        node = next(target for target in downstream[node] if target in left)
    circle = path[seen[node] :]
    first = circle.index(min(circle, key=order.__getitem__))
    return circle[first:] + circle[:first]


def _connected_both_ways(
    start: str, left: set[str], downstream: Mapping[str, Sequence[str]]
) -> set[str]:
    upstream: dict[str, list[str]] = {node: [] for node in left}
    for node in left:
        for target in downstream[node]:
            if target in left:
                upstream[target].append(node)
    return _reachable(start, left, downstream) & _reachable(start, left, upstream)


def _reachable(start: str, left: set[str], ways: Mapping[str, Sequence[str]]) -> set[str]:
    seen = {start}
    ahead = [start]
    while ahead:
        for node in ways[ahead.pop()]:
            if node in left and node not in seen:
                seen.add(node)
                ahead.append(node)
    return seen
