"""A small kind of document for the shelf: notes, each of which has a slot to itself."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from chalicelib.ports import Change, DocumentStore, Index
from chalicelib.services.library import items
from chalicelib.services.library.items import Item, Shown
from chalicelib.services.library.shelf import Shelf
from chalicelib.services.library.usage import UNLIMITED, StorageLimits
from tests.clock import ManualClock

ADA, BOB = "ada", "bob"
SLOT = "slot"


class NoteKind:
    """``content`` has a text, ``state`` the slot; a row by text, and one that holds the slot.

    They are where lorebooks are: what counts as a document is told by its key.
    """

    name = "note"
    folder = "lorebooks"
    file = "book.json"

    def title(self, item: Item) -> str:
        return str(item.content["text"])

    def shown(self, item: Item) -> Shown:
        text = str(item.content["text"])[:20]
        return Shown(
            head={"text": text},
            others={f"text/{text}/{item.id}": {"id": item.id}},
            unique={f"{SLOT}/{item.state[SLOT]}": {"id": item.id}},
        )

    def moved(self, item: Item) -> Item:
        return item.changed(item.content, slot=f"{item.state[SLOT]}+")


@dataclass
class Notes:
    """A shelf of notes, and what is behind it."""

    documents: DocumentStore
    index: Index
    clock: ManualClock
    limits: StorageLimits = UNLIMITED
    shelf: Shelf = field(init=False)

    def __post_init__(self) -> None:
        self.shelf = Shelf(NoteKind(), self.documents, self.index, self.clock, self.limits)

    def create(
        self,
        text: str = "one",
        slot: str = "a",
        uid: str = ADA,
        *,
        seed: str | None = None,
        also: Sequence[Change] = (),
    ) -> Item:
        item = Item(uid, items.new_id(self.shelf.now(), seed), {"text": text}, {SLOT: slot})
        return self.shelf.create(item, also=also)

    def write(self, item_id: str, text: str, **more: Any) -> Item:
        """Give a note of Ada's another text."""
        return self.shelf.change(
            ADA, item_id, lambda item: item.changed({**item.content, "text": text}), **more
        )

    def move(self, item_id: str, slot: str) -> Item:
        """Give a note of Ada's another slot."""
        return self.shelf.change(
            ADA, item_id, lambda item: item.changed(dict(item.content), slot=slot)
        )

    def listed(self, uid: str = ADA) -> list[str]:
        """The texts in the list, by their rows."""
        found = self.index.query(f"{uid}#lorebooks", "item/").entries
        return sorted(str(entry.value["text"]) for entry in found)

    def slots(self, uid: str = ADA) -> dict[str, str]:
        """Who has which slot."""
        found = self.index.query(f"{uid}#lorebooks", f"{SLOT}/").entries
        return {entry.key.removeprefix(f"{SLOT}/"): str(entry.value["id"]) for entry in found}

    def in_bin(self) -> list[str]:
        """The names in Ada's recycle bin."""
        return sorted(each.name for each in self.shelf.deleted(ADA))

    def objects(self) -> set[str]:
        """The keys of all objects of Ada's that have a version."""
        return {key for key, _ in self.documents.history("users/ada/")}

    def kept(self) -> int:
        """The bytes of all versions of Ada's objects."""
        return sum(version.size for _, version in self.documents.history("users/ada/"))

    def put_beside(self, item_id: str) -> None:
        """Write an object that belongs to a note."""
        self.documents.put(self.shelf.folder(ADA, item_id) + "images/x", b"x")

    def check(self) -> None:
        """The rows are those that follow from the objects, not one more or less."""
        kind = self.shelf.kind
        wanted: dict[tuple[str, str], Any] = {}
        for item in self.shelf.all(ADA):
            rows = items.rows_of(kind, item)
            wanted |= {(rows.head.partition, rows.head.key): rows.head.value}
            wanted |= {key: entry.value for key, entry in rows.others.items()}
        found = {
            (entry.partition, entry.key): entry.value
            for place in ("ada#lorebooks", "ada#lorebooks#bin")
            for entry in self.index.query(place).entries
        }
        assert json.dumps(_sorted(found)) == json.dumps(_sorted(wanted))


def _sorted(rows: dict[tuple[str, str], Any]) -> list[Any]:
    return [[*key, rows[key]] for key in sorted(rows)]
