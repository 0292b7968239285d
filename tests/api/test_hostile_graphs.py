"""Workflows of an allowed size that are made to take long: they do not."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.api.product import Tavern
from tests.builders import edge, node, payload

SUM = "core:MathOperation"


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Far above what it takes, far below what it took when it grew with the square."""
    start = time.perf_counter()
    yield
    assert time.perf_counter() - start < seconds


def test_a_cycle_of_all_nodes_is_refused_at_once(tavern: Tavern) -> None:
    nodes = [node(f"n{number}", SUM) for number in range(10_000)]
    edges = [edge(f"n{number}.result", f"n{(number + 1) % 10_000}.a") for number in range(10_000)]
    with at_most(10):
        answer = tavern.ask("POST", "/api/prompt", json=payload(nodes, *edges))
    assert answer.status == 400
    assert len(answer.body) < 100_000


def test_thousands_of_cycles_are_refused_at_once(tavern: Tavern) -> None:
    nodes = [node(f"n{number}", SUM) for number in range(10_000)]
    edges = [edge(f"n{number}.result", f"n{number ^ 1}.a") for number in range(10_000)]
    with at_most(10):
        answer = tavern.ask("POST", "/api/prompt", json=payload(nodes, *edges))
    assert answer.status == 400
    assert answer.json()["details"]["n0"] == ["is part of the cycle n0 -> n1 -> n0"]


@pytest.mark.parametrize("where", ["interface inputs", "interface outputs"])
def test_thousands_of_small_values_take_no_write_each(tavern: Tavern, where: str) -> None:
    if where == "interface inputs":
        values = {f"k{number}": {"config": {"default": number}} for number in range(20_000)}
        body = payload([node("n", "core:GroupInput")], interfaceInputs=values)
    else:
        source = {"sourceNodeId": "n", "sourceSlotKey": "result"}
        mappings = {f"k{number}": source for number in range(20_000)}
        nodes = [node("n", SUM, inputs={"a": 1, "b": 1})]
        body = payload(nodes, outputInterfaceMappings=mappings)
    with at_most(10):
        prompt_id = tavern.submit(body)
        tavern.work()
    found = tavern.ask("GET", f"/api/prompt/{prompt_id}")
    assert found.json()["status"] == "complete"


def test_thirty_thousand_edges_into_one_input_are_taken(tavern: Tavern) -> None:
    nodes = [node("s", SUM, inputs={"a": 1, "b": 1}), node("t", SUM, inputs={"b": 1})]
    edges = [edge("s.result", f"t.a__{number}") for number in range(30_000)]
    with at_most(10):
        prompt_id = tavern.submit(payload(nodes, *edges))
        tavern.work()
    found = tavern.ask("GET", f"/api/prompt/{prompt_id}").json()
    assert found["nodeStatus"]["t"]["output"] == {"result": 3}
