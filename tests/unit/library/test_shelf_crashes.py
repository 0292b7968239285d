"""Two requests at one document, or one that dies: rows and objects agree again afterwards.

Every operation is disturbed at every call of a store that it makes.
"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass

import pytest

from chalicelib.adapters.embedded.database import Database
from chalicelib.adapters.embedded.documents import EmbeddedDocuments
from chalicelib.adapters.embedded.index import EmbeddedIndex
from chalicelib.errors import TavernError
from chalicelib.ports import Entry, Put
from chalicelib.services.library import items
from chalicelib.services.library.items import CREATED, UPDATED, Item
from chalicelib.services.library.usage import StorageLimits
from tests.clock import ManualClock
from tests.unit.library.fuses import (
    Crashed,
    Death,
    Fuse,
    FusedDocuments,
    FusedIndex,
    Meanwhile,
)
from tests.unit.library.notes import ADA, SLOT, Notes

MOST_CALLS = 40
LIMITS = StorageLimits(documents=3, bytes=3_000)
BIG = "x" * 3_000
SEED = "from a file"
DONE = Put(Entry("ada#jobs", "done"), if_absent=True)


@dataclass(frozen=True)
class Case:
    """Something that is done; ``removes`` says that the first note may be gone afterwards."""

    act: Callable[[Notes, str], object]
    removes: bool = False
    in_bin: bool = False


CASES = {
    "create": Case(lambda notes, first: notes.create("new", "c")),
    "create with a seed": Case(lambda notes, first: notes.create("seeded", "s", seed=SEED)),
    "create in a job": Case(
        lambda notes, first: notes.create("seeded", "s", seed=SEED, also=[DONE])
    ),
    "create for a taken slot": Case(lambda notes, first: notes.create("new", "a")),
    "create too much": Case(lambda notes, first: notes.create(BIG, "c")),
    "write": Case(lambda notes, first: notes.write(first, "written")),
    "write in a job": Case(lambda notes, first: notes.write(first, "written", also=[DONE])),
    "write too much": Case(lambda notes, first: notes.write(first, BIG)),
    "move": Case(lambda notes, first: notes.move(first, "c")),
    "move to a taken slot": Case(lambda notes, first: notes.move(first, "b")),
    "delete": Case(lambda notes, first: notes.shelf.delete(ADA, first)),
    "restore": Case(lambda notes, first: notes.shelf.restore(ADA, first), in_bin=True),
    "purge": Case(lambda notes, first: notes.shelf.purge(ADA, first), in_bin=True, removes=True),
    "settle": Case(lambda notes, first: notes.shelf.settle(ADA, first)),
    "settle anew": Case(lambda notes, first: notes.shelf.settle(ADA, first, anew=True)),
}


OTHERS = (
    *("create in a job", "write", "write too much", "move to a taken slot"),
    *("delete", "restore", "purge", "settle anew"),
)


@dataclass(frozen=True)
class Scene:
    """Two notes, after something was done to the first."""

    notes: Notes
    first: str
    fuse: Fuse


@contextmanager
def disturbed(case: Case, fuse_for: Callable[[Notes, str], Fuse]) -> Iterator[Scene]:
    """A scene whose last request met a fuse."""
    clock = ManualClock()
    with closing(Database(None)) as database:
        documents, index = EmbeddedDocuments(database, clock), EmbeddedIndex(database, clock)
        notes = Notes(documents, index, clock, LIMITS)
        first = notes.create("first", "a").id
        notes.create("second", "b")
        if case.in_bin:
            notes.shelf.delete(ADA, first)
        fuse = fuse_for(notes, first)
        fused = Notes(FusedDocuments(documents, fuse), FusedIndex(index, fuse), clock, LIMITS)
        with suppress(Crashed, TavernError):
            case.act(fused, first)
        yield Scene(notes, first, fuse)


def crashes(name: str, *, late: bool) -> Iterator[Scene]:
    """The scenes after a crash at each call, and after none."""
    for calls in range(MOST_CALLS):
        with disturbed(CASES[name], lambda notes, first: Death(calls, late=late)) as scene:  # noqa: B023
            yield scene
            if not scene.fuse.blown:
                return
    pytest.fail("It never ends")


def interruptions(case: Case, other: Case) -> Iterator[Scene]:
    """The scenes after another request came in between, before each call."""
    for calls in range(MOST_CALLS):

        def fuse(notes: Notes, first: str, calls: int = calls) -> Fuse:
            return Meanwhile(calls, lambda: attempt(other, notes, first))

        with disturbed(case, fuse) as scene:
            yield scene
            if not scene.fuse.blown:
                return
    pytest.fail("It never ends")


def attempt(case: Case, notes: Notes, first: str) -> None:
    """A request that may be refused."""
    with suppress(TavernError):
        case.act(notes, first)


def settle_all(notes: Notes) -> None:
    for item in notes.shelf.all(ADA):
        notes.shelf.settle(ADA, item.id)


def check_nothing_lost(notes: Notes, *, removed: bool) -> None:
    """The second note is there, and so is the first: in the list, or in the bin."""
    seen = notes.listed() + notes.in_bin()
    assert "second" in seen
    if not removed:
        assert {"first", "written", BIG[:20]} & set(seen)
    notes.check()


@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("name", CASES)
def test_a_crash_at_any_call_is_mended_by_the_same_request(name: str, late: bool) -> None:
    for scene in crashes(name, late=late):
        attempt(CASES[name], scene.notes, scene.first)
        if "create" in name or "too much" in name:
            settle_all(scene.notes)  # it has a new id each time, or is refused
        check_nothing_lost(scene.notes, removed=CASES[name].removes)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if not case.in_bin])
def test_a_crash_at_any_call_is_mended_by_another_change_or_delete(name: str) -> None:
    for other in ("move", "delete"):
        for scene in crashes(name, late=True):
            attempt(CASES[other], scene.notes, scene.first)
            if "create" in name or name == "delete":
                settle_all(scene.notes)
            scene.notes.check()


@pytest.mark.parametrize("name", CASES)
def test_rows_and_objects_agree_whatever_comes_in_between(name: str) -> None:
    for other in OTHERS:
        for scene in interruptions(CASES[name], CASES[other]):
            removed = CASES[name].removes or CASES[other].removes
            check_nothing_lost(scene.notes, removed=removed)
            assert BIG[:20] not in scene.notes.listed()


@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
def test_a_create_that_crashed_is_completed_by_the_next_one_with_the_same_seed(
    late: bool,
) -> None:
    for scene in crashes("create in a job", late=late):
        attempt(CASES["create in a job"], scene.notes, scene.first)
        assert scene.notes.listed() == ["first", "second", "seeded"]
        assert scene.notes.index.get("ada#jobs", "done") is not None
        scene.notes.check()


def test_of_two_creates_with_one_seed_both_have_what_is_listed() -> None:
    made: list[Item] = []
    twice = Case(lambda notes, first: made.append(notes.create("seeded", "s", seed=SEED)))
    for scene in interruptions(twice, twice):
        one, other = made[-2:] if scene.fuse.blown else made[-1:] * 2
        found = scene.notes.shelf.get(ADA, one.id)
        assert one.content == other.content == found.content
        assert scene.notes.listed() == ["first", "second", "seeded"]
        scene.notes.check()
    assert len(made) >= 5  # each of the two calls was disturbed


def test_a_create_whose_job_was_done_meanwhile_takes_nothing_from_another_with_its_seed() -> None:
    """It takes back what it wrote, unless that is listed by now."""
    kept: list[Item] = []
    lost = Case(
        lambda notes, first: notes.create(
            "seeded", "s", seed=SEED, also=[Put(Entry("ada#jobs", "lost"), replacing={})]
        )
    )
    other = Case(lambda notes, first: kept.append(notes.create("seeded", "s", seed=SEED)))
    for scene in interruptions(lost, other):
        there = ["first", "second", *(["seeded"] if scene.fuse.blown else [])]
        assert scene.notes.listed() == there
        for item in kept:
            assert scene.notes.shelf.get(ADA, item.id).content == item.content
        kept.clear()
        scene.notes.check()


def test_a_create_that_finds_what_another_takes_back_keeps_its_own() -> None:
    made: list[Item] = []
    again = Case(lambda notes, first: made.append(notes.create("seeded", "s", seed=SEED)))
    for calls in range(MOST_CALLS):

        def take_back(notes: Notes, calls: int = calls) -> Fuse:
            """What the other has written is there when the create begins, and then goes."""
            item_id = items.new_id(notes.shelf.now(), SEED)
            left = Item(ADA, item_id, {"text": "seeded"}, {CREATED: "", UPDATED: "", SLOT: "s"})
            key = items.key_of(notes.shelf.kind, ADA, item_id)
            version = notes.documents.put(key, items.encoded(left)).version
            return Meanwhile(calls, lambda: notes.documents.withdraw(key, version))

        with disturbed(again, lambda notes, first: take_back(notes)) as scene:
            listed = scene.notes.listed()
            assert listed == ["first", "second", "seeded"]
            assert scene.notes.shelf.get(ADA, made[-1].id).content == made[-1].content
            scene.notes.check()
            if not scene.fuse.blown:
                return
    pytest.fail("It never ends")
