"""The workflows that are run, as payloads of ``POST /api/prompt``."""

from typing import Any

Payload = dict[str, Any]


def chain(length: int, full_type: str, *, output: str, target: str, **inputs: Any) -> Payload:
    """Nodes in a line: the ``output`` of each is the input ``target`` of the next."""
    nodes = [_node(str(place), full_type, **inputs) for place in range(length)]
    edges = [_edge(str(place), output, str(place + 1), target) for place in range(length - 1)]
    return {"nodes": nodes, "edges": edges}


def fan_out(width: int, full_type: str, *, join: str, output: str, target: str) -> Payload:
    """One node, ``width`` nodes behind it, and one of type ``join`` with all of them as input."""
    branches = [str(place) for place in range(1, width + 1)]
    last = str(width + 1)
    nodes = [_node("0", full_type), *(_node(branch, full_type) for branch in branches)]
    edges = [_edge("0", output, branch, target) for branch in branches]
    edges += [_edge(branch, output, last, "values") for branch in branches]
    return {"nodes": [*nodes, _node(last, join)], "edges": edges}


def empty() -> Payload:
    """Nothing to run: what remains is what a run costs by itself."""
    return {"nodes": [], "edges": []}


def sleeping(count: int, seconds: float) -> Payload:
    """Independent nodes that wait."""
    nodes = [_node(str(place), "bench:Sleep", seconds=seconds) for place in range(count)]
    return {"nodes": nodes, "edges": []}


def streaming(chunks: int) -> Payload:
    """A source of chunks, and two nodes that pass them on."""
    return {
        "nodes": [
            _node("source", "bench:Chunks", count=chunks),
            _node("logger", "core:StreamLogger"),
            _node("relay", "core:StreamSuffixRelay", suffix="."),
        ],
        "edges": [
            _edge("source", "stream", "logger", "inputStream"),
            _edge("logger", "outputStream", "relay", "inputStream"),
        ],
    }


def sums(length: int) -> Payload:
    """A chain of the built-in arithmetic node."""
    return chain(length, "core:MathOperation", output="result", target="a", a=1, b=1)


def _node(node_id: str, full_type: str, **inputs: Any) -> Payload:
    return {"id": node_id, "fullType": full_type, "inputs": inputs}


def _edge(source: str, output: str, target: str, key: str) -> Payload:
    return {
        "id": f"{source}-{target}",
        "sourceNodeId": source,
        "sourceHandle": output,
        "targetNodeId": target,
        "targetHandle": key,
    }
