"""The plan of a run: what feeds every input, and what must happen before a node starts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from chalicelib.engine import values
from chalicelib.engine.definitions import NodeType, NodeTypes, Slot, Slots
from chalicelib.engine.graph import Edge, Node, Workflow, slot_key

_NO_SLOTS: Slots = {}
_ANY = Slot("CONVERTIBLE_ANY")


class Link(NamedTuple):
    """A connected value: an output of a node; ``stream`` if its chunks flow."""

    source: str
    output: str
    stream: bool = False


@dataclass(slots=True)
class Step:
    """A node with its type resolved. ``type`` None means an unknown node type.

    ``links`` lists, for each connected input, where its values come from, in
    their order. The node starts when all of ``awaits`` have ended and all of
    ``streams`` have started.
    """

    node: Node
    type: NodeType | None
    inputs: Slots = field(default_factory=dict)
    outputs: Slots = field(default_factory=dict)
    links: dict[str, tuple[Link, ...]] = field(default_factory=dict)
    awaits: set[str] = field(default_factory=set)
    streams: set[str] = field(default_factory=set)

    @property
    def dynamic(self) -> bool:
        """Does the node have whatever slot is named?"""
        return self.type is not None and self.type.dynamic_slots

    def input(self, key: str) -> Slot:
        """The slot of an input; a dynamic one takes anything."""
        return self.inputs.get(key, _ANY)


@dataclass(frozen=True, slots=True)
class Plan:
    """All steps of a run; ``dependents`` are the nodes that wait for a node.

    ``interface`` gives each output of the workflow's interface its source.
    """

    workflow: Workflow
    steps: Mapping[str, Step]
    dependents: Mapping[str, Sequence[str]]
    interface: Mapping[str, Link]


def make_plan(workflow: Workflow, types: NodeTypes) -> Plan:
    """Link every node to what feeds it.

    An edge from an output or into an input that does not exist counts as
    absent. Of several edges into a single input the last one wins; all of them
    are waited for.
    """
    steps = {node.id: _step(node, types) for node in workflow.nodes.values()}
    incoming: dict[str, dict[str, list[tuple[Edge, Link]]]] = {}
    for edge in workflow.edges:
        _connect(edge, steps, incoming)
    linked = [step for node_id, step in steps.items() if node_id in incoming]
    for step in linked:
        for key, edges in incoming[step.node.id].items():
            step.links[key] = _ordered(step, key, edges)
    dependents: dict[str, list[str]] = {node: [] for node in steps}
    for step in linked:
        _settle(step, incoming[step.node.id], steps)
        for source in (*step.awaits, *step.streams):
            dependents[source].append(step.node.id)
    return Plan(workflow, steps, dependents, _interface(workflow, steps))


def passed_stream(step: Step, output: str) -> Link | None:
    """The stream that a bypassed node hands on as ``output``, or None."""
    if step.type is None or (step.type.bypass is not None and step.type.bypass.mute):
        return None
    if step.type.bypass is not None:
        passed = step.type.bypass.pass_through.get(output, "")
        return next((link for link in step.links.get(passed, ()) if link.stream), None)
    taken: set[str] = set()
    for key, slot in step.outputs.items():
        if not slot.is_stream:
            continue
        for candidate in step.inputs:
            links = step.links.get(candidate)
            if candidate in taken or not links or not links[0].stream:
                continue
            if values.compatible(step.input(candidate), slot):
                taken.add(candidate)
                if key == output:
                    return links[0]
                break
    return None


def _step(node: Node, types: NodeTypes) -> Step:
    node_type = types.find(node.full_type)
    if node_type is None:
        return Step(node, None)
    inputs, outputs = node_type.slots(node.config)
    return Step(node, node_type, inputs, outputs)


def _connect(
    edge: Edge, steps: Mapping[str, Step], incoming: dict[str, dict[str, list[tuple[Edge, Link]]]]
) -> None:
    source, target = steps[edge.source], steps[edge.target]
    # What an unknown type would have offered is unknown too: its failure must
    # still reach the nodes behind it.
    output = (
        edge.source_handle
        if source.type is None
        else slot_key(edge.source_handle, source.outputs, dynamic=source.dynamic)
    )
    key = slot_key(edge.target_handle, target.inputs, dynamic=target.dynamic)
    if output is None or key is None or target.type is None:
        return
    streams = source.outputs.get(output, _ANY).is_stream and target.input(key).is_stream
    link = Link(edge.source, output, stream=streams)
    incoming.setdefault(edge.target, {}).setdefault(key, []).append((edge, link))


def _ordered(step: Step, key: str, edges: Sequence[tuple[Edge, Link]]) -> tuple[Link, ...]:
    if not step.input(key).multi:
        return (edges[-1][1],)
    order = {edge_id: place for place, edge_id in enumerate(step.node.orders.get(key, ()))}
    placed = sorted(edges, key=lambda pair: order.get(pair[0].id or "", len(order)))
    return tuple(link for _, link in placed)


def _settle(
    step: Step, incoming: Mapping[str, Sequence[tuple[Edge, Link]]], steps: Mapping[str, Step]
) -> None:
    """Find what the node waits for, and the true sources of its streams."""
    linked = [link for edges in incoming.values() for _, link in edges]
    if not any(link.stream or steps[link.source].node.bypassed for link in linked):
        step.awaits.update(link.source for link in linked)
        return
    chosen = {id(link) for links in step.links.values() for link in links}
    for edges in incoming.values():
        for _, link in edges:
            passed_by = steps[link.source].node.bypassed
            if not link.stream or passed_by or id(link) not in chosen:
                step.awaits.add(link.source)
    for key, links in step.links.items():
        step.links[key] = tuple(_true_source(link, steps) for link in links)
        for link in step.links[key]:
            (step.streams if link.stream else step.awaits).add(link.source)
    step.streams -= step.awaits


def _true_source(link: Link, steps: Mapping[str, Step]) -> Link:
    output = link.output
    source = steps[link.source]
    while source.node.bypassed and source.outputs.get(output, _ANY).is_stream:
        passed = passed_stream(source, output)
        if passed is None:
            break
        link = Link(passed.source, passed.output, stream=link.stream)
        source, output = steps[passed.source], passed.output
    return link


def _interface(workflow: Workflow, steps: Mapping[str, Step]) -> dict[str, Link]:
    found = {}
    for key, (node_id, handle) in workflow.mappings.items():
        step = steps.get(node_id)
        if step is None or step.type is None:
            continue
        output = slot_key(handle, step.outputs, dynamic=step.dynamic)
        if output is None:
            continue
        slot = step.outputs.get(output, _ANY)
        found[key] = _true_source(Link(node_id, output, stream=slot.is_stream), steps)
    return found
