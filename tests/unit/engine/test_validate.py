"""What is wrong with a workflow, all of it at once."""

import graphlib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.engine import graph, validate
from chalicelib.engine.graph import Edge
from tests.builders import edge, node, payload


def problems(body: Any) -> dict[str, list[str]]:
    return validate.problems(body, graph.parse(body))


def test_a_sound_workflow_has_no_problems() -> None:
    body = payload([node("x", "t"), node("y", "t")], edge("x.out", "y.a"))
    assert problems(body) == {}


def test_every_duplicate_id_is_named() -> None:
    body = payload([node(name, "t") for name in ("x", "x", "y", "z", "z", "z")])
    assert problems(body) == {
        "x": ["the id is used by 2 nodes"],
        "z": ["the id is used by 3 nodes"],
    }


def test_every_cycle_is_named_in_the_direction_of_its_edges() -> None:
    body = payload(
        [node(name, "t") for name in "abcdef"],
        edge("a.o", "b.i"),
        edge("b.o", "a.i"),
        edge("c.o", "d.i"),
        edge("d.o", "e.i"),
        edge("e.o", "c.i"),
        edge("b.o", "f.i"),
    )
    found = problems(body)
    assert set(found) == set("abcde")
    assert found["a"] == ["is part of the cycle a -> b -> a"]
    assert found["e"] == ["is part of the cycle c -> d -> e -> c"]


def test_a_node_wired_to_itself_is_a_cycle() -> None:
    assert set(problems(payload([node("x", "t")], edge("x.out", "x.a")))) == {"x"}


def test_an_edge_to_an_unknown_node_is_no_problem() -> None:
    assert problems(payload([node("x", "t")], edge("x.out", "q.a"), edge("q.out", "x.a"))) == {}


def test_a_long_chain_is_checked_without_recursion() -> None:
    nodes = [node(f"n{number}", "t") for number in range(5000)]
    edges = [edge(f"n{number}.o", f"n{number + 1}.i") for number in range(4999)]
    assert problems(payload(nodes, *edges)) == {}
    assert len(problems(payload(nodes, *edges, edge("n4999.o", "n0.i")))) == 5000


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=20))
def test_cycles_are_found_exactly_where_no_order_exists(pairs: list[tuple[int, int]]) -> None:
    nodes = [str(number) for number in range(8)]
    edges = [Edge(None, str(one), "o", str(other), "i") for one, other in pairs]
    sorter: graphlib.TopologicalSorter[str] = graphlib.TopologicalSorter()
    for item in edges:
        sorter.add(item.target, item.source)
    try:
        sorter.prepare()
        has_order = True
    except graphlib.CycleError:
        has_order = False
    found = validate.cycles(nodes, edges)
    assert (found == []) is has_order
    links = {(item.source, item.target) for item in edges}
    for circle in found:
        assert all(pair in links for pair in zip(circle, circle[1:] + circle[:1], strict=True))
