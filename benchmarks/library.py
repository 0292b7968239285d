"""Stores with libraries of characters in them, each the first part of the next."""

import random
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from chalicelib.adapters.aws.documents import S3Documents
from chalicelib.adapters.aws.index import DynamoIndex
from chalicelib.adapters.clock import SystemClock
from chalicelib.adapters.embedded.database import Database
from chalicelib.adapters.embedded.documents import EmbeddedDocuments
from chalicelib.adapters.embedded.index import EmbeddedIndex
from chalicelib.cards import Card
from chalicelib.ports import Entry, Put
from chalicelib.services.accounts.users import DEFAULT_USER
from chalicelib.services.characters.characters import Characters
from chalicelib.services.characters.incoming import Incoming, Picture
from chalicelib.services.characters.listing import CharacterList
from chalicelib.services.characters.rows import CARD, PICTURE, WHOLE, CharacterKind
from chalicelib.services.library import items
from chalicelib.services.library.shelf import Shelf
from tests.aws_calls import counted_aws_calls
from tests.cards import picture, v2_data

RARE = "clockmaker"
"""A word that is in the description of one card of a hundred."""

_TAGS = [f"tag {number}" for number in range(200)]
_SYLLABLES = ("an", "Él", "mi", "ro", "Sa", "ka", "ve", "lu", "Ør", "in", "ta", "no", "葵", "ya")
_WORDS = (
    "brass engine",
    "counts the stars,",
    "letters in the rain",
    "{{char}} smiles at {{user}}.",
    "She always remembers",
    "a naïve façade",
    "long grey winters",
    "窓の外は雨。",
    "silver lanterns",
    "and laughs",
)
_CHANGES = 100
_PICTURED = 4
"""One card of so many is in a picture."""


def fill(files: Sequence[tuple[int, Path]]) -> None:
    """Write a store of so many cards each; smaller ones first."""
    last = files[-1][1]
    database = _Hasty(last)
    try:
        characters = _characters(database)
        cards = _incoming()
        kept = 0
        for count, file in files:
            for _ in range(count - kept):
                characters.add(DEFAULT_USER, next(cards))
            kept = count
            if file != last:
                database.backup(file)
    finally:
        database.close()


def calls_of_a_list(file: Path) -> int:
    """How many calls of AWS's API the whole list takes, with its ETag, of a store's rows.

    They are put into moto: the calls and a query's megabyte are as in the cloud, time is not.
    """
    from infra.local import moto_backend

    clock = SystemClock()
    with moto_backend.running("benchmark") as stage:
        index = DynamoIndex(stage.library, clock)
        rows = _rows(file, WHOLE)
        for start in range(0, len(rows), _CHANGES):
            index.write(*map(Put, rows[start : start + _CHANGES]))
        kind = CharacterKind(index)
        characters = CharacterList(Shelf(kind, S3Documents(stage.bucket), index, clock))
        with counted_aws_calls() as calls:
            characters.mark(DEFAULT_USER)
            characters.whole(DEFAULT_USER)
        return len(calls)


def names(file: Path) -> Sequence[str]:
    """The names of a store's characters."""
    return [str(row.value["entry"]["name"]) for row in _rows(file, items.HEAD)]


def _rows(file: Path, order: str) -> Sequence[Entry]:
    """The rows of a store that list its characters in an order."""
    database = Database(file)
    try:
        index = EmbeddedIndex(database, SystemClock())
        return index.query(items.partition(CharacterKind(index), DEFAULT_USER), order).entries
    finally:
        database.close()


class _Hasty(Database):
    """Waits for the disk now and then only: it would take most of the time."""

    @contextmanager
    def write(self, *, relaxed: bool = True) -> Iterator[sqlite3.Connection]:
        with super().write(relaxed=relaxed) as sqlite:
            yield sqlite


def _characters(database: Database) -> Characters:
    clock = SystemClock()
    index = EmbeddedIndex(database, clock)
    kind = CharacterKind(index)
    return Characters(Shelf(kind, EmbeddedDocuments(database, clock), index, clock), kind)


def _incoming() -> Iterator[Incoming]:
    """Cards as if they had come as files, the same ones each time."""
    chance = random.Random(20_000)  # noqa: S311 (nobody should not guess it)
    text = " ".join(chance.choices(_WORDS, k=1_000))
    portrait = Picture.of(picture())
    number = 0
    while True:
        name = "".join(chance.choices(_SYLLABLES, k=4)).title()
        card = _card(f"{name} {number}", number, text, chance)
        known_by = f"{number:032x}"
        if number % _PICTURED:
            yield Incoming(f"{name}-{number}.json", known_by, card, None, frozenset({CARD}))
        else:
            parts = frozenset({PICTURE})
            yield Incoming(f"{name}-{number}.png", known_by, card, portrait, parts)
        number += 1


def _card(name: str, number: int, text: str, chance: random.Random) -> Card:
    """A card with a description of one to three kilobytes."""
    length, start = 1_000 + 200 * (number % 11), chance.randrange(10_000)
    rare = f"A {RARE}. " if number % 100 == 0 else ""
    data = v2_data(
        name=name,
        description=rare + text[start : start + length],
        first_mes=text[start : start + 600],
        creator_notes=text[start : start + 300],
        creator=chance.choice(_SYLLABLES) * 3,
        tags=chance.sample(_TAGS, 5),
    )
    return Card(data)
