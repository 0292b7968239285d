"""Quotas over HTTP, as users meet them and administrators set them; on both families."""

from contextlib import suppress
from typing import Any

import pytest

from chalicelib import container
from chalicelib.errors import TooManyRequests
from tests.api.frames import error_of
from tests.api.house import House
from tests.api.people import bearer, register
from tests.api.product import Tavern
from tests.api.test_user_operations import uid_of
from tests.aws_calls import counted_aws_calls
from tests.builders import node, payload

RUN = payload([node("n", "core:TextMerge", inputs={"text_inputs": ["a", "b"]})])
NAMES = ["documents", "bytes", "activeRuns", "queuedRuns", "requestsAMinute"]


@pytest.fixture
def many(either_tavern: Tavern, monkeypatch: pytest.MonkeyPatch) -> Tavern:
    """A server with accounts that anybody may open."""
    monkeypatch.setenv("TAVERN_MODE", "MultiUser")
    monkeypatch.setenv("TAVERN_REGISTRATION", "open")
    either_tavern.start_anew()
    return either_tavern


@pytest.fixture
def root(many: Tavern) -> str:
    """The administrator's token."""
    return register(many, "root", inviteCode=container.invites().create(admin=True))


@pytest.fixture
def ada(many: Tavern, root: str) -> str:
    """A user's token."""
    return register(many, "ada")


def limits(tavern: Tavern, root: str, uid: str, **changes: int | None) -> dict[str, Any]:
    """Set some limits; all of them, by name."""
    target = f"/api/admin/users/{uid}/quotas"
    answer = tavern.ask("PUT", target, json={"quotas": changes}, headers=bearer(root))
    assert answer.status == 200, answer.body
    assert tavern.ask("GET", target, headers=bearer(root)).json() == answer.json()
    return {each["name"]: each["limit"] for each in answer.json()["quotas"]}


def test_an_administrator_sees_what_a_user_may_have_and_has(
    many: Tavern, root: str, ada: str
) -> None:
    many.ask("POST", "/api/projects", json={"name": "P"}, headers=bearer(ada))
    target = f"/api/admin/users/{uid_of(many, ada)}/quotas"
    found = many.ask("GET", target, headers=bearer(root)).json()["quotas"]
    assert [each["name"] for each in found] == NAMES
    used = {each["name"]: each["used"] for each in found}
    assert used["documents"] == 1
    assert used["bytes"] > 100
    assert all(each["limit"] == each["default"] for each in found)


def test_users_are_listed_for_administrators_page_by_page(
    many: Tavern, root: str, ada: str
) -> None:
    found: list[str] = []
    cursor = ""
    while True:
        target = f"/api/admin/users?limit=1&cursor={cursor}"
        page = many.ask("GET", target, headers=bearer(root)).json()
        found += [user["username"] for user in page["users"]]
        if "cursor" not in page:
            break
        cursor = page["cursor"]
    assert sorted(found) == ["ada", "root"]


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/api/admin/users"),
        ("GET", "/api/admin/users/x/quotas"),
        ("PUT", "/api/admin/users/x/quotas"),
        ("GET", "/api/audit?user=x"),
    ],
)
def test_all_that_is_for_administrators_only(
    many: Tavern, ada: str, method: str, target: str
) -> None:
    assert many.ask(method, target, json={"quotas": {}}, headers=bearer(ada)).status == 403


@pytest.mark.parametrize(
    "quotas",
    [{"pages": 5}, {"documents": -1}, {"documents": "5"}, {"activeRuns": 9}, {"bytes": 2**60}, []],
)
def test_limits_that_cannot_be_are_refused(
    many: Tavern, root: str, ada: str, quotas: object
) -> None:
    target = f"/api/admin/users/{uid_of(many, ada)}/quotas"
    answer = many.ask("PUT", target, json={"quotas": quotas}, headers=bearer(root))
    assert answer.status == 400


def test_quotas_of_nobody_are_not_found(many: Tavern, root: str) -> None:
    target = "/api/admin/users/nobody/quotas"
    assert many.ask("GET", target, headers=bearer(root)).status == 404
    change = {"quotas": {"documents": 5}}
    assert many.ask("PUT", target, json=change, headers=bearer(root)).status == 404


def test_too_many_documents_are_413_with_their_number(many: Tavern, root: str, ada: str) -> None:
    uid = uid_of(many, ada)
    assert limits(many, root, uid, documents=1)["documents"] == 1
    headers = bearer(ada)
    assert many.ask("POST", "/api/projects", json={"name": "P"}, headers=headers).status == 201
    refused = many.ask("POST", "/api/projects", json={"name": "Q"}, headers=headers)
    assert (refused.status, refused.json()["details"]) == (413, {"documents": ["at most 1"]})
    assert len(many.ask("GET", "/api/projects", headers=headers).json()) == 1
    assert limits(many, root, uid, documents=None)["documents"] == 30_000
    assert many.ask("POST", "/api/projects", json={"name": "Q"}, headers=headers).status == 201


def test_too_many_bytes_are_413_with_their_number(many: Tavern, root: str, ada: str) -> None:
    headers = bearer(ada)
    many.ask("POST", "/api/projects", json={"name": "P"}, headers=headers)
    limits(many, root, uid_of(many, ada), bytes=1000)
    change = {"description": "x" * 2000}
    refused = many.ask("PUT", "/api/projects/P", json=change, headers=headers)
    assert (refused.status, refused.json()["details"]) == (413, {"bytes": ["at most 1000"]})
    assert "description" not in many.ask("GET", "/api/projects/P", headers=headers).json()


@pytest.mark.parametrize("name", ["activeRuns", "queuedRuns"])
def test_too_many_runs_are_429_with_their_number(
    many: Tavern, root: str, ada: str, name: str
) -> None:
    limits(many, root, uid_of(many, ada), **{name: 10})
    found = [many.ask("POST", "/api/prompt", json=RUN, headers=bearer(ada)) for _ in range(11)]
    assert [answer.status for answer in found] == [200] * 10 + [429]
    assert list(found[-1].json()["details"]) == [name]
    assert "10" in found[-1].json()["details"][name][0]
    many.work()
    assert many.ask("POST", "/api/prompt", json=RUN, headers=bearer(ada)).status == 200


def test_too_many_requests_in_a_minute_are_429_with_their_number(
    many: Tavern, root: str, ada: str
) -> None:
    limits(many, root, uid_of(many, ada), requestsAMinute=150)
    # More than two minutes of the clock have, whenever they begin.
    answers = (many.ask("GET", "/api/plugins", headers=bearer(ada)) for _ in range(600))
    refused = next(answer for answer in answers if answer.status == 429)
    assert refused.json()["details"] == {"requestsAMinute": ["at most 150"]}
    assert 1 <= int(refused.headers["retry-after"]) <= 61
    assert many.ask("GET", "/api/plugins", headers=bearer(root)).status == 200


def test_what_is_said_over_a_socket_counts_as_a_request(house: House) -> None:
    ada = house.session()
    house.connect("tab", ada)
    uid = uid_of(house.tavern, ada)
    with suppress(TooManyRequests):
        for _ in range(3_000):
            container.request_rate().count(uid)
    refused = error_of(house.tavern.say({"type": "get_node_definitions"}, "tab"))
    assert refused["details"] == {"requestsAMinute": ["at most 3000"]}


def test_who_has_a_server_alone_has_no_quota_of_storage_or_requests(tavern: Tavern) -> None:
    target = "/api/admin/users/default_user/quotas"
    found = {each["name"]: each["limit"] for each in tavern.ask("GET", target).json()["quotas"]}
    assert (found["documents"], found["bytes"], found["requestsAMinute"]) == (None, None, None)
    refused = tavern.ask("PUT", target, json={"quotas": {"documents": 5}})
    assert refused.status == 400


def test_counting_costs_a_request_no_call_but_one_in_thirty(
    aws_tavern: Tavern, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAVERN_MODE", "MultiUser")
    aws_tavern.start_anew()
    token = register(aws_tavern, "root", inviteCode=container.invites().create(admin=True))
    aws_tavern.ask("GET", "/api/plugins", headers=bearer(token))
    with counted_aws_calls() as calls:
        for _ in range(28):
            aws_tavern.ask("GET", "/api/plugins", headers=bearer(token))
    assert calls == ["dynamodb.GetItem"] * 28


def test_saving_under_a_quota_is_three_calls_and_who_asks_one(
    aws_tavern: Tavern, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAVERN_MODE", "MultiUser")
    aws_tavern.start_anew()
    token = register(aws_tavern, "root", inviteCode=container.invites().create(admin=True))
    headers = bearer(token)
    aws_tavern.ask("POST", "/api/projects", json={"name": "P"}, headers=headers)
    aws_tavern.start_anew()
    with counted_aws_calls() as calls:
        change = {"description": "new"}
        answer = aws_tavern.ask("PUT", "/api/projects/P", json=change, headers=headers)
    assert answer.status == 200
    who, save = "dynamodb.GetItem", "dynamodb.TransactWriteItems"
    assert calls == [who, "s3.GetObject", "s3.PutObject", save]
