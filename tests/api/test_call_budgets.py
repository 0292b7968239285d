"""How many calls of AWS's API a request makes, counted at botocore.

``docs/architecture.md`` gives the budgets. What a process does once, such as to
ask for a queue's address, is done before the counting begins.
"""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chalicelib import container
from chalicelib.adapters.aws.publisher import GatewayPublisher
from chalicelib.ports import Batch, Connection, Delivery, Put
from chalicelib.services.accounts import rows
from tests.api.bodies import PROJECT, RUN, WORKFLOW
from tests.api.people import bearer, cookie, login, register
from tests.api.product import Answer, Tavern
from tests.aws_calls import counted_aws_calls

NOBODYS = "00000000-0000-4000-8000-000000000000"
HERE = "/api/projects/p"
W = f"{HERE}/workflows/w"
QUERY, GET = "dynamodb.Query", "s3.GetObject"
IDENTITY = "dynamodb.GetItem"
WRITE_ALL = "dynamodb.TransactWriteItems"
SEAL = "kms.GenerateDataKey"
CREDENTIAL = {"serviceName": "mail", "credential": "sesame-of-the-mail"}
PACKS = Path(__file__).resolve().parents[1] / "packs"
SAVE = ["s3.GetObject", "s3.PutObject", "dynamodb.TransactWriteItems"]
SUBMIT = [QUERY, "dynamodb.PutItem", "sqs.SendMessage", "dynamodb.UpdateItem"]
SUBMIT_ONCE = [QUERY, "dynamodb.TransactWriteItems", "sqs.SendMessage", "dynamodb.UpdateItem"]
LARGE = {**RUN, "metadata": {"large": "x" * 100_000}}

BUDGETS: list[tuple[str, str, Any, list[str]]] = [
    ("GET", "/api/auth/current", None, [QUERY]),
    ("GET", "/api/plugins", None, []),
    ("GET", "/api/nodes", None, []),
    ("GET", "/api/projects", None, [QUERY]),
    ("GET", f"{HERE}/workflows", None, [QUERY]),
    ("GET", "/api/recycle-bin", None, [QUERY] * 3),  # of projects, characters, lorebooks
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
def person(
    aws_tavern: Tavern, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Answer, list[str]]]:
    """A user who has just signed in, and the calls made since."""
    monkeypatch.setenv("TAVERN_MODE", "MultiUser")
    register(aws_tavern, "root", inviteCode=container.invites().create(admin=True))
    answer = login(aws_tavern, "root")
    with counted_aws_calls() as counted:
        yield answer, counted


@pytest.mark.parametrize(
    ("target", "budget"),
    [
        ("/api/plugins", [IDENTITY]),
        ("/api/nodes", [IDENTITY]),
        ("/api/auth/current", [IDENTITY, QUERY]),
        ("/api/auth/sessions", [IDENTITY, QUERY]),
        ("/api/projects", [IDENTITY, QUERY]),
    ],
)
def test_identity_costs_a_request_one_call(
    aws_tavern: Tavern, person: tuple[Answer, list[str]], target: str, budget: list[str]
) -> None:
    answer, calls = person
    for headers in (bearer(answer.json()["token"]), cookie(answer)):
        calls.clear()
        assert aws_tavern.ask("GET", target, headers=headers).status == 200
        assert calls == budget


@pytest.mark.parametrize("shown", ["nonsense", "cts_" + "a" * 52, "ctsk_" + "0" * 52])
def test_a_mistyped_token_costs_no_call(
    aws_tavern: Tavern, person: tuple[Answer, list[str]], shown: str
) -> None:
    _, calls = person
    assert aws_tavern.ask("GET", "/api/plugins", headers=bearer(shown)).status == 401
    assert calls == []


def test_a_socket_that_opens_is_identity_a_count_of_the_others_and_a_write(
    aws_tavern: Tavern, person: tuple[Answer, list[str]]
) -> None:
    answer, calls = person
    token = answer.json()["token"]
    assert aws_tavern.connect("root", authorization=f"Bearer {token}") == 200
    assert calls == [IDENTITY, QUERY, "dynamodb.TransactWriteItems"]


def test_a_use_is_noted_in_one_call_now_and_then(
    aws_tavern: Tavern, person: tuple[Answer, list[str]]
) -> None:
    answer, calls = person
    token = answer.json()["token"]
    row = container.accounts().get(rows.of_token(token[4:20]), rows.TOKEN)
    assert row is not None
    container.accounts().write(Put(replace(row, value={**row.value, "lastUsedAt": 0})))
    made = []
    for _ in range(3):
        calls.clear()
        assert aws_tavern.ask("GET", "/api/plugins", headers=bearer(token)).status == 200
        made.append([*calls])
    assert made == [[IDENTITY, "dynamodb.TransactWriteItems"], [IDENTITY], [IDENTITY]]


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


def test_lorebooks_keep_to_their_budgets(aws_tavern: Tavern, calls: list[str]) -> None:
    made = aws_tavern.ask("POST", "/api/lorebooks", json={"name": "Moon"})
    assert calls == ["s3.PutObject", WRITE_ALL]
    one = f"/api/lorebooks/{made.json()['data']['id']}"
    (version,) = aws_tavern.ask("GET", f"{one}/versions").json()["data"]
    first = version["version"]
    known = {"If-None-Match": aws_tavern.ask("GET", "/api/lorebooks").headers["etag"]}
    for method, target, headers, status, budget in [
        ("GET", "/api/lorebooks", {}, 200, [IDENTITY, QUERY]),
        ("GET", "/api/lorebooks", known, 304, [IDENTITY]),
        ("GET", "/api/lorebooks?limit=1", {}, 200, [IDENTITY, QUERY]),
        ("GET", one, {}, 200, [GET]),
        ("PATCH", one, {}, 200, SAVE),
        ("GET", f"{one}/versions/{first}", {}, 200, [GET, GET]),
        ("HEAD", f"{one}/export", {}, 200, [GET]),
        ("DELETE", one, {}, 204, SAVE),
    ]:
        calls.clear()
        body = {"description": "new"} if method == "PATCH" else None
        assert aws_tavern.ask(method, target, json=body, headers=headers).status == status
        assert (method, target, calls) == (method, target, budget)


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


@pytest.mark.parametrize(
    ("made", "budget"),
    [
        (("POST", "/api/users/me/service-keys", {}), [QUERY, WRITE_ALL]),
        (("GET", "/api/users/me/service-keys", None), [QUERY]),
        # Beside that: what the key made meanwhile, what was revoked, and its sockets.
        (("DELETE", "/api/users/me/service-keys/{id}", None), [QUERY, WRITE_ALL, *(QUERY,) * 3]),
        (("POST", "/api/users/me/credentials", CREDENTIAL), [QUERY, SEAL, WRITE_ALL]),
        (("GET", "/api/users/me/credentials", None), [QUERY]),
        (("DELETE", "/api/users/me/credentials/{id}", None), [WRITE_ALL]),
    ],
)
def test_keys_and_credentials_keep_to_their_budgets(
    aws_tavern: Tavern, made: tuple[str, str, object], budget: list[str]
) -> None:
    method, target, body = made
    collection = target.removesuffix("/{id}")
    body_of_one = CREDENTIAL if collection.endswith("credentials") else {}
    one = aws_tavern.ask("POST", collection, json=body_of_one).json()
    with counted_aws_calls() as counted:
        answer = aws_tavern.ask(method, target.replace("{id}", one["id"]), json=body)
    assert answer.status in (200, 201, 204)
    assert counted == budget


def test_a_request_with_a_service_key_costs_one_call_beside_its_work(aws_tavern: Tavern) -> None:
    made = aws_tavern.ask("POST", "/api/users/me/service-keys", json={}).json()
    headers = bearer(made["secret"])
    aws_tavern.ask("GET", "/api/nodes", headers=headers)  # the first use is noted
    with counted_aws_calls() as counted:
        assert aws_tavern.ask("GET", "/api/nodes", headers=headers).status == 200
    assert counted == [IDENTITY]


def test_a_run_opens_a_credential_once(aws_tavern: Tavern, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAVERN_NODE_PATHS", str(PACKS))
    aws_tavern.start_anew()
    kept = aws_tavern.ask("POST", "/api/users/me/credentials", json=CREDENTIAL).json()
    nodes = [
        {"id": str(number), "fullType": "leaky:Dribble", "inputs": {"credential": kept["id"]}}
        for number in range(5)
    ]
    aws_tavern.submit({"nodes": nodes})
    with counted_aws_calls() as counted:
        aws_tavern.work()
    assert [call for call in counted if call.startswith("kms.")] == ["kms.Decrypt"]
    assert counted.count("dynamodb.GetItem") == 1


def test_a_socket_that_opens_by_a_ticket_costs_no_more(
    aws_tavern: Tavern, person: tuple[Answer, list[str]]
) -> None:
    answer, calls = person
    headers = bearer(answer.json()["token"])
    calls.clear()
    ticket = aws_tavern.ask("POST", "/api/auth/ws-ticket", headers=headers).json()["ticket"]
    assert calls == [IDENTITY, "dynamodb.PutItem"]
    calls.clear()
    assert aws_tavern.connect("root", query=f"ticket={ticket}") == 200
    assert calls == [IDENTITY, QUERY, "dynamodb.TransactWriteItems"]
    calls.clear()
    assert aws_tavern.connect("root", query=f"ticket={ticket[:-1]}") == 401
    assert calls == []


def test_to_end_a_session_is_two_queries_more_than_its_removal(
    aws_tavern: Tavern, person: tuple[Answer, list[str]]
) -> None:
    answer, calls = person
    headers = bearer(answer.json()["token"])
    calls.clear()
    assert aws_tavern.ask("POST", "/api/auth/logout", headers=headers).status == 204
    revoked = [IDENTITY, "dynamodb.GetItem", "dynamodb.TransactWriteItems"]
    assert calls == [*revoked, QUERY, QUERY]  # the notes, the user's sockets
