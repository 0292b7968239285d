"""What comes in as a file: what its entry says, what it is called, and what is refused."""

import json
from typing import Any
from urllib.parse import quote

import pytest

from chalicelib import container
from tests.api.characters import ALL, added, at, card, listed, send, shown
from tests.api.hostile import assert_error
from tests.api.people import bearer, login
from tests.api.pictures import form, part
from tests.api.product import Answer, Tavern
from tests.cards import as_json, card_png, v1, v2, v3
from tests.unit.pictures.samples import all_kinds, png

KINDS = all_kinds()
REQUIRED = {"id", "name", "imageName", "tags", "favorite", "createdAt", "updatedAt"}


def test_an_entry_says_what_its_card_does(either_tavern: Tavern) -> None:
    root = {"create_date": "2026-01-02", "avatar": "ada.png", "chat": "Ada - 1", "fav": False}
    entry = added(either_tavern, as_json(v2(root=root)), "ada.json")
    said = {
        "name": "Ada",
        "description": v2()["data"]["description"],
        "imageName": None,
        "tags": ["history", "mathematics"],
        "creator": "Charles",
        "creatorComment": "Made of brass",
        "createDate": "2026-01-02",
        "characterVersion": "1.2",
        "talkativeness": 0.8,
        "favorite": True,
        "avatar": "ada.png",
        "chat": "Ada - 1",
    }
    assert {key: entry[key] for key in said} == said
    assert entry.keys() == REQUIRED | said.keys()
    assert listed(either_tavern) == [entry]


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        (v1(fav=True, talkativeness="0.3"), (True, 0.3)),
        (v2(extensions={}, root={"fav": "true", "talkativeness": 0.25}), (True, 0.25)),
        (v2(extensions={"fav": False}, root={"fav": True}), (False, None)),
        (v3(extensions={"talkativeness": "often"}), (False, None)),
        (v3(extensions={"fav": "false", "talkativeness": ""}), (False, None)),
    ],
)
def test_what_is_in_the_extensions_counts_before_the_root(
    tavern: Tavern, file: Any, expected: tuple[bool, float | None]
) -> None:
    entry = added(tavern, as_json(file), "ada.json")
    assert (entry["favorite"], entry.get("talkativeness")) == expected


def test_what_a_card_does_not_say_is_not_in_its_entry(tavern: Tavern) -> None:
    entry = added(tavern, png(), "Ada.png")
    assert entry.keys() == REQUIRED | {"imageHash"}
    assert (entry["tags"], entry["favorite"]) == ([], False)


@pytest.mark.parametrize("name", sorted(KINDS))
def test_a_picture_is_served_byte_for_byte_as_it_came(tavern: Tavern, name: str) -> None:
    kind = name.partition(" ")[0]
    image = added(tavern, KINDS[name], f"Ada.{kind}")["imageName"]
    answer = tavern.ask("GET", f"{ALL}/image/{image}")
    assert (answer.status, answer.body) == (200, KINDS[name])
    assert answer.headers["content-type"] == f"image/{kind}"


def test_a_picture_with_a_card_is_served_with_its_card(either_tavern: Tavern) -> None:
    file = card_png(v3(), "ccv3")
    entry = added(either_tavern, file, "whatever.png")
    assert (entry["name"], entry["imageName"]) == ("Ada", "whatever.png")
    answer = either_tavern.ask("GET", f"{ALL}/image/whatever.png")
    assert (answer.status, answer.body) == (200, file)


def test_repairs_are_told(tavern: Tavern) -> None:
    answer = send(tavern, card(name="", tags="a, b"), "Ada.json").json()
    assert (answer["data"]["name"], answer["data"]["tags"]) == ("Ada", ["a", "b"])
    assert {repair.partition(":")[0] for repair in answer["repairs"]} == {"data.name", "data.tags"}
    assert send(tavern, card("Bob"), "Bob.json").json()["repairs"] == []


def test_of_several_files_the_broken_ones_are_no_trouble_of_the_others(
    either_tavern: Tavern,
) -> None:
    given = form(
        part("file", card("Ada"), filename="a.json"),
        part("file", b"{nothing", filename="b.json"),
        part("file", png(), filename="c.png"),
        part("file", png()[:-20], filename="d.png"),
        part("file", b"%PDF-1.7\0", filename="e.pdf"),
    )
    answer = either_tavern.ask("POST", ALL, **given)
    assert answer.status == 201
    body = answer.json()
    assert body["success"] is True
    assert [each["name"] for each in body["data"]] == ["Ada", "c"]
    results = body["results"]
    assert [each["name"] for each in results] == ["a.json", "b.json", "c.png", "d.png", "e.pdf"]
    assert [each["success"] for each in results] == [True, False, True, False, False]
    assert [each.get("status") for each in results] == [None, 400, None, 400, 415]
    assert "line 1 column 2" in results[1]["error"]
    assert {each["name"] for each in listed(either_tavern)} == {"Ada", "c"}


def test_several_files_that_are_all_broken_are_a_400(tavern: Tavern) -> None:
    given = form(part("file", b"{"), part("file", b"[]"))
    answer = tavern.ask("POST", ALL, **given)
    assert (answer.status, answer.json()["success"], answer.json()["data"]) == (400, False, [])
    assert listed(tavern) == []


@pytest.mark.parametrize(
    ("data", "filename", "status", "where"),
    [
        (b'{"name": "Ada",\n "description": }', "a.json", 400, "line 2 column 17"),
        (b'{"name": "\xff"}', "a.json", 400, "byte 10"),
        (b"[1, 2]", "a.json", 400, ""),
        (b'{"some": "thing"}', "a.json", 400, ""),
        (b'{"a":' * 100 + b"1" + b"}" * 100, "a.json", 400, "64"),
        (b"[" * 100_000, "a.json", 400, ""),
        (png()[:40], "a.png", 400, ""),
        (b"\0\1\2", "a.bin", 415, ""),
        (b"\xff\xd8\xff\xe0", "a.jpg", 400, ""),
    ],
)
def test_a_broken_file_is_refused_with_what_is_wrong_and_where(
    tavern: Tavern, data: bytes, filename: str, status: int, where: str
) -> None:
    answer = send(tavern, data, filename)
    assert answer.status == status
    assert_error(answer.json(), success_flag=True)
    assert where in answer.json()["error"]
    assert (listed(tavern), [*container.documents().keys("users/")]) == ([], [])


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("数える 🧮.png", "数える 🧮.png"),
        ("Ada v1.2.PNG", "Ada v1.2.PNG"),
        ("50% + #1 & co?.png", "50% + #1 & co?.png"),
        ("../../etc/passwd.png", "passwd.png"),
        ("C:\\Users\\ada\\Ada.png", "Ada.png"),
        ("...hidden.png", "hidden.png"),
        (". .Ada.png", "Ada.png"),
        ("Oh...my.png", "Oh.my.png"),
        ("Dr. .png", "Dr.png"),
        ("e\u0301.png", "é.png"),
        ("a\tb\u202eg.png", "abg.png"),
        ("noending", "noending"),
        ("..", "character"),
        ("x" * 500 + ".png", "x" * 196 + ".png"),
        ("💩" * 500 + ".png", "💩" * 149 + ".png"),
    ],
)
def test_a_picture_is_found_by_a_name_near_to_that_of_its_file(
    tavern: Tavern, given: str, kept: str
) -> None:
    entry = added(tavern, png(), given)
    assert entry["imageName"] == kept
    assert tavern.ask("GET", f"{ALL}/image/{quoted(kept)}").body == png()
    again = added(tavern, png(), given)["imageName"]
    assert "(2)" in again
    assert tavern.ask("GET", f"{ALL}/image/{quoted(again)}").body == png()


def quoted(name: str) -> str:
    """As it is in an address."""
    return quote(name, safe="")


def test_a_file_without_a_name_is_a_character(tavern: Tavern) -> None:
    answer = tavern.ask("POST", ALL, **form(part("file", png(), filename="")))
    assert answer.json()["data"]["name"] == "character"


def test_what_is_no_form_or_has_no_file_is_refused(tavern: Tavern) -> None:
    assert tavern.ask("POST", ALL, json={"name": "Ada"}).status == 415
    assert tavern.ask("POST", ALL, **form(part("other", png()))).status == 400
    assert tavern.ask("POST", ALL, **form(part("file", b""))).status == 400
    too_many = form(*[part("file", b"{}")] * 101)
    assert tavern.ask("POST", ALL, **too_many).status == 400
    assert listed(tavern) == []


def test_a_file_that_is_too_large_for_a_request_is_told_the_way(aws_tavern: Tavern) -> None:
    answer = send(aws_tavern, png() + bytes(4 * 1024 * 1024), "Ada.png")
    assert answer.status == 413
    assert f"POST {ALL}/upload" in answer.json()["error"]


def test_long_texts_are_whole_in_the_card_and_cut_in_the_list(either_tavern: Tavern) -> None:
    text = "数え" * 5_000
    entry = added(either_tavern, card(description=text), "Ada.json")
    assert shown(either_tavern, entry)["card"]["data"]["description"] == text
    (whole,) = listed(either_tavern)
    (short,) = listed(either_tavern, "?limit=1")
    for cut, least in ((whole, 1_500), (short, 300)):
        assert text.startswith(cut["description"])
        assert least <= len(cut["description"]) <= 4_000
    assert len(json.dumps(whole, ensure_ascii=False).encode()) < 7_000


def test_what_comes_past_the_quota_is_a_413_and_leaves_nothing(either_many: Tavern) -> None:
    signed_in = login(either_many, "root").json()
    shown_by, uid = bearer(signed_in["token"]), signed_in["currentUser"]["uid"]
    limit = {"quotas": {"bytes": 5_000}}
    target = f"/api/admin/users/{uid}/quotas"
    assert either_many.ask("PUT", target, json=limit, headers=shown_by).status == 200

    def send(data: bytes, filename: str, method: str = "POST", target: str = ALL) -> Answer:
        given = form(part("file", data, filename=filename))
        headers = {**given["headers"], **shown_by}
        return either_many.ask(method, target, body=given["body"], headers=headers)

    entry = send(card(), "Ada.json").json()["data"]
    before = [*container.documents().history("users/")]
    large = KINDS["jpeg RGB"] + bytes(5_000)
    change = {"description": "x" * 5_000}
    answers = [
        send(large, "Bob.jpg"),
        send(large, "Ada.jpg"),  # would be merged
        send(large, "other.jpg", "PUT", at(entry, "/image")),
        either_many.ask("PATCH", at(entry), json=change, headers=shown_by),
    ]
    assert [answer.status for answer in answers] == [413] * 4
    assert_error(answers[0].json(), success_flag=True)
    assert [*container.documents().history("users/")] == before
    assert either_many.ask("GET", ALL, headers=shown_by).json()["data"] == [entry]
