"""The recycle bin: what is deleted can come back whole, until it is removed for good."""

import pytest

from chalicelib.errors import Conflict, NotFound, TavernError
from tests.contracts.race import race, winners
from tests.unit.library.desk import ADA, BOB, Desk


def delete_workflow(desk: Desk, name: str = "Chapter") -> str:
    """A project with a workflow in the recycle bin; the workflow's id."""
    workflow_id = desk.workflow(desk.project(), name)
    desk.workflows.delete(ADA, "Novel", workflow_id)
    return workflow_id


def test_a_deleted_workflow_is_in_the_bin_and_nowhere_else(desk: Desk) -> None:
    workflow_id = delete_workflow(desk)
    (entry,) = desk.bin.list(ADA)
    assert entry == {
        "id": entry["id"],
        "kind": "workflow",
        "name": "Chapter",
        "projectId": "Novel",
        "deletedAt": "2027-01-15T08:00:00.000Z",
    }
    assert desk.names("Novel") == []
    for act in (
        lambda: desk.workflows.get(ADA, "Novel", workflow_id),
        lambda: desk.workflows.save(ADA, "Novel", workflow_id, {"name": "x"}),
        lambda: desk.workflows.delete(ADA, "Novel", workflow_id),
        lambda: desk.workflows.versions(ADA, "Novel", workflow_id),
    ):
        with pytest.raises(NotFound):
            act()


def test_a_deleted_project_takes_its_workflows_along(desk: Desk) -> None:
    workflow_id = desk.workflow(desk.project(), "Chapter")
    desk.projects.delete(ADA, "Novel")
    assert [(each["kind"], each["name"]) for each in desk.bin.list(ADA)] == [("project", "Novel")]
    assert desk.project_ids() == []
    for act in (
        lambda: desk.projects.get(ADA, "Novel"),
        lambda: desk.projects.update(ADA, "Novel", {}),
        lambda: desk.projects.delete(ADA, "Novel"),
        lambda: desk.workflows.list(ADA, "Novel"),
        lambda: desk.workflows.get(ADA, "Novel", workflow_id),
        lambda: desk.workflows.save(ADA, "Novel", workflow_id, {"name": "x"}),
        lambda: desk.workflows.create(ADA, "Novel", {"name": "x"}),
    ):
        with pytest.raises(NotFound):
            act()


def test_what_was_deleted_last_is_listed_first(desk: Desk) -> None:
    for name in ("One", "Two", "Three"):
        desk.project(name)
        desk.clock.advance(1)
        desk.projects.delete(ADA, name)
    assert [each["name"] for each in desk.bin.list(ADA)] == ["Three", "Two", "One"]


def test_a_restored_workflow_is_as_it_was(desk: Desk) -> None:
    workflow_id = desk.workflow(desk.project(), "Chapter", note="x")
    before = desk.workflows.save(ADA, "Novel", workflow_id, {"name": "Chapter 1", "note": "y"})
    listed = desk.workflows.list(ADA, "Novel")
    desk.workflows.delete(ADA, "Novel", workflow_id)
    restored = desk.bin.restore(ADA, desk.bin_id())
    assert restored == {
        "kind": "workflow",
        "name": "Chapter 1",
        "projectId": "Novel",
        "workflowId": workflow_id,
    }
    assert desk.workflows.get(ADA, "Novel", workflow_id).value == before.value
    assert desk.workflows.list(ADA, "Novel") == listed
    assert len(desk.workflows.versions(ADA, "Novel", workflow_id)) == 3
    assert desk.bin.list(ADA) == []


def test_a_restored_project_brings_back_its_workflows(desk: Desk) -> None:
    desk.project()
    kept = [desk.workflow("Novel", f"Chapter {number}") for number in range(75)]
    desk.workflow("Novel", "Deleted before", id="gone")
    desk.workflows.delete(ADA, "Novel", "gone")
    before = [desk.workflows.get(ADA, "Novel", each).value for each in kept]
    metadata, listed = desk.projects.get(ADA, "Novel").value, desk.workflows.list(ADA, "Novel")
    desk.projects.delete(ADA, "Novel")
    (entry,) = [each for each in desk.bin.list(ADA) if each["kind"] == "project"]
    assert desk.bin.restore(ADA, entry["id"]) == {
        "kind": "project",
        "name": "Novel",
        "projectId": "Novel",
    }
    assert desk.projects.get(ADA, "Novel").value == metadata
    assert desk.projects.list(ADA) == [metadata]
    assert desk.workflows.list(ADA, "Novel") == listed
    assert [desk.workflows.get(ADA, "Novel", each).value for each in kept] == before
    assert [each["name"] for each in desk.bin.list(ADA)] == ["Deleted before"]


def test_what_was_restored_can_be_changed_and_deleted_again(desk: Desk) -> None:
    workflow_id = desk.workflow(desk.project(), "Chapter")
    for number in range(3):
        desk.projects.delete(ADA, "Novel")
        desk.bin.restore(ADA, desk.bin_id())
        desk.workflows.save(ADA, "Novel", workflow_id, {"name": f"Chapter {number}"})
        desk.workflows.delete(ADA, "Novel", workflow_id)
        desk.bin.restore(ADA, desk.bin_id())
        desk.workflow("Novel", f"New {number}")
    assert desk.names("Novel") == ["Chapter 2", "New 0", "New 1", "New 2"]
    assert desk.repair.repair(ADA).written == 0


def test_a_workflow_whose_name_is_taken_again_stays_in_the_bin(desk: Desk) -> None:
    workflow_id = delete_workflow(desk)
    desk.workflow("Novel", "Chapter")
    with pytest.raises(Conflict):
        desk.bin.restore(ADA, desk.bin_id())
    with pytest.raises(NotFound):
        desk.workflows.get(ADA, "Novel", workflow_id)
    assert desk.names("Novel") == ["Chapter"]


def test_a_workflow_whose_id_is_taken_again_stays_in_the_bin(desk: Desk) -> None:
    desk.workflow(desk.project(), "Old", id="mine")
    desk.workflows.delete(ADA, "Novel", "mine")
    desk.workflow("Novel", "New", id="mine")
    with pytest.raises(Conflict):
        desk.bin.restore(ADA, desk.bin_id())
    assert desk.names("Novel") == ["New"]
    assert desk.workflows.get(ADA, "Novel", "mine").value["name"] == "New"


def test_a_project_whose_id_is_taken_again_stays_in_the_bin(desk: Desk) -> None:
    desk.workflow(desk.project(), "Old")
    desk.projects.delete(ADA, "Novel")
    desk.workflow(desk.project(), "New")
    with pytest.raises(Conflict):
        desk.bin.restore(ADA, desk.bin_id())
    assert desk.names("Novel") == ["New"]


def test_a_workflow_waits_for_its_project(desk: Desk) -> None:
    workflow_id = delete_workflow(desk)
    desk.projects.delete(ADA, "Novel")
    entries = {each["kind"]: each["id"] for each in desk.bin.list(ADA)}
    with pytest.raises(Conflict, match="project"):
        desk.bin.restore(ADA, entries["workflow"])
    desk.bin.restore(ADA, entries["project"])
    desk.bin.restore(ADA, entries["workflow"])
    assert desk.workflows.get(ADA, "Novel", workflow_id).value["name"] == "Chapter"


def test_one_id_may_be_in_the_bin_several_times(desk: Desk) -> None:
    desk.project()
    for name in ("One", "Two"):
        desk.workflow("Novel", name, id="mine")
        desk.workflows.delete(ADA, "Novel", "mine")
    entries = {each["name"]: each["id"] for each in desk.bin.list(ADA)}
    desk.bin.restore(ADA, entries["One"])
    assert desk.names("Novel") == ["One"]
    desk.workflows.delete(ADA, "Novel", "mine")
    desk.bin.restore(ADA, entries["Two"])
    assert desk.names("Novel") == ["Two"]


def test_what_is_removed_for_good_leaves_nothing(desk: Desk) -> None:
    workflow_id = delete_workflow(desk)
    desk.bin.remove(ADA, desk.bin_id())
    assert desk.bin.list(ADA) == []
    key = f"users/ada/projects/Novel/workflows/{workflow_id}.json"
    assert desk.documents.versions(key) == []


def test_a_project_is_removed_with_all_that_was_in_it(desk: Desk) -> None:
    desk.project()
    keys = [
        f"users/ada/projects/Novel/workflows/{desk.workflow('Novel', str(number))}.json"
        for number in range(40)
    ]
    desk.projects.delete(ADA, "Novel")
    entry_id = desk.bin_id()
    desk.bin.remove(ADA, entry_id)
    keys.append("users/ada/projects/Novel/project.json")
    assert [desk.documents.versions(key) for key in keys] == [[]] * 41
    assert desk.index.query(f"ada#recycle-bin#{entry_id}").entries == []
    assert desk.index.query("ada#project#Novel").entries == []


def test_removing_an_old_one_spares_the_new_one_of_the_same_id(desk: Desk) -> None:
    desk.workflow(desk.project(), "Old", id="mine")
    desk.projects.delete(ADA, "Novel")
    desk.workflow(desk.project(), "New", id="mine")
    desk.bin.remove(ADA, desk.bin_id())
    assert desk.workflows.get(ADA, "Novel", "mine").value["name"] == "New"
    assert desk.names("Novel") == ["New"]
    assert desk.project_ids() == ["Novel"]


def test_removing_one_spares_another_of_the_same_id_in_the_bin(desk: Desk) -> None:
    desk.project()
    for name in ("One", "Two"):
        desk.workflow("Novel", name, id="mine")
        desk.workflows.delete(ADA, "Novel", "mine")
    desk.workflow("Novel", "Three", id="mine")
    desk.projects.delete(ADA, "Novel")
    entries = {each["name"]: each["id"] for each in desk.bin.list(ADA)}
    desk.bin.remove(ADA, entries["One"])
    desk.bin.restore(ADA, entries["Novel"])
    assert desk.names("Novel") == ["Three"]
    desk.workflows.delete(ADA, "Novel", "mine")
    desk.bin.restore(ADA, entries["Two"])
    assert desk.names("Novel") == ["Two"]
    desk.workflows.delete(ADA, "Novel", "mine")
    desk.bin.empty(ADA)
    assert desk.documents.versions("users/ada/projects/Novel/workflows/mine.json") == []


def test_emptying_removes_everything_and_tells_how_many(desk: Desk) -> None:
    delete_workflow(desk)
    desk.projects.delete(ADA, "Novel")
    desk.projects.delete(ADA, desk.project("Other"))
    desk.project("Kept")
    assert desk.bin.empty(ADA) == 3
    assert desk.bin.list(ADA) == []
    assert desk.bin.empty(ADA) == 0
    assert list(desk.documents.keys("")) == ["users/ada/projects/Kept/project.json"]


@pytest.mark.parametrize("entry_id", ["", "x", "../x", "\0", "\ud800", "x" * 3000, "0" * 32])
def test_an_unknown_entry_is_not_found(desk: Desk, entry_id: str) -> None:
    delete_workflow(desk)
    with pytest.raises(NotFound):
        desk.bin.restore(ADA, entry_id)
    with pytest.raises(NotFound):
        desk.bin.remove(ADA, entry_id)


def test_users_do_not_reach_each_others_bins(desk: Desk) -> None:
    delete_workflow(desk)
    entry_id = desk.bin_id()
    assert desk.bin.list(BOB) == []
    assert desk.bin.empty(BOB) == 0
    for act in (desk.bin.restore, desk.bin.remove):
        with pytest.raises(NotFound):
            act(BOB, entry_id)


def test_a_project_of_hundreds_of_workflows_goes_and_comes_back(desk: Desk) -> None:
    desk.project()
    for number in range(250):
        desk.workflow("Novel", str(number))
    desk.projects.delete(ADA, "Novel")
    assert list(desk.documents.keys("")) == []
    desk.bin.restore(ADA, desk.bin_id())
    assert len(desk.names("Novel")) == 250


def test_of_simultaneous_deletes_all_end_with_the_workflow_in_the_bin_once(desk: Desk) -> None:
    workflow_id = desk.workflow(desk.project(), "Chapter")
    race(6, lambda number: desk.workflows.delete(ADA, "Novel", workflow_id))
    desk.bin.restore(ADA, desk.bin_id())
    assert desk.names("Novel") == ["Chapter"]


def test_of_simultaneous_project_deletes_one_is_done(desk: Desk) -> None:
    desk.workflow(desk.project(), "Chapter")
    outcomes = race(6, lambda number: desk.projects.delete(ADA, "Novel"))
    assert winners(outcomes)
    assert list(desk.documents.keys("")) == []
    desk.bin.restore(ADA, desk.bin_id())
    assert desk.names("Novel") == ["Chapter"]


def test_of_simultaneous_restores_and_removals_one_happens(desk: Desk) -> None:
    for _ in range(5):
        workflow_id = desk.workflow(desk.project(), "Chapter")
        desk.projects.delete(ADA, "Novel")
        entry_id = desk.bin_id()

        def act(number: int, entry: str = entry_id) -> None:
            if number % 2:
                desk.bin.restore(ADA, entry)
            else:
                desk.bin.remove(ADA, entry)

        outcomes = race(4, act)
        assert len(winners(outcomes)) == 1
        if winners(outcomes)[0] % 2:
            assert desk.names("Novel") == ["Chapter"]
            assert desk.workflows.get(ADA, "Novel", workflow_id).value["name"] == "Chapter"
            desk.projects.delete(ADA, "Novel")
        else:
            assert list(desk.documents.keys("")) == []
        desk.bin.empty(ADA)


def test_a_restore_races_a_create_of_the_same_name(desk: Desk) -> None:
    for _ in range(5):
        delete_workflow(desk)
        entry_id = desk.bin_id()

        def act(number: int, entry: str = entry_id) -> None:
            if number:
                desk.bin.restore(ADA, entry)
            else:
                desk.workflow("Novel", "Chapter")

        outcomes = race(2, act)
        assert desk.names("Novel") == ["Chapter"]
        assert [type(each) for each in outcomes].count(type(None)) == 1
        assert len(desk.bin.list(ADA)) == (0 if isinstance(outcomes[0], TavernError) else 1)
        desk.projects.delete(ADA, "Novel")
        desk.bin.empty(ADA)
