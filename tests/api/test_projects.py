"""Group 5 over HTTP: projects, their workflows and versions, the recycle bin."""

import re
from typing import Any

import pytest

from tests.api.bodies import PROJECT, WORKFLOW
from tests.api.hostile import assert_error
from tests.api.product import Answer, Ask, Tavern

PROJECTS = "/api/projects"
HERE = "/api/projects/p"
WORKFLOWS = "/api/projects/p/workflows"
W = "/api/projects/p/workflows/w"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\Z")


@pytest.fixture
def desk(tavern: Tavern) -> Tavern:
    """With project ``p`` and in it workflow ``w``."""
    return furnished(tavern)


@pytest.fixture
def either_desk(either_tavern: Tavern) -> Tavern:
    """The same on each family."""
    return furnished(either_tavern)


def furnished(tavern: Tavern) -> Tavern:
    assert tavern.ask("POST", PROJECTS, json=PROJECT).status == 201
    assert tavern.ask("POST", WORKFLOWS, json=WORKFLOW).status == 201
    return tavern


def refused(answer: Answer, status: int) -> dict[str, Any]:
    """The body of an answer that must be this error."""
    assert answer.status == status, answer
    body: dict[str, Any] = answer.json()
    assert_error(body)
    return body


def test_a_new_project_has_what_was_given_and_defaults(tavern: Tavern) -> None:
    answer = tavern.ask("POST", PROJECTS, json={"name": " Tales: one/two "})
    assert answer.status == 201
    found = answer.json()
    assert TIME.match(found.pop("createdAt"))
    assert TIME.match(found.pop("updatedAt"))
    assert isinstance(found.pop("version"), str)
    assert isinstance(found.pop("schemaVersion"), str)
    assert found == {
        "id": "Tales_ one_two",
        "name": "Tales: one/two",
        "preferredView": "editor",
        "enableChatPage": True,
    }


def test_all_metadata_survives(either_desk: Tavern) -> None:
    found = either_desk.ask("GET", f"{HERE}/metadata")
    assert found.json().items() >= {**PROJECT, "id": "p"}.items()
    assert either_desk.ask("GET", HERE).body == found.body
    assert either_desk.ask("GET", PROJECTS).json() == [found.json()]


@pytest.mark.parametrize(
    "draft",
    [
        {},
        {"name": None},
        {"name": ""},
        {"name": " \t"},
        {"name": ".."},
        {"name": 1},
        {"name": "x" * 201},
        {"name": "x", "description": 1},
        {"name": "x", "panels": "no"},
        {"name": "x", "preferredView": "other"},
        {"name": "x", "enableChatPage": "yes"},
    ],
)
def test_a_wrong_draft_of_a_project_is_refused_by_field(
    tavern: Tavern, draft: dict[str, Any]
) -> None:
    body = refused(tavern.ask("POST", PROJECTS, json=draft), 400)
    (field,) = body["details"]
    assert field == (list(draft) or ["name"])[-1]
    assert tavern.ask("GET", PROJECTS).json() == []


def test_a_taken_project_id_is_a_409(desk: Tavern) -> None:
    refused(desk.ask("POST", PROJECTS, json={"name": "p "}), 409)


def test_of_simultaneous_creates_of_a_project_one_wins(tavern: Tavern) -> None:
    answers = tavern.ask_at_once(*[Ask("POST", PROJECTS, json={"name": "p"})] * 6)
    assert sorted(answer.status for answer in answers) == [201] + [409] * 5


@pytest.mark.parametrize("path", [HERE, f"{HERE}/metadata"])
def test_either_path_changes_part_of_the_metadata(either_desk: Tavern, path: str) -> None:
    before = either_desk.ask("GET", HERE).json()
    changes = {"description": "new", "id": "other", "createdAt": "never", "surprise": 1}
    answer = either_desk.ask("PUT", path, json=changes)
    assert answer.status == 200
    after = answer.json()
    assert after.pop("updatedAt") >= before.pop("updatedAt")
    assert after == {**before, "description": "new"}
    assert either_desk.ask("GET", HERE).headers["etag"] == answer.headers["etag"]


@pytest.mark.parametrize("changes", [{"name": " "}, {"name": "..."}, {"version": 1}, {"panels": 0}])
def test_a_wrong_change_of_metadata_changes_nothing(desk: Tavern, changes: dict[str, Any]) -> None:
    before = desk.ask("GET", HERE)
    refused(desk.ask("PUT", HERE, json=changes), 400)
    assert desk.ask("GET", HERE).body == before.body


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/api/projects/no"),
        ("GET", "/api/projects/no/metadata"),
        ("PUT", "/api/projects/no"),
        ("PUT", "/api/projects/no/metadata"),
        ("DELETE", "/api/projects/no"),
        ("GET", "/api/projects/no/workflows"),
        ("POST", "/api/projects/no/workflows"),
        ("GET", "/api/projects/no/workflows/w"),
        ("PUT", "/api/projects/no/workflows/w"),
        ("DELETE", "/api/projects/no/workflows/w"),
        ("GET", "/api/projects/p/workflows/no"),
        ("PUT", "/api/projects/p/workflows/no"),
        ("DELETE", "/api/projects/p/workflows/no"),
        ("GET", "/api/projects/p/workflows/no/versions"),
        ("POST", "/api/projects/p/workflows/no/versions/1/restore"),
        ("POST", "/api/projects/p/workflows/w/versions/no/restore"),
        ("POST", "/api/recycle-bin/no/restore"),
        ("DELETE", "/api/recycle-bin/no"),
    ],
)
def test_what_is_not_there_is_a_404(desk: Tavern, method: str, target: str) -> None:
    refused(desk.ask(method, target, json={"name": "x"}), 404)


@pytest.mark.parametrize("path", [HERE, f"{HERE}/metadata", W])
def test_a_client_that_has_the_current_version_gets_304(either_desk: Tavern, path: str) -> None:
    etag = either_desk.ask("GET", path).headers["etag"]
    for given in (etag, f'"other", {etag}', f"W/{etag}", "*"):
        answer = either_desk.ask("GET", path, headers={"If-None-Match": given})
        assert (answer.status, answer.body, answer.headers["etag"]) == (304, b"", etag)
    assert either_desk.ask("GET", path, headers={"If-None-Match": '"other"'}).status == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", HERE), ("PUT", f"{HERE}/metadata"), ("PUT", W), ("DELETE", HERE), ("DELETE", W)],
)
def test_a_stale_etag_is_a_412_and_changes_nothing(
    either_desk: Tavern, method: str, path: str
) -> None:
    stale = either_desk.ask("GET", path).headers["etag"]
    body = {"name": "Newer", "description": "newer"}
    current = either_desk.ask("PUT", path, json=body, headers={"If-Match": stale})
    assert current.status == 200
    assert current.headers["etag"] != stale
    answer = either_desk.ask(method, path, json={"name": "Lost"}, headers={"If-Match": stale})
    refused(answer, 412)
    assert either_desk.ask("GET", path).body == current.body


@pytest.mark.parametrize("given", ['"x"', "x", '""', ",", "W/"])
def test_a_condition_that_is_no_current_etag_is_a_412(desk: Tavern, given: str) -> None:
    refused(desk.ask("PUT", W, json={"name": "Lost"}, headers={"If-Match": given}), 412)


@pytest.mark.parametrize("given", ["*", ""])
def test_any_version_may_be_replaced_if_the_client_says_so(desk: Tavern, given: str) -> None:
    assert desk.ask("PUT", W, json={"name": "N"}, headers={"If-Match": given}).status == 200


def test_of_simultaneous_saves_of_what_was_read_one_wins(desk: Tavern) -> None:
    etag = desk.ask("GET", W).headers["etag"]
    asks = [
        Ask("PUT", W, json={"name": f"N{number}"}, headers={"If-Match": etag})
        for number in range(6)
    ]
    answers = desk.ask_at_once(*asks)
    assert sorted(answer.status for answer in answers) == [200] + [412] * 5
    (winner,) = [answer.json() for answer in answers if answer.status == 200]
    assert desk.ask("GET", W).json() == winner


def test_a_new_workflow_is_the_whole_object(either_tavern: Tavern) -> None:
    either_tavern.ask("POST", PROJECTS, json=PROJECT)
    answer = either_tavern.ask("POST", WORKFLOWS, json={"name": " W "})
    assert answer.status == 201
    found = answer.json()
    assert TIME.match(found["createdAt"])
    assert found.items() >= {"name": "W", "nodes": [], "edges": []}.items()
    assert found["viewport"] == {"x": 0, "y": 0, "zoom": 1}
    assert found["id"]
    assert found["version"]
    read = either_tavern.ask("GET", f"{WORKFLOWS}/{found['id']}")
    assert (read.json(), read.headers["etag"]) == (found, answer.headers["etag"])


def test_what_the_contract_does_not_name_survives(desk: Tavern) -> None:
    strange = {"x-mine": [1, {"ü": None}, 1e300, 10, 1.0, "\0"]}
    draft = {**WORKFLOW, **strange, "nodes": [{**WORKFLOW["nodes"][0], **strange}]}
    assert desk.ask("PUT", W, json=draft).status == 200
    found = desk.ask("GET", W).json()
    assert found["x-mine"] == strange["x-mine"]
    assert found["nodes"][0]["x-mine"] == strange["x-mine"]


def test_a_save_replaces_the_whole_but_the_servers_fields(either_desk: Tavern) -> None:
    before = either_desk.ask("GET", W).json()
    draft = {"name": "V", "createdAt": "never", "version": "never", "updatedAt": "never"}
    after = either_desk.ask("PUT", W, json=draft).json()
    assert after["createdAt"] == before["createdAt"]
    assert after["updatedAt"] >= before["updatedAt"]
    assert after["version"] not in (before["version"], "never")
    assert after["nodes"] == []
    assert "description" not in after


def test_the_list_holds_summaries(either_desk: Tavern) -> None:
    (found,) = either_desk.ask("GET", WORKFLOWS).json()
    assert TIME.match(found.pop("updatedAt"))
    assert found.pop("referencedWorkflows") == ["other"]
    assert found == {"id": "w", "name": "W", "description": "Adds"}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": None}, "name"),
        ({"name": " "}, "name"),
        ({"name": 1}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"nodes": {}}, "nodes"),
        ({"nodes": [{"id": "n", "type": "t"}]}, "nodes.0.position"),
        ({"edges": [{"id": "e", "source": "n"}]}, "edges.0.target"),
        ({"viewport": {"x": 0, "y": 0}}, "viewport.zoom"),
        ({"interfaceInputs": []}, "interfaceInputs"),
        ({"previewTarget": {"nodeId": "n"}}, "previewTarget.slotKey"),
        ({"id": "other"}, "id"),
        ({"id": "a/b"}, "id"),
    ],
)
def test_a_wrong_workflow_is_refused_by_field(
    desk: Tavern, change: dict[str, Any], field: str
) -> None:
    before = desk.ask("GET", W).body
    body = refused(desk.ask("PUT", W, json={**WORKFLOW, **change}), 400)
    assert [*body["details"]] == [field]
    assert desk.ask("GET", W).body == before


@pytest.mark.parametrize("workflow_id", ["..", ".", "a/b", "", "ü", "x" * 129, "a b", 1])
def test_an_unsafe_id_is_refused(desk: Tavern, workflow_id: object) -> None:
    draft = {"name": "New", "id": workflow_id}
    body = refused(desk.ask("POST", WORKFLOWS, json=draft), 400)
    assert [*body["details"]] == ["id"]


@pytest.mark.parametrize("draft", [{"name": " W"}, {"name": "New", "id": "w"}])
def test_a_taken_name_or_id_is_a_409(either_desk: Tavern, draft: dict[str, Any]) -> None:
    refused(either_desk.ask("POST", WORKFLOWS, json=draft), 409)
    assert len(either_desk.ask("GET", WORKFLOWS).json()) == 1


def test_a_rename_onto_anothers_name_is_a_409(desk: Tavern) -> None:
    desk.ask("POST", WORKFLOWS, json={"name": "Other"})
    refused(desk.ask("PUT", W, json={**WORKFLOW, "name": "Other "}), 409)
    assert desk.ask("GET", W).json()["name"] == "W"


def test_of_simultaneous_creates_of_a_workflow_one_wins(desk: Tavern) -> None:
    answers = desk.ask_at_once(*[Ask("POST", WORKFLOWS, json={"name": "New"})] * 6)
    assert sorted(answer.status for answer in answers) == [201] + [409] * 5
    assert len(desk.ask("GET", WORKFLOWS).json()) == 2


def test_an_earlier_version_comes_back(either_desk: Tavern) -> None:
    first = either_desk.ask("GET", W).json()
    either_desk.ask("PUT", W, json={"name": "Second"})
    newest, oldest = either_desk.ask("GET", f"{W}/versions").json()
    assert (newest["current"], oldest["current"]) == (True, False)
    target = f"{W}/versions/{oldest['version']}/restore"
    answer = either_desk.ask("POST", target)
    assert answer.status == 200
    restored = answer.json()
    for field in ("updatedAt", "version"):
        assert restored.pop(field) != first.pop(field) or field == "updatedAt"
    assert restored == first
    assert either_desk.ask("GET", W).headers["etag"] == answer.headers["etag"]


def test_a_restore_may_be_conditional(desk: Tavern) -> None:
    (only,) = desk.ask("GET", f"{W}/versions").json()
    target = f"{W}/versions/{only['version']}/restore"
    refused(desk.ask("POST", target, headers={"If-Match": '"stale"'}), 412)
    assert len(desk.ask("GET", f"{W}/versions").json()) == 1


def test_a_deleted_workflow_is_gone_and_comes_back_from_the_bin(either_desk: Tavern) -> None:
    before = either_desk.ask("GET", W).json()
    answer = either_desk.ask("DELETE", W)
    assert (answer.status, answer.body) == (204, b"")
    refused(either_desk.ask("GET", W), 404)
    assert either_desk.ask("GET", WORKFLOWS).json() == []
    (entry,) = either_desk.ask("GET", "/api/recycle-bin").json()
    assert TIME.match(entry["deletedAt"])
    assert (entry["kind"], entry["name"], entry["projectId"]) == ("workflow", "W", "p")
    assert either_desk.ask("POST", f"/api/recycle-bin/{entry['id']}/restore").status == 200
    assert either_desk.ask("GET", W).json() == before
    assert either_desk.ask("GET", "/api/recycle-bin").json() == []


def test_a_deleted_project_takes_its_workflows_along_and_back(either_desk: Tavern) -> None:
    assert either_desk.ask("DELETE", HERE).status == 204
    refused(either_desk.ask("GET", W), 404)
    refused(either_desk.ask("GET", WORKFLOWS), 404)
    assert either_desk.ask("GET", PROJECTS).json() == []
    (entry,) = either_desk.ask("GET", "/api/recycle-bin").json()
    assert either_desk.ask("POST", f"/api/recycle-bin/{entry['id']}/restore").status == 200
    assert either_desk.ask("GET", W).json()["name"] == "W"
    assert len(either_desk.ask("GET", WORKFLOWS).json()) == 1


def test_what_is_removed_from_the_bin_does_not_come_back(either_desk: Tavern) -> None:
    either_desk.ask("DELETE", W)
    (entry,) = either_desk.ask("GET", "/api/recycle-bin").json()
    target = f"/api/recycle-bin/{entry['id']}"
    assert either_desk.ask("DELETE", target).status == 204
    refused(either_desk.ask("POST", f"{target}/restore"), 404)
    assert either_desk.ask("GET", "/api/recycle-bin").json() == []


def test_the_bin_is_emptied_at_once(desk: Tavern) -> None:
    desk.ask("DELETE", W)
    desk.ask("DELETE", HERE)
    answer = desk.ask("DELETE", "/api/recycle-bin")
    assert (answer.status, answer.json()) == (200, {"removed": 2})
    assert desk.ask("GET", "/api/recycle-bin").json() == []


def test_restoring_onto_a_name_that_is_taken_by_now_is_a_409(desk: Tavern) -> None:
    desk.ask("DELETE", W)
    desk.ask("POST", WORKFLOWS, json={"name": "W"})
    (entry,) = desk.ask("GET", "/api/recycle-bin").json()
    refused(desk.ask("POST", f"/api/recycle-bin/{entry['id']}/restore"), 409)
    assert len(desk.ask("GET", "/api/recycle-bin").json()) == 1
