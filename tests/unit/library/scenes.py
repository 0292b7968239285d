"""What users do, to be disturbed in the middle of it, and what must hold afterwards."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chalicelib.errors import Conflict, NotFound
from tests.unit.library.desk import ADA, Desk, group

MOST_CALLS = 120
Act = Callable[[Desk], object]


@dataclass(frozen=True)
class Case:
    """``act`` after ``before``. ``notes``: what must stay, each one of several ways."""

    act: Act
    before: Act = lambda desk: None
    notes: tuple[frozenset[str], ...] = ()
    removes: bool = False


def furnish(desk: Desk) -> None:
    """A project with three workflows, of which one runs another; each has its note."""
    desk.project()
    desk.workflow("Novel", "One", id="one", note="1")
    desk.workflow("Novel", "Two", id="two", note="2", nodes=[group("g", "one")])
    desk.workflow("Novel", "Three", id="three", note="3")
    desk.clock.advance(1000)


def save_one(**fields: Any) -> Act:
    return lambda desk: desk.workflows.save(ADA, "Novel", "one", {"note": "new", **fields})


def oldest_version(desk: Desk) -> str:
    return str(desk.workflows.versions(ADA, "Novel", "one")[-1]["version"])


def only_entry(desk: Desk) -> str:
    entries = desk.bin.list(ADA)
    return str(entries[0]["id"]) if entries else "none"


KEPT = tuple(frozenset({note}) for note in "123")
SAVED = (frozenset({"1", "new"}), *KEPT[1:])
DELETE_ONE: Act = lambda desk: desk.workflows.delete(ADA, "Novel", "one")  # noqa: E731
DELETE_ALL: Act = lambda desk: desk.projects.delete(ADA, "Novel")  # noqa: E731
CASES = {
    "create a project": Case(lambda desk: desk.project("Other"), notes=KEPT),
    "update a project": Case(
        lambda desk: desk.projects.update(ADA, "Novel", {"description": "x"}), notes=KEPT
    ),
    "create a workflow": Case(lambda desk: desk.workflow("Novel", "Four"), notes=KEPT),
    "create a workflow of an id": Case(
        lambda desk: desk.workflow("Novel", "Four", id="four", interfaceInputs={"a": {}}),
        notes=KEPT,
    ),
    "create a workflow of a taken name": Case(
        lambda desk: desk.workflow("Novel", "One"), notes=KEPT
    ),
    "create a workflow without a project": Case(
        lambda desk: desk.workflow("Nowhere", "One"), notes=KEPT
    ),
    "save": Case(save_one(name="One"), notes=SAVED),
    "rename": Case(save_one(name="Uno"), notes=SAVED),
    "rename onto a taken name": Case(save_one(name="Two"), notes=KEPT),
    "change an interface": Case(save_one(name="One", interfaceInputs={"a": {}}), notes=SAVED),
    "restore a version": Case(
        lambda desk: desk.workflows.restore_version(ADA, "Novel", "one", oldest_version(desk)),
        before=save_one(name="Uno"),
        notes=SAVED,
    ),
    "delete a workflow": Case(DELETE_ONE, notes=KEPT),
    "delete a project": Case(DELETE_ALL, notes=KEPT),
    "restore a workflow": Case(
        lambda desk: desk.bin.restore(ADA, only_entry(desk)), before=DELETE_ONE, notes=KEPT
    ),
    "restore a project": Case(
        lambda desk: desk.bin.restore(ADA, only_entry(desk)), before=DELETE_ALL, notes=KEPT
    ),
    "remove a workflow": Case(
        lambda desk: desk.bin.remove(ADA, only_entry(desk)),
        before=DELETE_ONE,
        notes=KEPT[1:],
        removes=True,
    ),
    "remove a project": Case(
        lambda desk: desk.bin.remove(ADA, only_entry(desk)), before=DELETE_ALL, removes=True
    ),
    "empty the bin": Case(
        lambda desk: desk.bin.empty(ADA), before=DELETE_ONE, notes=KEPT[1:], removes=True
    ),
}


def check(desk: Desk, case: Case) -> None:
    """All is consistent, and what must stay is there once everything is restored."""
    check_lists(desk)
    desk.clock.advance(1000)
    found: set[object] = set()
    for kind in ("project", "workflow"):
        for entry in desk.bin.list(ADA):
            if entry["kind"] == kind:
                found.add(restore(desk, entry["id"], case))
    check_lists(desk)
    found |= {
        desk.workflows.get(ADA, project, each["id"]).value.get("note")
        for project in desk.project_ids()
        for each in desk.workflows.list(ADA, project)
    }
    for ways in case.notes:
        assert ways & found


def restore(desk: Desk, entry_id: str, case: Case) -> object:
    """Restore an entry; the note of what cannot be, since its name is taken by now.

    One that was being removed may turn out to be gone; then it is.
    """
    try:
        desk.bin.restore(ADA, entry_id)
    except Conflict:
        entry = desk.index.get("ada#recycle-bin", entry_id)
        assert entry is not None
        key = f"users/ada/projects/Novel/workflows/{entry.value['workflowId']}.json"
        return json.loads(desk.documents.get(key, entry.value["version"]).body)["note"]
    except NotFound:
        assert case.removes
        assert entry_id not in {each["id"] for each in desk.bin.list(ADA)}
    return None


def check_lists(desk: Desk) -> None:
    """What is listed is there, as listed."""
    for metadata in desk.projects.list(ADA):
        assert desk.projects.get(ADA, metadata["id"]).value == metadata
        listed = desk.workflows.list(ADA, metadata["id"])
        for summary in listed:
            found = desk.workflows.get(ADA, metadata["id"], summary["id"]).value
            shown = {key: found[key] for key in ("id", "name", "updatedAt")}
            assert shown.items() <= summary.items()
        assert len({each["name"] for each in listed}) == len(listed)
        assert len({each["id"] for each in listed}) == len(listed)
