"""A process that dies in the middle of a request loses nothing, and what it left is mended.

Every operation is cut off at every call of a store that it makes, before and
after the store has acted. What was there before must then be listed or in the
recycle bin; so it must be after the same request again, at once and a while
later, and after a repair of the index.
"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import pytest

from chalicelib.adapters.embedded.database import Database
from chalicelib.adapters.embedded.documents import EmbeddedDocuments
from chalicelib.adapters.embedded.index import EmbeddedIndex
from chalicelib.errors import NotFound, TavernError
from tests.clock import ManualClock
from tests.unit.services.crashes import Crashed, Fuse, FusedDocuments, FusedIndex
from tests.unit.services.desk import ADA, Desk, group

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


@contextmanager
def crashed(case: Case, calls: int, *, late: bool) -> Iterator[tuple[Desk, bool]]:
    """A desk whose last request died; False if it was done before its fuse blew."""
    clock = ManualClock()
    with closing(Database(None)) as database:
        documents, index = EmbeddedDocuments(database, clock), EmbeddedIndex(database, clock)
        desk = Desk(documents, index, clock)
        furnish(desk)
        case.before(desk)
        clock.advance(1000)
        fuse = Fuse(calls, late=late)
        with suppress(Crashed, TavernError):
            case.act(Desk(FusedDocuments(documents, fuse), FusedIndex(index, fuse), clock))
        yield desk, fuse.blown


def repeat(desk: Desk, case: Case) -> None:
    """The same request again. It may be refused, if it was done or is in the way of itself."""
    try:
        case.act(desk)
    except TavernError:
        return


def check(desk: Desk, case: Case) -> None:
    """All is consistent, and what must stay is there once everything is restored."""
    check_lists(desk)
    desk.clock.advance(1000)
    for kind in ("project", "workflow"):
        for entry in desk.bin.list(ADA):
            if entry["kind"] == kind:
                restore(desk, entry["id"], case)
    check_lists(desk)
    found = {
        desk.workflows.get(ADA, project, each["id"]).value.get("note")
        for project in desk.project_ids()
        for each in desk.workflows.list(ADA, project)
    }
    for ways in case.notes:
        assert ways & found


def restore(desk: Desk, entry_id: str, case: Case) -> None:
    """Restore an entry. One that was being removed may turn out to be gone; then it is."""
    try:
        desk.bin.restore(ADA, entry_id)
    except NotFound:
        assert case.removes
        assert entry_id not in {each["id"] for each in desk.bin.list(ADA)}


def check_lists(desk: Desk) -> None:
    """What is listed is there, as listed; what is in the bin is not."""
    for metadata in desk.projects.list(ADA):
        assert desk.projects.get(ADA, metadata["id"]).value == metadata
        listed = desk.workflows.list(ADA, metadata["id"])
        for summary in listed:
            found = desk.workflows.get(ADA, metadata["id"], summary["id"]).value
            assert found["id"] == summary["id"]
        assert len({each["name"] for each in listed}) == len(listed)
        assert len({each["id"] for each in listed}) == len(listed)


def check_repaired(desk: Desk) -> None:
    """Every object that is current is listed as it is, and the index needs nothing more."""
    for project in desk.project_ids():
        for summary in desk.workflows.list(ADA, project):
            found = desk.workflows.get(ADA, project, summary["id"]).value
            assert {key: found[key] for key in ("name", "updatedAt")}.items() <= summary.items()
    listed = {f"users/ada/projects/{each}/project.json" for each in desk.project_ids()} | {
        f"users/ada/projects/{project}/workflows/{each['id']}.json"
        for project in desk.project_ids()
        for each in desk.workflows.list(ADA, project)
    }
    current = set(desk.documents.keys("users/ada/projects/Novel"))
    assert current <= listed | in_bin(desk)
    repaired = desk.repair.repair(ADA)
    assert (repaired.written, repaired.removed) == (0, 0)


def in_bin(desk: Desk) -> set[str]:
    """The keys below a project that is in the recycle bin, or half-way out of it."""
    deleted = [each["projectId"] for each in desk.bin.list(ADA)]
    return {key for each in deleted for key in desk.documents.keys(f"users/ada/projects/{each}/")}


@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("name", CASES)
def test_a_crash_at_any_call_is_mended_by_the_same_request(name: str, late: bool) -> None:
    case = CASES[name]
    for pause in (0, 1000):
        for calls in range(MOST_CALLS):
            with crashed(case, calls, late=late) as (desk, blown):
                if not blown:
                    break
                desk.clock.advance(pause)
                repeat(desk, case)
                check(desk, case)
        else:
            pytest.fail("It never ends")


@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("name", CASES)
def test_a_crash_at_any_call_is_mended_by_a_repair(name: str, late: bool) -> None:
    case = CASES[name]
    for calls in range(MOST_CALLS):
        with crashed(case, calls, late=late) as (desk, blown):
            if not blown:
                break
            desk.clock.advance(1000)
            desk.repair.repair(ADA)
            check_repaired(desk)
            check(desk, case)
            desk.repair.repair(ADA)
            check_repaired(desk)


@pytest.mark.parametrize("name", ["delete a workflow", "delete a project"])
def test_after_a_crash_another_delete_hides_what_is_left(name: str) -> None:
    case = CASES[name]
    for calls in range(MOST_CALLS):
        with crashed(case, calls, late=True) as (desk, blown):
            if not blown:
                break
            desk.clock.advance(1000)
            repeat(desk, case)
            with pytest.raises(NotFound):
                desk.workflows.get(ADA, "Novel", "one")


def test_after_a_crash_another_save_still_gives_node_groups_the_interface() -> None:
    case = CASES["change an interface"]
    for calls in range(MOST_CALLS):
        with crashed(case, calls, late=True) as (desk, blown):
            if not blown:
                break
            case.act(desk)
            (user,) = desk.workflows.get(ADA, "Novel", "two").value["nodes"]
            assert user["data"]["groupInterface"] == {"inputs": {"a": {}}, "outputs": {}}
