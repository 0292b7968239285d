"""A process that dies in the middle of a request loses nothing, and what it left is mended.

Every operation is cut off at every call of a store that it makes, before and
after the store has acted. What was there before must then be listed or in the
recycle bin; so it must be after the same request again, at once and a while
later, and after a repair of the index.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

import pytest

from chalicelib.adapters.embedded.database import Database
from chalicelib.adapters.embedded.documents import EmbeddedDocuments
from chalicelib.adapters.embedded.index import EmbeddedIndex
from chalicelib.errors import NotFound, TavernError
from tests.clock import ManualClock
from tests.unit.library.desk import ADA, Desk
from tests.unit.library.fuses import Crashed, Death, FusedDocuments, FusedIndex
from tests.unit.library.scenes import CASES, MOST_CALLS, Case, check, furnish


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
        fuse = Death(calls, late=late)
        with suppress(Crashed, TavernError):
            case.act(Desk(FusedDocuments(documents, fuse), FusedIndex(index, fuse), clock))
        yield desk, fuse.blown


def repeat(desk: Desk, case: Case) -> None:
    """The same request again. It may be refused, if it was done or is in the way of itself."""
    try:
        case.act(desk)
    except TavernError:
        return


def check_repaired(desk: Desk) -> None:
    """Every object that is current is listed as it is, and the index needs nothing more."""
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
