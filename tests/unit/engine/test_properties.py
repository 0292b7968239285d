"""The engine against a naive evaluator, and against crashes at every commit."""

from collections.abc import AsyncIterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.engine import events
from chalicelib.engine.definitions import Chunk, Context, Inputs, NodeError, Slot
from chalicelib.engine.events import RunState
from tests.builders import (
    NUMBER,
    TEXT_STREAM,
    MemoryJournal,
    Types,
    edge,
    node,
    node_type,
    outcome,
    payload,
    run,
)


def total(inputs: Inputs, _context: Context) -> dict[str, Any]:
    value = inputs.get("a", 0) * 3 + inputs.get("b", 1)
    if value % 11 == 10:
        raise NodeError(f"{value} is unlucky")
    return {"out": value % 1000}


async def total_async(inputs: Inputs, context: Context) -> dict[str, Any]:
    return total(inputs, context)


async def count(inputs: Inputs, _context: Context) -> AsyncIterator[Chunk]:
    for number in range(int(inputs.get("a", 0)) % 7):
        yield Chunk("text_chunk", str(number))
        if inputs.get("a", 0) % 13 == 12:
            raise NodeError("the line is dead")


async def shout(inputs: Inputs, _context: Context) -> AsyncIterator[Chunk]:
    async for chunk in inputs["stream"]:
        yield Chunk(chunk.type, f"<{chunk.content}>") if chunk.type == "text_chunk" else chunk


TYPES = Types(
    inline=node_type("inline", total, inline=True),
    thread=node_type("thread", total),
    coroutine=node_type("coroutine", total_async),
    once=node_type("once", total, repeatable=False),
    count=node_type("count", count, inputs={"a": NUMBER}, outputs={"stream": TEXT_STREAM}),
    shout=node_type(
        "shout",
        shout,
        inputs={"stream": Slot("STRING", is_stream=True, required=True)},
        outputs={"stream": TEXT_STREAM},
    ),
)
BATCH = ("inline", "thread", "coroutine")


@st.composite
def graphs(draw: st.DrawFn, kinds: tuple[str, ...] = BATCH) -> Any:
    """A random graph; edges go from earlier nodes to later ones, listed in any order."""
    size = draw(st.integers(1, 12))
    names = [f"n{number}" for number in range(size)]
    types = draw(st.lists(st.sampled_from(kinds), min_size=size, max_size=size))
    nodes, edges = [], []
    for number, full_type in enumerate(types):
        literals = draw(st.dictionaries(st.sampled_from("ab"), st.integers(0, 50)))
        bypassed = full_type in BATCH and draw(st.integers(0, 9)) == 0
        nodes.append(node(names[number], full_type, inputs=literals, bypassed=bypassed))
        for key in ("stream",) if full_type == "shout" else "ab":
            if number and draw(st.booleans()):
                source = draw(st.integers(0, number - 1))
                output = "stream" if types[source] in ("count", "shout") else "out"
                edges.append(edge(f"{names[source]}.{output}", f"{names[number]}.{key}"))
    return payload(draw(st.permutations(nodes)), *draw(st.permutations(edges)))


def naive(body: Any) -> dict[str, Any]:
    """Outputs node by node, in the order of names, which is an order of the graph."""
    outputs: dict[str, Any] = {}
    for item in sorted(body["nodes"], key=lambda found: int(found["id"][1:])):
        inputs = dict(item["inputs"])
        sources = [link for link in body["edges"] if link["targetNodeId"] == item["id"]]
        if any(link["sourceNodeId"] not in outputs for link in sources):
            continue
        inputs |= {link["targetHandle"]: outputs[link["sourceNodeId"]]["out"] for link in sources}
        if item["bypassed"]:
            wired = [link["targetHandle"] for link in sources]
            given_ones = sorted(wired) + sorted(key for key in inputs if key not in wired)
            outputs[item["id"]] = {"out": inputs[given_ones[0]] if given_ones else 0}
            continue
        try:
            outputs[item["id"]] = total(inputs, None)  # type: ignore[arg-type]
        except NodeError:
            continue
    return outputs


@settings(max_examples=150, deadline=None)
@given(graphs())
def test_any_graph_gives_the_outputs_of_a_naive_sequential_evaluation(body: Any) -> None:
    state = outcome(run(body, TYPES))
    found = {key: item.output for key, item in state.nodes.items() if item.output is not None}
    assert found == naive(body)


def summary(state: RunState) -> Any:
    """What must not depend on crashes: how nodes ended, and with what."""
    nodes = {key: (item.status, item.output, item.error) for key, item in state.nodes.items()}
    return state.status, nodes


@settings(max_examples=60, deadline=None)
@given(graphs(kinds=(*BATCH, "count", "shout")))
def test_a_crash_after_any_commit_and_a_resume_give_the_same_final_state(body: Any) -> None:
    journal = MemoryJournal()
    whole = run(body, TYPES, journal=journal)
    expected = summary(outcome(whole))
    for crash in journal.commits[:-1]:
        survived = whole[:crash]
        rest = run(body, TYPES, state=events.fold(survived))
        assert summary(outcome([*survived, *rest])) == expected


@settings(max_examples=40, deadline=None)
@given(graphs(kinds=(*BATCH, "once")))
def test_a_node_that_may_not_repeat_completes_once_or_fails_and_never_runs_twice(body: Any) -> None:
    journal = MemoryJournal()
    whole = run(body, TYPES, journal=journal)
    for crash in journal.commits[:-1]:
        survived = whole[:crash]
        begun = {key for key, item in outcome(survived).nodes.items() if item.status == "running"}
        rest = run(body, TYPES, state=events.fold(survived))
        started_again = {
            event.payload["nodeId"] for event in rest if event.type == events.EXECUTING
        }
        once = {item["id"] for item in body["nodes"] if item["fullType"] == "once"}
        assert not begun & started_again & once
        assert outcome([*survived, *rest]).ended
