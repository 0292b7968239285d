"""What is kept can be read again: also what gets deeper on its way."""

import json
from typing import Any

import pytest

from chalicelib import cards
from chalicelib.cards import Card
from chalicelib.cards.lorebooks import write_lorebook, write_world_info
from chalicelib.errors import InvalidInput
from chalicelib.services.lorebooks.incoming import IncomingBook
from tests.cards import v3


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def world(levels: int) -> bytes:
    """World info with a field that goes two levels deeper in a lorebook."""
    fields = {"key": ["mill"], "content": "It grinds.", "position": nested(levels)}
    return json.dumps({"entries": {"0": fields}}).encode()


def test_a_book_is_read_again_from_each_of_its_files_and_from_a_card() -> None:
    kept = IncomingBook.read("world.json", world(58)).book
    for written in (write_lorebook(kept), write_world_info(kept)):
        again = IncomingBook.read("again.json", written).book
        assert again.entries[0]["extensions"]["position"] == nested(58)
    holder = Card({**v3()["data"], "character_book": dict(kept.data)})
    assert cards.read(cards.write_json(holder), stem="again").card == holder


def test_a_book_that_would_get_too_deep_is_refused() -> None:
    for levels in (59, 60):
        with pytest.raises(InvalidInput, match="nests at most 63 levels"):
            IncomingBook.read("world.json", world(levels))
        with pytest.raises(InvalidInput, match="nests at most 63 levels"):
            IncomingBook.of_body(json.loads(world(levels)))
