"""Chunks between nodes."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from chalicelib.engine import events
from chalicelib.engine.definitions import BatchOutputs, Chunk, Context, Inputs, NodeError, Slot
from chalicelib.engine.events import Event
from tests.builders import (
    TEXT,
    TEXT_STREAM,
    Types,
    edge,
    node,
    node_type,
    outcome,
    payload,
    run,
)


async def source(inputs: Inputs, _context: Context) -> AsyncIterator[Chunk | BatchOutputs]:
    for number in range(int(inputs.get("count", 3))):
        yield Chunk("text_chunk", f"{number} ")
    yield BatchOutputs({"done": True})


async def relay(inputs: Inputs, _context: Context) -> AsyncIterator[Chunk]:
    async for chunk in inputs["stream"]:
        yield Chunk(chunk.type, f"{chunk.content}!") if chunk.type == "text_chunk" else chunk


async def both(inputs: Inputs, _context: Context) -> AsyncIterator[Chunk]:
    """Reads one stream to its end, then the other."""
    for name in ("left", "right"):
        async for chunk in inputs[name]:
            yield chunk


async def failing(_inputs: Inputs, _context: Context) -> AsyncIterator[Chunk]:
    yield Chunk("text_chunk", "so far ")
    raise NodeError("the line is dead")


async def complaining(_inputs: Inputs, _context: Context) -> AsyncIterator[Chunk]:
    yield Chunk("error_chunk", "no stream here")
    yield Chunk("text_chunk", "never seen")


def echo(inputs: Inputs, _context: Context) -> dict[str, Any]:
    return {"out": inputs["text"]}


async def only_first(inputs: Inputs, _context: Context) -> AsyncIterator[Chunk]:
    async for chunk in inputs["stream"]:
        yield chunk
        return


STREAM_OUT = {"stream": TEXT_STREAM}
STREAM_IN = {"stream": Slot("STRING", is_stream=True, required=True)}
TYPES = Types(
    source=node_type(
        "source", source, inputs={"count": Slot("INTEGER")}, outputs={**STREAM_OUT, "done": TEXT}
    ),
    relay=node_type("relay", relay, inputs=STREAM_IN, outputs=STREAM_OUT),
    both=node_type(
        "both", both, inputs={"left": TEXT_STREAM, "right": TEXT_STREAM}, outputs=STREAM_OUT
    ),
    failing=node_type("failing", failing, inputs={}, outputs=STREAM_OUT),
    complaining=node_type("complaining", complaining, inputs={}, outputs=STREAM_OUT),
    first=node_type("first", only_first, inputs=STREAM_IN, outputs=STREAM_OUT),
    echo=node_type("echo", echo, inputs={"text": TEXT}, outputs={"out": TEXT}, inline=True),
)


def texts(happened: list[Event], node_id: str) -> str:
    return "".join(
        event.payload["yieldedContent"]["content"]
        for event in happened
        if event.type == events.YIELD
        and event.payload["sourceNodeId"] == node_id
        and event.payload["yieldedContent"]["type"] == "text_chunk"
    )


def position(happened: list[Event], kind: str, node_id: str) -> int:
    return next(
        index
        for index, event in enumerate(happened)
        if event.type == kind and node_id in event.payload.values()
    )


def test_chunks_flow_through_while_the_source_still_runs() -> None:
    body = payload(
        [node("s", "source", inputs={"count": 200}), node("r", "relay")],
        edge("s.stream", "r.stream"),
    )
    happened = run(body, TYPES)
    assert texts(happened, "r") == "".join(f"{number} !" for number in range(200))
    first_of_relay = position(happened, events.YIELD, "r")
    assert first_of_relay < position(happened, events.COMPLETE, "s")


def test_batch_outputs_and_the_collected_text_come_at_the_end() -> None:
    happened = run(payload([node("s", "source")]), TYPES)
    assert outcome(happened).nodes["s"].output == {"done": True, "stream": "0 1 2 "}
    assert happened[-2].payload["isLastChunk"] is True


def test_every_consumer_gets_every_chunk() -> None:
    body = payload(
        [node("s", "source"), node("x", "relay"), node("y", "relay")],
        edge("s.stream", "x.stream"),
        edge("s.stream", "y.stream"),
    )
    happened = run(body, TYPES)
    assert texts(happened, "x") == texts(happened, "y") == "0 !1 !2 !"


def test_a_stream_wired_into_a_batch_input_gives_its_collected_text() -> None:
    body = payload([node("s", "source"), node("e", "echo")], edge("s.stream", "e.text"))
    assert outcome(run(body, TYPES)).nodes["e"].output == {"out": "0 1 2 "}


def test_branches_of_one_stream_that_are_read_one_after_the_other_do_not_deadlock() -> None:
    body = payload(
        [
            node("s", "source", inputs={"count": 1000}),
            node("x", "relay"),
            node("y", "relay"),
            node("j", "both"),
        ],
        edge("s.stream", "x.stream"),
        edge("s.stream", "y.stream"),
        edge("x.stream", "j.left"),
        edge("y.stream", "j.right"),
    )
    once = "".join(f"{number} !" for number in range(1000))
    assert texts(run(body, TYPES), "j") == once + once


def test_a_consumer_that_waits_for_another_branch_does_not_deadlock_the_source() -> None:
    types = Types(
        **TYPES,
        late=node_type(
            "late", relay, inputs={**STREAM_IN, "text": Slot("STRING")}, outputs=STREAM_OUT
        ),
    )
    body = payload(
        [
            node("s", "source", inputs={"count": 1000}),
            node("e", "echo"),
            node("l", "late"),
        ],
        edge("s.stream", "e.text"),
        edge("s.stream", "l.stream"),
        edge("e.out", "l.text"),
    )
    assert texts(run(body, types), "l").count("!") == 1000


def test_a_consumer_that_stops_reading_does_not_hold_up_the_source() -> None:
    body = payload(
        [node("s", "source", inputs={"count": 1000}), node("f", "first")],
        edge("s.stream", "f.stream"),
    )
    happened = run(body, TYPES)
    assert outcome(happened).status == "complete"
    assert texts(happened, "f") == "0 "


def test_a_failing_stream_tells_its_consumers_and_skips_what_waits_for_it() -> None:
    body = payload(
        [node("f", "failing"), node("r", "relay"), node("e", "echo")],
        edge("f.stream", "r.stream"),
        edge("f.stream", "e.text"),
    )
    state = outcome(run(body, TYPES))
    assert state.nodes["f"].error == "the line is dead"
    assert state.nodes["r"].error == "the line is dead"
    assert "e" not in state.nodes


def test_an_error_chunk_fails_its_node_once_it_was_seen() -> None:
    happened = run(payload([node("c", "complaining")]), TYPES)
    types = [event.type for event in happened]
    assert types == [events.EXECUTING, events.YIELD, events.ERROR, events.STATUS]
    assert happened[1].payload["yieldedContent"]["type"] == "error_chunk"


def test_long_texts_are_cut_into_pieces_that_fit_a_frame() -> None:
    async def long(_inputs: Inputs, _context: Context) -> AsyncIterator[Chunk]:
        yield Chunk("text_chunk", "x" * 10_000)

    types = Types(**TYPES, long=node_type("long", long, inputs={}, outputs=STREAM_OUT))
    body = payload([node("n", "long"), node("r", "relay")], edge("n.stream", "r.stream"))
    happened = run(body, types)
    assert texts(happened, "n") == "x" * 10_000
    assert max(len(str(event.payload)) for event in happened if event.type == events.YIELD) < 5000
    # Its consumers get it whole.
    assert texts(happened, "r") == "x" * 10_000 + "!"


def test_a_stream_of_the_interface_is_shown_chunk_by_chunk_and_closed() -> None:
    body = payload(
        [node("s", "source")],
        interfaceOutputs={"answer": {"displayName": "Answer"}},
        outputInterfaceMappings={"answer": {"sourceNodeId": "s", "sourceSlotKey": "stream"}},
    )
    happened = run(body, TYPES)
    shown = [event.payload for event in happened if event.type == events.INTERFACE_YIELD]
    assert [item["yieldedContent"]["content"] for item in shown[:-1]] == ["0 ", "1 ", "2 "]
    assert [item["isLastChunk"] for item in shown] == [False, False, False, True]
    assert shown[0]["interfaceOutputDisplayName"] == "Answer"
    placeholder = happened[-2].payload["output"]["answer"]
    assert placeholder["type"] == "stream_placeholder"


@pytest.mark.parametrize("target", ["relay", "echo"])
def test_a_bypassed_stream_node_lets_the_stream_through(target: str) -> None:
    key = "stream" if target == "relay" else "text"
    body = payload(
        [node("s", "source"), node("b", "relay", bypassed=True), node("t", target)],
        edge("s.stream", "b.stream"),
        edge("b.stream", f"t.{key}"),
    )
    state = outcome(run(body, TYPES))
    output = state.nodes["t"].output
    assert output is not None
    assert next(iter(output.values())) in ("0 !1 !2 !", "0 1 2 ")


def test_a_plain_value_in_place_of_a_stream_reaches_the_code_as_it_is() -> None:
    async def judge(inputs: Inputs, _context: Context) -> AsyncIterator[Chunk]:
        kind = "text_chunk" if isinstance(inputs["stream"], str) else "error_chunk"
        yield Chunk(kind, str(inputs["stream"]))

    types = Types(**TYPES, judge=node_type("judge", judge, inputs=STREAM_IN, outputs=STREAM_OUT))
    happened = run(payload([node("j", "judge", inputs={"stream": "plain"})]), types)
    assert texts(happened, "j") == "plain"
