"""A submitted workflow, parsed: nodes, edges and the workflow's own interface."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from chalicelib.engine.definitions import Slots

_INDEXED = re.compile(r"^(?P<slot>.+)__\d+$")


# Tuples, here and in the plan: a frozen dataclass takes four times as long to make,
# and a workflow may have many thousands.


class Edge(NamedTuple):
    """A connection from a node's output to a node's input."""

    id: str | None
    source: str
    source_handle: str
    target: str
    target_handle: str


class Node(NamedTuple):
    """A node of the workflow. ``orders`` maps an input to the order of its edges."""

    id: str
    full_type: str
    inputs: Mapping[str, Any]
    config: Mapping[str, Any]
    bypassed: bool
    orders: Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Workflow:
    """What a run executes. ``mappings`` gives each interface output its source slot."""

    nodes: Mapping[str, Node]
    edges: Sequence[Edge] = ()
    interface_inputs: Mapping[str, Any] = field(default_factory=dict)
    interface_outputs: Mapping[str, Any] = field(default_factory=dict)
    mappings: Mapping[str, tuple[str, str]] = field(default_factory=dict)


def parse(payload: Mapping[str, Any]) -> Workflow:
    """Read a WorkflowExecutionPayload of valid shape.

    An edge that names an unknown node is ignored; duplicate edges count once.
    """
    nodes = {item["id"]: _node(item) for item in payload.get("nodes") or ()}
    edges: dict[tuple[str, str, str, str], Edge] = {}
    for item in payload.get("edges") or ():
        edge = Edge(
            item.get("id"),
            item["sourceNodeId"],
            item.get("sourceHandle") or "",
            item["targetNodeId"],
            item.get("targetHandle") or "",
        )
        if edge.source in nodes and edge.target in nodes:
            edges.setdefault(edge[1:], edge)
    return Workflow(
        nodes=nodes,
        edges=tuple(edges.values()),
        interface_inputs=payload.get("interfaceInputs") or {},
        interface_outputs=payload.get("interfaceOutputs") or {},
        mappings={
            key: (source["sourceNodeId"], source["sourceSlotKey"])
            for key, source in (payload.get("outputInterfaceMappings") or {}).items()
        },
    )


def slot_key(handle: str, slots: Slots, *, dynamic: bool) -> str | None:
    """The slot that a handle means (``slot__0`` is slot ``slot``), or None.

    A node with dynamic slots has whatever slot is named.
    """
    if handle in slots:
        return handle
    indexed = _INDEXED.match(handle)
    if indexed and indexed["slot"] in slots:
        return indexed["slot"]
    return handle if dynamic and handle else None


def _node(item: Mapping[str, Any]) -> Node:
    return Node(
        item["id"],
        item["fullType"],
        item.get("inputs") or {},
        item.get("configValues") or {},
        bool(item.get("bypassed")),
        item.get("inputConnectionOrders") or {},
    )
