"""What users may keep: refused in time, nothing half done, and never for what is gone."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from chalicelib.adapters.embedded.database import Database
from chalicelib.adapters.embedded.documents import EmbeddedDocuments
from chalicelib.adapters.embedded.index import EmbeddedIndex
from chalicelib.errors import TooLarge
from chalicelib.ports import DocumentStore, Index
from chalicelib.services.library.projects import Projects
from chalicelib.services.library.recycle_bin import RecycleBin
from chalicelib.services.library.usage import StorageLimits, Usage
from chalicelib.services.library.workflows import Workflows
from tests.clock import ManualClock
from tests.contracts.race import race, winners

ADA = "ada"
LIMITS = StorageLimits(documents=4, bytes=20_000)


class Shelf:
    """A user's documents, under limits."""

    def __init__(self, documents: DocumentStore, index: Index, clock: ManualClock) -> None:
        stores = (documents, index, clock)
        self.documents = documents
        self.index = index
        self.clock = clock
        self.projects = Projects(*stores, LIMITS)
        self.workflows = Workflows(*stores, LIMITS)
        self.bin = RecycleBin(*stores)
        self.usage = Usage(documents, index, LIMITS)
        self.projects.create(ADA, {"name": "P"})

    def add(self, name: str, size: int = 10) -> None:
        self.workflows.create(ADA, "P", {"name": name, "id": name, "description": "x" * size})

    def save(self, name: str, size: int) -> None:
        self.workflows.save(ADA, "P", name, {"name": name, "description": "x" * size})

    def names(self) -> list[str]:
        return [each["name"] for each in self.workflows.list(ADA, "P")]

    def kept(self) -> int:
        """The bytes that the store has."""
        return sum(version.size for _, version in self.documents.history("users/ada/"))

    def remove(self, name: str) -> None:
        """For good."""
        self.workflows.delete(ADA, "P", name)
        self.bin.empty(ADA)


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    with closing(Database(None)) as database:
        clock = ManualClock()
        yield Shelf(EmbeddedDocuments(database, clock), EmbeddedIndex(database, clock), clock)


def test_all_that_is_saved_is_counted_to_the_byte(shelf: Shelf) -> None:
    shelf.add("a")
    shelf.save("a", 500)
    shelf.projects.update(ADA, "P", {"description": "new"})
    assert shelf.usage.used(ADA) == {"documents": 2, "bytes": shelf.kept()}


def test_one_document_too_many_is_refused_with_the_limit_and_leaves_nothing(
    shelf: Shelf,
) -> None:
    for name in "abc":
        shelf.add(name)
    with pytest.raises(TooLarge) as caught:
        shelf.add("d")
    assert caught.value.details == {"documents": ["at most 4"]}
    with pytest.raises(TooLarge):
        shelf.projects.create(ADA, {"name": "Q"})
    assert shelf.names() == ["a", "b", "c"]
    assert [each["id"] for each in shelf.projects.list(ADA)] == ["P"]
    assert len({key for key, _ in shelf.documents.history("users/ada/")}) == 4


def test_a_save_past_the_bytes_is_refused_and_the_version_before_stays(shelf: Shelf) -> None:
    shelf.add("a")
    before, kept = shelf.workflows.get(ADA, "P", "a"), shelf.kept()
    with pytest.raises(TooLarge) as caught:
        shelf.save("a", 30_000)
    assert caught.value.details == {"bytes": ["at most 20000"]}
    assert shelf.workflows.get(ADA, "P", "a") == before
    assert shelf.kept() == kept
    shelf.save("a", 100)


def test_a_rename_that_is_refused_gives_the_name_back(shelf: Shelf) -> None:
    shelf.add("a")
    with pytest.raises(TooLarge):
        shelf.workflows.save(ADA, "P", "a", {"name": "new", "description": "x" * 30_000})
    shelf.add("new")
    assert shelf.names() == ["a", "new"]


def test_versions_count_until_they_are_removed_for_good(shelf: Shelf) -> None:
    shelf.add("a")
    shelf.save("a", 9_000)
    shelf.save("a", 9_000)
    shelf.add("b")
    with pytest.raises(TooLarge):
        shelf.save("b", 9_000)
    shelf.remove("a")
    shelf.clock.advance(61)
    shelf.save("b", 9_000)
    assert shelf.usage.used(ADA)["bytes"] == shelf.kept()


def test_what_was_removed_makes_room_for_another_document(shelf: Shelf) -> None:
    for name in "abc":
        shelf.add(name)
    shelf.remove("a")
    shelf.add("d")
    assert shelf.names() == ["b", "c", "d"]


def test_what_is_in_the_recycle_bin_counts(shelf: Shelf) -> None:
    for name in "abc":
        shelf.add(name)
    shelf.workflows.delete(ADA, "P", "a")
    with pytest.raises(TooLarge):
        shelf.add("d")


def test_what_is_there_is_counted_anew_once_a_minute_at_most(shelf: Shelf) -> None:
    for name in "abc":
        shelf.add(name)
    with pytest.raises(TooLarge):
        shelf.add("d")
    shelf.remove("a")
    with pytest.raises(TooLarge):
        shelf.add("d")
    shelf.clock.advance(61)
    shelf.add("d")


def test_a_user_may_be_granted_more_or_less(shelf: Shelf) -> None:
    shelf.usage.grant(ADA, "documents", 1)
    for name in "abcd":
        shelf.add(name)
    with pytest.raises(TooLarge) as caught:
        shelf.add("e")
    assert caught.value.details == {"documents": ["at most 5"]}
    shelf.usage.grant(ADA, "documents", -1)
    shelf.remove("a")
    shelf.clock.advance(61)
    with pytest.raises(TooLarge) as caught:
        shelf.add("e")
    assert caught.value.details == {"documents": ["at most 3"]}
    assert shelf.usage.used(ADA)["documents"] == 4


def test_simultaneous_creates_do_not_get_past_the_limit(shelf: Shelf) -> None:
    outcomes = race(8, lambda number: shelf.add(f"w{number}"))
    assert len(winners(outcomes)) == 3
    assert len(shelf.names()) == 3


def test_other_users_have_numbers_of_their_own(shelf: Shelf) -> None:
    for name in "abc":
        shelf.add(name)
    shelf.projects.create("bob", {"name": "P"})
    assert shelf.usage.used("bob")["documents"] == 1
