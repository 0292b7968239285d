"""Lorebooks over HTTP: kept, listed, changed, brought back, and in and out of characters."""

from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from chalicelib import container
from chalicelib.ports import Remove
from tests.api.people import bearer, register
from tests.api.pictures import form, part
from tests.api.product import Answer, Tavern
from tests.cards import as_json, book, book_entry, card_png, picture, v2, v3

ALL = "/api/lorebooks"
CHARACTERS = "/api/characters"
WORLD: dict[str, Any] = {
    "entries": {
        "0": {
            "uid": 0,
            "key": ["moon", "luna"],
            "keysecondary": ["night"],
            "comment": "The moon",
            "content": "A lantern. 月",
            "constant": False,
            "selective": True,
            "selectiveLogic": 3,
            "order": 80,
            "position": 4,
            "disable": False,
            "probability": 50,
            "depth": 6,
            "theirs": {"kept": [1, None]},
        },
        "7": {"uid": 7, "key": ["sun"], "keysecondary": [], "content": "Far", "disable": True},
    },
    "theirs": "too",
}


def created(tavern: Tavern, body: object, **headers: str) -> dict[str, Any]:
    answer = tavern.ask("POST", ALL, json=body, headers=headers)
    assert answer.status == 201, answer.body
    data: dict[str, Any] = answer.json()["data"]
    return data


def sent(tavern: Tavern, data: bytes, filename: str) -> Answer:
    return tavern.ask("POST", f"{ALL}/import", **form(part("file", data, filename=filename)))


def as_yaml(value: object) -> bytes:
    return str(yaml.safe_dump(value, allow_unicode=True)).encode()


def listed(tavern: Tavern, query: str = "") -> list[dict[str, Any]]:
    answer = tavern.ask("GET", ALL + query)
    assert answer.status == 200, answer.body
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


def exported(tavern: Tavern, lorebook_id: str, form: str) -> Any:
    answer = tavern.ask("GET", f"{ALL}/{lorebook_id}/export?format={form}")
    assert answer.status == 200, answer.body
    return answer.json()


def character(tavern: Tavern, data: bytes, filename: str = "Ada.json") -> str:
    answer = tavern.ask("POST", CHARACTERS, **form(part("file", data, filename=filename)))
    assert answer.status == 201, answer.body
    return str(answer.json()["data"]["id"])


def test_a_lorebook_lives_as_other_documents_do(either_tavern: Tavern) -> None:
    tavern = either_tavern
    made = created(tavern, {"spec": "lorebook_v3", "data": book(name="Engines")})
    target = f"{ALL}/{made['id']}"
    read = tavern.ask("GET", target)
    assert read.json()["data"] == made
    condition = {"If-None-Match": read.headers["etag"]}
    assert tavern.ask("GET", target, headers=condition).status == 304
    stale = {"If-Match": read.headers["etag"]}
    first = tavern.ask("PATCH", target, json={"description": "one"}, headers=stale)
    second = tavern.ask("PATCH", target, json={"description": "two"}, headers=stale)
    assert (first.status, second.status) == (200, 412)
    assert listed(tavern)[0]["description"] == "one"
    (_, oldest) = tavern.ask("GET", f"{target}/versions").json()["data"]
    earlier = f"{target}/versions/{oldest['version']}"
    seen = tavern.ask("GET", earlier)
    assert seen.json()["data"] == made
    assert tavern.ask("GET", earlier, headers=condition).status == 304
    assert tavern.ask("GET", f"{target}/versions/none").status == 404
    restored = tavern.ask("POST", f"{earlier}/restore")
    assert restored.json()["data"]["book"] == made["book"]
    assert tavern.ask("DELETE", target, headers=stale).status == 412
    assert tavern.ask("DELETE", target).status == 204
    assert listed(tavern) == []
    assert tavern.ask("GET", target).status == 404
    (entry,) = tavern.ask("GET", "/api/recycle-bin").json()
    assert (entry["kind"], entry["name"]) == ("lorebook", "Engines")
    assert tavern.ask("POST", f"/api/recycle-bin/{entry['id']}/restore").status == 200
    assert tavern.ask("GET", target).json()["data"]["book"] == made["book"]
    assert [each["id"] for each in listed(tavern)] == [made["id"]]


def test_the_list_is_by_name_and_says_what_is_in_each(tavern: Tavern) -> None:
    for name in ("zeta", "Alpha", "ｂeta"):
        created(tavern, book(name=name, description="d" * 1_000))
    found = listed(tavern)
    assert [each["name"] for each in found] == ["Alpha", "ｂeta", "zeta"]
    assert {each["entryCount"] for each in found} == {1}
    assert {len(each["description"]) for each in found} == {300}
    assert {"id", "updatedAt", "createdAt"} <= found[0].keys()


def test_the_list_comes_in_pages(tavern: Tavern) -> None:
    for number in range(5):
        created(tavern, {"name": f"book {number}"})
    names, query = [], "?limit=2"
    for _ in range(3):
        page = tavern.ask("GET", ALL + query).json()
        names.append([each["name"] for each in page["data"]])
        query = f"?limit=2&cursor={page['nextCursor']}"
    assert names == [["book 0", "book 1"], ["book 2", "book 3"], ["book 4"]]
    assert page["nextCursor"] is None
    for wrong in ("?limit=0", "?limit=201", "?limit=x", "?cursor=x", "?cursor=aXRlbS8"):
        assert tavern.ask("GET", ALL + wrong).status == 400


def test_a_list_that_has_not_changed_is_not_sent_again(tavern: Tavern) -> None:
    made = created(tavern, {"name": "one"})
    condition = {"If-None-Match": tavern.ask("GET", ALL).headers["etag"]}
    assert tavern.ask("GET", ALL, headers=condition).status == 304
    character(tavern, as_json(v2()))
    assert tavern.ask("GET", ALL, headers=condition).status == 304
    tavern.ask("DELETE", f"{ALL}/{made['id']}")
    assert tavern.ask("GET", ALL, headers=condition).status == 200


@pytest.mark.parametrize(
    ("body", "name", "count"),
    [
        (book(), "Engines", 1),
        ({"spec": "lorebook_v3", "data": book()}, "Engines", 1),
        (WORLD, "Unnamed", 2),
        ({"name": " Mine ", "book": WORLD}, "Mine", 2),
        ({"name": "Mine", "book": {"spec": "lorebook_v3", "data": book()}}, "Mine", 1),
        ({"name": "Empty", "description": "as yet"}, "Empty", 0),
        (book(name=" "), "Unnamed", 1),
    ],
)
def test_every_shape_is_taken(tavern: Tavern, body: object, name: str, count: int) -> None:
    made = created(tavern, body)
    assert (made["name"], made["entryCount"]) == (name, count)
    assert made["book"]["spec"] == "lorebook_v3"
    assert made["book"]["data"]["name"] == name


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ([], 400),
        ({"name": ""}, 400),
        ({"name": 5}, 400),
        ({"name": "n" * 201}, 400),
        ({"name": "x", "book": 5}, 400),
        (book(name="n" * 201), 400),
        ({"spec": "lorebook_v3", "data": []}, 400),
        (v3(), 400),
        ({"characterId": 5}, 400),
        ({"characterId": "none"}, 404),
        ({"name": "large", "entries": [{}] * 10_001}, 413),
        ({"name": "large", "entries": [], "text": "x" * 5_300_000}, 413),
    ],
)
def test_what_is_no_lorebook_is_refused_with_the_reason(
    tavern: Tavern, body: object, status: int
) -> None:
    answer = tavern.ask("POST", ALL, json=body)
    assert answer.status == status, answer.body[:300]
    told = answer.json()
    assert (told["success"], told["message"]) == (False, told["error"])
    assert listed(tavern) == []


def test_what_was_repaired_is_told(tavern: Tavern) -> None:
    body = book(entries=[{"keys": "a, b", "content": "c"}])
    answer = tavern.ask("POST", ALL, json=body)
    assert any("entries" in each for each in answer.json()["repairs"])
    (entry,) = answer.json()["data"]["book"]["data"]["entries"]
    assert entry["keys"] == ["a", "b"]


@pytest.mark.parametrize(
    ("data", "filename", "name", "count"),
    [
        (as_json(WORLD), "The moon.json", "The moon", 2),
        (b"\xef\xbb\xbf" + as_json({"spec": "lorebook_v3", "data": book()}), "x", "Engines", 1),
        (as_json(v2()), "Ada.json", "Engines", 1),
        (as_json(v3(character_book=book(name=""))), "x.json", "Ada", 1),
        (card_png(v2()), "Ada.png", "Engines", 1),
        (as_json(book(name="n" * 300)), "x.json", "n" * 200, 1),
        (as_yaml(WORLD), "The moon.yaml", "The moon", 2),
        (as_yaml({"spec": "lorebook_v3", "data": book()}), "x", "Engines", 1),
        (as_yaml(book()), "x.yml", "Engines", 1),
        (as_yaml(v2()["data"]), "Ada.yaml", "Engines", 1),
    ],
    ids=[
        *("world info", "version 3", "a card", "without a name", "a picture", "a long name"),
        *("world info in YAML", "version 3 in YAML", "a book in YAML", "a card in YAML"),
    ],
)
def test_a_file_of_every_kind_is_imported(
    tavern: Tavern, data: bytes, filename: str, name: str, count: int
) -> None:
    answer = sent(tavern, data, filename)
    assert answer.status == 201, answer.body
    made = answer.json()["data"]
    assert (made["name"], made["entryCount"]) == (name, count)
    assert isinstance(answer.json()["repairs"], list)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"{", 400),
        (b"{}", 400),
        (picture(), 400),
        (as_json(v2(character_book=None)), 400),
        (b"\x89PNG\r\n\x1a\n", 400),
        (as_json({"entries": [{}] * 10_001}), 413),
        (b"entries: [", 400),
        (b"name: Ada\ncontext: x", 400),
        (b"theirs: 1", 415),
        (b"just text", 415),
    ],
    ids=[
        *("cut off", "empty", "a picture", "without a book", "a broken picture", "too many"),
        *("broken YAML", "YAML without a book", "YAML of something", "no YAML"),
    ],
)
def test_a_file_without_a_lorebook_is_refused(tavern: Tavern, data: bytes, status: int) -> None:
    answer = sent(tavern, data, "x.json")
    assert (answer.status, answer.json()["success"]) == (status, False)
    assert listed(tavern) == []


def test_world_info_comes_out_with_all_that_it_had(tavern: Tavern) -> None:
    made = sent(tavern, as_json(WORLD), "Moon.json").json()["data"]
    found = exported(tavern, made["id"], "world_info")
    assert found["theirs"] == "too"
    for label, entry in WORLD["entries"].items():
        assert entry.items() <= found["entries"][label].items()
    again = sent(tavern, as_json(found), "Moon.json").json()["data"]
    assert exported(tavern, again["id"], "world_info") == found


def test_a_book_of_version_3_comes_out_as_it_is(tavern: Tavern) -> None:
    made = created(tavern, {"spec": "lorebook_v3", "data": book(odd={"a": None}), "beside": [1]})
    found = exported(tavern, made["id"], "lorebook_v3")
    assert found == made["book"]
    assert (found["data"]["odd"], found["beside"]) == ({"a": None}, [1])


def test_an_export_is_a_file_with_the_books_name(tavern: Tavern) -> None:
    made = created(tavern, {"name": '../夜 "1"\r\nX-Evil: 1'})
    answer = tavern.ask("GET", f"{ALL}/{made['id']}/export")
    shown = answer.headers["content-disposition"]
    assert shown.startswith("attachment; filename=")
    assert shown.endswith("filename*=UTF-8''%E5%A4%9C%20%221%22X-Evil%3A%201.json")
    assert answer.headers["content-type"] == "application/json"
    head = tavern.ask("HEAD", f"{ALL}/{made['id']}/export")
    assert (head.status, head.headers["content-disposition"]) == (200, shown)
    assert tavern.ask("GET", f"{ALL}/{made['id']}/export?format=pdf").status == 400


def test_a_book_is_replaced_whole_and_keeps_its_name_if_it_brings_none(tavern: Tavern) -> None:
    made = created(tavern, book(name="Engines", description="old"))
    target = f"{ALL}/{made['id']}"
    answer = tavern.ask("PUT", target, json=WORLD)
    assert answer.status == 200, answer.body
    assert (answer.json()["data"]["name"], answer.json()["data"]["entryCount"]) == ("Engines", 2)
    assert "description" not in answer.json()["data"]
    put_back = tavern.ask("PUT", target, json=made)
    assert put_back.json()["data"]["book"] == made["book"]


def test_some_fields_are_changed_and_the_others_stay(tavern: Tavern) -> None:
    made = created(tavern, book(name="Engines", description="old", scan_depth=4))
    target = f"{ALL}/{made['id']}"
    changes = {"name": " Mills ", "description": None, "extensions": {"mine": 1}}
    data = tavern.ask("PATCH", target, json=changes).json()["data"]["book"]["data"]
    assert (data["name"], data["scan_depth"], data["extensions"]) == ("Mills", 4, {"mine": 1})
    assert "description" not in data
    assert data["entries"] == made["book"]["data"]["entries"]
    wrongs: list[object] = [{}, [], {"name": None}, {"name": " "}, {"name": "n" * 201}]
    for wrong in wrongs:
        assert tavern.ask("PATCH", target, json=wrong).status == 400
    assert [each["name"] for each in listed(tavern)] == ["Mills"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"entries": "x"}, "entries"),
        ({"entries": None}, "entries"),
        ({"entries": {}}, "entries"),
        ({"entries": [1]}, "entries.0"),
        ({"entries": [book_entry(keys="moon")]}, "entries.0.keys"),
        ({"entries": [book_entry(keys=[1])]}, "entries.0.keys.0"),
        ({"entries": [{"key": 5}]}, "entries.0.key"),
        ({"entries": [book_entry(secondary_keys="a, b")]}, "entries.0.secondary_keys"),
        ({"entries": [book_entry(content=None)]}, "entries.0.content"),
        ({"entries": [book_entry(extensions=[])]}, "entries.0.extensions"),
        ({"entries": [book_entry(enabled="yes")]}, "entries.0.enabled"),
        ({"entries": [book_entry(insertion_order="1")]}, "entries.0.insertion_order"),
        ({"entries": [book_entry(priority="1")]}, "entries.0.priority"),
        ({"entries": [book_entry(use_regex="yes")]}, "entries.0.use_regex"),
        ({"description": 5}, "description"),
        ({"scan_depth": "x"}, "scan_depth"),
        ({"token_budget": True}, "token_budget"),
        ({"recursive_scanning": 1}, "recursive_scanning"),
        ({"extensions": "x"}, "extensions"),
    ],
)
def test_a_change_of_a_wrong_type_is_refused_with_its_field_and_changes_nothing(
    tavern: Tavern, body: dict[str, Any], field: str
) -> None:
    made = created(tavern, book(name="Engines", scan_depth=4))
    target = f"{ALL}/{made['id']}"
    answer = tavern.ask("PATCH", target, json={"name": "Mills", **body})
    assert answer.status == 400, answer.body
    assert [*answer.json()["details"]] == [field]
    assert tavern.ask("GET", target).json()["data"] == made


def test_what_is_sent_back_as_it_was_read_is_taken_whatever_a_file_had_in_it(
    tavern: Tavern,
) -> None:
    odd = [book_entry(keys="a, b", priority="2", odd={"a": None}), {"key": ["c"]}, 5]
    answer = tavern.ask("POST", ALL, json=book(scan_depth="", entries=odd))
    made = answer.json()["data"]
    assert answer.json()["repairs"]
    changes = {**made["book"]["data"], "scan_depth": None}
    again = tavern.ask("PATCH", f"{ALL}/{made['id']}", json=changes)
    assert (again.status, "repairs" in again.json()) == (200, False), again.body
    assert again.json()["data"]["book"] == made["book"]


def test_a_changed_entry_gets_the_usual_values_of_what_it_does_not_say(tavern: Tavern) -> None:
    made = created(tavern, book())
    body = {"entries": [{"keys": ["moon"], "content": "A lantern."}]}
    answer = tavern.ask("PATCH", f"{ALL}/{made['id']}", json=body)
    (entry,) = answer.json()["data"]["book"]["data"]["entries"]
    assert (entry["keys"], entry["enabled"], entry["extensions"]) == (["moon"], True, {})


@pytest.mark.parametrize("entries", ["x", None, 5, True])
def test_a_body_whose_entries_are_none_is_refused_and_changes_nothing(
    tavern: Tavern, entries: object
) -> None:
    made = created(tavern, book())
    shapes: list[Any] = [
        {"name": "x", "entries": entries},
        {"spec": "lorebook_v3", "data": {"name": "x", "entries": entries}},
        {"name": "x", "book": {"entries": entries}},
    ]
    for body in shapes:
        for method, target in (("PUT", f"{ALL}/{made['id']}"), ("POST", ALL)):
            answer = tavern.ask(method, target, json=body)
            assert (answer.status, [*answer.json()["details"]]) == (400, ["entries"])
    assert tavern.ask("GET", f"{ALL}/{made['id']}").json()["data"] == made
    assert len(listed(tavern)) == 1


def test_a_card_that_does_not_say_what_it_is_brings_its_lorebook(tavern: Tavern) -> None:
    data = v2(character_book=book(name="Engines"))["data"]
    answer = sent(tavern, as_json({"data": data}), "Ada.json")
    assert answer.status == 201, answer.body
    assert answer.json()["data"]["name"] == "Engines"


def test_a_copy_has_the_next_free_name_and_goes_its_own_way(tavern: Tavern) -> None:
    made = created(tavern, book())
    copies = [tavern.ask("POST", f"{ALL}/{made['id']}/duplicate").json()["data"] for _ in "12"]
    assert [copy["name"] for copy in copies] == ["Engines (2)", "Engines (3)"]
    tavern.ask("DELETE", f"{ALL}/{made['id']}")
    assert len(listed(tavern)) == 2
    assert copies[0]["book"]["data"]["entries"] == made["book"]["data"]["entries"]


def test_a_book_goes_into_a_card_and_out_of_it(tavern: Tavern) -> None:
    made = created(tavern, book(name="Moon", entries=[book_entry(content="New")]))
    target = f"{CHARACTERS}/{character(tavern, as_json(v2()))}"
    before = tavern.ask("GET", target)
    body = {"lorebookId": made["id"]}
    attached = tavern.ask("PUT", f"{target}/lorebook", json=body)
    assert attached.status == 200, attached.body
    data = attached.json()["data"]["card"]["data"]
    assert data["character_book"]["entries"][0]["content"] == "New"
    assert data["made_with"] == v2()["data"]["made_with"]
    found = tavern.ask("GET", f"{target}/lorebook").json()["data"]
    assert (found["lorebookId"], found["book"]) == (made["id"], data["character_book"])
    stale = {"If-Match": before.headers["etag"]}
    for method in ("PUT", "DELETE"):
        answer = tavern.ask(method, f"{target}/lorebook", json=body, headers=stale)
        assert answer.status == 412
    fresh = {"If-Match": attached.headers["etag"]}
    assert tavern.ask("DELETE", f"{target}/lorebook", headers=fresh).status == 204
    assert "character_book" not in tavern.ask("GET", target).json()["data"]["card"]["data"]
    for method in ("GET", "DELETE"):
        assert tavern.ask(method, f"{target}/lorebook").status == 404
    assert tavern.ask("GET", f"{ALL}/{made['id']}").json()["data"] == made


def test_a_book_that_is_attached_stays_as_it_was_when_the_lorebook_changes(
    tavern: Tavern,
) -> None:
    made = created(tavern, book(name="Moon"))
    target = f"{CHARACTERS}/{character(tavern, as_json(v2()))}/lorebook"
    tavern.ask("PUT", target, json={"lorebookId": made["id"]})
    tavern.ask("DELETE", f"{ALL}/{made['id']}")
    assert tavern.ask("GET", target).json()["data"]["book"]["name"] == "Moon"


def test_the_book_of_a_card_becomes_a_lorebook_without_the_note_where_it_is_from(
    tavern: Tavern,
) -> None:
    character_id = character(tavern, as_json(v2(character_book=book(name="", odd=1))))
    first = created(tavern, {"characterId": character_id})
    assert (first["name"], first["book"]["data"]["odd"]) == ("Ada", 1)
    body = {"lorebookId": first["id"]}
    tavern.ask("PUT", f"{CHARACTERS}/{character_id}/lorebook", json=body)
    assert created(tavern, {"characterId": character_id})["book"] == first["book"]


def test_what_cannot_be_attached_changes_nothing(tavern: Tavern) -> None:
    target = f"{CHARACTERS}/{character(tavern, as_json(v2()))}"
    before = tavern.ask("GET", target).body
    for body, status in (({}, 400), ({"lorebookId": 5}, 400), ({"lorebookId": "none"}, 404)):
        assert tavern.ask("PUT", f"{target}/lorebook", json=body).status == status
    assert tavern.ask("GET", target).body == before
    made = created(tavern, {"name": "Moon"})
    body = {"lorebookId": made["id"]}
    assert tavern.ask("PUT", f"{CHARACTERS}/none/lorebook", json=body).status == 404


def test_another_user_finds_no_lorebook_of_mine(many: Tavern) -> None:
    ada, bob = (bearer(register(many, name)) for name in ("ada", "bob"))
    made = created(many, {"name": "Moon"}, **ada)
    sent_card = form(part("file", as_json(v2()), filename="Ada.json"))
    sent_card["headers"] |= bob
    his = many.ask("POST", CHARACTERS, **sent_card).json()["data"]["id"]
    body = {"lorebookId": made["id"]}
    assert many.ask("PUT", f"{CHARACTERS}/{his}/lorebook", json=body, headers=bob).status == 404
    for method, path in (("GET", ""), ("PUT", ""), ("DELETE", ""), ("GET", "/export")):
        target = f"{ALL}/{made['id']}{path}"
        answer = many.ask(method, target, json=None if method == "GET" else {}, headers=bob)
        assert answer.status == 404
    assert many.ask("GET", ALL, headers=bob).json()["data"] == []


def test_the_list_is_made_anew_from_the_objects_alone(tavern: Tavern) -> None:
    for name in ("one", "two"):
        created(tavern, {"name": name})
    before, place = listed(tavern), "default_user#lorebooks"
    rows = container.index().query(place).entries
    container.index().write(*(Remove(place, row.key) for row in rows))
    assert listed(tavern) == []
    done = tavern.ask("POST", f"{ALL}/rebuild-index").json()["data"]
    assert (done["documents"], done["after"]) == (2, None)
    assert listed(tavern) == before
