"""A picture and a card that are one character: when they are, and what it says then."""

import itertools
from typing import Any

import pytest

from chalicelib import container
from tests.api.characters import (
    ALL,
    added,
    at,
    card,
    grey,
    listed,
    send,
    sent,
    shown,
    without,
)
from tests.api.product import Ask, Tavern
from tests.cards import as_json, card_png, v1, v2
from tests.unit.pictures.samples import all_kinds, png

JPEG = all_kinds()["jpeg RGB"]
IN_PICTURE: dict[str, Any] = v2(
    name="Ada of the picture",
    description="in the picture",
    scenario="in the picture",
    tags=["picture"],
    extensions={"fav": True, "depth": 4},
    root={"create_date": "2020", "chat": "picture"},
)
IN_FILE: dict[str, Any] = v2(
    name="Ada",
    description="in the file",
    scenario="",
    tags=[],
    extensions={"fav": False, "world": "file"},
    root={"chat": "file"},
)


@pytest.mark.parametrize("picture_first", [True, False])
def test_the_file_wins_field_by_field_and_the_picture_keeps_the_image(
    either_tavern: Tavern, picture_first: bool
) -> None:
    parts = [(card_png(IN_PICTURE), "Ada.png"), (as_json(IN_FILE), "Ada.json")]
    first, second = (
        added(either_tavern, *each) for each in (parts if picture_first else parts[::-1])
    )
    assert (second["id"], second["createdAt"]) == (first["id"], first["createdAt"])
    found = shown(either_tavern, second)
    assert (found["name"], found["imageName"]) == ("Ada", "Ada.png")
    assert either_tavern.ask("GET", f"{ALL}/image/Ada.png").body == parts[0][0]
    data = found["card"]["data"]
    assert (data["description"], data["scenario"]) == ("in the file", "in the picture")
    assert data["tags"] == ["picture"]
    assert data["extensions"] == {"fav": False, "depth": 4, "world": "file"}
    assert (found["card"]["chat"], found["card"]["create_date"]) == ("file", "2020")
    assert data["made_with"] == v2()["data"]["made_with"]
    assert [without(each, "updatedAt") for each in listed(either_tavern)] == [
        without(second, "updatedAt")
    ]


IN_EXTENSIONS = v2(name="Ada", extensions={"fav": True, "talkativeness": "0.7"})
AT_THE_ROOT = v2(name="Ada", extensions={}, root={"fav": False, "talkativeness": 0.1})


@pytest.mark.parametrize("picture_first", [True, False])
@pytest.mark.parametrize(
    ("picture", "file", "expected"),
    [(IN_EXTENSIONS, AT_THE_ROOT, (False, 0.1)), (AT_THE_ROOT, IN_EXTENSIONS, (True, 0.7))],
    ids=["at the root", "in extensions"],
)
def test_the_file_wins_wherever_a_setting_stands(
    tavern: Tavern,
    picture: dict[str, Any],
    file: dict[str, Any],
    expected: tuple[bool, float],
    picture_first: bool,
) -> None:
    parts = [(card_png(picture), "Ada.png"), (as_json(file), "Ada.json")]
    for part in parts if picture_first else parts[::-1]:
        entry = added(tavern, *part)
    assert (entry["favorite"], entry["talkativeness"]) == expected


def test_the_file_wins_wherever_its_date_stands(tavern: Tavern) -> None:
    picture = v2(name="Ada", root={"create_date": "long ago"})
    added(tavern, card_png(picture), "Ada.png")
    entry = added(tavern, as_json(v2(name="Ada", creation_date=1_600_000_000)), "Ada.json")
    assert entry["createDate"].startswith("2020-09-13T")


def test_a_card_whose_own_picture_is_complete_comes_to_the_one_of_its_name(tavern: Tavern) -> None:
    for data, name in ((png(), "one.png"), (card("Ada"), "one.json")):
        added(tavern, data, name)
    lacks = added(tavern, card_png(v1(name="Wanted")), "two.png")
    assert added(tavern, card("Wanted"), "one.json")["id"] == lacks["id"]


@pytest.mark.parametrize("picture_first", [True, False])
def test_what_gave_way_is_told(tavern: Tavern, picture_first: bool) -> None:
    parts = [(card_png(IN_PICTURE), "Ada.png"), (as_json(IN_FILE), "Ada.json")]
    first, second = parts if picture_first else parts[::-1]
    assert send(tavern, *first).json()["repairs"] == []
    (told,) = send(tavern, *second).json()["repairs"]
    assert told.startswith("merged: ")
    assert "description, name" in told
    assert "scenario" not in told, "which the file does not have"


def test_the_answer_says_that_it_was_merged(tavern: Tavern) -> None:
    assert send(tavern, png(), "Ada.png").json()["merged"] is False
    assert send(tavern, card("Ada"), "Ada.json").json()["merged"] is True


@pytest.mark.parametrize("order", [*itertools.permutations(range(3))])
def test_a_third_part_is_a_character_of_its_own(tavern: Tavern, order: tuple[int, ...]) -> None:
    parts = [(png(), "Ada.png"), (card("Ada"), "Ada.json"), (card("Ada", creator="B"), "Ada.json")]
    ids = [added(tavern, *parts[number])["id"] for number in order]
    found = listed(tavern)
    assert (len(found), len(set(ids))) == (2, 2)
    assert sorted(each["imageName"] is None for each in found) == [False, True]


def test_a_card_comes_to_no_second_picture_and_a_picture_to_no_second_card(tavern: Tavern) -> None:
    for data, name in ((png(), "Ada.png"), (card("Ada"), "Ada.json")):
        added(tavern, data, name)
    assert added(tavern, card("Ada"), "Ada.json")["imageName"] is None
    # The last is the one that lacks a picture.
    assert added(tavern, png(), "Ada.png")["imageName"] == "Ada (2).png"
    assert len(listed(tavern)) == 2


def test_a_card_comes_to_a_picture_of_any_kind(tavern: Tavern) -> None:
    first = added(tavern, JPEG, "Ada.jpg")
    second = added(tavern, card("Countess"), "Ada.json")
    assert (second["id"], second["imageName"]) == (first["id"], "Ada.jpg")


def test_of_two_pictures_of_a_stem_the_one_without_a_card_gets_the_next(tavern: Tavern) -> None:
    ids = {added(tavern, png(), "Ada.png")["id"], added(tavern, JPEG, "Ada.jpg")["id"]}
    got = {added(tavern, card("Ada"), "Ada.json")["id"] for _ in range(2)}
    assert got == ids


@pytest.mark.parametrize("picture_first", [True, False])
def test_one_name_of_a_character_is_enough(tavern: Tavern, picture_first: bool) -> None:
    parts = [(card_png(v1(name="Ada")), "portrait.png"), (card("Ada"), "from elsewhere.json")]
    first, second = (added(tavern, *each) for each in (parts if picture_first else parts[::-1]))
    assert first["id"] == second["id"]
    assert second["imageName"] == "portrait.png"


@pytest.mark.parametrize(
    "other", ["ada", "Ada ", "Ada Lovelace", "A.da", "Àda"], ids=lambda name: name.encode().hex()
)
def test_another_name_is_another_character(tavern: Tavern, other: str) -> None:
    first = added(tavern, card_png(v1(name="Ada")), "portrait.png")
    assert added(tavern, card(other), "elsewhere.json")["id"] != first["id"]


def test_stems_are_not_taken_for_others_that_begin_alike(tavern: Tavern) -> None:
    first = added(tavern, png(), "Ada.v2.png")
    assert added(tavern, card("Ada"), "Ada.json")["id"] != first["id"]
    assert added(tavern, card("Ada"), "Ada.v2.json")["id"] == first["id"]


def test_what_is_deleted_gets_no_part(tavern: Tavern) -> None:
    first = added(tavern, png(), "Ada.png")
    tavern.ask("DELETE", at(first))
    second = added(tavern, card("Ada"), "Ada.json")
    assert (second["id"] == first["id"], second["imageName"]) == (False, None)


def test_a_character_that_was_given_a_picture_gets_no_other(tavern: Tavern) -> None:
    first = added(tavern, card("Ada"), "Ada.json")
    given = sent(grey(3, 3), "x.png", "PUT", at(first, "/image"))
    assert tavern.ask_at_once(given)[0].json()["data"]["imageName"] == "x.png"
    assert added(tavern, png(), "Ada.png")["id"] != first["id"]
    assert added(tavern, card("Ada"), "x.json")["id"] != first["id"]


def test_the_version_before_it_was_merged_is_there(tavern: Tavern) -> None:
    first = added(tavern, card_png(IN_PICTURE), "Ada.png")
    added(tavern, as_json(IN_FILE), "Ada.json")
    versions = tavern.ask("GET", at(first, "/versions")).json()["data"]
    old = tavern.ask("GET", at(first, f"/versions/{versions[-1]['version']}")).json()["data"]
    assert (len(versions), old["name"]) == (2, "Ada of the picture")


def test_two_cards_for_one_picture_at_once_are_two_characters(tavern: Tavern) -> None:
    first = added(tavern, png(), "Ada.png")
    asks = [sent(card("Ada", creator=maker), "Ada.json") for maker in ("Byron", "Charles")]
    answers = tavern.ask_at_once(*asks)
    assert [answer.status for answer in answers] == [201, 201]
    ids = [answer.json()["data"]["id"] for answer in answers]
    assert ids.count(first["id"]) == 1
    assert {each["creator"] for each in listed(tavern)} == {"Byron", "Charles"}
    assert len(listed(tavern)) == 2


def test_two_pictures_for_one_card_at_once_are_two_characters_and_keep_both(tavern: Tavern) -> None:
    first = added(tavern, card("Ada"), "Ada.json")
    pictures = [grey(3, 3, shade) for shade in (1, 2)]
    answers = tavern.ask_at_once(*(sent(data, "Ada.png") for data in pictures))
    found = [answer.json()["data"] for answer in answers]
    assert [each["id"] for each in found].count(first["id"]) == 1
    served = [tavern.ask("GET", f"{ALL}/image/{each['imageName']}").body for each in found]
    assert served == pictures
    folder = f"users/default_user/characters/{first['id']}/images/"
    assert len([*container.documents().history(folder)]) == 1


def test_a_card_for_a_picture_that_is_being_deleted_is_kept(tavern: Tavern) -> None:
    for number in range(4):
        first = added(tavern, png(), f"Ada {number}.png")
        deleted, kept = tavern.ask_at_once(
            Ask("DELETE", at(first)), sent(card(f"C {number}"), f"Ada {number}.json")
        )
        assert (deleted.status, kept.status) == (204, 201)
        entry = kept.json()["data"]
        if entry["id"] == first["id"]:  # it was merged, then deleted
            (binned,) = tavern.ask("GET", "/api/recycle-bin").json()
            tavern.ask("POST", f"/api/recycle-bin/{binned['id']}/restore")
        assert shown(tavern, entry)["name"] == f"C {number}"
        tavern.ask("DELETE", at(entry))
        tavern.ask("DELETE", "/api/recycle-bin")
