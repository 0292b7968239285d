"""Group 3 over HTTP: submit, status, list, interrupt, statistics, submitting once."""

import time
from typing import Any

import pytest

from chalicelib.api.http import error_reply
from chalicelib.errors import TooManyRequests
from tests.api.bodies import RUN
from tests.api.hostile import assert_error
from tests.api.product import Ask, Tavern
from tests.api.routes import is_flagged
from tests.builders import edge, node, payload

UNKNOWN = "00000000-0000-4000-8000-000000000000"
NODE = node("n", "core:MathOperation", inputs={"a": 1, "b": 2})


def test_a_run_goes_from_submit_to_history(either_tavern: Tavern) -> None:
    before = int(time.time() * 1000)
    prompt_id = either_tavern.submit(RUN)
    either_tavern.work()
    answer = either_tavern.ask("GET", f"/api/prompt/{prompt_id}")
    assert answer.status == 200
    found = answer.json()
    times = [found.pop(key) for key in ("submittedAt", "startedAt", "completedAt")]
    assert times == sorted(times)
    assert before <= times[0] <= times[2] <= int(time.time() * 1000)
    assert found.pop("durationMs") == times[2] - times[1]
    assert found == {
        "promptId": prompt_id,
        "status": "complete",
        "workflowName": "Sums",
        "nodeStatus": {
            "sum": {"status": "complete", "output": {"result": 3}},
            "twice": {"status": "complete", "output": {"result": 5}},
        },
        "outputs": {"total": 5},
    }


def test_a_queued_run_has_idle_nodes_and_no_times_but_its_own(tavern: Tavern) -> None:
    prompt_id = tavern.submit(payload([NODE]))
    found = tavern.ask("GET", f"/api/prompt/{prompt_id}").json()
    assert found.pop("submittedAt")
    assert found == {
        "promptId": prompt_id,
        "status": "queued",
        "nodeStatus": {"n": {"status": "idle"}},
        "outputs": {},
    }


def test_a_failed_run_tells_why_and_what_was_skipped(tavern: Tavern) -> None:
    nodes = [node("bad", "core:Nothing"), node("next", "core:MathOperation"), NODE]
    prompt_id = tavern.submit(payload(nodes, edge("bad.result", "next.a")))
    tavern.work()
    found = tavern.ask("GET", f"/api/prompt/{prompt_id}").json()
    assert found["status"] == "error"
    assert found["errorInfo"]["message"]
    assert found["nodeStatus"]["bad"]["status"] == "error"
    assert "core:Nothing" in found["nodeStatus"]["bad"]["error"]
    assert found["nodeStatus"]["next"] == {"status": "skipped"}
    assert found["nodeStatus"]["n"]["status"] == "complete"


def test_an_empty_workflow_is_complete(tavern: Tavern) -> None:
    prompt_id = tavern.submit({"nodes": []})
    tavern.work()
    assert tavern.ask("GET", f"/api/prompt/{prompt_id}").json()["status"] == "complete"


@pytest.mark.parametrize("prompt_id", [UNKNOWN, "x", "%00", "..%2F..", "a" * 5000, "%7B%7D"])
@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/api/prompt/{}"),
        ("GET", "/api/prompt/{}/values/" + "0" * 64),
        ("POST", "/api/interrupt/{}"),
        ("DELETE", "/api/interrupt/{}"),
    ],
)
def test_an_unknown_run_is_a_404(tavern: Tavern, method: str, target: str, prompt_id: str) -> None:
    answer = tavern.ask(method, target.format(prompt_id))
    assert answer.status == 404
    assert_error(answer.json(), success_flag=is_flagged(target))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"nodes": None}, "nodes"),
        ({"nodes": {}}, "nodes"),
        ({"nodes": [1]}, "nodes.0"),
        ({"nodes": [{"fullType": "a:b"}]}, "nodes.0.id"),
        ({"nodes": [{"id": "", "fullType": "a:b"}]}, "nodes.0.id"),
        ({"nodes": [{"id": 7, "fullType": "a:b"}]}, "nodes.0.id"),
        ({"nodes": [{"id": "a"}]}, "nodes.0.fullType"),
        ({"nodes": [{"id": "a", "fullType": "a:b", "inputs": []}]}, "nodes.0.inputs"),
        ({"nodes": [{"id": "a", "fullType": "a:b", "bypassed": "no"}]}, "nodes.0.bypassed"),
        ({"edges": "none"}, "edges"),
        ({"edges": [{"sourceNodeId": "a"}]}, "edges.0.targetNodeId"),
        ({"edges": [{"sourceNodeId": 1, "targetNodeId": "a"}]}, "edges.0.sourceNodeId"),
        ({"interfaceInputs": [1]}, "interfaceInputs"),
        ({"outputInterfaceMappings": {"a": {}}}, "outputInterfaceMappings.a.sourceNodeId"),
        ({"metadata": "x"}, "metadata"),
    ],
)
def test_a_malformed_workflow_is_refused_by_field(
    tavern: Tavern, change: dict[str, Any], field: str
) -> None:
    answer = tavern.ask("POST", "/api/prompt", json={**RUN, **change})
    assert answer.status == 400
    assert field in answer.json()["details"]
    assert tavern.work() == 0


def test_a_workflow_without_nodes_field_is_refused(tavern: Tavern) -> None:
    answer = tavern.ask("POST", "/api/prompt", json={})
    assert (answer.status, [*answer.json()["details"]]) == (400, ["nodes"])


def test_duplicate_ids_are_refused_by_name(tavern: Tavern) -> None:
    answer = tavern.ask("POST", "/api/prompt", json=payload([NODE, NODE]))
    assert answer.status == 400
    assert answer.json()["details"] == {"n": ["the id is used by 2 nodes"]}
    assert tavern.work() == 0


def test_of_very_many_problems_the_first_are_told(tavern: Tavern) -> None:
    nodes = [node(f"n{number}", "core:TextMerge") for number in range(80)]
    answer = tavern.ask("POST", "/api/prompt", json=payload([*nodes, *nodes]))
    assert answer.status == 400
    assert [*answer.json()["details"]] == [f"n{number}" for number in range(50)]


def test_a_cycle_is_refused_and_names_its_nodes(tavern: Tavern) -> None:
    nodes = [node(name, "core:MathOperation") for name in ("one", "two", "apart")]
    body = payload(nodes, edge("one.result", "two.a"), edge("two.result", "one.a"))
    answer = tavern.ask("POST", "/api/prompt", json=body)
    assert answer.status == 400
    assert answer.json()["details"].keys() == {"one", "two"}
    assert tavern.work() == 0


def test_a_node_that_feeds_itself_is_a_cycle(tavern: Tavern) -> None:
    body = payload([NODE], edge("n.result", "n.a"))
    answer = tavern.ask("POST", "/api/prompt", json=body)
    assert (answer.status, [*answer.json()["details"]]) == (400, ["n"])


def test_edges_of_unknown_nodes_and_unknown_fields_are_ignored(tavern: Tavern) -> None:
    body = payload([NODE], edge("ghost.result", "n.a"), edge("n.result", "ghost.a"), surprise=1)
    prompt_id = tavern.submit(body)
    tavern.work()
    found = tavern.ask("GET", f"/api/prompt/{prompt_id}").json()
    assert found["nodeStatus"]["n"]["output"] == {"result": 3}


def test_a_thousand_edges_into_one_input_are_taken(tavern: Tavern) -> None:
    nodes = [node(f"s{n}", "core:MathOperation", inputs={"a": n, "b": 0}) for n in range(1000)]
    edges = [edge(f"s{n}.result", "n.a") for n in range(1000)]
    prompt_id = tavern.submit(payload([*nodes, NODE], *edges))
    tavern.work()
    found = tavern.ask("GET", f"/api/prompt/{prompt_id}").json()
    assert found["nodeStatus"]["n"]["output"] == {"result": 999 + 2}


def test_a_workflow_over_the_limit_is_refused_with_the_limit(tavern: Tavern) -> None:
    body = payload([node("n", "core:TextMerge", inputs={"text_inputs": ["x" * 4_500_000]})])
    answer = tavern.ask("POST", "/api/prompt", json=body)
    assert answer.status == 413
    assert str(4 * 1024 * 1024) in answer.json()["error"]


def test_a_large_workflow_runs_and_its_large_values_are_fetched_apart(
    either_tavern: Tavern,
) -> None:
    text = "ü" * 100_000
    body = payload([node("n", "core:TextMerge", inputs={"text_inputs": [text]})])
    prompt_id = either_tavern.submit(body)
    either_tavern.work()
    found = either_tavern.ask("GET", f"/api/prompt/{prompt_id}").json()
    (reference,) = [value["$ref"] for value in found["nodeStatus"]["n"]["output"].values()]
    value = either_tavern.ask("GET", reference["url"])
    assert value.status == 200
    assert value.json() == text
    assert len(value.body) == reference["bytes"]
    assert value.headers["content-type"] == reference["mediaType"]


@pytest.mark.parametrize("digest", ["0" * 64, "x", "..%2Frun.json", "%00", "0" * 63 + "%0A"])
def test_an_unknown_value_is_a_404(tavern: Tavern, digest: str) -> None:
    prompt_id = tavern.submit(RUN)
    assert tavern.ask("GET", f"/api/prompt/{prompt_id}/values/{digest}").status == 404


def test_lists_hold_what_is_running_and_what_waits(either_tavern: Tavern) -> None:
    first, second = either_tavern.submit(RUN), either_tavern.submit(payload([NODE]))
    found = either_tavern.ask("GET", "/api/executions").json()
    assert found["running"] == []
    named, unnamed = found["pending"]
    assert [named.pop("submittedAt"), unnamed.pop("submittedAt")]
    assert named == {"promptId": first, "status": "queued", "workflowName": "Sums"}
    assert unnamed == {"promptId": second, "status": "queued"}
    either_tavern.work()
    found = either_tavern.ask("GET", "/api/executions").json()
    assert found == {"running": [], "pending": []}


@pytest.mark.parametrize(("query", "status"), [("own", 200), ("all", 200), ("", 400), ("x", 400)])
def test_the_scope_of_a_list_is_one_of_two_words(tavern: Tavern, query: str, status: int) -> None:
    assert tavern.ask("GET", f"/api/executions?scope={query}").status == status


def test_statistics_count_the_callers_runs(either_tavern: Tavern) -> None:
    either_tavern.submit(RUN)
    found = either_tavern.ask("GET", "/api/system_stats").json()
    assert found == {"maxConcurrentWorkflows": 2, "runningExecutions": 0, "pendingExecutions": 1}


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_either_verb_interrupts_a_waiting_run_once(either_tavern: Tavern, method: str) -> None:
    prompt_id = either_tavern.submit(RUN)
    answer = either_tavern.ask(method, f"/api/interrupt/{prompt_id}")
    assert (answer.status, answer.json().keys()) == (200, {"success", "message"})
    assert answer.json()["success"] is True
    status = either_tavern.ask("GET", f"/api/prompt/{prompt_id}").json()
    assert status["status"] == "interrupted"
    again = either_tavern.ask(method, f"/api/interrupt/{prompt_id}")
    assert again.status == 404
    assert_error(again.json(), success_flag=True)
    either_tavern.work()
    after = either_tavern.ask("GET", f"/api/prompt/{prompt_id}").json()
    assert after == status


def test_an_ended_run_cannot_be_interrupted(tavern: Tavern) -> None:
    prompt_id = tavern.submit(RUN)
    tavern.work()
    assert tavern.ask("POST", f"/api/interrupt/{prompt_id}").status == 404
    assert tavern.ask("GET", f"/api/prompt/{prompt_id}").json()["status"] == "complete"


def test_many_interrupts_at_once_have_one_winner(tavern: Tavern) -> None:
    prompt_id = tavern.submit(RUN)
    answers = tavern.ask_at_once(*[Ask("POST", f"/api/interrupt/{prompt_id}")] * 8)
    assert sorted(answer.status for answer in answers) == [200] + [404] * 7


def test_the_same_key_and_body_are_one_run(either_tavern: Tavern) -> None:
    first = either_tavern.submit(RUN, **{"Idempotency-Key": "once"})
    again = either_tavern.submit({**RUN, "surprise": 1}, **{"Idempotency-Key": "once"})
    assert first == again
    assert either_tavern.work() == 1


def test_the_same_key_with_another_body_is_a_409(either_tavern: Tavern) -> None:
    either_tavern.submit(RUN, **{"Idempotency-Key": "once"})
    headers = {"idempotency-key": "once"}
    answer = either_tavern.ask("POST", "/api/prompt", json=payload([NODE]), headers=headers)
    assert answer.status == 409
    assert_error(answer.json())
    assert either_tavern.work() == 1


def test_a_key_that_is_used_many_times_at_once_is_one_run(tavern: Tavern) -> None:
    ask = Ask("POST", "/api/prompt", json=RUN, headers={"Idempotency-Key": "once"})
    answers = tavern.ask_at_once(*[ask] * 8)
    assert len({answer.body for answer in answers}) == 1
    assert [answer.status for answer in answers] == [200] * 8
    assert tavern.work() == 1


@pytest.mark.parametrize("key", ["", "k" * 256, "\x7f", "\xe9"])
def test_a_key_that_is_none_is_refused(tavern: Tavern, key: str) -> None:
    answer = tavern.ask("POST", "/api/prompt", json=RUN, headers={"Idempotency-Key": key})
    assert answer.status == 400
    assert "Idempotency-Key" in answer.json()["details"]


def test_a_limit_that_is_reached_is_a_429_that_says_when_to_come_back() -> None:
    reply = error_reply(TooManyRequests("2 runs wait", {"queuedRuns": ["at most 2"]}))
    assert (reply.status, reply.headers) == (429, {"Retry-After": "5"})
    assert reply.body == {"error": "2 runs wait", "details": {"queuedRuns": ["at most 2"]}}
