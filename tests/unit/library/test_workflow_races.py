"""Workflows: what happens at the same time."""

import pytest

from chalicelib.errors import Conflict, NotFound, TavernError
from tests.contracts.race import race, winners
from tests.unit.library.desk import ADA, Desk


def test_of_ten_simultaneous_creates_of_one_name_one_wins(desk: Desk) -> None:
    desk.project()
    outcomes = race(10, lambda number: desk.workflow("Novel", "Chapter"))
    assert len(winners(outcomes)) == 1
    assert all(isinstance(each, Conflict) for each in outcomes if isinstance(each, TavernError))
    assert desk.names("Novel") == ["Chapter"]
    assert len(list(desk.documents.keys("users/ada/projects/Novel/workflows/"))) == 1


def test_of_ten_simultaneous_creates_of_one_id_one_wins(desk: Desk) -> None:
    desk.project()
    outcomes = race(10, lambda number: desk.workflow("Novel", str(number), id="mine"))
    assert len(winners(outcomes)) == 1
    assert desk.names("Novel") == [str(winners(outcomes)[0])]


def test_of_simultaneous_renames_onto_one_name_one_wins(desk: Desk) -> None:
    desk.project()
    ids = [desk.workflow("Novel", f"Chapter {number}") for number in range(6)]
    outcomes = race(6, lambda number: desk.workflows.save(ADA, "Novel", ids[number], {"name": "X"}))
    assert len(winners(outcomes)) == 1
    assert all(isinstance(each, Conflict) for each in outcomes if isinstance(each, TavernError))
    assert desk.names("Novel").count("X") == 1
    assert len(desk.names("Novel")) == 6
    assert desk.repair.repair(ADA).written == 0


def test_simultaneous_saves_all_happen_one_after_the_other(desk: Desk) -> None:
    workflow_id = desk.workflow(desk.project(), "Chapter")
    outcomes = race(
        4,
        lambda number: desk.workflows.save(
            ADA, "Novel", workflow_id, {"name": f"Chapter {number % 2}", "n": number}
        ),
    )
    assert len(winners(outcomes)) >= 1
    saved = desk.workflows.get(ADA, "Novel", workflow_id).value
    assert saved["version"] == str(1 + len(winners(outcomes)))
    assert desk.names("Novel") == [saved["name"]]
    repaired = desk.repair.repair(ADA)
    assert (repaired.written, repaired.removed) == (0, 0)


def test_a_save_that_meets_a_delete_is_lost_or_kept_in_the_bin(desk: Desk) -> None:
    desk.project()
    for number in range(8):
        workflow_id = desk.workflow("Novel", "Chapter")

        def act(runner: int, each: str = workflow_id) -> None:
            if runner == 0:
                desk.workflows.delete(ADA, "Novel", each)
            else:
                desk.workflows.save(ADA, "Novel", each, {"name": f"Chapter {runner}"})

        outcomes = race(4, act)
        assert outcomes[0] is None
        assert desk.names("Novel") == []
        with pytest.raises(NotFound):
            desk.workflows.get(ADA, "Novel", workflow_id)
        entry = desk.bin.list(ADA)[0]
        desk.bin.restore(ADA, entry["id"])
        restored = desk.workflows.get(ADA, "Novel", workflow_id).value
        acknowledged = [each for each in winners(outcomes) if each != 0]
        assert int(restored["version"]) >= 1 + len(acknowledged)
        desk.workflows.save(ADA, "Novel", workflow_id, {"name": f"Done {number}"})
        desk.workflows.delete(ADA, "Novel", workflow_id)
        desk.bin.empty(ADA)


def test_workflows_added_while_their_project_is_deleted_go_with_it(desk: Desk) -> None:
    for _ in range(5):
        desk.project()

        def act(runner: int) -> None:
            if runner == 0:
                desk.projects.delete(ADA, "Novel")
            else:
                desk.workflow("Novel", f"Chapter {runner}")

        outcomes = race(5, act)
        assert list(desk.documents.keys("")) == []
        assert desk.index.query("ada#project#Novel").entries == []
        desk.bin.restore(ADA, desk.bin_id())
        acknowledged = {f"Chapter {each}" for each in winners(outcomes) if each}
        assert acknowledged <= set(desk.names("Novel"))
        desk.projects.delete(ADA, "Novel")
        assert desk.bin.empty(ADA) == 1
