"""Nothing is kept beside a user's characters that none of them names."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from chalicelib.adapters.embedded.database import Database
from chalicelib.adapters.embedded.documents import EmbeddedDocuments
from chalicelib.adapters.embedded.index import EmbeddedIndex
from chalicelib.adapters.embedded.uploads import EmbeddedUploads
from chalicelib.cards.limits import MAX_FILE_BYTES
from chalicelib.errors import ConditionFailed, NotFound, PreconditionFailed, TavernError, TooLarge
from chalicelib.ports import Entry, Put, StoredDocument
from chalicelib.services.characters.characters import Characters
from chalicelib.services.characters.claims import CLAIM_SECONDS, Claims
from chalicelib.services.characters.incoming import Incoming
from chalicelib.services.characters.once import Once
from chalicelib.services.characters.rows import CharacterKind
from chalicelib.services.characters.uploads import CharacterUploads
from chalicelib.services.library import items
from chalicelib.services.library.if_match import IfMatch
from chalicelib.services.library.shelf import Shelf
from chalicelib.services.library.usage import StorageLimits
from chalicelib.services.uploads import OfferedUploads, folder
from tests.api.characters import card, grey
from tests.cards import card_png, v2
from tests.clock import ManualClock
from tests.unit.imports.depot import zipped
from tests.unit.library.fuses import FusedIndex, Meanwhile

ADA = "ada"
MOST = 100_000


class Documents(EmbeddedDocuments):
    """Documents; ``meanwhile`` happens once, when something that was sent is read."""

    meanwhile: Callable[[], None] | None = None

    def get(self, key: str, version: str | None = None) -> StoredDocument:
        """Read a document."""
        found = super().get(key, version)
        if key.startswith("uploads/") and self.meanwhile is not None:
            happens, self.meanwhile = self.meanwhile, None
            happens()
        return found


@dataclass
class Desk:
    """Characters, and the way to them of files that do not fit a request."""

    clock: ManualClock
    index: EmbeddedIndex
    documents: Documents
    shelf: Shelf
    characters: Characters
    uploads: CharacterUploads

    def sent(self, data: bytes) -> str:
        """An upload whose file has come."""
        upload_id = str(self.uploads.offer(ADA, {"size": len(data)})["uploadId"])
        self.documents.put(folder(ADA) + upload_id, data)
        return upload_id

    def objects(self) -> list[str]:
        """All versions of what is kept beside the cards."""
        history = self.documents.history(f"users/{ADA}/")
        return [key for key, _ in history if not key.endswith("card.json")]

    def counted(self) -> int:
        """The bytes that count towards the user's storage."""
        return self.shelf.usage.used(ADA)["bytes"]


@pytest.fixture
def desk() -> Iterator[Desk]:
    """With nothing in it, and room for 100,000 bytes."""
    database, clock = Database(None), ManualClock()
    index, documents = EmbeddedIndex(database, clock), Documents(database, clock)
    kind = CharacterKind(index)
    shelf = Shelf(kind, documents, index, clock, StorageLimits(bytes=MOST))
    characters = Characters(shelf, kind)
    offered = OfferedUploads(
        uploads=EmbeddedUploads(documents, index, clock),
        documents=documents,
        index=index,
        clock=clock,
    )
    uploads = CharacterUploads(offered, characters, index, clock, MOST)
    yield Desk(clock, index, documents, shelf, characters, uploads)
    database.close()


def test_who_takes_over_what_another_just_reads_writes_nothing(desk: Desk) -> None:
    upload_id = desk.sent(grey(9, 9))
    refused: list[TavernError] = []

    def take_again() -> None:
        with pytest.raises(NotFound) as error:
            desk.uploads.take(ADA, upload_id, {})
        refused.append(error.value)

    desk.documents.meanwhile = take_again
    kept = desk.uploads.take(ADA, upload_id, {"name": "a.png"})
    assert len(refused) == 1
    assert desk.shelf.ids(ADA) == {kept.item.id}
    assert len(desk.objects()) == 1
    with pytest.raises(NotFound):
        desk.uploads.take(ADA, upload_id, {})


def test_of_two_who_claim_an_upload_at_the_same_moment_one_has_it(desk: Desk) -> None:
    """Neither saw the row of the other; nor does who comes after a claim has lapsed."""
    claims = Claims(desk.index, desk.clock)
    for _ in range(2):

        def another_claims() -> None:
            with pytest.raises(MemoryError), claims.claimed(ADA, "x"):
                raise MemoryError  # a crash: the claim stays

        between = Claims(FusedIndex(desk.index, Meanwhile(1, another_claims)), desk.clock)
        with pytest.raises(NotFound, match="taken over already"), between.claimed(ADA, "x"):
            pytest.fail("both have it")
        desk.clock.advance(CLAIM_SECONDS)


def test_what_counts_towards_a_users_storage_is_what_is_there(desk: Desk) -> None:
    def stored() -> int:
        return sum(version.size for _, version in desk.documents.history(f"users/{ADA}/"))

    desk.characters.receive(ADA, "Bob.json", card("Bob"))
    assert desk.counted() == stored()
    ada = desk.characters.receive(ADA, "Ada.png", card_png(v2()))
    assert desk.counted() == stored()
    desk.characters.duplicate(ADA, ada.item.id)
    desk.characters.set_image(ada.item, "a.png", grey(7, 7))
    desk.characters.receive(ADA, "Eve.charx", zipped({"card.json": card("Eve"), "a": b"b"}))
    assert desk.counted() == stored()


def test_a_card_grows_to_what_a_file_may_have_and_no_further(desk: Desk) -> None:
    desk.shelf.usage.grant(ADA, "bytes", 10 * MAX_FILE_BYTES)
    ada = desk.characters.receive(ADA, "Ada.json", card()).item
    large = "x" * (MAX_FILE_BYTES // 2)
    grown = desk.characters.patch(ADA, ada.id, {"scenario": large}).item
    with pytest.raises(TooLarge, match="at most"):
        desk.characters.patch(ADA, ada.id, {"personality": large})
    assert desk.characters.get(ADA, ada.id).item == grown


def test_who_was_too_slow_leaves_nothing_when_another_has_taken_over(desk: Desk) -> None:
    upload_id = desk.sent(grey(9, 9))

    def lapse() -> None:
        desk.clock.advance(CLAIM_SECONDS)
        desk.uploads.take(ADA, upload_id, {"name": "first.png"})

    desk.documents.meanwhile = lapse
    with pytest.raises(NotFound, match="taken over already"):
        desk.uploads.take(ADA, upload_id, {"name": "second.png"})
    assert len(desk.shelf.ids(ADA)) == 1
    assert len(desk.objects()) == 1


def test_what_a_crash_left_is_gone_on_with_under_its_id_once_the_claim_has_lapsed(
    desk: Desk,
) -> None:
    upload_id = desk.sent(grey(9, 9))

    def crash() -> None:
        raise MemoryError

    desk.documents.meanwhile = crash
    with pytest.raises(MemoryError):
        desk.uploads.take(ADA, upload_id, {})
    with pytest.raises(NotFound):
        desk.uploads.take(ADA, upload_id, {})
    desk.clock.advance(CLAIM_SECONDS)
    row = desk.index.get(f"{ADA}#uploads", f"taken/{upload_id}")
    assert row is not None
    assert desk.uploads.take(ADA, upload_id, {}).item.id == row.value["id"]


def test_what_is_refused_for_want_of_room_leaves_nothing_and_can_be_taken_later(
    desk: Desk,
) -> None:
    desk.characters.receive(ADA, "large.json", card("Large", creator_notes="x" * 80_000))
    upload_id = desk.sent(card_png(v2(description="y" * 20_000)))
    with pytest.raises(TooLarge):
        desk.uploads.take(ADA, upload_id, {"name": "a.png"})
    assert desk.objects() == []
    desk.shelf.usage.grant(ADA, "bytes", MOST)
    desk.uploads.take(ADA, upload_id, {"name": "a.png"})
    assert len(desk.objects()) == 1


def test_whatever_refuses_a_character_takes_its_pictures_away_again(desk: Desk) -> None:
    taken = Put(Entry(f"{ADA}#uploads", "taken/x", {}), if_absent=True)
    desk.index.write(taken)
    once = Once(items.new_id(desk.clock.now()), lambda *_: [taken])
    for name, data in (("a.png", grey(9, 9)), ("b.png", card_png(v2()))):
        with pytest.raises(ConditionFailed):
            desk.characters.add(ADA, Incoming.read(name, data), once=once)
        assert desk.objects() == []

    desk.characters.receive(ADA, "Ada.json", card())  # it waits for its picture
    with pytest.raises(ConditionFailed):
        desk.characters.add(ADA, Incoming.read("Ada.png", grey(9, 9)), once=once)
    assert desk.objects() == []

    ada = desk.characters.receive(ADA, "Ada.png", grey(9, 9))
    before, counted = desk.objects(), desk.counted()
    stale = IfMatch(frozenset({"stale"}))
    for picture in (grey(9, 9), grey(8, 8)):  # also the one that is there
        with pytest.raises(PreconditionFailed):
            desk.characters.set_image(ada.item, "a.png", picture, stale)
    desk.shelf.usage.grant(ADA, "bytes", counted + 10 - MOST)
    with pytest.raises(TooLarge):
        desk.characters.duplicate(ADA, ada.item.id)
    with pytest.raises(TooLarge):
        desk.characters.set_image(ada.item, "a.png", grey(7, 7))
    assert (desk.objects(), desk.counted()) == (before, counted)
