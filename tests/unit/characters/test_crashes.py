"""A request about a character that dies, or that another one comes in between.

It is disturbed at every call of a store. Whatever happens, each character that is there has
its picture, nobody loses anything, and rows that are made anew show what the objects tell.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import pytest

from chalicelib.adapters.embedded.database import Database
from chalicelib.adapters.embedded.documents import EmbeddedDocuments
from chalicelib.adapters.embedded.index import EmbeddedIndex
from chalicelib.errors import TavernError
from chalicelib.ports import DocumentStore, Index
from chalicelib.services.characters.characters import Characters
from chalicelib.services.characters.images import CharacterImages
from chalicelib.services.characters.listing import CharacterList
from chalicelib.services.characters.rows import CharacterKind, image_of
from chalicelib.services.library import items
from chalicelib.services.library.shelf import Shelf
from chalicelib.services.library.shelf_repair import ShelfRepair
from chalicelib.services.library.usage import StorageLimits
from tests.cards import as_json, v1
from tests.clock import ManualClock
from tests.unit.library.fuses import Crashed, Death, Fuse, FusedDocuments, FusedIndex, Meanwhile
from tests.unit.pictures.samples import png

ADA = "ada"
MOST_CALLS = 40
BYTES = 60_000
PICTURE, OTHER = png(), png(width=2, height=2, pixels=b"\0\1\2" * 2)
LARGE = PICTURE + bytes(BYTES)
CARD = as_json(v1(name="Bob"))


class Home:
    """Ada's characters. The first has no picture yet, the second has one."""

    def __init__(self, documents: DocumentStore, index: Index, clock: ManualClock) -> None:
        kind = CharacterKind(index)
        limits = StorageLimits(documents=10, bytes=BYTES)
        self.shelf = Shelf(kind, documents, index, clock, limits)
        self.characters = Characters(self.shelf, kind)
        self.list = CharacterList(self.shelf)
        self.images = CharacterImages(self.shelf)

    def listed(self) -> list[str]:
        """The names in the list, by name."""
        return [str(each["name"]) for each in self.entries()]

    def entries(self) -> list[dict[str, Any]]:
        """The list."""
        page = self.list.page(ADA, limit=200)
        return [json.loads(text) for text in page.entries]

    def rebuild(self) -> None:
        """Make the rows anew."""
        ShelfRepair(self.shelf).rebuild(ADA, None, lambda: True)

    def check(self) -> None:
        """Rows follow from objects, and pictures are there under their names."""
        wanted = set()
        for item in self.shelf.all(ADA):
            rows = items.rows_of(self.shelf.kind, item)
            wanted |= {(rows.head.partition, rows.head.key), *rows.others}
            image = image_of(item)
            if image is not None:
                key = f"{self.shelf.folder(ADA, item.id)}images/{image.hash}"
                assert self.shelf.documents.get(key).body in (PICTURE, OTHER, LARGE)
        found = {
            (entry.partition, entry.key)
            for place in ("ada#characters", "ada#characters#bin")
            for entry in self.shelf.index.query(place).entries
        }
        assert found == wanted
        for each in self.entries():
            if each["imageName"] is not None:
                shown = self.images.find(ADA, str(each["imageName"]))
                assert (shown.character_id, shown.image.hash) == (each["id"], each["imageHash"])


Act = Callable[[Home, str, str], object]


def all_deleted(home: Home, first: str, second: str) -> None:
    for item_id in (first, second):
        home.characters.delete(ADA, item_id)


def all_gone_for_good(home: Home, first: str, second: str) -> None:
    all_deleted(home, first, second)
    for item_id in (first, second):
        home.shelf.purge(ADA, item_id)


def oldest(home: Home, item_id: str) -> str:
    versions = home.characters.versions(ADA, item_id)
    return str(versions[-1]["version"]) if versions else "gone"


ACTS: dict[str, Act] = {
    "a picture of its own": lambda home, _a, _b: home.characters.receive(ADA, "X.png", PICTURE),
    "a picture of a name that is taken": (
        lambda home, _a, _b: home.characters.receive(ADA, "Second.png", PICTURE)
    ),
    "a picture for a card": lambda home, _a, _b: home.characters.receive(ADA, "One.png", PICTURE),
    "a card for a picture": lambda home, _a, _b: home.characters.receive(ADA, "Second.json", CARD),
    "too much": lambda home, _a, _b: home.characters.receive(ADA, "One.png", LARGE),
    "another picture": lambda home, a, b: home.characters.set_image(
        home.characters.get(ADA, b).item, "new.png", OTHER
    ),
    "a change": lambda home, a, b: home.characters.patch(ADA, b, {"name": "Changed"}),
    "a duplicate": lambda home, a, b: home.characters.duplicate(ADA, b),
    "a delete": lambda home, a, b: home.characters.delete(ADA, b),
    "a delete of the card": lambda home, a, b: home.characters.delete(ADA, a),
    "a version": lambda home, a, b: home.characters.restore_version(ADA, b, oldest(home, b)),
}
OTHERS: dict[str, Act] = {
    **{
        name: ACTS[name]
        for name in ("a picture for a card", "a card for a picture", "another picture", "a change")
    },
    "gone for good": all_gone_for_good,
    "deletes": all_deleted,
}


@dataclass(frozen=True)
class Scene:
    """What is there after something was disturbed."""

    home: Home
    first: str
    second: str
    fuse: Fuse


@contextmanager
def disturbed(act: Act, fuse_for: Callable[[Home, str, str], Fuse]) -> Iterator[Scene]:
    """A request that met a fuse."""
    clock = ManualClock()
    with closing(Database(None)) as database:
        documents, index = EmbeddedDocuments(database, clock), EmbeddedIndex(database, clock)
        home = Home(documents, index, clock)
        first = home.characters.receive(ADA, "One.json", as_json(v1(name="One"))).item.id
        second = home.characters.receive(ADA, "Second.png", PICTURE).item.id
        home.characters.patch(ADA, second, {"creator": "Ada"})
        fuse = fuse_for(home, first, second)
        fused = Home(FusedDocuments(documents, fuse), FusedIndex(index, fuse), clock)
        with suppress(Crashed, TavernError):
            act(fused, first, second)
        yield Scene(home, first, second, fuse)


def scenes(act: Act, fuse_at: Callable[[int], Callable[[Home, str, str], Fuse]]) -> Iterator[Scene]:
    """The scenes of a request that is disturbed at each of its calls, and at none."""
    for calls in range(MOST_CALLS):
        with disturbed(act, fuse_at(calls)) as scene:
            yield scene
            if not scene.fuse.blown:
                return
    pytest.fail("It never ends")


@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("name", ACTS)
def test_after_a_crash_at_any_call_rows_made_anew_show_what_is_there(name: str, late: bool) -> None:
    for scene in scenes(ACTS[name], lambda calls: lambda *_: Death(calls, late=late)):
        scene.home.rebuild()
        scene.home.check()
        assert len(scene.home.listed()) + len(scene.home.shelf.deleted(ADA)) >= 2


@pytest.mark.parametrize("name", [name for name in ACTS if "delete" not in name])
def test_after_a_crash_at_any_call_the_next_change_mends_it(name: str) -> None:
    for scene in scenes(ACTS[name], lambda calls: lambda *_: Death(calls, late=True)):
        for item_id in (scene.first, scene.second):
            scene.home.characters.patch(ADA, item_id, {"creator": "mended"})
        for item in scene.home.shelf.all(ADA):  # one that was new and was never listed
            scene.home.characters.patch(ADA, item.id, {"creator": "mended"})
        scene.home.check()


@pytest.mark.parametrize("name", ["a picture for a card", "a card for a picture"])
def test_a_part_that_a_crash_cut_off_comes_again_without_harm(name: str) -> None:
    for scene in scenes(ACTS[name], lambda calls: lambda *_: Death(calls, late=True)):
        ACTS[name](scene.home, scene.first, scene.second)
        scene.home.rebuild()
        scene.home.check()
        assert len(scene.home.listed()) in (2, 3)  # merged, and perhaps one that came twice


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("name", ACTS)
def test_whatever_comes_in_between_nothing_is_lost(name: str, other: str) -> None:
    def fuse_at(calls: int) -> Callable[[Home, str, str], Fuse]:
        def fuse(home: Home, first: str, second: str) -> Fuse:
            def meanwhile() -> None:
                with suppress(TavernError):
                    OTHERS[other](home, first, second)

            return Meanwhile(calls, meanwhile)

        return fuse

    for scene in scenes(ACTS[name], fuse_at):
        scene.home.check()
        kept = len(scene.home.listed()) + len(scene.home.shelf.deleted(ADA))
        assert kept >= (0 if other == "gone for good" else 2)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("a picture for a card", "a picture for a card"),
        ("a card for a picture", "a card for a picture"),
        ("a picture of its own", "a picture of its own"),
        ("a picture of a name that is taken", "a picture of a name that is taken"),
    ],
)
def test_of_two_files_of_a_name_at_once_both_are_kept(one: str, two: str) -> None:
    def fuse_at(calls: int) -> Callable[[Home, str, str], Fuse]:
        return lambda home, first, second: Meanwhile(calls, lambda: ACTS[two](home, first, second))

    counts = set()
    for scene in scenes(ACTS[one], fuse_at):
        if scene.fuse.blown:
            scene.home.check()
            counts.add(len(scene.home.listed()))
    assert counts == {3 if " for " in one else 4}


@pytest.mark.parametrize("name", ["too much", "another picture", "a picture for a card"])
def test_what_is_refused_leaves_no_picture(name: str) -> None:
    """Here also because of a deletion that comes before it."""
    act = ACTS[name]

    def fuse_at(calls: int) -> Callable[[Home, str, str], Fuse]:
        return lambda home, a, b: Meanwhile(calls, lambda: all_deleted(home, a, b))

    for scene in scenes(act, fuse_at):
        named = {image.hash for image in map(image_of, scene.home.shelf.all(ADA)) if image}
        named.add(hashlib.sha256(PICTURE).hexdigest())  # of an earlier version
        found = {key.rpartition("/")[2] for key in pictures(scene.home)}
        assert found <= named


def pictures(home: Home) -> list[str]:
    """The keys of all pictures."""
    found = home.shelf.documents.history("users/ada/")
    return [key for key, _ in found if "/images/" in key]
