"""BYAF: what becomes of each field of Backyard's archives."""

from typing import Any

import pytest

from chalicelib.cards.card import BrokenCard, Card, Read
from chalicelib.cards.charx import write_charx
from chalicelib.cards.reading import read
from tests.unit.cards.archives import (
    BACKYARD_CHARACTER,
    MANIFEST,
    SCENARIOS,
    a_byaf,
    json_bytes,
    picture,
    zipped,
)


def card_of(found: Read) -> Card:
    """The card that must be there."""
    assert found.card is not None
    return found.card


def test_every_field_has_its_place() -> None:
    found = read(a_byaf(), stem="file")
    data = card_of(found).data
    expected = {
        "name": "Ada",
        "description": "{{char}} teaches {{user}}.",
        "scenario": "{{user}} visits {{char}}.",
        "first_mes": "Good day, {{user}}!",
        "alternate_greetings": ["You again, {{user}}?"],
        "mes_example": "<START>\n{{user}}: Why?\n{{char}}: Numbers.",
        "system_prompt": "Write as {{char}}.",
        "creator": "Grace",
        "source": ["https://backyard.example/user/grace"],
        "creation_date": 1742558400,
        "modification_date": 1742644800,
    }
    assert {name: data[name] for name in expected} == expected
    assert found.kind == "byaf"
    assert found.repairs == ()


def test_lore_becomes_a_book_with_keys_split_at_commas() -> None:
    book = card_of(read(a_byaf(), stem="file")).book
    assert book is not None
    (entry,) = book["entries"]
    assert entry["keys"] == ["engine", "mill"]
    assert entry["content"] == "The engine of {{char}}."
    assert entry["enabled"] is True


def test_the_first_picture_is_the_card_s_and_the_others_stay_with_it() -> None:
    found = read(a_byaf(), stem="file")
    assert found.picture == picture()
    assert list(found.assets.values()) == [picture("JPEG")]
    named = card_of(found).data["assets"]
    assert [(asset["name"], asset["ext"]) for asset in named] == [("main", "png"), ("Happy", "jpg")]
    again = read(write_charx(card_of(found), found.picture, found.assets), stem="file")
    assert (again.card, again.picture, again.assets) == (found.card, found.picture, found.assets)


def test_what_a_card_has_no_field_for_is_kept() -> None:
    kept = card_of(read(a_byaf(), stem="file")).data["extensions"]["backyard"]
    assert (kept["displayName"], kept["isNSFW"]) == ("Ada Lovelace", False)
    assert kept["scenarios"][0] == {"title": "At tea", "temperature": 0.7}


def test_a_chat_is_left_out_and_it_is_said() -> None:
    chat = {**SCENARIOS[0], "messages": [{"type": "human", "text": "Hi"}]}
    found = read(a_byaf(scenarios=[chat, SCENARIOS[1]]), stem="file")
    assert [repair.where for repair in found.repairs] == ["scenarios[0].messages"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{Character} and {USER}", "{{char}} and {{user}}"),
        ("{{user}} and {{char}}", "{{user}} and {{char}}"),
        ("#{user}: hi #{character}", "{{user}}: hi #{{char}}"),
        ("{users} {character", "{users} {character"),
        (None, ""),
        (7, ""),
    ],
)
def test_macros_become_those_of_cards(text: Any, expected: str) -> None:
    found = read(a_byaf(character={**BACKYARD_CHARACTER, "persona": text}), stem="file")
    assert card_of(found).description == expected


def test_what_is_named_but_missing_is_a_repair() -> None:
    manifest = {**MANIFEST, "characters": MANIFEST["characters"] * 2, "scenarios": ["a", 7, "../x"]}
    images = [{"path": "images/none.png", "label": ""}, {"path": None}, "x"]
    character = {"name": "", "displayName": "", "images": images, "loreItems": "none"}
    found = read(a_byaf(manifest, character), stem="file")
    assert card_of(found).name == "file"
    assert (found.picture, found.assets) == (None, {})
    places = [repair.where for repair in found.repairs]
    assert places == ["characters", "scenarios[0]", "images[0].path", "data.name"]


@pytest.mark.parametrize("characters", [None, [], [7], "x", ["../c.json"], ["none.json"]])
def test_an_archive_without_a_character_is_refused(characters: Any) -> None:
    with pytest.raises(BrokenCard, match=r"path of a character|no none\.json"):
        read(a_byaf({**MANIFEST, "characters": characters}), stem="file")


@pytest.mark.parametrize("manifest", [b"[]", b"{", b"\xff"])
def test_a_manifest_that_is_none_is_refused(manifest: bytes) -> None:
    with pytest.raises(BrokenCard, match=r"^manifest\.json: "):
        read(zipped({"manifest.json": manifest}), stem="file")


def test_pictures_that_are_none_are_left_out() -> None:
    files = {
        "manifest.json": json_bytes({"characters": ["character.json"]}),
        "character.json": json_bytes({"name": "Ada", "images": [{"path": "a.png"}]}),
        "a.png": b"no picture",
    }
    found = read(zipped(files), stem="file")
    assert found.picture is None
    assert [str(repair) for repair in found.repairs] == [
        "images[0]: left out: no JPEG, PNG, GIF or WebP picture"
    ]
