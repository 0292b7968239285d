"""A character is changed, doubled, deleted and brought back."""

from typing import Any

import pytest

from chalicelib import container
from chalicelib.services.library.shelf_repair import ShelfRepair
from tests.api.characters import (
    ALL,
    added,
    at,
    card,
    grey,
    listed,
    put_rows,
    replace_image,
    shown,
    without,
)
from tests.api.hostile import assert_error
from tests.api.product import Ask, Tavern
from tests.cards import as_json, v1, v2, v3
from tests.unit.imports.depot import zipped
from tests.unit.pictures.samples import png

STALE = {"If-Match": '"0"'}


def test_every_write_with_a_stale_etag_is_a_412_and_changes_nothing(either_tavern: Tavern) -> None:
    entry = added(either_tavern, png(), "Ada.png")
    before = [*container.documents().history("users/")]
    (version,) = either_tavern.ask("GET", at(entry, "/versions")).json()["data"]
    restore = f"/versions/{version['version']}/restore"
    answers = [
        either_tavern.ask("PUT", at(entry), json=v1(), headers=STALE),
        either_tavern.ask("PATCH", at(entry), json={"creator": "B"}, headers=STALE),
        either_tavern.ask("POST", at(entry, restore), headers=STALE),
        either_tavern.ask("DELETE", at(entry), headers=STALE),
        replace_image(either_tavern, entry, grey(2, 2), STALE),
    ]
    assert [answer.status for answer in answers] == [412] * 5
    assert_error(answers[0].json(), success_flag=True)
    assert [*container.documents().history("users/")] == before
    assert listed(either_tavern) == [entry]


def test_an_edit_of_the_version_that_was_read_is_taken(either_tavern: Tavern) -> None:
    entry = added(either_tavern, card(), "Ada.json")
    read = either_tavern.ask("GET", at(entry))
    condition = {"If-Match": f'"other", {read.headers["etag"]}'}
    answer = either_tavern.ask("PATCH", at(entry), json={"creator": "B"}, headers=condition)
    assert (answer.status, answer.json()["data"]["creator"]) == (200, "B")
    assert answer.headers["etag"] == either_tavern.ask("GET", at(entry)).headers["etag"]
    again = either_tavern.ask("PATCH", at(entry), json={"creator": "C"}, headers=condition)
    assert again.status == 412
    assert listed(either_tavern)[0]["creator"] == "B"


def test_what_the_caller_has_is_not_sent_again(tavern: Tavern) -> None:
    entry = added(tavern, card(), "Ada.json")
    etag = tavern.ask("GET", at(entry)).headers["etag"]
    for known in (etag, f"W/{etag}", f'"x", {etag}', "*"):
        answer = tavern.ask("GET", at(entry), headers={"If-None-Match": known})
        assert (answer.status, answer.body) == (304, b"")
    assert tavern.ask("GET", at(entry), headers={"If-None-Match": '"x"'}).status == 200


def test_a_patch_merges_and_null_takes_away(tavern: Tavern) -> None:
    entry = added(tavern, as_json(v3()), "Ada.json")
    change = {
        "scenario": None,
        "tags": None,
        "nickname": None,
        "made_with": {"brass": None, "steam": 1},
        "extensions": {"fav": None, "depth_prompt": {"role": "system"}},
        "favorite": True,
    }
    answer = tavern.ask("PATCH", at(entry), json=change)
    assert answer.status == 200, answer.body
    data = shown(tavern, entry)["card"]["data"]
    assert (data["scenario"], data["tags"], "nickname" in data) == ("", [], False)
    assert data["made_with"] == {"steam": 1}
    depth = {"depth": 4, "role": "system"}
    assert data["extensions"] == {"fav": True, "talkativeness": "0.8", "depth_prompt": depth}
    assert data["description"] == v3()["data"]["description"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": None}, "name"),
        ({"name": " "}, "name"),
        ({"name": 1}, "name"),
        ({"description": ["a"]}, "description"),
        ({"tags": "a"}, "tags"),
        ({"tags": [1]}, "tags"),
        ({"extensions": [1]}, "extensions"),
        ({"character_book": {"entries": 1}}, "character_book"),
        ({"favorite": "yes"}, "favorite"),
        ({"favorite": None}, "favorite"),
        ({"creation_date": "today"}, "creation_date"),
        ({}, None),
        ([1], None),
        ("name", None),
    ],
)
def test_a_patch_that_makes_no_card_is_a_400(tavern: Tavern, change: Any, field: str) -> None:
    entry = added(tavern, card(), "Ada.json")
    answer = tavern.ask("PATCH", at(entry), json=change)
    assert answer.status == 400
    assert_error(answer.json(), success_flag=True)
    if field is not None:
        assert [*answer.json()["details"]] == [field]
    assert listed(tavern) == [entry]


@pytest.mark.parametrize("whole", [v1(), v2(), v3()], ids=["V1", "V2", "V3"])
def test_a_card_of_any_version_replaces_another(either_tavern: Tavern, whole: Any) -> None:
    entry = added(either_tavern, card("Bob", creator="gone"), "Bob.json")
    answer = either_tavern.ask("PUT", at(entry), json=whole)
    assert answer.status == 200, answer.body
    found = answer.json()["data"]
    assert (found["id"], found["name"], found["createdAt"]) == (
        entry["id"],
        "Ada",
        entry["createdAt"],
    )
    assert found["card"]["spec"] == "chara_card_v3"
    assert found["card"]["data"]["description"] == v1()["description"]
    assert found["card"]["data"]["creator"] == whole.get("data", {}).get("creator", "")
    assert listed(either_tavern) == [without(found, "card")]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"card": None},
        {"card": 1},
        {"data": 1, "spec": "chara_card_v2"},
        {"some": "thing"},
        [],
        [{"name": "Ada"}],
        "Ada",
        None,
        {"spec": "lorebook_v3", "data": {"entries": []}},
    ],
)
def test_what_is_no_card_replaces_none(tavern: Tavern, body: Any) -> None:
    entry = added(tavern, card(), "Ada.json")
    answer = tavern.ask("PUT", at(entry), json=body, body=b"null" if body is None else b"")
    assert answer.status == 400, answer.body
    assert_error(answer.json(), success_flag=True)
    assert listed(tavern) == [entry]


def test_deep_json_is_refused_however_it_comes(tavern: Tavern) -> None:
    entry = added(tavern, card(), "Ada.json")
    deep: Any = 1
    for _ in range(62):
        deep = [deep]
    change = {"extensions": {"deep": deep}}  # 64 levels of the request, 65 of the card
    answers = [tavern.ask("PATCH", at(entry), json=change)]
    answers.append(tavern.ask("PUT", at(entry), json={"card": {"name": "Ada", "x": [[[deep]]]}}))
    for method in ("PUT", "PATCH"):
        headers = {"Content-Type": "application/json"}
        raw = b'{"a":' * 5_000 + b"1" + b"}" * 5_000
        answers.append(tavern.ask(method, at(entry), body=raw, headers=headers))
    assert [answer.status for answer in answers] == [400] * 4
    assert listed(tavern) == [entry]
    assert tavern.ask("GET", at(entry, "/export?format=json")).status == 200


def test_a_write_that_both_want_is_made_once_and_the_other_after_it(tavern: Tavern) -> None:
    entry = added(tavern, card(), "Ada.json")
    changes = [{"creator": "B"}, {"scenario": "S"}, {"favorite": True}, {"nickname": "N"}]
    answers = tavern.ask_at_once(*(Ask("PATCH", at(entry), change) for change in changes))
    assert [answer.status for answer in answers] == [200] * 4
    data = shown(tavern, entry)["card"]["data"]
    assert (data["creator"], data["scenario"], data["nickname"]) == ("B", "S", "N")
    assert listed(tavern)[0]["favorite"] is True


def test_of_two_edits_of_one_version_one_is_made(tavern: Tavern) -> None:
    entry = added(tavern, card(), "Ada.json")
    condition = {"If-Match": tavern.ask("GET", at(entry)).headers["etag"]}
    asks = [Ask("PATCH", at(entry), {"creator": who}, headers=condition) for who in "ABCD"]
    statuses = [answer.status for answer in tavern.ask_at_once(*asks)]
    assert sorted(statuses) == [200, 412, 412, 412]
    assert listed(tavern)[0]["creator"] == "ABCD"[statuses.index(200)]


def test_a_restored_character_whose_image_name_was_taken_gets_another(
    either_tavern: Tavern,
) -> None:
    first = added(either_tavern, png(), "Ada.png")
    assert either_tavern.ask("DELETE", at(first)).status == 204
    assert either_tavern.ask("GET", f"{ALL}/image/Ada.png").status == 404
    second = added(either_tavern, grey(2, 2), "Ada.png")
    assert second["imageName"] == "Ada.png"
    entry_id = f"character-{first['id']}"
    assert either_tavern.ask("POST", f"/api/recycle-bin/{entry_id}/restore").status == 200
    names = {each["id"]: each["imageName"] for each in listed(either_tavern)}
    assert names == {second["id"]: "Ada.png", first["id"]: "Ada (2).png"}
    served = [either_tavern.ask("GET", f"{ALL}/image/{name}").body for name in names.values()]
    assert {*served} == {png(), grey(2, 2)}
    assert either_tavern.ask("POST", f"/api/recycle-bin/{entry_id}/restore").status == 404


def test_what_is_in_the_bin_is_nowhere_else(tavern: Tavern) -> None:
    entry = added(tavern, png(), "Ada.png")
    tavern.ask("DELETE", at(entry))
    answers = [
        tavern.ask("GET", at(entry)),
        tavern.ask("PUT", at(entry), json=v1()),
        tavern.ask("PATCH", at(entry), json={"creator": "B"}),
        tavern.ask("DELETE", at(entry)),
        tavern.ask("POST", at(entry, "/duplicate")),
        tavern.ask("GET", at(entry, "/export")),
        tavern.ask("GET", at(entry, "/versions")),
        replace_image(tavern, entry, png()),
        tavern.ask("GET", f"{ALL}/image/Ada.png"),
    ]
    assert [answer.status for answer in answers] == [404] * 9
    assert listed(tavern) == []
    assert tavern.ask("GET", f"{ALL}/tags").json()["data"] == []


def test_a_version_comes_back_and_the_one_before_is_history(either_tavern: Tavern) -> None:
    entry = added(either_tavern, card(description="first"), "Ada.json")
    either_tavern.ask("PATCH", at(entry), json={"description": "second"})
    versions = either_tavern.ask("GET", at(entry, "/versions")).json()["data"]
    assert [each["current"] for each in versions] == [True, False]
    old = at(entry, f"/versions/{versions[1]['version']}")
    assert either_tavern.ask("GET", old).json()["data"]["description"] == "first"
    restored = either_tavern.ask("POST", f"{old}/restore")
    assert (restored.status, restored.json()["data"]["description"]) == (200, "first")
    assert restored.json()["data"]["createdAt"] == entry["createdAt"]
    assert listed(either_tavern)[0]["description"] == "first"
    assert len(either_tavern.ask("GET", at(entry, "/versions")).json()["data"]) == 3


def test_the_version_that_was_deleted_comes_back_as_one_that_is_not(tavern: Tavern) -> None:
    entry = added(tavern, card(), "Ada.json")
    tavern.ask("DELETE", at(entry))
    tavern.ask("POST", f"/api/recycle-bin/character-{entry['id']}/restore")
    versions = tavern.ask("GET", at(entry, "/versions")).json()["data"]
    assert len(versions) == 3
    for version in versions:
        path = at(entry, f"/versions/{version['version']}/restore")
        assert tavern.ask("POST", path).status == 200
        assert [each["id"] for each in listed(tavern)] == [entry["id"]]
    assert tavern.ask("GET", "/api/recycle-bin").json() == []


def test_a_version_of_another_character_is_none_of_this_one(tavern: Tavern) -> None:
    ids = [added(tavern, card(name), f"{name}.json") for name in ("Ada", "Bob")]
    (version,) = tavern.ask("GET", at(ids[0], "/versions")).json()["data"]
    for wrong in (version["version"], "x", "%00", "..%2F"):
        assert tavern.ask("GET", at(ids[1], f"/versions/{wrong}")).status == 404
        assert tavern.ask("POST", at(ids[1], f"/versions/{wrong}/restore")).status == 404


def test_what_had_no_picture_then_has_none_when_that_comes_back(tavern: Tavern) -> None:
    entry = added(tavern, card(), "Ada.json")
    assert replace_image(tavern, entry, png()).json()["data"]["imageName"] == "other.png"
    oldest = tavern.ask("GET", at(entry, "/versions")).json()["data"][-1]["version"]
    taken = added(tavern, card("Bob"), "Ada.json")  # the name of its file is free meanwhile
    restored = tavern.ask("POST", at(entry, f"/versions/{oldest}/restore")).json()["data"]
    assert restored["imageName"] is None
    assert tavern.ask("GET", f"{ALL}/image/other.png").status == 404
    assert {each["id"] for each in listed(tavern)} == {entry["id"], taken["id"]}
    again = replace_image(tavern, entry, grey(4, 4)).json()["data"]
    assert tavern.ask("GET", f"{ALL}/image/{again['imageName']}").body == grey(4, 4)


def test_a_duplicate_is_like_the_first_and_goes_its_own_way(either_tavern: Tavern) -> None:
    first = added(either_tavern, png(), "Ada.png")
    answer = either_tavern.ask("POST", at(first, "/duplicate"))
    assert answer.status == 201
    second = answer.json()["data"]
    assert second["imageName"] == "Ada (2).png"
    own = ("id", "imageName", "createdAt", "updatedAt", "card")
    assert without(second, *own) == without(first, *own)
    assert second["card"] == shown(either_tavern, first)["card"]
    either_tavern.ask("PATCH", at(second), json={"name": "Other"})
    replace_image(either_tavern, second, grey(5, 5))
    assert either_tavern.ask("GET", f"{ALL}/image/Ada.png").body == png()
    assert {each["name"] for each in listed(either_tavern)} == {"Ada", "Other"}
    either_tavern.ask("DELETE", at(first))
    either_tavern.ask("DELETE", "/api/recycle-bin")
    assert either_tavern.ask("GET", f"{ALL}/image/Ada%20(2).png").body == grey(5, 5)


def test_a_duplicate_has_the_files_of_its_archive(tavern: Tavern) -> None:
    files = {"card.json": as_json(v3()), "assets/other/images/hat.png": png()}
    first = added(tavern, zipped(files), "Ada.charx")
    second = tavern.ask("POST", at(first, "/duplicate")).json()["data"]
    tavern.ask("DELETE", at(first))
    tavern.ask("DELETE", "/api/recycle-bin")
    exported = tavern.ask("GET", at(second, "/export?format=charx"))
    assert exported.status == 200
    assert b"assets/other/images/hat.png" in exported.body


def test_an_index_that_is_rebuilt_in_pieces_is_whole_again(tavern: Tavern) -> None:
    for number in range(4):
        added(tavern, card(f"Card {number}"), f"{number}.json")
    before, repair = listed(tavern), ShelfRepair(container.character_shelf())
    pieces = 0
    done = repair.rebuild("default_user", None, lambda: False)
    while done.after is not None:
        pieces += 1
        done = repair.rebuild("default_user", done.after, lambda: False)
    assert pieces >= 3
    assert listed(tavern) == before


def test_a_rebuild_removes_however_many_rows_are_of_no_character(tavern: Tavern) -> None:
    entry = added(tavern, card(), "Ada.json")
    put_rows("name/", 250, entry)
    done = tavern.ask("POST", f"{ALL}/rebuild-index").json()["data"]
    assert (done["documents"], done["removed"]) == (1, 250)
    assert listed(tavern, "?limit=200") == [entry]


def test_a_rebuild_goes_on_from_an_id_alone(aws_tavern: Tavern) -> None:
    for after in ("x", "", "%00", "..%2F..%2F", "a" * 2_000, "%ED%A0%80"):
        answer = aws_tavern.ask("POST", f"{ALL}/rebuild-index?after={after}")
        assert (answer.status, [*answer.json()["details"]]) == (400, ["after"])


@pytest.mark.parametrize("name", ["", "  ", None, 7, ["Ada"], "x" * 201])
def test_a_name_that_a_user_gives_is_a_name(tavern: Tavern, name: object) -> None:
    entry = added(tavern, card(), "Ada.json")
    answer = tavern.ask("PATCH", at(entry), json={"name": name})
    assert answer.status == 400
    assert list(answer.json()["details"]) == ["name"]
    assert listed(tavern) == [entry]


def test_a_name_that_a_user_gives_is_trimmed(tavern: Tavern) -> None:
    entry = added(tavern, card(), "Ada.json")
    changed = tavern.ask("PATCH", at(entry), json={"name": "  Countess "}).json()["data"]
    assert (changed["name"], changed["card"]["data"]["name"]) == ("Countess", "Countess")


def test_a_whole_card_is_no_patch(tavern: Tavern) -> None:
    entry = added(tavern, card(), "Ada.json")
    answer = tavern.ask("PATCH", at(entry), json={"card": v2(name="Eve")})
    assert (answer.status, list(answer.json()["details"])) == (400, ["card"])
