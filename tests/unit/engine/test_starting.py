"""Nodes that end start those behind them; what goes wrong on the way is not lost."""

import asyncio
import itertools
from collections.abc import AsyncIterator

import pytest

from chalicelib.engine import events
from chalicelib.engine.definitions import BatchOutputs, Chunk, Context, Inputs, NodeError, Outputs
from chalicelib.engine.events import Event
from tests.builders import (
    TEXT,
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


async def add(inputs: Inputs, _context: Context) -> Outputs:
    return {"out": 1 + inputs.get("a", 0)}


def test_a_long_chain_of_coroutines_runs_to_its_end() -> None:
    names = [f"n{number}" for number in range(500)]
    edges = [edge(f"{one}.out", f"{other}.a") for one, other in itertools.pairwise(names)]
    body = payload([node(name, "add") for name in names], *edges)
    assert outcome(run(body, Types(add=node_type("add", add)))).nodes["n499"].output == {"out": 500}


def test_a_consumer_starts_with_a_source_that_must_not_run_twice() -> None:
    heard = asyncio.Event()

    async def talk(_inputs: Inputs, _context: Context) -> AsyncIterator[Chunk | BatchOutputs]:
        yield Chunk("text_chunk", "hello")
        async with asyncio.timeout(30):
            await heard.wait()

    async def listen(inputs: Inputs, _context: Context) -> Outputs:
        async for _chunk in inputs["text"]:
            heard.set()
        return {}

    types = Types(
        talk=node_type("talk", talk, inputs={}, outputs={"text": TEXT_STREAM}, repeatable=False),
        listen=node_type("listen", listen, inputs={"text": TEXT_STREAM}, outputs={}),
    )
    body = payload([node("t", "talk"), node("l", "listen")], edge("t.text", "l.text"))
    assert outcome(run(body, types)).status == "complete"


def test_a_failure_whose_message_is_no_text_still_fails_the_node() -> None:
    async def fail(_inputs: Inputs, _context: Context) -> Outputs:
        raise NodeError("half a pair: \ud83d")

    body = payload([node("n", "fail")])
    state = outcome(run(body, Types(fail=node_type("fail", fail, outputs={"out": TEXT}))))
    assert (state.status, state.nodes["n"].error) == ("error", "half a pair: ?")


class BrokenJournal(MemoryJournal):
    """A journal that fails in a way of its own when a node has ended."""

    def append(self, *happened: Event) -> int:
        if any(event.type in (events.COMPLETE, events.ERROR) for event in happened):
            raise OSError("the journal is broken")
        return super().append(*happened)


def test_a_journal_that_breaks_when_a_node_ends_is_told_to_whoever_runs_it() -> None:
    body = payload([node("n", "add"), node("m", "add")])
    with pytest.raises(OSError, match="the journal is broken"):
        run(body, Types(add=node_type("add", add)), journal=BrokenJournal())
