"""Two requests at once: whatever the moment, each is done or refused, and nothing is lost.

Every operation is interrupted at every call of a store that it makes; another
one is then served from beginning to end.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

import pytest

from chalicelib.adapters.embedded.database import Database
from chalicelib.adapters.embedded.documents import EmbeddedDocuments
from chalicelib.adapters.embedded.index import EmbeddedIndex
from chalicelib.errors import TavernError
from tests.clock import ManualClock
from tests.unit.library.desk import ADA, Desk
from tests.unit.library.fuses import FusedDocuments, FusedIndex, Meanwhile
from tests.unit.library.scenes import CASES, MOST_CALLS, Case, check, check_lists, furnish


def attempt(desk: Desk, case: Case) -> None:
    """A request that may be refused."""
    with suppress(TavernError):
        case.act(desk)


@contextmanager
def both(first: Case, second: Case, calls: int) -> Iterator[tuple[Desk, bool]]:
    """A desk after both requests; False if the first was done before the other's turn."""
    clock = ManualClock()
    with closing(Database(None)) as database:
        documents, index = EmbeddedDocuments(database, clock), EmbeddedIndex(database, clock)
        desk = Desk(documents, index, clock)
        furnish(desk)
        for case in (first, second):
            with suppress(TavernError):
                case.before(desk)
        clock.advance(1000)
        fuse = Meanwhile(calls, lambda: attempt(desk, second))
        attempt(Desk(FusedDocuments(documents, fuse), FusedIndex(index, fuse), clock), first)
        yield desk, fuse.blown


@pytest.mark.parametrize("name", CASES)
def test_nothing_is_lost_whatever_comes_in_between(name: str) -> None:
    first = CASES[name]
    for second in CASES.values():
        for calls in range(MOST_CALLS):
            with both(first, second, calls) as (desk, blown):
                check(desk, together(first, second))
                desk.repair.repair(ADA)
                check_lists(desk)
                if not blown:
                    break


def together(first: Case, second: Case) -> Case:
    """What must hold after both."""
    removes = first.removes or second.removes
    notes = [one | other for one, other in zip(first.notes, second.notes, strict=False)]
    return Case(first.act, notes=() if removes else tuple(notes), removes=removes)
