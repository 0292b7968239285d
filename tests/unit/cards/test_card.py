"""The normal form of a card, and that writing and reading gives the same again."""

import io
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from chalicelib import cards
from chalicelib.cards import Card
from chalicelib.cards.card import FIELDS, LISTS, OLD_NAMES, OPTIONAL, ROOT, TEXTS
from chalicelib.errors import InvalidInput
from tests.cards import book, moving_picture, picture, v3

RESERVED = FIELDS | ROOT | OLD_NAMES.keys()

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)
unknown = st.dictionaries(text.filter(lambda key: key not in RESERVED), values, max_size=3)
numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
entries = st.fixed_dictionaries(
    {
        "keys": st.lists(text, max_size=2),
        "content": text,
        "enabled": st.booleans(),
        "insertion_order": numbers,
        "extensions": unknown,
    },
    optional={"id": values, "use_regex": values, "unknown": values},
)
optional = {
    "character_book": st.builds(
        lambda listed, beside: {**beside, "entries": listed}, st.lists(entries, max_size=2), unknown
    ),
    "nickname": text,
    "creator_notes_multilingual": unknown,
    "source": st.lists(text, min_size=1, max_size=3),
    "creation_date": numbers,
    "modification_date": numbers,
    "assets": st.lists(unknown, max_size=2),
}


@st.composite
def any_card(draw: st.DrawFn) -> Card:
    """A card of any fields, in any order, with anything beside them."""
    fields = dict.fromkeys(TEXTS, text) | {name: st.lists(text, max_size=3) for name in LISTS}
    known = draw(st.fixed_dictionaries({}, optional={**fields, **optional, "extensions": unknown}))
    name = draw(text.filter(str.strip))
    data = {**draw(unknown), **known, "name": name}
    order = draw(st.permutations(list(data)))
    version = draw(st.sampled_from(["3.0", "3.1", "4"]))
    return Card({key: data[key] for key in order}, draw(unknown), version)


@settings(max_examples=60, deadline=None)
@given(any_card())
def test_a_card_that_is_written_is_read_as_the_same_with_nothing_to_repair(card: Card) -> None:
    as_png = cards.read(cards.write_png(picture(), card), stem="stem")
    as_json = cards.read(cards.write_json(card), stem="stem")
    assert (as_png.card, as_png.repairs) == (card, ())
    assert (as_json.card, as_json.repairs) == (card, ())
    assert as_json.card is not None
    assert list(as_json.card.data) == list(card.data)
    assert list(as_json.card.others) == list(card.others)


@settings(max_examples=60, deadline=None)
@given(st.fixed_dictionaries({}, optional=dict.fromkeys(sorted(FIELDS), values)), unknown, unknown)
def test_whatever_is_repaired_needs_no_second_repair(
    fields: dict[str, Any], beside: dict[str, Any], others: dict[str, Any]
) -> None:
    value = {**others, "spec": "chara_card_v3", "data": {**beside, **fields}}
    card = cards.interpret(value, stem="stem").card
    assert card is not None
    again = cards.read(cards.write_json(card), stem="other")
    assert (again.card, again.repairs) == (card, ())
    assert beside.items() <= card.data.items()
    assert card.others == others


def test_version_2_has_the_same_data() -> None:
    card = Card(v3()["data"], {"fav": True})
    assert cards.read(cards.write_json(card, version=2), stem="stem").card == card
    assert b'"chara_card_v2","spec_version":"2.0"' in cards.write_json(card, version=2)


def test_writing_a_card_keeps_what_a_viewer_shows() -> None:
    written = cards.write_png(moving_picture(), Card(v3()["data"]))
    with Image.open(io.BytesIO(moving_picture())) as before, Image.open(io.BytesIO(written)) as now:
        assert (now.size, now.info["duration"]) == (before.size, before.info["duration"])
        for frame in range(3):
            before.seek(frame)
            now.seek(frame)
            assert now.tobytes() == before.tobytes()


@pytest.mark.parametrize(
    ("data", "others", "field"),
    [
        ({}, {}, "name"),
        ({"name": " "}, {}, "name"),
        ({"name": 3}, {}, "name"),
        ({"name": "Ada", "tags": "brass"}, {}, "tags"),
        ({"name": "Ada", "tags": [3]}, {}, "tags"),
        ({"name": "Ada", "extensions": []}, {}, "extensions"),
        ({"name": "Ada", "creation_date": True}, {}, "creation_date"),
        ({"name": "Ada", "assets": ["x"]}, {}, "assets"),
        ({"name": "Ada", "character_book": None}, {}, "character_book"),
        ({"name": "Ada", "character_book": {"entries": {}}}, {}, "character_book"),
        ({"name": "Ada"}, {"spec": "x"}, "spec"),
        ({"name": "Ada"}, {"tags": []}, "tags"),
        ({"name": "Ada"}, {"creatorcomment": ""}, "creatorcomment"),
    ],
)
def test_what_is_no_card_cannot_be_made(
    data: dict[str, Any], others: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        Card(data, others)
    assert list(refused.value.details) == [field]


@pytest.mark.parametrize("version", ["2.0", "three", "inf"])
def test_a_card_has_version_3_or_a_newer_one(version: str) -> None:
    with pytest.raises(InvalidInput, match="spec_version"):
        Card({"name": "Ada"}, spec_version=version)


def test_all_fields_are_known_by_type() -> None:
    assert {*OPTIONAL} == {*optional}


def test_a_card_without_a_book_has_none() -> None:
    assert Card({"name": "Ada"}).book is None
    assert Card({"name": "Ada", "character_book": book()}).book == book()
