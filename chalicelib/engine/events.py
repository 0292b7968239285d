"""What happens in a run, and the fold that turns it into the run's state.

An event is what a client sees, without the prompt id and the sequence. The
state of a run is the fold of its events: status, resume after a crash,
reconnect and history all use it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

STATUS = "EXECUTION_STATUS_UPDATE"
EXECUTING = "NODE_EXECUTING"
PROGRESS = "NODE_PROGRESS"
COMPLETE = "NODE_COMPLETE"
ERROR = "NODE_ERROR"
BYPASSED = "NODE_BYPASSED"
YIELD = "NODE_YIELD"
INTERFACE_YIELD = "WORKFLOW_INTERFACE_YIELD"

INTERFACE_NODE = "__WORKFLOW_INTERFACE_OUTPUTS__"
TERMINAL = frozenset({"complete", "error", "interrupted"})
STREAM_ENDED = {"type": "finish_reason_chunk", "content": "Stream ended"}


class Event(NamedTuple):
    """One record of a run's log.

    ``cuts`` keeps what a node's consumers saw of a text that was joined with
    others or cut for its frame: the lengths of the texts inside, negative for
    one that goes on in the node's next chunk. None is one whole text.
    """

    type: str
    payload: Mapping[str, Any]
    cuts: tuple[int, ...] | None = None


def status(value: str, message: str | None = None) -> Event:
    """The run's status changes; ``message`` says why it ends in error."""
    payload: dict[str, Any] = {"status": value}
    if message is not None:
        payload["errorInfo"] = {"message": message}
    return Event(STATUS, payload)


def executing(node_id: str) -> Event:
    """A node starts, or starts again."""
    return Event(EXECUTING, {"nodeId": node_id})


def progress(node_id: str, value: float, maximum: float) -> Event:
    """How far a node is."""
    return Event(PROGRESS, {"nodeId": node_id, "value": value, "max": maximum})


def complete(node_id: str, output: Mapping[str, Any]) -> Event:
    """A node ends with these outputs."""
    return Event(COMPLETE, {"nodeId": node_id, "output": output})


def failed(node_id: str, message: str) -> Event:
    """A node fails."""
    return Event(ERROR, {"nodeId": node_id, "errorDetails": {"message": message}})


def bypassed(node_id: str, outputs: Mapping[str, Any]) -> Event:
    """A node is passed by; what its consumers get instead of its outputs."""
    return Event(BYPASSED, {"nodeId": node_id, "pseudoOutputs": outputs})


def chunk(
    node_id: str,
    content: Mapping[str, Any],
    *,
    last: bool = False,
    cuts: tuple[int, ...] | None = None,
) -> Event:
    """A node yields a chunk ``{type, content}``."""
    payload = {"sourceNodeId": node_id, "yieldedContent": content, "isLastChunk": last}
    return Event(YIELD, payload, cuts)


def interface_chunk(
    key: str, name: str | None, content: Mapping[str, Any], *, last: bool = False
) -> Event:
    """A stream output of the workflow's interface yields a chunk."""
    payload: dict[str, Any] = {"interfaceOutputKey": key}
    if name is not None:
        payload["interfaceOutputDisplayName"] = name
    payload |= {"yieldedContent": content, "isLastChunk": last}
    return Event(INTERFACE_YIELD, payload)


@dataclass(slots=True)
class NodeState:
    """What is known of a node that has started.

    ``chunks`` are ``{type, content}``, as its consumers get them; ``cut`` says
    that the last of them goes on.
    """

    status: str
    output: Mapping[str, Any] | None = None
    error: str | None = None
    bypassed: bool = False
    cut: bool = False
    chunks: list[Mapping[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class RunState:
    """The state of a run after ``sequence`` events.

    ``outputs`` are the values of the workflow's interface, once it has ended.
    """

    status: str = "queued"
    sequence: int = 0
    error: str | None = None
    nodes: dict[str, NodeState] = field(default_factory=dict)
    outputs: Mapping[str, Any] | None = None

    @property
    def ended(self) -> bool:
        """Nothing follows a terminal record."""
        return self.status in TERMINAL


def fold(events: Iterable[Event], state: RunState | None = None) -> RunState:
    """Apply events in order; ``state`` is changed and returned."""
    state = state or RunState()
    for event in events:
        state.sequence += 1
        if event.type == YIELD:
            _yield(state, event)
        else:
            _APPLY[event.type](state, event.payload)
    return state


def _status(state: RunState, payload: Mapping[str, Any]) -> None:
    state.status = payload["status"]
    if "errorInfo" in payload:
        state.error = payload["errorInfo"]["message"]
    if not state.ended:
        return
    for node in state.nodes.values():
        if node.status == "running":
            node.status = "interrupted"


def _executing(state: RunState, payload: Mapping[str, Any]) -> None:
    # A node that starts again (after a crash) begins anew: its chunks come again.
    state.nodes[payload["nodeId"]] = NodeState("running")


def _shown_only(state: RunState, payload: Mapping[str, Any]) -> None:
    """Progress and the interface's chunks repeat what the nodes' own events say."""


def _complete(state: RunState, payload: Mapping[str, Any]) -> None:
    if payload["nodeId"] == INTERFACE_NODE:
        state.outputs = payload["output"]
        return
    node = state.nodes.setdefault(payload["nodeId"], NodeState("running"))
    node.status = "complete"
    node.output = payload["output"]


def _error(state: RunState, payload: Mapping[str, Any]) -> None:
    node = state.nodes.setdefault(payload["nodeId"], NodeState("running"))
    node.status = "error"
    node.error = payload["errorDetails"]["message"]


def _bypassed(state: RunState, payload: Mapping[str, Any]) -> None:
    state.nodes[payload["nodeId"]] = NodeState(
        "skipped", output=payload["pseudoOutputs"], bypassed=True
    )


def _yield(state: RunState, event: Event) -> None:
    node = state.nodes.get(event.payload["sourceNodeId"])
    if node is None or node.status == "complete":
        return
    content = event.payload["yieldedContent"]
    if event.cuts is None and not node.cut:
        node.chunks.append(content)
        return
    text, start = content["content"], 0
    for length in event.cuts or (len(text),):
        part = text[start : start + abs(length)]
        if node.cut:
            part = node.chunks.pop()["content"] + part
        node.chunks.append({**content, "content": part})
        node.cut = length < 0
        start += abs(length)


_APPLY = {
    STATUS: _status,
    EXECUTING: _executing,
    PROGRESS: _shown_only,
    COMPLETE: _complete,
    ERROR: _error,
    BYPASSED: _bypassed,
    INTERFACE_YIELD: _shown_only,
}
