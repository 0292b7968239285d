"""Workflows: round trips, names, conditions and NodeGroup snapshots."""

from typing import Any

import pytest

from chalicelib.errors import Conflict, InvalidInput, NotFound, PreconditionFailed, TavernError
from chalicelib.services.library.if_match import IfMatch
from tests.unit.library.desk import ADA, BOB, WHOLE, Desk, group, node

HOSTILE = ["", ".", "...", "..", "../project", "a/b", "a\0", "\ud800", "x" * 129, "é", "a\n"]


def etag(text: str) -> IfMatch:
    return IfMatch(frozenset({text}))


def test_a_new_workflow_has_defaults(desk: Desk) -> None:
    created = desk.workflows.create(ADA, desk.project(), {"name": " Chapter 1 "}).value
    assert created == {
        "id": created["id"],
        "name": "Chapter 1",
        "nodes": [],
        "edges": [],
        "viewport": {"x": 0, "y": 0, "zoom": 1},
        "createdAt": "2027-01-15T08:00:00.000Z",
        "updatedAt": "2027-01-15T08:00:00.000Z",
        "version": "1",
    }


def test_everything_sent_survives_a_round_trip(desk: Desk) -> None:
    workflow_id = desk.workflow(desk.project(), "Chapter")
    saved = desk.workflows.save(ADA, "Novel", workflow_id, WHOLE)
    assert saved.value.items() >= WHOLE.items()
    assert repr(saved.value["viewport"]) == repr(WHOLE["viewport"])
    assert desk.workflows.get(ADA, "Novel", workflow_id) == saved


def test_what_the_server_keeps_beside_a_workflow_stays_hidden(desk: Desk) -> None:
    workflow_id = desk.workflow(desk.project(), "Chapter", **{"$server": {"life": "mine"}})
    assert "$server" not in desk.workflows.get(ADA, "Novel", workflow_id).value


def test_a_save_replaces_the_whole(desk: Desk) -> None:
    desk.project()
    workflow_id = desk.workflow("Novel", **WHOLE)
    desk.clock.advance(1)
    saved = desk.workflows.save(ADA, "Novel", workflow_id, {"name": "Chapter"}).value
    assert saved == {
        "id": workflow_id,
        "name": "Chapter",
        "nodes": [],
        "edges": [],
        "viewport": {"x": 0, "y": 0, "zoom": 1},
        "createdAt": "2027-01-15T08:00:00.000Z",
        "updatedAt": "2027-01-15T08:00:01.000Z",
        "version": "2",
    }


def test_the_servers_fields_of_a_body_are_ignored(desk: Desk) -> None:
    workflow_id = desk.workflow(desk.project(), "Chapter")
    body = {"name": "Chapter", "createdAt": 5, "updatedAt": [], "version": 99, "id": workflow_id}
    saved = desk.workflows.save(ADA, "Novel", workflow_id, body).value
    assert (saved["createdAt"], saved["version"]) == ("2027-01-15T08:00:00.000Z", "2")


def test_the_list_shows_summaries_by_name(desk: Desk) -> None:
    desk.project()
    second = desk.workflow("Novel", **{**WHOLE, "name": "b"})
    first = desk.workflow("Novel", "a", nodes=[group("g", second), group("h", second)])
    moment = "2027-01-15T08:00:00.000Z"
    assert desk.workflows.list(ADA, "Novel") == [
        {"id": first, "name": "a", "updatedAt": moment, "referencedWorkflows": [second]},
        {
            "id": second,
            "name": "b",
            "description": "d",
            "updatedAt": moment,
            "creationMethod": "manual",
            "referencedWorkflows": ["other"],
        },
    ]


def test_the_list_follows_every_save(desk: Desk) -> None:
    workflow_id = desk.workflow(desk.project(), "Chapter")
    for number in range(3):
        desk.clock.advance(1)
        body = {"name": f"Chapter {number}", "description": str(number)}
        desk.workflows.save(ADA, "Novel", workflow_id, body)
    (listed,) = desk.workflows.list(ADA, "Novel")
    saved = desk.workflows.get(ADA, "Novel", workflow_id).value
    assert listed == {key: saved[key] for key in ("id", "name", "description", "updatedAt")}


def test_a_workflow_too_rich_for_a_row_is_listed_in_short(desk: Desk) -> None:
    desk.project()
    used = [f"{number:0128}" for number in range(3000)]
    workflow_id = desk.workflow(
        "Novel",
        "夜" * 200,
        description="\0" * 1_000_000,
        referencedWorkflows=used,
        nodes=[group(each, each) for each in used],
    )
    (listed,) = desk.workflows.list(ADA, "Novel")
    assert listed["id"] == workflow_id
    assert len(desk.workflows.get(ADA, "Novel", workflow_id).value["description"]) == 1_000_000


def test_workflows_of_an_unknown_project_are_not_found(desk: Desk) -> None:
    with pytest.raises(NotFound):
        desk.workflows.list(ADA, "Novel")


def test_a_workflow_for_an_unknown_project_leaves_nothing(desk: Desk) -> None:
    with pytest.raises(NotFound):
        desk.workflows.create(ADA, "Novel", {"name": "Chapter"})
    assert list(desk.documents.keys("")) == []
    assert list(desk.index.query("ada#project#Novel").entries) == []


def test_users_do_not_see_each_others_workflows(desk: Desk) -> None:
    workflow_id = desk.workflow(desk.project(), "Chapter")
    desk.project("Novel", BOB)
    with pytest.raises(NotFound):
        desk.workflows.get(BOB, "Novel", workflow_id)


@pytest.mark.parametrize("workflow_id", HOSTILE)
def test_hostile_ids_are_not_found(desk: Desk, workflow_id: str) -> None:
    desk.project()
    for act in (
        lambda: desk.workflows.get(ADA, "Novel", workflow_id),
        lambda: desk.workflows.save(ADA, "Novel", workflow_id, {"name": "x"}),
        lambda: desk.workflows.delete(ADA, "Novel", workflow_id),
        lambda: desk.workflows.versions(ADA, "Novel", workflow_id),
        lambda: desk.workflows.restore_version(ADA, "Novel", workflow_id, "1"),
    ):
        with pytest.raises(NotFound):
            act()


@pytest.mark.parametrize("workflow_id", ["mine", "a.b-c_D", "x" * 128, ".hidden"])
def test_a_free_and_safe_id_is_kept(desk: Desk, workflow_id: str) -> None:
    assert desk.workflow(desk.project(), "Chapter", id=workflow_id) == workflow_id


@pytest.mark.parametrize("workflow_id", [*HOSTILE, 5])
def test_an_unsafe_id_is_refused(desk: Desk, workflow_id: object) -> None:
    desk.project()
    with pytest.raises(InvalidInput) as refusal:
        desk.workflows.create(ADA, "Novel", {"name": "Chapter", "id": workflow_id})
    assert list(refusal.value.details) == ["id"]


def test_a_taken_id_is_a_conflict(desk: Desk) -> None:
    desk.workflow(desk.project(), "Chapter", id="mine")
    with pytest.raises(Conflict):
        desk.workflows.create(ADA, "Novel", {"name": "Other", "id": "mine"})
    assert desk.names("Novel") == ["Chapter"]


def test_another_id_in_the_body_is_refused(desk: Desk) -> None:
    workflow_id = desk.workflow(desk.project(), "Chapter")
    with pytest.raises(InvalidInput) as refusal:
        desk.workflows.save(ADA, "Novel", workflow_id, {"name": "Chapter", "id": "other"})
    assert list(refusal.value.details) == ["id"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", None),
        ("name", "x" * 201),
        ("nodes", {}),
        ("nodes.0", [5]),
        ("nodes.0.id", [{**node("a"), "id": 5}]),
        ("nodes.0.type", [{"id": "a", "position": {"x": 0, "y": 0}}]),
        ("nodes.0.position.x", [{**node("a"), "position": {"x": "0", "y": 0}}]),
        ("nodes.0.position.y", [{**node("a"), "position": {"x": 0, "y": float("inf")}}]),
        ("nodes.0.position.y", [{**node("a"), "position": {"x": 0, "y": 10**400}}]),
        ("nodes.0.configValues", [node("a", configValues=[])]),
        ("edges.0.source", [{"id": "e", "target": "a"}]),
        ("viewport.zoom", {"x": 0, "y": 0}),
        ("interfaceInputs.a", {"a": 5}),
        ("previewTarget.slotKey", {"nodeId": "a"}),
        ("description", 5),
    ],
)
def test_a_field_of_a_wrong_type_is_refused(desk: Desk, field: str, value: object) -> None:
    workflow_id = desk.workflow(desk.project(), "Chapter")
    before = desk.workflows.get(ADA, "Novel", workflow_id)
    body = {"name": "Chapter", field.partition(".")[0]: value}
    with pytest.raises(InvalidInput) as refusal:
        desk.workflows.save(ADA, "Novel", workflow_id, body)
    assert field in refusal.value.details
    assert desk.workflows.get(ADA, "Novel", workflow_id) == before


def test_a_million_wrong_nodes_are_refused_at_once(desk: Desk) -> None:
    desk.project()
    with pytest.raises(InvalidInput):
        desk.workflows.create(ADA, "Novel", {"name": "x", "nodes": [1] * 1_000_000})


@pytest.mark.parametrize("draft", [None, [], "x", 5])
def test_a_draft_that_is_no_object_is_refused(desk: Desk, draft: object) -> None:
    workflow_id = desk.workflow(desk.project(), "Chapter")
    with pytest.raises(InvalidInput, match="object"):
        desk.workflows.create(ADA, "Novel", draft)
    with pytest.raises(InvalidInput, match="object"):
        desk.workflows.save(ADA, "Novel", workflow_id, draft)


def test_half_a_surrogate_pair_is_refused(desk: Desk) -> None:
    desk.project()
    with pytest.raises(InvalidInput):
        desk.workflows.create(ADA, "Novel", {"name": "Chapter", "note": "\ud800"})


def test_a_taken_name_is_a_conflict_and_leaves_nothing(desk: Desk) -> None:
    desk.workflow(desk.project(), "Chapter")
    keys = list(desk.documents.keys(""))
    with pytest.raises(Conflict):
        desk.workflows.create(ADA, "Novel", {"name": " Chapter "})
    assert list(desk.documents.keys("")) == keys
    assert desk.names("Novel") == ["Chapter"]


def test_names_differ_by_case_and_by_project(desk: Desk) -> None:
    for project in (desk.project("One"), desk.project("Two")):
        desk.workflow(project, "chapter")
        desk.workflow(project, "Chapter")
    assert desk.names("One") == ["Chapter", "chapter"]


def test_a_refused_create_does_not_take_the_history_of_a_deleted_one_along(desk: Desk) -> None:
    desk.workflow(desk.project(), "Chapter")
    desk.workflow("Novel", "Mine", id="mine")
    desk.workflows.delete(ADA, "Novel", "mine")
    with pytest.raises(Conflict):
        desk.workflows.create(ADA, "Novel", {"name": "Chapter", "id": "mine"})
    desk.bin.restore(ADA, desk.bin_id())
    assert desk.names("Novel") == ["Chapter", "Mine"]


def test_a_rename_frees_the_old_name(desk: Desk) -> None:
    workflow_id = desk.workflow(desk.project(), "Old")
    desk.workflows.save(ADA, "Novel", workflow_id, {"name": "New"})
    desk.workflow("Novel", "Old")
    assert desk.names("Novel") == ["New", "Old"]


def test_a_rename_onto_anothers_name_changes_nothing(desk: Desk) -> None:
    desk.project()
    first, _ = desk.workflow("Novel", "One"), desk.workflow("Novel", "Two")
    before = desk.workflows.get(ADA, "Novel", first)
    with pytest.raises(Conflict):
        desk.workflows.save(ADA, "Novel", first, {"name": "Two"})
    assert desk.workflows.get(ADA, "Novel", first) == before
    assert desk.names("Novel") == ["One", "Two"]


def test_a_rename_with_a_stale_etag_does_not_take_the_name(desk: Desk) -> None:
    workflow_id = desk.workflow(desk.project(), "One")
    with pytest.raises(PreconditionFailed):
        desk.workflows.save(ADA, "Novel", workflow_id, {"name": "Two"}, etag("stale"))
    desk.workflow("Novel", "Two")


def test_a_stale_etag_is_refused_and_changes_nothing(desk: Desk) -> None:
    workflow_id = desk.workflow(desk.project(), "Chapter")
    stale = desk.workflows.get(ADA, "Novel", workflow_id).etag
    current = desk.workflows.save(ADA, "Novel", workflow_id, {"name": "Chapter"})
    for act in (
        lambda: desk.workflows.save(ADA, "Novel", workflow_id, {"name": "x"}, etag(stale)),
        lambda: desk.workflows.delete(ADA, "Novel", workflow_id, etag(stale)),
        lambda: desk.workflows.restore_version(ADA, "Novel", workflow_id, "1", etag(stale)),
    ):
        with pytest.raises(TavernError):
            act()
    assert desk.workflows.get(ADA, "Novel", workflow_id) == current


def test_the_current_etag_and_any_etag_are_accepted(desk: Desk) -> None:
    workflow_id = desk.workflow(desk.project(), "Chapter")
    current = desk.workflows.get(ADA, "Novel", workflow_id)
    desk.workflows.save(ADA, "Novel", workflow_id, {"name": "x"}, etag(current.etag))
    desk.workflows.delete(ADA, "Novel", workflow_id, IfMatch(None))


def test_every_save_has_its_own_etag(desk: Desk) -> None:
    workflow_id = desk.workflow(desk.project(), "Chapter")
    seen = {
        desk.workflows.save(ADA, "Novel", workflow_id, {"name": "Chapter"}).etag for _ in range(3)
    }
    assert len(seen) == 3


def snapshot(desk: Desk, workflow_id: str) -> object:
    (found,) = desk.workflows.get(ADA, "Novel", workflow_id).value["nodes"]
    return found["data"]["groupInterface"] if "data" in found else None


def test_node_groups_get_the_interface_of_what_they_run(desk: Desk) -> None:
    used = desk.workflow(desk.project(), "Used")
    users = [
        desk.workflow("Novel", "A", nodes=[group("g", used, data={"label": "x"})]),
        desk.workflow("Novel", "B", nodes=[{**group("g", used), "type": "NodeGroup"}]),
    ]
    other = desk.workflow("Novel", "C", nodes=[group("g", "else")])
    interface = {"interfaceInputs": {"a": {"k": 1}}, "interfaceOutputs": {"b": {}}}
    desk.workflows.save(ADA, "Novel", used, {"name": "Used", **interface})
    copied = {"inputs": {"a": {"k": 1}}, "outputs": {"b": {}}}
    assert [snapshot(desk, each) for each in users] == [copied, copied]
    assert snapshot(desk, other) is None
    assert desk.workflows.get(ADA, "Novel", users[0]).value["nodes"][0]["data"]["label"] == "x"
    assert desk.workflows.get(ADA, "Novel", users[0]).value["version"] == "2"


def test_node_groups_are_left_alone_when_the_interface_stays(desk: Desk) -> None:
    interface: dict[str, Any] = {"interfaceInputs": {"a": {}}}
    used = desk.workflow(desk.project(), "Used", **interface)
    user = desk.workflow("Novel", "User", nodes=[group("g", used)])
    before = desk.workflows.get(ADA, "Novel", user)
    desk.workflows.save(ADA, "Novel", used, {"name": "Renamed", **interface})
    assert desk.workflows.get(ADA, "Novel", user) == before


def test_a_workflow_that_takes_the_id_others_refer_to_gives_them_its_interface(desk: Desk) -> None:
    user = desk.workflow(desk.project(), "User", nodes=[group("g", "mine")])
    desk.workflow("Novel", "Used", id="mine", interfaceOutputs={"b": {}})
    assert snapshot(desk, user) == {"inputs": {}, "outputs": {"b": {}}}
