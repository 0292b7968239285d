"""What a function asks of AWS, its policy allows.

moto allows everything, so the calls are noted where botocore makes them, and held
against the policy of the function that made them.
"""

import json

import pytest

from chalicelib import container, worker
from chalicelib.services.runs.dispatch import message_body
from tests.api.characters import use_all
from tests.api.neglected import PROJECTS as NEGLECTED
from tests.api.neglected import neglect
from tests.api.people import bearer, login
from tests.api.permissions import POLICIES, Need, Notes, allows, is_lambdas_own, policy_of, rendered
from tests.api.product import Tavern
from tests.api.whole_use import (
    COUNTED_AT,
    PACKS,
    SLOW,
    TEXT,
    a_library_is_brought,
    a_picture_is_set,
    a_session_was_ended_an_hour_ago,
    a_socket_is_lost,
    a_socket_is_used,
    a_user_has_many_sockets_and_one_is_lost,
    an_import_that_waits,
    an_operator_looks_after_it,
    an_operator_looks_after_users,
    credential_node,
    eve_leaves_something_everywhere,
    imports_were_left,
    libraries_are_brought,
    people_sign_in,
    the_api_is_used,
)

_NOTED: list[Notes] = []


@pytest.fixture
def notes(request: pytest.FixtureRequest) -> Notes:
    """What each function needed; they work once for all tests, since that takes long."""
    if not _NOTED:
        _NOTED.append(request.getfixturevalue("noted"))
    return _NOTED[0]


@pytest.fixture
def noted(aws_tavern: Tavern, monkeypatch: pytest.MonkeyPatch) -> Notes:
    """What each function needed, once all have done their work."""
    monkeypatch.setenv("TAVERN_NODE_PATHS", str(PACKS))
    tavern, noted = aws_tavern, Notes(aws_tavern)
    with noted.acting("websocket_connect"):
        tavern.connect("ada")
        tavern.connect("bob")
    container.documents().put("shared/workflows/greeting.json", b"{}")
    with noted.acting("api_handler"):
        the_api_is_used(tavern)
        a_picture_is_set(tavern)
        use_all(tavern)
        libraries_are_brought(tavern)
    with noted.acting("import_library"):
        worker.import_library(an_import_that_waits(), lambda: 0)  # it hands the import over
        assert tavern.work_imports() > 1
    imports_were_left("default_user")
    with noted.acting("dead_import"):
        worker.dead_import(an_import_that_waits())
    tavern.ask("POST", "/api/projects/Sagas/workflows", json={"name": "Old", "id": "old"})
    tavern.ask("DELETE", "/api/projects/Sagas/workflows/old")
    with noted.acting("websocket_message"):
        a_socket_is_used(tavern)
    a_socket_is_lost(tavern)
    tavern.submit({"nodes": [credential_node(tavern)], "edges": []})
    with noted.acting("run_execution"):
        assert tavern.work() == 4
    late = tavern.submit({"nodes": [SLOW], "edges": []})
    with noted.acting("run_execution"):  # and hands the run over, having no time left
        worker.run_execution({"Records": [{"body": message_body(late)}]}, lambda: 0)
    sent, lost, dead = (tavern.submit({"nodes": [TEXT], "edges": []}) for _ in range(3))
    container.run_log().update(sent, {"dispatched": False})
    container.run_log().update(lost, {"status": "running", "attempts": 99})
    a_socket_is_lost(tavern)
    with noted.acting("sweep"):
        worker.sweep({"detail": {"graceSeconds": 0}})
    tavern.lose("ada")
    with noted.acting("dead_letter"):
        worker.dead_letter({"Records": [{"body": json.dumps({"promptId": dead})}]})
    neglect("cy")
    stuck = [tavern.submit({"nodes": [TEXT], "edges": []}) for _ in range(2)]
    with noted.acting("admin"):
        an_operator_looks_after_it(*stuck)
    assert {each["name"] for each in container.projects().list("cy")} == NEGLECTED
    with noted.acting("websocket_disconnect"):
        tavern.disconnect("bob")
    monkeypatch.setenv("TAVERN_MODE", "MultiUser")
    with noted.acting("api_handler"):
        token = people_sign_in(tavern)
    with noted.acting("websocket_connect"):
        assert tavern.connect("root", authorization=f"Bearer {token}") == 200
    root = container.callers().resolve({"authorization": f"Bearer {token}"})
    a_user_has_many_sockets_and_one_is_lost(tavern, root)
    with noted.acting("api_handler"):
        ticket = tavern.ask("POST", "/api/auth/ws-ticket", headers=bearer(token)).json()["ticket"]
    with noted.acting("websocket_connect"):
        assert tavern.connect("late", query=f"ticket={ticket}") == 200
    a_session_was_ended_an_hour_ago(root)
    with noted.acting("sweep"):
        worker.sweep({})
    assert "late" in tavern.closed()
    with noted.acting("websocket_message"):
        assert tavern.status_of("{}", "late") == 410
    token = str(login(tavern, "admin", "another password").json()["token"])
    assert tavern.connect("busy", authorization=f"Bearer {token}") == 200
    with noted.acting("websocket_message"):
        for _ in range(2 * COUNTED_AT):  # also if a minute ends in between
            tavern.say({"type": "list_workflows", "payload": {"projectId": "none"}}, "busy")
    with noted.acting("api_handler"):
        for _ in range(2 * COUNTED_AT):  # also if a minute ends in between
            assert tavern.ask("GET", "/api/plugins", headers=bearer(token)).status == 200
        for target in ("/api/users/me/audit", "/api/admin/users", f"/api/audit?user={root.uid}"):
            assert tavern.ask("GET", target, headers=bearer(token)).status == 200
        wanted = {"quotas": {"bytes": 10**9}}
        quotas = f"/api/admin/users/{root.uid}/quotas"
        assert tavern.ask("PUT", quotas, json=wanted, headers=bearer(token)).status == 200
        a_library_is_brought(tavern, **bearer(token))
    container.quotas().set(root.uid, {"documents": 0})
    with noted.acting("import_library"):  # which ends it, for want of room
        assert tavern.work_imports() == 2  # with what the sweeper sent
    eve_leaves_something_everywhere(tavern)
    with noted.acting("admin"):
        an_operator_looks_after_users()
    return noted


def test_every_call_is_allowed_by_the_policy_of_the_function_that_makes_it(notes: Notes) -> None:
    refused = {
        (function, need)
        for function, needs in notes.needs.items()
        for need in needs
        if not allows(policy_of(function), need)
    }
    assert not refused
    assert set(notes.needs) == {file.stem for file in POLICIES.glob("*.json")}


def test_nothing_is_allowed_that_no_call_needs(notes: Notes) -> None:
    unused = {
        (function, action, rendered(statement["Resource"]))
        for function, needs in notes.needs.items()
        for statement in policy_of(function)
        for action in statement["Action"]
        if not is_lambdas_own(action, rendered(statement["Resource"]), function)
        if not any(allows([{**statement, "Action": [action]}], need) for need in needs)
    }
    assert not unused


def test_a_worker_reads_what_belongs_to_users_and_no_token() -> None:
    policy = policy_of("run_execution")
    kinds = ("user", "token", "username", "invite", "attempts", "audit", "")
    reads = [kind for kind in kinds if allows(policy, Need("dynamodb:GetItem", "Accounts", kind))]
    assert reads == ["user"]


def test_no_function_reaches_what_everybody_gets_as_the_web_client() -> None:
    """That is ``public/``; the folders that functions reach are these."""
    granted = {
        rendered(statement["Resource"])
        for file in POLICIES.glob("*.json")
        for statement in policy_of(file.stem)
        if any("Object" in action for action in statement["Action"])
    }
    folders = (
        *("users/*", "users/*/characters/*"),
        *("runs/*", "uploads/*", "imports/*", "shared/workflows/*"),
    )
    assert granted == {f"Documents/{folder}" for folder in folders}
