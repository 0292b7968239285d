"""What a run does, told by its events."""

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest

from chalicelib.engine import events
from chalicelib.engine.definitions import Bypass, Context, Inputs, NodeError, Slot
from chalicelib.engine.events import Event
from tests.builders import (
    NUMBER,
    TEXT,
    MemoryJournal,
    Types,
    edge,
    node,
    node_type,
    outcome,
    payload,
    run,
    run_async,
)

ANYTHING = Slot("WILDCARD")


def total(inputs: Inputs, _context: Context) -> dict[str, Any]:
    return {"out": inputs.get("a", 0) + inputs.get("b", 0)}


def broken(_inputs: Inputs, _context: Context) -> dict[str, Any]:
    raise NodeError("it is broken")


def echo(inputs: Inputs, _context: Context) -> dict[str, Any]:
    return {"out": dict(inputs)}


TYPES = Types(
    add=node_type("add", total, inline=True),
    add_in_thread=node_type("add_in_thread", total),
    broken=node_type("broken", broken, inline=True),
    echo=node_type(
        "echo", echo, inputs={"a": Slot("WILDCARD"), "b": Slot("WILDCARD")}, inline=True
    ),
    need=node_type("need", echo, inputs={"a": Slot("FLOAT", required=True)}, inline=True),
    many=node_type("many", echo, inputs={"a": Slot("WILDCARD", multi=True)}, inline=True),
    any=node_type("any", echo, inputs={}, dynamic_slots=True, inline=True),
)


def kinds(happened: list[Event]) -> list[tuple[str, Any]]:
    """Types of events, with the node or the status that they are about."""
    return [
        (
            event.type,
            event.payload.get("nodeId")
            or event.payload.get("sourceNodeId")
            or event.payload.get("status"),
        )
        for event in happened
    ]


def output(happened: list[Event], node_id: str) -> Any:
    found = outcome(happened).nodes[node_id].output
    return None if found is None else found["out"]


def test_an_empty_workflow_completes() -> None:
    assert kinds(run(payload([]), TYPES)) == [(events.STATUS, "complete")]


def test_a_batch_node_starts_completes_and_closes_its_stream() -> None:
    happened = run(payload([node("n", "add", inputs={"a": 1, "b": 2})]), TYPES)
    assert kinds(happened) == [
        (events.EXECUTING, "n"),
        (events.COMPLETE, "n"),
        (events.YIELD, "n"),
        (events.STATUS, "complete"),
    ]
    assert happened[2].payload["isLastChunk"] is True
    assert output(happened, "n") == 3


@pytest.mark.parametrize("full_type", ["add", "add_in_thread"])
def test_values_flow_along_edges_inline_and_in_threads(full_type: str) -> None:
    body = payload(
        [node("x", full_type, inputs={"a": 1, "b": 1}), node("y", full_type, inputs={"b": 5})],
        edge("x.out", "y.a"),
    )
    assert output(run(body, TYPES), "y") == 7


def test_a_connected_value_wins_over_a_literal() -> None:
    body = payload(
        [node("x", "add", inputs={"a": 1}), node("y", "echo", inputs={"a": 50})],
        edge("x.out", "y.a"),
    )
    assert output(run(body, TYPES), "y") == {"a": 1}


def test_the_last_of_several_edges_into_a_single_input_wins() -> None:
    body = payload(
        [node("x", "add", inputs={"a": 1}), node("z", "add", inputs={"a": 2}), node("y", "echo")],
        edge("x.out", "y.a"),
        edge("z.out", "y.a"),
    )
    assert output(run(body, TYPES), "y") == {"a": 2}


def test_a_multi_input_gets_a_list_in_the_order_of_its_connections() -> None:
    sources = [node(name, "add", inputs={"a": value}) for name, value in (("x", 1), ("z", 2))]
    edges = [edge("x.out", "y.a__0"), edge("z.out", "y.a__1")]
    backwards = {"a": [edges[1]["id"], edges[0]["id"]]}
    plain = run(payload([*sources, node("y", "many")], *edges), TYPES)
    ordered = run(
        payload([*sources, node("y", "many", inputConnectionOrders=backwards)], *edges), TYPES
    )
    assert output(plain, "y") == {"a": [1, 2]}
    assert output(ordered, "y") == {"a": [2, 1]}


def test_duplicate_edges_count_once() -> None:
    same = edge("x.out", "y.a")
    body = payload(
        [node("x", "add", inputs={"a": 1}), node("y", "many")], same, {**same, "id": "2"}
    )
    assert output(run(body, TYPES), "y") == {"a": [1]}


@pytest.mark.parametrize("bad", [("x.nope", "y.a"), ("x.out", "y.nope"), ("q.out", "y.a")])
def test_an_edge_to_what_does_not_exist_counts_as_absent(bad: tuple[str, str]) -> None:
    body = payload(
        [node("x", "add", inputs={"a": 1}), node("y", "echo", inputs={"a": 50})], edge(*bad)
    )
    assert output(run(body, TYPES), "y") == {"a": 50}


def test_a_missing_required_input_fails_the_node_before_it_starts() -> None:
    body = payload([node("n", "need"), node("m", "add")], edge("n.out", "m.a"))
    happened = run(body, TYPES)
    assert kinds(happened) == [(events.ERROR, "n"), (events.STATUS, "error")]
    assert "a" in happened[0].payload["errorDetails"]["message"]


def test_a_required_input_that_is_null_counts_as_given() -> None:
    assert output(run(payload([node("n", "need", inputs={"a": None})]), TYPES), "n") == {"a": 0}


def test_an_unknown_type_fails_its_node_and_skips_what_is_behind_it() -> None:
    body = payload([node("n", "core:Nope"), node("m", "add")], edge("n.out", "m.a"))
    assert kinds(run(body, TYPES)) == [(events.ERROR, "n"), (events.STATUS, "error")]


def test_independent_branches_go_on_after_a_failure() -> None:
    body = payload(
        [node("bad", "broken"), node("behind", "add"), node("free", "add", inputs={"a": 1})],
        edge("bad.out", "behind.a"),
    )
    happened = run(body, TYPES)
    assert output(happened, "free") == 1
    assert "behind" not in outcome(happened).nodes
    assert outcome(happened).error == "Node bad (broken) failed: it is broken"


def test_an_unforeseen_exception_tells_its_type_and_no_more() -> None:
    def leak(_inputs: Inputs, _context: Context) -> dict[str, Any]:
        raise ValueError("the password is hunter2")

    happened = run(payload([node("n", "leak")]), Types(leak=node_type("leak", leak)))
    message = outcome(happened).nodes["n"].error
    assert message is not None
    assert "ValueError" in message
    assert "hunter2" not in message


@pytest.mark.parametrize("inline", [True, False])
def test_a_node_that_asks_to_exit_fails_and_takes_nothing_along(inline: bool) -> None:
    def leave(_inputs: Inputs, _context: Context) -> dict[str, Any]:
        raise SystemExit(3)

    types = Types(leave=node_type("leave", leave, inline=inline), add=TYPES["add"])
    state = outcome(run(payload([node("n", "leave"), node("m", "add", inputs={"a": 1})]), types))
    assert state.nodes["n"].status == "error"
    assert state.nodes["m"].output == {"out": 1}


@pytest.mark.parametrize("value", [{1, 2}, b"bytes", object(), "\ud800"])
def test_an_output_that_is_no_json_fails_its_node(value: object) -> None:
    types = Types(odd=node_type("odd", lambda _inputs, _context: {"out": value}, inline=True))
    assert outcome(run(payload([node("n", "odd")]), types)).nodes["n"].status == "error"


def test_dynamic_slots_take_whatever_is_wired_to_them() -> None:
    body = payload([node("x", "add", inputs={"a": 4}), node("y", "any")], edge("x.out", "y.free"))
    assert output(run(body, TYPES), "y") == {"free": 4}


def test_independent_slow_nodes_run_at_the_same_time() -> None:
    together = threading.Barrier(5)

    def wait_for_others(_inputs: Inputs, _context: Context) -> dict[str, Any]:
        together.wait(timeout=30)
        return {"out": 1}

    types = Types(wait=node_type("wait", wait_for_others))
    happened = run(payload([node(f"n{i}", "wait") for i in range(5)]), types)
    assert outcome(happened).status == "complete"


def test_a_node_starts_when_its_own_dependencies_end_whatever_else_runs() -> None:
    release = threading.Event()

    def slow(_inputs: Inputs, _context: Context) -> dict[str, Any]:
        assert release.wait(timeout=30)
        return {"out": 1}

    def let_go(inputs: Inputs, _context: Context) -> dict[str, Any]:
        release.set()
        return {"out": inputs["a"]}

    types = Types(slow=node_type("slow", slow), let_go=node_type("let_go", let_go), **TYPES)
    body = payload(
        [node("s", "slow"), node("x", "add", inputs={"a": 1}), node("y", "let_go")],
        edge("x.out", "y.a"),
    )
    assert outcome(run(body, types)).status == "complete"


def test_a_node_that_takes_too_long_is_timed_out() -> None:
    async def hang(_inputs: Inputs, _context: Context) -> dict[str, Any]:
        await asyncio.Event().wait()
        return {}

    types = Types(hang=node_type("hang", hang, timeout=0.01))
    error = outcome(run(payload([node("n", "hang")]), types)).nodes["n"].error
    assert error == "Timed out after 0.01 seconds"


def test_a_node_is_retried_as_often_as_its_definition_says() -> None:
    tries: list[int] = []

    def flaky(_inputs: Inputs, _context: Context) -> dict[str, Any]:
        tries.append(1)
        if len(tries) < 2:
            raise NodeError("try again")
        return {"out": len(tries)}

    happened = run(payload([node("n", "flaky")]), Types(flaky=node_type("flaky", flaky, retries=1)))
    assert output(happened, "n") == 2


def test_progress_is_told_from_any_thread() -> None:
    def works(_inputs: Inputs, context: Context) -> dict[str, Any]:
        context.progress(1, 2)
        return {"out": 0}

    types = Types(works=node_type("works", works), add=TYPES["add_in_thread"])
    happened = run(payload([node("n", "works")]), types)
    assert (events.PROGRESS, "n") in kinds(happened)


def test_a_mode_replaces_the_nodes_inputs_and_outputs() -> None:
    square = node_type(
        "op",
        echo,
        inline=True,
        modes={"one": ({"x": NUMBER}, {"out": NUMBER}), "two": ({"y": NUMBER}, {"out": NUMBER})},
        mode_key="mode",
        default_mode="one",
    )
    given = {"x": 1, "y": 2}
    body = payload(
        [
            node("d", "op", inputs=given),
            node("t", "op", inputs=given, configValues={"mode": "two"}),
            node("u", "op", inputs=given, configValues={"mode": "nope"}),
        ]
    )
    happened = run(body, Types(op=square))
    assert [output(happened, name) for name in "dtu"] == [{"x": 1}, {"y": 2}, {"x": 1}]


def test_a_bypassed_node_hands_on_its_first_compatible_input() -> None:
    body = payload(
        [
            node("x", "add", inputs={"a": 3}),
            node("b", "add", inputs={"a": 10}, bypassed=True),
            node("y", "echo"),
        ],
        edge("x.out", "b.b"),
        edge("b.out", "y.a"),
    )
    happened = run(body, TYPES)
    assert (events.BYPASSED, "b") in kinds(happened)
    assert (events.EXECUTING, "b") not in kinds(happened)
    assert output(happened, "y") == {"a": 3}


def test_a_muted_node_gives_nothing_and_defaults_apply_behind_it() -> None:
    types = Types(
        mute=node_type("mute", echo, bypass=Bypass(mute=True)),
        dflt=node_type("dflt", echo, inputs={"a": Slot("FLOAT", has_default=True, default=9)}),
    )
    body = payload([node("m", "mute", bypassed=True), node("y", "dflt")], edge("m.out", "y.a"))
    assert output(run(body, types), "y") == {"a": 9}


def test_a_bypass_rule_passes_through_and_fills_in() -> None:
    rule = Bypass(pass_through={"out": "b"}, defaults={"other": "x"})
    outputs = {"out": NUMBER, "other": TEXT, "rest": TEXT}
    types = Types(ruled=node_type("ruled", echo, bypass=rule, outputs=outputs))
    happened = run(payload([node("n", "ruled", inputs={"a": 1, "b": 2}, bypassed=True)]), types)
    assert happened[0].payload["pseudoOutputs"] == {"out": 2, "other": "x", "rest": ""}


def test_interface_outputs_come_at_the_end_without_the_unknown_ones() -> None:
    body = payload(
        [node("x", "add", inputs={"a": 1})],
        outputInterfaceMappings={
            "sum": {"sourceNodeId": "x", "sourceSlotKey": "out"},
            "bad": {"sourceNodeId": "q", "sourceSlotKey": "out"},
            "worse": {"sourceNodeId": "x", "sourceSlotKey": "nope"},
        },
    )
    happened = run(body, TYPES)
    assert happened[-2].payload == {"nodeId": events.INTERFACE_NODE, "output": {"sum": 1}}


def test_a_node_that_may_not_repeat_waits_until_its_past_and_its_start_are_durable() -> None:
    class Watched(MemoryJournal):
        def __init__(self) -> None:
            super().__init__()
            self.waited_for: list[int] = []

        async def durable(self, ticket: int) -> None:
            self.waited_for.append(ticket)

    journal = Watched()
    types = Types(pay=node_type("pay", total, repeatable=False), add=TYPES["add"])
    body = payload([node("x", "add", inputs={"a": 1}), node("p", "pay")], edge("x.out", "p.a"))
    happened = run(body, types, journal=journal)
    started = kinds(happened).index((events.EXECUTING, "p"))
    assert journal.waited_for == [started, started + 1]


def test_a_node_that_may_not_repeat_is_not_run_again_after_a_crash() -> None:
    ran: list[int] = []

    def pay(_inputs: Inputs, _context: Context) -> dict[str, Any]:
        ran.append(1)
        return {}

    state = outcome([events.status("running"), events.executing("p")])
    types = Types(pay=node_type("pay", pay, repeatable=False))
    happened = run(payload([node("p", "pay")]), types, state=state)
    assert not ran
    assert "may already have run" in str(happened[0].payload["errorDetails"]["message"])


async def _cancelled_in_the_middle() -> tuple[list[Event], bool]:
    entered, cancelled = asyncio.Event(), asyncio.Event()

    async def hang(_inputs: Inputs, _context: Context) -> dict[str, Any]:
        entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return {}

    journal = MemoryJournal()
    body = payload([node("n", "hang")])
    types = Types(hang=node_type("hang", hang))
    task = asyncio.create_task(run_async(body, types, journal=journal))
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    return journal.events, cancelled.is_set()


def test_cancelling_a_run_cancels_its_nodes_and_no_event_follows() -> None:
    happened, cancelled = asyncio.run(_cancelled_in_the_middle())
    assert cancelled
    assert kinds(happened) == [(events.EXECUTING, "n")]


async def _words(_inputs: Inputs, _context: Context) -> AsyncIterator[Any]:
    yield "no chunk"


def test_something_that_is_no_chunk_fails_a_stream_node() -> None:
    happened = run(payload([node("n", "words")]), Types(words=node_type("words", _words)))
    assert outcome(happened).nodes["n"].status == "error"
