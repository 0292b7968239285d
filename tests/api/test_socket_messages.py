"""What clients say over sockets: runs, definitions, documents, and the answers."""

import uuid
from typing import Any

import pytest

from chalicelib import json_text
from tests.api.bodies import PROJECT, RUN, WORKFLOW
from tests.api.frames import error_of, kinds
from tests.api.product import Tavern

UNKNOWN = "00000000-0000-4000-8000-000000000000"


def test_a_run_over_the_socket_has_its_events_in_order(either_tavern: Tavern) -> None:
    either_tavern.connect()
    (accepted,) = either_tavern.say({"type": "PROMPT_REQUEST", "payload": RUN})
    assert accepted["type"] == "PROMPT_ACCEPTED_RESPONSE"
    prompt_id = accepted["payload"]["promptId"]
    either_tavern.work()
    frames = either_tavern.frames()[1:]
    updates = [item for item in frames if item["type"] == "EXECUTION_STATUS_UPDATE"]
    assert [item["payload"]["status"] for item in updates] == ["running", "complete"]
    assert frames[-1] == {
        "type": "SYSTEM_QUEUE_UPDATE",
        "payload": {"runningExecutions": 0, "pendingExecutions": 0},
    }
    assert [item["sequence"] for item in frames[:-1]] == list(range(1, len(frames)))
    assert {item["payload"]["promptId"] for item in frames[:-1]} == {prompt_id}


def test_a_run_that_has_to_wait_says_so_at_once(tavern: Tavern) -> None:
    tavern.connect()
    tavern.submit(RUN)
    tavern.submit(RUN)
    accepted, queued = tavern.say({"type": "PROMPT_REQUEST", "payload": RUN})
    assert accepted["type"] == "PROMPT_ACCEPTED_RESPONSE"
    assert queued == {
        "type": "EXECUTION_STATUS_UPDATE",
        "payload": {**accepted["payload"], "status": "queued"},
        "sequence": 1,
    }


def test_all_sockets_of_the_user_see_the_run_and_one_the_acceptance(tavern: Tavern) -> None:
    tavern.connect("asks")
    tavern.connect("watches")
    tavern.say({"type": "PROMPT_REQUEST", "payload": RUN}, "asks")
    tavern.work()
    assert tavern.frames("asks")[1:] == tavern.frames("watches")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"nodes": "x"}, "nodes"),
        ({"nodes": [RUN["nodes"][0]] * 2}, "sum"),
        ({"edges": [{**RUN["edges"][0], "targetNodeId": "sum"}]}, "sum"),
        ({"idempotencyKey": 1}, "idempotencyKey"),
        ({"idempotencyKey": ""}, "Idempotency-Key"),
    ],
)
def test_a_workflow_that_cannot_run_is_an_error_and_not_queued(
    tavern: Tavern, change: dict[str, Any], field: str
) -> None:
    tavern.connect()
    found = error_of(tavern.say({"type": "PROMPT_REQUEST", "payload": {**RUN, **change}}))
    assert field in found["details"]
    assert tavern.work() == 0


def test_a_request_that_is_sent_twice_under_one_key_is_one_run(tavern: Tavern) -> None:
    tavern.connect()
    request = {"type": "PROMPT_REQUEST", "payload": {**RUN, "idempotencyKey": str(uuid.uuid4())}}
    assert tavern.say(request) == tavern.say(request)
    assert tavern.work() == 1


def test_one_socket_follows_many_runs(tavern: Tavern) -> None:
    tavern.connect()
    accepted = [tavern.say({"type": "PROMPT_REQUEST", "payload": RUN})[0] for _ in range(5)]
    tavern.work()
    for item in accepted:
        prompt_id = item["payload"]["promptId"]
        sequences = [
            frame["sequence"]
            for frame in tavern.frames()
            if "sequence" in frame and frame["payload"]["promptId"] == prompt_id
        ]
        assert sequences == list(range(1, len(sequences) + 1))
        assert len(sequences) > 5


def test_an_interrupt_over_the_socket_ends_a_waiting_run(either_tavern: Tavern) -> None:
    either_tavern.connect()
    prompt_id = either_tavern.submit(RUN)
    frames = either_tavern.say({"type": "INTERRUPT_REQUEST", "payload": {"promptId": prompt_id}})
    assert kinds(frames) == ["EXECUTION_STATUS_UPDATE", "SYSTEM_QUEUE_UPDATE"]
    assert frames[0]["payload"]["status"] == "interrupted"
    either_tavern.work()
    assert either_tavern.frames() == frames


@pytest.mark.parametrize("kind", ["INTERRUPT_REQUEST", "FOLLOW_RUN"])
@pytest.mark.parametrize("prompt_id", [UNKNOWN, "x", "../x", "\0", "💩" * 2000])
def test_an_unknown_run_is_an_error(tavern: Tavern, kind: str, prompt_id: str) -> None:
    tavern.connect()
    error_of(tavern.say({"type": kind, "payload": {"promptId": prompt_id}}))


def test_following_a_run_that_has_ended_gives_what_was_missed(either_tavern: Tavern) -> None:
    prompt_id = either_tavern.submit(RUN)
    either_tavern.work()
    either_tavern.connect()
    all_of_it = either_tavern.say({"type": "FOLLOW_RUN", "payload": {"promptId": prompt_id}})
    assert [frame["sequence"] for frame in all_of_it] == list(range(1, len(all_of_it) + 1))
    rest = {"promptId": prompt_id, "afterSequence": 3}
    assert either_tavern.say({"type": "FOLLOW_RUN", "payload": rest}) == all_of_it[3:]


def test_following_a_run_that_waits_goes_on_live(either_tavern: Tavern) -> None:
    prompt_id = either_tavern.submit(RUN)
    either_tavern.connect()
    either_tavern.say({"type": "FOLLOW_RUN", "payload": {"promptId": prompt_id}})
    either_tavern.work()
    frames = either_tavern.frames()[:-1]
    assert [frame["sequence"] for frame in frames] == list(range(1, len(frames) + 1))
    assert frames[-1]["payload"]["status"] == "complete"


@pytest.mark.parametrize("after", [10**6, 2**53 - 1])
def test_following_from_beyond_the_end_gives_nothing(tavern: Tavern, after: int) -> None:
    prompt_id = tavern.submit(RUN)
    tavern.work()
    tavern.connect()
    given = {"promptId": prompt_id, "afterSequence": after}
    assert tavern.say({"type": "FOLLOW_RUN", "payload": given}) == []


@pytest.mark.parametrize("after", [-1, 0.5, 1.0, "1", None, True, [], {}, 2**53, 10**30, 1e300])
def test_a_sequence_that_is_none_is_an_error(tavern: Tavern, after: object) -> None:
    prompt_id = tavern.submit(RUN)
    tavern.connect()
    given = {"promptId": prompt_id, "afterSequence": after}
    found = error_of(tavern.say({"type": "FOLLOW_RUN", "payload": given}))
    assert found["details"].keys() == {"afterSequence"}


def test_definitions_are_those_of_http(tavern: Tavern) -> None:
    tavern.connect()
    (frame,) = tavern.say({"type": "get_node_definitions", "payload": {"unknown": 1}})
    assert frame["type"] == "node_definitions"
    assert frame["payload"] == {"definitions": tavern.ask("GET", "/api/nodes").json()}


@pytest.fixture
def project(tavern: Tavern) -> Tavern:
    """With the project ``p`` in it, and a socket."""
    assert tavern.ask("POST", "/api/projects", json=PROJECT).status == 201
    tavern.connect()
    return tavern


def test_a_workflow_is_saved_listed_and_loaded(project: Tavern) -> None:
    saving = {"projectId": "p", "workflow": {key: WORKFLOW[key] for key in ("name", "nodes")}}
    (saved,) = project.say({"type": "save_workflow", "payload": saving})
    assert (saved["type"], saved["payload"].keys()) == ("workflow_saved", {"id", "updatedAt"})
    loading = {"projectId": "p", "workflowId": saved["payload"]["id"]}
    (loaded,) = project.say({"type": "load_workflow", "payload": loading})
    assert loaded["type"] == "workflow_loaded"
    target = f"/api/projects/p/workflows/{saved['payload']['id']}"
    assert loaded["payload"] == {"workflow": project.ask("GET", target).json()}
    (listed,) = project.say({"type": "list_workflows", "payload": {"projectId": "p"}})
    assert listed["type"] == "workflow_list"
    expected = project.ask("GET", "/api/projects/p/workflows").json()
    assert listed["payload"] == {"workflows": expected}


@pytest.mark.parametrize(
    ("kind", "given", "path"),
    [
        ("get_node_definitions", {}, "/api/nodes"),
        ("list_workflows", {"projectId": "p"}, "/api/projects/p/workflows"),
        (
            "load_workflow",
            {"projectId": "p", "workflowId": "w"},
            "/api/projects/p/workflows/w",
        ),
    ],
)
def test_an_answer_too_large_for_a_socket_names_where_it_is(
    project: Tavern, kind: str, given: dict[str, Any], path: str
) -> None:
    saving = {"projectId": "p", "workflow": {**WORKFLOW, "description": "long " * 30}}
    project.say({"type": "save_workflow", "payload": saving})
    (whole,) = project.say({"type": kind, "payload": given})
    assert whole["type"] != "error"
    size = len(json_text.dumps(whole).encode()) + len("[]")
    project.limit_messages(size)
    assert project.say({"type": kind, "payload": given}) == [whole]
    project.limit_messages(size - 1)
    told = error_of(project.say({"type": kind, "payload": given}))["message"]
    assert told.endswith(f": GET {path}")
    assert project.ask("GET", path).status == 200


def test_a_save_over_the_socket_may_name_the_version_that_it_replaces(project: Tavern) -> None:
    def save(name: str, **condition: str) -> dict[str, Any]:
        saving = {"projectId": "p", "workflow": {**WORKFLOW, "name": name}, **condition}
        (answer,) = project.say({"type": "save_workflow", "payload": saving})
        return answer

    first = save("First")
    assert save("Second", ifMatch=first["etag"])["type"] == "workflow_saved"
    assert save("Third", ifMatch=first["etag"])["type"] == "error"
    loading = {"projectId": "p", "workflowId": "w"}
    (loaded,) = project.say({"type": "load_workflow", "payload": loading})
    assert loaded["payload"]["workflow"]["name"] == "Second"


def test_saving_again_replaces_the_workflow(project: Tavern) -> None:
    for name in ("First", "Second"):
        saving = {"projectId": "p", "workflow": {**WORKFLOW, "name": name}}
        (saved,) = project.say({"type": "save_workflow", "payload": saving})
        assert saved["payload"]["id"] == "w"
    listed = project.ask("GET", "/api/projects/p/workflows").json()
    assert [item["name"] for item in listed] == ["Second"]


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("list_workflows", {"projectId": "nowhere"}),
        ("load_workflow", {"projectId": "p", "workflowId": "nothing"}),
        ("load_workflow", {"projectId": "nowhere", "workflowId": "w"}),
        ("load_workflow", {"projectId": "..", "workflowId": "../w"}),
        ("save_workflow", {"projectId": "nowhere", "workflow": WORKFLOW}),
        ("save_workflow", {"projectId": "p", "workflow": {}}),
        ("save_workflow", {"projectId": "p", "workflow": {"name": " "}}),
        ("save_workflow", {"projectId": "p", "workflow": {"name": "W", "id": 7}}),
        ("save_workflow", {"projectId": "p", "workflow": {"name": "W", "id": "a/b"}}),
        ("save_workflow", {"projectId": "p", "workflow": {"name": "W", "nodes": {}}}),
    ],
)
def test_what_is_missing_or_wrong_in_documents_is_an_error(
    project: Tavern, kind: str, given: dict[str, Any]
) -> None:
    error_of(project.say({"type": kind, "payload": given}))
    assert project.ask("GET", "/api/projects/p/workflows").json() == []


def test_saving_under_the_name_of_another_is_an_error(project: Tavern) -> None:
    project.ask("POST", "/api/projects/p/workflows", json=WORKFLOW)
    saving = {"projectId": "p", "workflow": {"name": " W "}}
    error_of(project.say({"type": "save_workflow", "payload": saving}))
