"""What makes a workflow impossible to run: all problems at once, by node."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from chalicelib.engine.events import INTERFACE_NODE
from chalicelib.engine.graph import Edge, Workflow

_MAX_MESSAGE = 300


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
        # Once for all its nodes: a cycle may have as many as a workflow.
        message = _shortened("is part of the cycle " + " -> ".join([*circle, circle[0]]))
        for node_id in circle:
            found.setdefault(node_id, []).append(message)
    return found


def cycles(nodes: Iterable[str], edges: Sequence[Edge]) -> list[list[str]]:
    """One cycle of every strongly connected part, each in the direction of its edges.

    A cycle begins with the first of its nodes in the order of ``nodes``. Takes
    time in proportion to the nodes and edges.
    """
    downstream: dict[str, dict[str, None]] = {node: {} for node in nodes}
    for edge in edges:
        downstream[edge.source][edge.target] = None
    order = {node: position for position, node in enumerate(downstream)}
    found = [
        _walk_into_cycle(part, downstream, order)
        for part in _strong_parts(downstream)
        if len(part) > 1 or part[0] in downstream[part[0]]
    ]
    return sorted(found, key=lambda circle: order[circle[0]])


def _strong_parts(downstream: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """The strongly connected parts (Tarjan 1972), without recursion."""
    parts: list[list[str]] = []
    seen: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    stacked: set[str] = set()
    for start in downstream:
        if start in seen:
            continue
        path = [(start, iter(downstream[start]))]
        while path:
            node, ahead = path[-1]
            if node not in seen:
                seen[node] = lowest[node] = len(seen)
                stack.append(node)
                stacked.add(node)
            target = next(ahead, None)
            if target is None:
                path.pop()
                if path:
                    above = path[-1][0]
                    lowest[above] = min(lowest[above], lowest[node])
                if lowest[node] == seen[node]:
                    parts.append(_taken(stack, stacked, node))
            elif target not in seen:
                path.append((target, iter(downstream[target])))
            elif target in stacked:
                lowest[node] = min(lowest[node], seen[target])
    return parts


def _taken(stack: list[str], stacked: set[str], root: str) -> list[str]:
    place = len(stack) - 1
    while stack[place] != root:
        place -= 1
    part = stack[place:]
    del stack[place:]
    stacked.difference_update(part)
    return part


def _walk_into_cycle(
    part: Sequence[str], downstream: Mapping[str, Iterable[str]], order: Mapping[str, int]
) -> list[str]:
    """Follow edges within the part, where every node has a way on, until a node comes twice."""
    inside = set(part)
    node = min(part, key=order.__getitem__)
    seen: dict[str, int] = {}
    path: list[str] = []
    while node not in seen:
        seen[node] = len(path)
        path.append(node)
        node = next(target for target in downstream[node] if target in inside)
    circle = path[seen[node] :]
    first = circle.index(min(circle, key=order.__getitem__))
    return circle[first:] + circle[:first]


def _shortened(message: str) -> str:
    return message if len(message) <= _MAX_MESSAGE else f"{message[: _MAX_MESSAGE - 1]}…"
