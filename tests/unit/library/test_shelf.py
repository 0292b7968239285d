"""Documents with ids of their own: kept, changed, deleted, brought back, each time whole."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from chalicelib.adapters.embedded.database import Database
from chalicelib.adapters.embedded.documents import EmbeddedDocuments
from chalicelib.adapters.embedded.index import EmbeddedIndex
from chalicelib.errors import (
    ConditionFailed,
    Conflict,
    InvalidInput,
    NewerFormat,
    NotFound,
    PreconditionFailed,
    TooLarge,
)
from chalicelib.ports import Entry, Put, Remove
from chalicelib.services.library import items
from chalicelib.services.library.if_match import IfMatch
from chalicelib.services.library.items import Item
from chalicelib.services.library.usage import StorageLimits
from tests.clock import ManualClock
from tests.contracts.race import race, winners
from tests.unit.library.fuses import BusyIndex
from tests.unit.library.notes import ADA, BOB, Notes

DONE = Put(Entry("ada#jobs", "done"), if_absent=True)


@pytest.fixture
def notes() -> Iterator[Notes]:
    clock = ManualClock()
    with closing(Database(None)) as database:
        yield Notes(EmbeddedDocuments(database, clock), EmbeddedIndex(database, clock), clock)


def limited(notes: Notes, **limits: int) -> Notes:
    return replace(notes, limits=StorageLimits(**limits))


def test_what_was_kept_is_read_and_listed_as_it_is(notes: Notes) -> None:
    made = notes.create("one", "a")
    assert replace(notes.shelf.get(ADA, made.id), size=made.size) == made
    assert made.content == {"text": "one"}
    assert made.state["createdAt"] == made.state["updatedAt"]
    assert (notes.listed(), notes.slots()) == (["one"], {"a": made.id})
    notes.check()


def test_everyone_sees_his_own(notes: Notes) -> None:
    made = notes.create()
    for act in (notes.shelf.get, notes.shelf.delete, notes.shelf.versions, notes.shelf.settle):
        with pytest.raises(NotFound):
            act(BOB, made.id)
    assert notes.listed(BOB) == []
    assert notes.listed() == ["one"]


@pytest.mark.parametrize("item_id", ["", "x", "../" * 7 + "a", "a" * 22 + "/", "A" * 22, "0" * 22])
def test_an_id_that_none_has_is_not_found_by_any_operation(notes: Notes, item_id: str) -> None:
    notes.create()
    shelf = notes.shelf
    for act in (shelf.get, shelf.delete, shelf.restore, shelf.purge, shelf.versions, shelf.settle):
        with pytest.raises(NotFound):
            act(ADA, item_id)
    notes.check()


def test_of_two_the_later_one_sorts_first_and_a_seed_gives_the_same_id_again(notes: Notes) -> None:
    earlier, seeded = notes.shelf.new_id(), items.new_id(notes.shelf.now(), "seed")
    again, other = (items.new_id(notes.shelf.now(), seed) for seed in ("seed", "other"))
    assert seeded == again != other
    notes.clock.advance(0.001)
    assert notes.shelf.new_id() < earlier
    assert len(notes.shelf.new_id()) == 22


def test_what_others_kept_from_being_listed_is_as_if_it_was_never_tried(notes: Notes) -> None:
    """Else it would be told to have failed, and show later."""
    made = notes.create("one", "a")
    busy = BusyIndex(notes.index, 1)
    hindered = Notes(notes.documents, busy, notes.clock)
    acts: dict[str, Callable[[], object]] = {
        "create": lambda: hindered.create("new", "b"),
        "create in a job": lambda: hindered.create("new", "b", seed="s", also=[DONE]),
        "write": lambda: hindered.write(made.id, "changed"),
        "move": lambda: hindered.move(made.id, "c"),
        "delete": lambda: hindered.shelf.delete(ADA, made.id),
    }
    for name, act in acts.items():
        busy.times = 1
        with pytest.raises(Conflict):
            act()
        assert (notes.listed(), notes.slots()) == (["one"], {"a": made.id}), name
        assert notes.shelf.get(ADA, made.id).version == made.version, name
        assert [each.id for each in notes.shelf.all(ADA)] == [made.id], name
        notes.check()
    hindered.create("new", "b", seed="s", also=[DONE])
    assert notes.listed() == ["new", "one"]


def test_a_change_is_kept_listed_and_dated(notes: Notes) -> None:
    made = notes.create("one", "a")
    notes.clock.advance(5)
    changed = notes.write(made.id, "two")
    moved = notes.move(made.id, "b")
    assert changed.state["createdAt"] == made.state["createdAt"] < changed.state["updatedAt"]
    assert notes.shelf.get(ADA, made.id).etag == moved.etag
    assert (notes.listed(), notes.slots()) == (["two"], {"b": made.id})
    notes.check()


def test_a_change_that_changes_nothing_writes_nothing(notes: Notes) -> None:
    made = notes.create()
    mark = notes.shelf.mark(ADA)
    assert notes.shelf.change(ADA, made.id, lambda item: None).etag == made.etag
    assert len(notes.shelf.versions(ADA, made.id)) == 1
    assert notes.shelf.mark(ADA) == mark


def test_a_stale_change_or_delete_is_refused_and_changes_nothing(notes: Notes) -> None:
    made = notes.create()
    now = notes.write(made.id, "two")
    stale = IfMatch(frozenset({made.etag}))
    with pytest.raises(PreconditionFailed):
        notes.write(made.id, "three", if_match=stale)
    with pytest.raises(PreconditionFailed):
        notes.shelf.delete(ADA, made.id, stale)
    assert notes.shelf.get(ADA, made.id).etag == now.etag
    notes.write(made.id, "three", if_match=IfMatch(frozenset({"other", now.etag})))
    notes.shelf.delete(ADA, made.id, IfMatch(None))


def test_the_mark_changes_with_every_change_and_only_then(notes: Notes) -> None:
    shelf, marks = notes.shelf, [notes.shelf.mark(ADA)]

    def changed() -> bool:
        marks.append(shelf.mark(ADA))
        return marks[-1] not in marks[:-1]

    made = notes.create()
    assert changed()
    shelf.get(ADA, made.id), shelf.versions(ADA, made.id), shelf.settle(ADA, made.id)
    notes.create(uid=BOB)
    with pytest.raises(NotFound):
        shelf.restore(ADA, made.id)
    assert not changed()
    notes.write(made.id, "two")
    assert changed()
    shelf.delete(ADA, made.id)
    assert changed()
    shelf.restore(ADA, made.id)
    assert changed()
    shelf.settle(ADA, made.id, anew=True)
    assert changed()


def test_what_is_deleted_is_in_the_bin_alone_and_comes_back_as_it_was(notes: Notes) -> None:
    made = notes.create("one", "a")
    notes.shelf.delete(ADA, made.id)
    assert (notes.listed(), notes.slots(), notes.in_bin()) == ([], {}, ["one"])
    for act in (notes.shelf.get, notes.shelf.delete, notes.shelf.versions):
        with pytest.raises(NotFound):
            act(ADA, made.id)
    with pytest.raises(NotFound):
        notes.write(made.id, "two")
    notes.check()
    back = notes.shelf.restore(ADA, made.id)
    assert back.content == made.content
    assert back.state["createdAt"] == made.state["createdAt"]
    assert (notes.listed(), notes.slots(), notes.in_bin()) == (["one"], {"a": made.id}, [])
    notes.check()


def test_what_was_never_deleted_can_be_neither_restored_nor_purged(notes: Notes) -> None:
    made = notes.create()
    for act in (notes.shelf.restore, notes.shelf.purge):
        with pytest.raises(NotFound):
            act(ADA, made.id)
    assert notes.listed() == ["one"]


def test_what_comes_back_to_a_slot_that_is_taken_gets_another(notes: Notes) -> None:
    first = notes.create("one", "a")
    notes.shelf.delete(ADA, first.id)
    second = notes.create("two", "a")
    notes.shelf.restore(ADA, first.id)
    assert notes.slots() == {"a": second.id, "a+": first.id}
    notes.check()


def test_a_purge_leaves_nothing(notes: Notes) -> None:
    made, other = notes.create("one", "a"), notes.create("two", "b")
    notes.put_beside(made.id)
    notes.write(made.id, "new")
    notes.shelf.delete(ADA, made.id)
    notes.shelf.purge(ADA, made.id)
    assert notes.objects() == {f"users/ada/lorebooks/{other.id}/book.json"}
    assert notes.in_bin() == []
    for act in (notes.shelf.purge, notes.shelf.restore, notes.shelf.get):
        with pytest.raises(NotFound):
            act(ADA, made.id)
    notes.check()


def test_a_version_is_read_as_it_was_and_only_that_of_this_document(notes: Notes) -> None:
    made, other = notes.create("one", "a"), notes.create("other", "b")
    notes.write(made.id, "two")
    newest, oldest = notes.shelf.versions(ADA, made.id)
    assert (newest["current"], oldest["current"]) == (True, False)
    assert oldest["size"] == made.size
    assert notes.shelf.version(ADA, made.id, oldest["version"]).content == {"text": "one"}
    for unknown in ("", "none", other.version):
        with pytest.raises(NotFound):
            notes.shelf.version(ADA, made.id, unknown)


def test_two_creates_for_one_slot_keep_both(notes: Notes) -> None:
    outcomes = race(6, lambda number: notes.create(f"n{number}", "a"))
    assert len(winners(outcomes)) == 6
    assert notes.listed() == [f"n{number}" for number in range(6)]
    assert len(set(notes.slots().values())) == 6
    notes.check()


def test_simultaneous_changes_are_all_made_one_after_the_other(notes: Notes) -> None:
    made = notes.create("", "a")
    outcomes = race(
        4,
        lambda number: notes.shelf.change(
            ADA, made.id, lambda item: item.changed({"text": f"{item.content['text']}{number}"})
        ),
    )
    kept = str(notes.shelf.get(ADA, made.id).content["text"])
    assert sorted(kept) == [str(number) for number in winners(outcomes)]
    notes.check()


def test_a_change_onto_a_slot_that_is_taken_gets_another(notes: Notes) -> None:
    first, second = notes.create("one", "a"), notes.create("two", "b")
    moved = notes.move(second.id, "a")
    assert moved.state["slot"] == "a+"
    assert notes.slots() == {"a": first.id, "a+": second.id}
    notes.check()


def test_what_goes_along_is_written_with_it_or_not_at_all(notes: Notes) -> None:
    made = notes.create("one", "a", also=[DONE])
    assert notes.index.get("ada#jobs", "done") is not None
    mark, kept = notes.shelf.mark(ADA), notes.kept()
    with pytest.raises(ConditionFailed):
        notes.create("two", "b", also=[DONE])
    with pytest.raises(ConditionFailed):
        notes.write(made.id, "three", also=[DONE])
    assert (notes.listed(), notes.slots()) == (["one"], {"a": made.id})
    assert (notes.shelf.mark(ADA), notes.kept()) == (mark, kept)
    notes.check()


def test_the_same_create_again_keeps_one(notes: Notes) -> None:
    first = notes.create("one", "a", seed="s")
    again = notes.create("one", "a", seed="s")
    assert (again.id, again.version) == (first.id, first.version)
    assert notes.listed() == ["one"]
    assert notes.shelf.usage.used(ADA)["documents"] == 1
    notes.check()


def test_the_same_create_again_whose_company_came_the_first_time_loses_nothing(
    notes: Notes,
) -> None:
    first = notes.create("one", "a", seed="s", also=[DONE])
    for text in ("one", "edited"):
        with pytest.raises(ConditionFailed):
            notes.create("one", "a", seed="s", also=[DONE])
        assert notes.shelf.get(ADA, first.id).content["text"] == text
        notes.write(first.id, "edited")
    notes.check()


def test_one_document_too_many_is_refused_and_leaves_nothing(notes: Notes) -> None:
    few = limited(notes, documents=1)
    few.create("one", "a")
    before = few.objects(), few.shelf.mark(ADA)
    item = Item(ADA, few.shelf.new_id(), {"text": "two"}, {"slot": "b"})
    few.put_beside(item.id)
    with pytest.raises(TooLarge) as caught:
        few.shelf.create(item)
    assert caught.value.details == {"documents": ["at most 1"]}
    assert (few.objects(), few.shelf.mark(ADA)) == before
    few.check()


def test_a_change_past_the_bytes_is_refused_and_the_version_before_stays(notes: Notes) -> None:
    few = limited(notes, bytes=2_000)
    made = few.create("one", "a")
    few.put_beside(made.id)
    before = few.kept(), few.shelf.mark(ADA)
    with pytest.raises(TooLarge):
        few.write(made.id, "x" * 3_000)
    assert few.shelf.get(ADA, made.id).version == made.version
    assert (few.kept(), few.shelf.mark(ADA)) == before
    few.check()
    few.write(made.id, "two")


def test_all_that_is_kept_is_counted_to_the_byte(notes: Notes) -> None:
    made = notes.create("one", "a")
    notes.create("two", "a")  # it moves
    notes.write(made.id, "longer")
    notes.shelf.delete(ADA, made.id)
    notes.shelf.restore(ADA, made.id)
    assert notes.shelf.usage.used(ADA) == {"documents": 2, "bytes": notes.kept()}


def test_what_is_removed_for_good_makes_room(notes: Notes) -> None:
    few = limited(notes, documents=1, bytes=5_000)
    made = few.create("x" * 2_000, "a")
    few.shelf.delete(ADA, made.id)
    few.shelf.purge(ADA, made.id)
    few.create("y" * 2_000, "b")
    assert few.listed() == ["y" * 20]


def test_half_of_a_surrogate_pair_is_refused(notes: Notes) -> None:
    with pytest.raises(InvalidInput):
        notes.create("\ud800")
    assert notes.objects() == set()


def test_one_that_cannot_be_read_is_in_nobodys_way(notes: Notes) -> None:
    ids = []
    for number, body in enumerate((b"[", b"{}", b'{"$server": {"format": 2}}')):
        broken = notes.create(str(number), str(number))
        notes.documents.put(f"users/ada/lorebooks/{broken.id}/book.json", body)
        ids.append(broken.id)
    good = notes.create("good", "g")
    assert [item.id for item in notes.shelf.all(ADA)] == [good.id]
    for broken_id, error in zip(ids, (NotFound, NotFound, NewerFormat), strict=True):
        with pytest.raises(error):
            notes.shelf.get(ADA, broken_id)


def test_one_that_is_listed_anew_keeps_the_slot_that_it_has(notes: Notes) -> None:
    """Also where the row is lost that says which rows are its own."""
    made = notes.create("one", "a")
    (head,) = notes.index.query("ada#lorebooks", "item/").entries
    notes.index.write(Remove(head.partition, head.key))
    assert notes.shelf.settle(ADA, made.id, anew=True).state["slot"] == "a"
    assert (notes.listed(), notes.slots()) == (["one"], {"a": made.id})
    notes.check()


def test_all_goes_on_past_an_id(notes: Notes) -> None:
    made = [notes.create(str(number), str(number)) for number in range(3)]
    notes.shelf.delete(ADA, made[0].id)
    ids = [item.id for item in notes.shelf.all(ADA)]
    assert set(ids) == {item.id for item in made}
    assert [item.id for item in notes.shelf.all(ADA, ids[0])] == ids[1:]
