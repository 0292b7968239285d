"""The kinds of runs that are counted, and how they reach their user."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from infra.cost import assumptions as assumed
from infra.cost.stage import Stage
from infra.cost.usage import Usage, difference

Way = Literal["http", "batched", "plain"]
"""Submitted and read over HTTP; over a socket that takes frames in arrays; one by one."""

WAYS: Mapping[Way, str] = {
    "http": "submitted and its result read once over HTTP",
    "batched": "over a socket with `?frames=batch`",
    "plain": "over a socket that takes every frame by itself",
}
_TEXT = "A line of a story that is about as long as this. "
_WARM_UP_STEPS = 1


@dataclass(frozen=True, slots=True)
class Kind:
    """A workflow: so many cheap steps in a chain, then a model's chunks, if any."""

    name: str
    short: str
    steps: int
    chunks: int = 0
    chunk_seconds: float = 0.0

    def payload(self) -> dict[str, Any]:
        """What a client submits, with ids as long as the web client's."""
        seconds = assumed.NODE_CPU.value * assumed.MILLISECOND
        given = {"seconds": seconds, "text": _TEXT}
        nodes = [_node(place, "cost:Step", given) for place in range(self.steps)]
        edges = [_edge(place, "text") for place in range(self.steps - 1)]
        if self.chunks:
            written = {"chunks": self.chunks, "pause": self.chunk_seconds}
            nodes.append(_node(self.steps, "cost:Model", written))
            edges.append(_edge(self.steps - 1, "prompt"))
        return {"workflowId": "w" * 21, "nodes": nodes, "edges": edges}


SMALL = Kind("5 cheap nodes", "5", 5)
MEDIUM = Kind("20 cheap nodes", "20", 20)
LARGE = Kind("200 cheap nodes", "200", 200)
CHAT = Kind("a reply: 5 cheap nodes and a model, 200 chunks in 5 s", "reply", 5, 200, 0.025)
KINDS = (SMALL, MEDIUM, LARGE, CHAT)


def warm_up(stage: Stage) -> None:
    """Let the process do what it does once."""
    stage.work()
    for way in WAYS:
        count(stage, Kind("warm-up", "0", _WARM_UP_STEPS), way)


def count(stage: Stage, kind: Kind, way: Way) -> Usage:
    """What one run uses, from the submission to the last frame; the socket is open before."""
    if way != "http":
        stage.connect("watcher", batched=way == "batched")
    before, began = stage.reading(), stage.meter.clock.now
    if way == "http":
        answer = stage.http("POST", "/api/prompt", kind.payload())
        stage.work()
        stage.http("GET", f"/api/prompt/{answer['promptId']}")
    else:
        stage.say("watcher", "PROMPT_REQUEST", kind.payload())
        stage.work()
        stage.meter.add("socket.minutes", (stage.meter.clock.now - began) / 60)
    used = difference(stage.reading(), before)
    if way != "http":
        stage.disconnect("watcher")
    return {meter: amount for meter, amount in used.items() if amount}


def _node(place: int, full_type: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": _id("node", place), "fullType": full_type, "inputs": dict(inputs)}


def _edge(place: int, target: str) -> dict[str, Any]:
    return {
        "id": _id("edge", place),
        "sourceNodeId": _id("node", place),
        "sourceHandle": "text",
        "targetNodeId": _id("node", place + 1),
        "targetHandle": target,
    }


def _id(what: str, place: int) -> str:
    return f"{what}-{place:012d}"
