"""Workflows: their versions."""

import pytest

from chalicelib.errors import Conflict, NotFound
from tests.unit.library.desk import ADA, WHOLE, Desk


def test_the_history_is_told_newest_first(desk: Desk) -> None:
    workflow_id = desk.workflow(desk.project(), "One")
    desk.clock.advance(10)
    desk.workflows.save(ADA, "Novel", workflow_id, {"name": "Two"})
    history = desk.workflows.versions(ADA, "Novel", workflow_id)
    assert [(each["savedAt"], each["current"]) for each in history] == [
        ("2027-01-15T08:00:10.000Z", True),
        ("2027-01-15T08:00:00.000Z", False),
    ]


def test_the_history_begins_with_the_workflows_own_creation(desk: Desk) -> None:
    desk.workflow(desk.project(), "One", id="mine")
    desk.workflows.delete(ADA, "Novel", "mine")
    desk.clock.advance(10)
    desk.workflow("Novel", "Two", id="mine")
    assert len(desk.workflows.versions(ADA, "Novel", "mine")) == 1


def test_an_earlier_version_becomes_the_current_one(desk: Desk) -> None:
    desk.project()
    workflow_id = desk.workflow("Novel", **WHOLE)
    desk.workflows.save(ADA, "Novel", workflow_id, {"name": "New"})
    desk.clock.advance(5)
    oldest = desk.workflows.versions(ADA, "Novel", workflow_id)[-1]["version"]
    restored = desk.workflows.restore_version(ADA, "Novel", workflow_id, oldest)
    assert restored.value.items() >= WHOLE.items()
    assert restored.value["version"] == "3"
    assert restored.value["updatedAt"] == "2027-01-15T08:00:05.000Z"
    assert desk.names("Novel") == ["Chapter"]
    assert len(desk.workflows.versions(ADA, "Novel", workflow_id)) == 3


def test_a_version_whose_name_is_taken_by_now_is_a_conflict(desk: Desk) -> None:
    workflow_id = desk.workflow(desk.project(), "Old")
    desk.workflows.save(ADA, "Novel", workflow_id, {"name": "New"})
    desk.workflow("Novel", "Old")
    oldest = desk.workflows.versions(ADA, "Novel", workflow_id)[-1]["version"]
    with pytest.raises(Conflict):
        desk.workflows.restore_version(ADA, "Novel", workflow_id, oldest)


@pytest.mark.parametrize("version", ["", "0", "999", "-1", "x", "\0", "\ud800", "9" * 2000])
def test_an_unknown_version_is_not_found(desk: Desk, version: str) -> None:
    workflow_id = desk.workflow(desk.project(), "Chapter")
    with pytest.raises(NotFound):
        desk.workflows.restore_version(ADA, "Novel", workflow_id, version)


def test_a_version_of_another_workflow_that_had_the_id_is_not_found(desk: Desk) -> None:
    desk.workflow(desk.project(), "One", id="mine")
    (version,) = desk.workflows.versions(ADA, "Novel", "mine")
    desk.workflows.delete(ADA, "Novel", "mine")
    desk.clock.advance(1)
    desk.workflow("Novel", "Two", id="mine")
    with pytest.raises(NotFound):
        desk.workflows.restore_version(ADA, "Novel", "mine", version["version"])
