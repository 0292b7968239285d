"""How many calls of AWS's API a request makes, counted at botocore.

``docs/architecture.md`` gives the budgets. What a process does once, such as to
ask for a queue's address, is done before the counting begins.
"""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib import container
from chalicelib.adapters.aws.publisher import GatewayPublisher
from chalicelib.ports import Batch, Connection, Delivery
from tests.api.bodies import PROJECT, RUN, WORKFLOW
from tests.api.product import Tavern
from tests.aws_calls import counted_aws_calls

NOBODYS = "00000000-0000-4000-8000-000000000000"
HERE = "/api/projects/p"
W = f"{HERE}/workflows/w"
QUERY, GET = "dynamodb.Query", "s3.GetObject"
SAVE = ["s3.GetObject", "s3.PutObject", "dynamodb.TransactWriteItems"]
SUBMIT = [QUERY, "dynamodb.PutItem", "sqs.SendMessage", "dynamodb.UpdateItem"]
SUBMIT_ONCE = [QUERY, "dynamodb.TransactWriteItems", "sqs.SendMessage", "dynamodb.UpdateItem"]
LARGE = {**RUN, "metadata": {"large": "x" * 100_000}}

BUDGETS: list[tuple[str, str, Any, list[str]]] = [
    ("GET", "/api/auth/current", None, []),
    ("GET", "/api/plugins", None, []),
    ("GET", "/api/nodes", None, []),
    ("GET", "/api/projects", None, [QUERY]),
    ("GET", f"{HERE}/workflows", None, [QUERY]),
    ("GET", "/api/recycle-bin", None, [QUERY]),
    ("GET", "/api/executions", None, [QUERY]),
    ("GET", "/api/system_stats", None, [QUERY]),
    ("GET", HERE, None, [GET]),
    ("GET", W, None, [GET]),
    ("PUT", HERE, {"description": "new"}, SAVE),
    ("PUT", W, {**WORKFLOW, "description": "new"}, SAVE),
    ("POST", "/api/prompt", RUN, SUBMIT),
    ("POST", "/api/prompt", LARGE, [QUERY, "s3.PutObject", *SUBMIT[1:]]),
    ("GET", f"/api/prompt/{NOBODYS}", None, [QUERY, GET]),  # the log, then the archive
]


@pytest.fixture
def warm(aws_tavern: Tavern) -> Tavern:
    """With a project, a workflow and a run that has ended; no client is connected."""
    aws_tavern.ask("POST", "/api/projects", json=PROJECT)
    aws_tavern.ask("POST", f"{HERE}/workflows", json=WORKFLOW)
    aws_tavern.submit(RUN)
    aws_tavern.work()
    return aws_tavern


@pytest.fixture
def calls(warm: Tavern) -> Iterator[list[str]]:
    """The calls made since; to be cleared after what a test prepares."""
    with counted_aws_calls() as counted:
        yield counted


@pytest.fixture
def prompt_id(warm: Tavern, calls: list[str]) -> str:
    """A run that waits."""
    submitted = warm.submit(RUN)
    calls.clear()
    return submitted


def test_requests_keep_to_their_budgets(aws_tavern: Tavern, calls: list[str]) -> None:
    made = []
    for method, target, body, _ in BUDGETS:
        calls.clear()
        assert aws_tavern.ask(method, target, json=body).status in (200, 404)
        made.append((method, target, body, [*calls]))
    assert made == BUDGETS


def test_submitting_once_costs_no_call_more(aws_tavern: Tavern, calls: list[str]) -> None:
    aws_tavern.submit(RUN, **{"Idempotency-Key": "once"})
    assert calls == SUBMIT_ONCE


def test_the_status_of_a_run_is_one_query(
    aws_tavern: Tavern, prompt_id: str, calls: list[str]
) -> None:
    assert aws_tavern.ask("GET", f"/api/prompt/{prompt_id}").status == 200
    assert calls == [QUERY]


def test_an_interrupt_of_a_run_that_a_worker_holds_is_two_calls(
    aws_tavern: Tavern, prompt_id: str, calls: list[str]
) -> None:
    claim = {"status": "running", "writer": "worker", "lease_until": time.time() + 60}
    container.run_log().update(prompt_id, claim)
    calls.clear()
    assert aws_tavern.ask("POST", f"/api/interrupt/{prompt_id}").status == 200
    assert calls == [QUERY, "dynamodb.PutItem"]


def test_a_commit_is_one_call(prompt_id: str, calls: list[str]) -> None:
    events = '[["NODE_EXECUTING",{"nodeId":"sum"}],["NODE_EXECUTING",{"nodeId":"twice"}]]'
    container.run_log().append(prompt_id, Batch(1, 2, events, "worker"))
    assert calls == ["dynamodb.PutItem"]


def test_a_hundred_cheap_nodes_are_a_few_commits(aws_tavern: Tavern, calls: list[str]) -> None:
    nodes = [
        {"id": f"n{number}", "fullType": "core:MathOperation", "inputs": {"a": 1, "b": 1}}
        for number in range(100)
    ]
    aws_tavern.submit({"nodes": nodes})
    calls.clear()
    aws_tavern.work()
    assert calls.count("dynamodb.PutItem") <= 8
    assert len(calls) <= 30


def test_a_frame_to_a_socket_is_one_call(calls: list[str]) -> None:
    endpoint = "https://abc.execute-api.us-east-1.amazonaws.com/api"
    assert GatewayPublisher().send(Connection("ada", endpoint), ["{}"]) is Delivery.TAKEN
    assert calls == ["apigatewaymanagementapi.PostToConnection"]


def test_a_message_of_a_socket_is_one_look_up_beside_its_work(
    aws_tavern: Tavern, calls: list[str]
) -> None:
    aws_tavern.connect()
    calls.clear()
    aws_tavern.say({"type": "get_node_definitions"})
    assert calls == ["dynamodb.GetItem"]
