"""Files of characters are read and made by turns, so that no user takes all of a server."""

import threading
from collections.abc import Callable
from contextlib import closing, suppress

import pytest

from chalicelib.adapters.embedded.database import Database
from chalicelib.errors import TooManyRequests
from chalicelib.services.characters.characters import Characters
from chalicelib.services.characters.exports import CharacterExports
from chalicelib.services.characters.incoming import Incoming
from chalicelib.services.characters.rows import CharacterKind
from chalicelib.services.characters.turns import Turns
from chalicelib.services.lorebooks.incoming import IncomingBook
from tests.cards import as_json, book, v1
from tests.unit.imports.depot import Depot

PATIENT = 20.0


def test_a_user_has_one_place_and_leaves_the_others_to_others() -> None:
    turns = Turns("files", count=2, each=2, seconds=0.01)
    with turns.of("ada"):
        with pytest.raises(TooManyRequests, match="files") as refused, turns.of("ada"):
            pass
        assert refused.value.retry_after > 0
        with turns.of("bob"), pytest.raises(TooManyRequests), turns.of("eve"):
            pass


def test_who_has_enough_waiting_is_told_at_once() -> None:
    turns = Turns("files", count=1, each=1, seconds=2 * PATIENT)
    told = threading.Event()

    def ask() -> None:
        with suppress(TooManyRequests), turns.of("ada"):
            return
        told.set()

    with turns.of("ada"):
        threading.Thread(target=ask, daemon=True).start()
        assert told.wait(PATIENT)


@pytest.mark.parametrize("uid", ["ada", None])
def test_a_place_is_given_back_whatever_happens(uid: str | None) -> None:
    turns = Turns("files", count=1, each=1, seconds=0)
    with pytest.raises(LookupError), turns.of(uid):
        raise LookupError
    with turns.of("ada"), pytest.raises(TooManyRequests), turns.of("bob"):
        pass
    with turns.of("bob"):
        pass


@pytest.mark.parametrize("uid", ["ada", "bob", None])
def test_who_waits_gets_the_next_place(uid: str | None) -> None:
    turns = Turns("files", count=1, each=2, seconds=PATIENT)
    entered = threading.Event()

    def wait() -> None:
        with turns.of(uid):
            entered.set()

    waiting = threading.Thread(target=wait)
    with turns.of("ada"):
        waiting.start()
        assert not entered.is_set()
    waiting.join(timeout=PATIENT)
    assert entered.is_set()


def exported(turns: Turns) -> None:
    with closing(Database(None)) as database:
        depot = Depot.on(database)
        characters = Characters(depot.shelf, CharacterKind(depot.index))
        kept = characters.add("ada", Incoming.read("ada.json", as_json(v1())))
        CharacterExports(depot.shelf, turns).export("ada", kept.item.id, "charx")


@pytest.mark.parametrize(
    "work",
    [
        lambda turns: Incoming.read("ada.json", as_json(v1()), uid="ada", turns=turns),
        lambda turns: IncomingBook.read("b.json", as_json(book()), uid="ada", turns=turns),
        exported,
    ],
    ids=["a card", "a book", "an export"],
)
def test_what_is_read_and_made_is_so_by_turns(work: Callable[[Turns], object]) -> None:
    turns = Turns("files", count=1, each=1, seconds=0)
    with turns.of("bob"), pytest.raises(TooManyRequests):
        work(turns)
    work(turns)
