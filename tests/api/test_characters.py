"""Characters over HTTP: what comes in, is listed, changed, deleted and brought back."""

from typing import Any

import pytest

from chalicelib import container
from chalicelib.ports import Remove
from tests.api.characters import ALL, added, card, grey, listed, without
from tests.api.pictures import form, part
from tests.api.product import Ask, Tavern
from tests.unit.pictures.samples import png


def test_a_picture_without_a_card_is_listed_by_its_stem(tavern: Tavern) -> None:
    entry = added(tavern, png(), "Ada v1.2.png")
    assert (entry["name"], entry["imageName"]) == ("Ada v1.2", "Ada v1.2.png")
    shown = tavern.ask("GET", f"{ALL}/image/Ada%20v1.2.png")
    assert (shown.status, shown.body) == (200, png())
    assert [each["id"] for each in listed(tavern)] == [entry["id"]]


def test_a_card_and_a_picture_of_one_name_are_one_character(tavern: Tavern) -> None:
    first = added(tavern, png(), "Ada.png")
    second = added(tavern, card("Ada Lovelace", creator="Byron"), "Ada.json")
    assert second["id"] == first["id"]
    assert (second["name"], second["imageName"]) == ("Ada Lovelace", "Ada.png")
    assert [each["creator"] for each in listed(tavern)] == ["Byron"]


def test_a_card_comes_to_the_picture_of_the_same_characters_name(tavern: Tavern) -> None:
    first = added(tavern, png(), "ada-portrait.png")
    tavern.ask("PATCH", f"{ALL}/{first['id']}", json={"name": "Ada"})
    assert added(tavern, card("Ada"), "from-elsewhere.json")["id"] == first["id"]


def test_a_picture_comes_to_the_card_that_was_there_before_it(tavern: Tavern) -> None:
    first = added(tavern, card("Ada"), "Ada.json")
    assert first["imageName"] is None
    second = added(tavern, png(), "Ada.png")
    assert (second["id"], second["name"], second["imageName"]) == (first["id"], "Ada", "Ada.png")


def test_a_second_picture_of_a_name_is_a_character_of_its_own(tavern: Tavern) -> None:
    names = [added(tavern, png(), "Ada.png")["imageName"] for _ in range(3)]
    assert names == ["Ada.png", "Ada (2).png", "Ada (3).png"]
    assert len(listed(tavern)) == 3


def test_a_stale_edit_is_refused_and_changes_nothing(tavern: Tavern) -> None:
    entry = added(tavern, card(), "Ada.json")
    target = f"{ALL}/{entry['id']}"
    read = tavern.ask("GET", target)
    first = tavern.ask("PATCH", target, json={"description": "one"})
    stale = {"If-Match": read.headers["etag"]}
    second = tavern.ask("PATCH", target, json={"description": "two"}, headers=stale)
    assert (first.status, second.status) == (200, 412)
    assert tavern.ask("GET", target).json()["data"]["description"] == "one"


def test_a_whole_card_is_replaced_as_it_was_read(tavern: Tavern) -> None:
    entry = added(tavern, card(extensions={"mine": {"kept": [1]}}), "Ada.json")
    target = f"{ALL}/{entry['id']}"
    whole = tavern.ask("GET", target).json()["data"]["card"]
    whole["data"]["scenario"] = "A salon"
    for body in (whole, {"card": whole}):
        answer = tavern.ask("PUT", target, json=body)
        assert answer.status == 200, answer.body
    found = tavern.ask("GET", target).json()["data"]["card"]["data"]
    assert (found["scenario"], found["extensions"]) == ("A salon", {"mine": {"kept": [1]}})


def test_a_deleted_character_comes_back_from_the_bin(tavern: Tavern) -> None:
    entry = added(tavern, png(), "Ada.png")
    before = listed(tavern)
    assert tavern.ask("DELETE", f"{ALL}/{entry['id']}").status == 204
    assert (listed(tavern), tavern.ask("GET", f"{ALL}/{entry['id']}").status) == ([], 404)
    (binned,) = tavern.ask("GET", "/api/recycle-bin").json()
    assert (binned["kind"], binned["name"]) == ("character", "Ada")
    restored = tavern.ask("POST", f"/api/recycle-bin/{binned['id']}/restore")
    assert restored.json() == {"kind": "character", "name": "Ada", "characterId": entry["id"]}
    after = listed(tavern)
    assert [without(each, "updatedAt") for each in after] == [
        without(each, "updatedAt") for each in before
    ]


def test_what_is_removed_from_the_bin_is_gone_for_good(tavern: Tavern) -> None:
    entry = added(tavern, png(), "Ada.png")
    tavern.ask("DELETE", f"{ALL}/{entry['id']}")
    assert tavern.ask("DELETE", f"/api/recycle-bin/character-{entry['id']}").status == 204
    assert tavern.ask("GET", "/api/recycle-bin").json() == []
    assert list(container.documents().history("users/default_user/characters/")) == []


def test_an_earlier_version_comes_back_with_its_picture(tavern: Tavern) -> None:
    entry = added(tavern, png(), "Ada.png")
    target = f"{ALL}/{entry['id']}"
    other = grey(9, 9)
    changed = tavern.ask("PUT", f"{target}/image", **form(part("file", other, filename="x.png")))
    assert changed.status == 200, changed.body
    assert tavern.ask("GET", f"{ALL}/image/Ada.png").body == other
    versions = tavern.ask("GET", f"{target}/versions").json()["data"]
    oldest = versions[-1]["version"]
    assert tavern.ask("POST", f"{target}/versions/{oldest}/restore").status == 200
    assert tavern.ask("GET", f"{ALL}/image/Ada.png").body == png()


def test_an_unchanged_list_is_not_sent_again(tavern: Tavern) -> None:
    added(tavern, card(), "Ada.json")
    etag = tavern.ask("GET", ALL).headers["etag"]
    again = tavern.ask("GET", ALL, headers={"If-None-Match": etag})
    assert (again.status, again.body) == (304, b"")
    added(tavern, card("Bob"), "Bob.json")
    assert tavern.ask("GET", ALL, headers={"If-None-Match": etag}).status == 200


def test_pages_give_what_the_whole_list_gives(tavern: Tavern) -> None:
    for number in range(7):
        added(tavern, card(f"Card {number}"), f"card-{number}.json")
    for sort in ("name", "changed", "added"):
        found: list[dict[str, Any]] = []
        cursor: str | None = ""
        while cursor is not None:
            after = f"&cursor={cursor}" if cursor else ""
            answer = tavern.ask("GET", f"{ALL}?limit=3&sort={sort}{after}")
            found += answer.json()["data"]
            cursor = answer.json()["nextCursor"]
        assert {each["id"] for each in found} == {each["id"] for each in listed(tavern)}
        assert len(found) == 7
        names = [each["name"] for each in found]
        assert names == sorted(names, reverse=sort != "name")


def test_an_index_made_anew_from_the_objects_gives_the_same_list(tavern: Tavern) -> None:
    for number in range(3):
        added(tavern, png(), "Ada.png")
        added(tavern, card(f"Card {number}"), f"card-{number}.json")
    gone = added(tavern, card("Gone"), "gone.json")
    tavern.ask("DELETE", f"{ALL}/{gone['id']}")
    before, binned = listed(tavern), tavern.ask("GET", "/api/recycle-bin").json()
    index = container.index()
    for partition in ("default_user#characters", "default_user#characters#bin"):
        for entry in index.query(partition).entries:
            index.write(Remove(partition, entry.key))
    assert listed(tavern, "?limit=200") == []
    answer = tavern.ask("POST", f"{ALL}/rebuild-index")
    assert answer.json()["data"] == {"documents": 7, "removed": 0, "after": None}
    assert (listed(tavern), tavern.ask("GET", "/api/recycle-bin").json()) == (before, binned)
    assert listed(tavern, "?sort=changed&limit=200") != []


@pytest.mark.parametrize("at_once", [2, 5])
def test_uploads_of_one_name_at_once_are_all_kept(tavern: Tavern, at_once: int) -> None:
    given = form(part("file", png(), filename="Ada.png"))
    asks = [Ask("POST", ALL, None, given["body"], given["headers"]) for _ in range(at_once)]
    answers = tavern.ask_at_once(*asks)
    assert [answer.status for answer in answers] == [201] * at_once
    names = {answer.json()["data"]["imageName"] for answer in answers}
    assert len(names) == at_once
    assert {each["imageName"] for each in listed(tavern)} == names


@pytest.mark.parametrize("name", ["..%2Fada.png", ".ada.png", "a%5Cb.png", "a%00b.png", "a..b.png"])
def test_an_image_name_that_no_file_has_is_refused(tavern: Tavern, name: str) -> None:
    assert tavern.ask("GET", f"{ALL}/image/{name}").status == 400


def test_a_part_of_a_picture_is_sent_as_it_was_asked_for(tavern: Tavern) -> None:
    added(tavern, png(), "Ada.png")
    target = f"{ALL}/image/Ada.png"
    middle = tavern.ask("GET", target, headers={"Range": "bytes=2-5"})
    assert (middle.status, middle.body) == (206, png()[2:6])
    assert middle.headers["content-range"] == f"bytes 2-5/{len(png())}"
    end = tavern.ask("GET", target, headers={"Range": "bytes=-4"})
    assert end.body == png()[-4:]
    past = tavern.ask("GET", target, headers={"Range": "bytes=999999-"})
    assert past.status == 416


def test_a_thumbnail_is_made_once(tavern: Tavern) -> None:
    entry = added(tavern, grey(300, 200), "Ada.png")
    target = f"{ALL}/image/Ada.png?size=160&v={entry['imageHash']}"
    first = tavern.ask("GET", target)
    assert (first.status, first.headers["content-type"]) == (200, "image/webp")
    assert "immutable" in first.headers["cache-control"]
    assert tavern.ask("GET", target).body == first.body
    known = tavern.ask("GET", target, headers={"If-None-Match": first.headers["etag"]})
    assert known.status == 304
    assert tavern.ask("GET", f"{ALL}/image/Ada.png?size=161").status == 400


def test_an_export_comes_back_as_the_same_card(tavern: Tavern) -> None:
    entry = added(tavern, png(), "Ada.png")
    target = f"{ALL}/{entry['id']}"
    tavern.ask("PATCH", target, json={"description": "counts", "favorite": True})
    before = tavern.ask("GET", target).json()["data"]["card"]
    for form_ in ("png", "json", "charx"):
        file = tavern.ask("GET", f"{target}/export?format={form_}")
        assert file.status == 200, file.body
        assert f"Ada.{form_}" in file.headers["content-disposition"]
        again = added(tavern, file.body, f"again-{form_}.{form_}")
        card_again = tavern.ask("GET", f"{ALL}/{again['id']}").json()["data"]["card"]
        if form_ != "charx":
            assert card_again == before
        assert card_again["data"]["description"] == "counts"
    assert tavern.ask("GET", f"{target}/export?format=exe").status == 400
