"""Every shape of a card is read, and what was wrong in it is told."""

from itertools import product
from typing import Any

import pytest

from chalicelib import cards
from chalicelib.cards import BrokenCard, Card, Read
from chalicelib.errors import UnsupportedMediaType
from tests.cards import all_files, as_json, book, book_entry, gradio, v1, v2, v2_data, v3

FILES = all_files()


def read(fields: Any, stem: str = "stem") -> Read:
    return cards.read(as_json(fields), stem=stem)


def card(fields: Any) -> Card:
    found = read(fields).card
    assert found is not None
    return found


def repairs(fields: Any) -> list[str]:
    return [str(repair) for repair in read(fields).repairs]


@pytest.mark.parametrize("name", [name for name in FILES if name != "a picture alone"])
def test_a_right_file_gives_its_card(name: str) -> None:
    found = cards.read(FILES[name], stem="stem")
    assert found.card is not None
    assert (found.card.name, found.kind) == ("Ada", "png" if b"IHDR" in FILES[name] else "json")
    assert bool(found.repairs) is (name == "version 2 with a copy of version 1")


def test_version_3_is_kept_as_it_is() -> None:
    assert card(v3()) == Card(v3()["data"])
    assert list(card(v3()).data) == list(v3()["data"])


def test_version_2_gets_what_version_3_asks_for_beside() -> None:
    assert card(v2()).data == {**v2_data(), "group_only_greetings": []}


def test_version_1_becomes_data_and_the_rest_stays_beside_it() -> None:
    found = card(v1(tags=["brass"], unknown={"a": 1}))
    assert found.data["creator_notes"] == "Made of brass"
    assert found.tags == ("brass",)
    assert list(found.others) == [
        *("avatar", "chat", "create_date", "talkativeness", "fav", "unknown")
    ]
    assert repairs(v1()) == []


def test_gradio_has_other_names_for_the_same() -> None:
    found = card(gradio(extra=1))
    texts = ("name", "description", "first_mes", "mes_example", "scenario")
    assert [found.data[name] for name in texts] == [
        *("Ada", "She counts.", "Good day.", "<START>", "London")
    ]
    assert found.others == {"extra": 1}


def test_what_lists_show_comes_from_the_extensions_before_the_root() -> None:
    found = card(v2(root={"fav": False, "talkativeness": 0.1, "avatar": "a.png", "chat": "c"}))
    assert (found.favorite, found.talkativeness) == (True, 0.8)
    assert (found.avatar, found.chat) == ("a.png", "c")
    assert (found.creator, found.creator_notes) == ("Charles", "Made of brass")
    assert (found.character_version, found.tags) == ("1.2", ("history", "mathematics"))


def test_what_lists_show_comes_from_the_root_where_the_extensions_say_nothing() -> None:
    found = card(v1(fav="true", talkativeness="0.5"))
    assert (found.favorite, found.talkativeness) == (True, 0.5)
    assert found.created == "2026-01-02 @10h 11m 12s 13ms"
    assert card(v1(fav="no", talkativeness="chatty")).talkativeness is None
    assert card(v1(talkativeness=True, fav=1)).talkativeness is None


@pytest.mark.parametrize(
    ("seconds", "created"),
    [(1_767_348_672, "2026-01-02T10:11:12.000Z"), (0, None), (10**40, None), (1e308, None)],
)
def test_when_a_card_was_made_is_in_seconds(seconds: float, created: str | None) -> None:
    assert card(v3(creation_date=seconds)).created == created


def test_data_wins_over_the_root_and_that_is_told() -> None:
    found = read(v2(root={"name": "Old", "description": v2_data()["description"]}))
    assert found.card == card(v2())
    assert list(map(str, found.repairs)) == ["name: it differs from the one in data, which is read"]


def test_what_data_lacks_is_taken_from_the_root() -> None:
    fields = v2(root={"creator_notes": "From the root"})
    del fields["data"]["creator_notes"]
    assert card(fields).creator_notes == "From the root"
    assert len(repairs(fields)) == 1


def test_a_comment_that_differs_from_the_notes_is_told() -> None:
    fields = v1(creator_notes="New")
    assert card(fields).creator_notes == "New"
    assert repairs(fields) == ["creatorcomment: it differs from creator_notes, which is read"]


def test_version_2_that_is_labelled_3_lacks_nothing() -> None:
    relabelled = {**v2(), "spec": "chara_card_v3", "spec_version": "3.0"}
    assert (card(relabelled), repairs(relabelled)) == (card(v2()), [])


@pytest.mark.parametrize(
    ("said", "kept"),
    [("3.1", "3.1"), (3.5, "3.5"), ("4", "4"), ("2.0", "3.0"), (None, "3.0"), ("nan", "3.0")],
)
def test_another_version_is_never_refused(said: object, kept: str) -> None:
    fields = {**v3(), "spec_version": said}
    assert card(fields).spec_version == kept
    assert bool(repairs(fields)) is (said != kept)


@pytest.mark.parametrize("name", ["", "  ", None])
def test_a_character_without_a_name_has_that_of_the_file(name: object) -> None:
    found = read(v2(name=name), stem="Ada Lovelace")
    assert found.card is not None
    assert found.card.name == "Ada Lovelace"
    assert any("file's name" in str(repair) for repair in found.repairs)


def test_without_any_name_a_character_is_unnamed() -> None:
    found = cards.read(as_json(v2(name="")), stem=" ").card
    assert found is not None
    assert found.name == "Unnamed"


@pytest.mark.parametrize(
    ("field", "value", "read_as"),
    [
        ("description", None, ""),
        ("character_version", 1.2, "1.2"),
        ("creator", True, "true"),
        ("personality", ["calm", "exact"], "calm\nexact"),
        ("scenario", {"a": 1}, '{"a":1}'),
        ("tags", "a, b,,c ", ["a", "b", "c"]),
        ("tags", None, []),
        ("tags", ["a", None, 3], ["a", "3"]),
        ("alternate_greetings", "Hello, you", ["Hello, you"]),
        ("alternate_greetings", "", []),
        ("group_only_greetings", {"a": 1}, ['{"a":1}']),
        ("extensions", None, {}),
        ("extensions", [], {}),
        ("nickname", 7, "7"),
        ("source", "https://cards.example", ["https://cards.example"]),
        ("creation_date", "1767348672", 1767348672),
        ("modification_date", "12.5", 12.5),
        ("assets", [{"type": "icon"}, None], [{"type": "icon"}]),
    ],
)
def test_a_field_of_another_type_is_repaired_and_told(
    field: str, value: Any, read_as: object
) -> None:
    fields = v3(**{field: value})
    assert card(fields).data[field] == read_as
    assert all(f"data.{field}" in repair for repair in repairs(fields))
    assert repairs(fields)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *product(["character_book"], [None, "", "a book", 3]),
        *product(["creation_date"], [None, "", "today", True, "inf"]),
        *product(["creator_notes_multilingual"], [None, "", "x", []]),
        *product(["nickname", "source", "assets"], [None]),
        ("assets", "x"),
    ],
)
def test_an_optional_field_that_says_nothing_is_left_out_and_told(field: str, value: Any) -> None:
    fields = v3(**{field: value})
    assert field not in card(fields).data
    assert [repair.split(":")[0] for repair in repairs(fields)] == [f"data.{field}"]


@pytest.mark.parametrize(
    ("field", "value", "read_as"),
    [
        ("keys", "a, b", ["a", "b"]),
        ("secondary_keys", "a, b", ["a", "b"]),
        ("secondary_keys", "", []),
        ("content", None, ""),
        ("content", 3, "3"),
        ("insertion_order", "", 100),
        ("insertion_order", "7", 7),
        ("enabled", "false", False),
        ("enabled", 1, True),
        ("extensions", [], {}),
    ],
)
def test_an_entry_of_a_lorebook_is_repaired_where_readers_would_break(
    field: str, value: object, read_as: object
) -> None:
    fields = v2(character_book=book(entries=[book_entry(**{field: value})]))
    read_book = card(fields).book
    assert read_book is not None
    assert read_book["entries"] == [book_entry(**{field: read_as})]
    assert [repair.split(":")[0] for repair in repairs(fields)] == [
        f"data.character_book.entries[0].{field}"
    ]


@pytest.mark.parametrize(
    "change", [{"id": "seven"}, {"id": None}, {"secondary_keys": None}, {"priority": 1.5}, {"x": 1}]
)
def test_what_readers_can_do_without_is_left_alone(change: dict[str, Any]) -> None:
    fields = v2(character_book=book(entries=[book_entry(**change)]))
    assert card(fields).data["character_book"] == fields["data"]["character_book"]
    assert repairs(fields) == []


def test_empty_texts_in_place_of_optional_numbers_are_left_out() -> None:
    entry = book_entry(priority="")
    fields = v2(character_book=book(scan_depth="", token_budget="50", entries=[entry]))
    right = book_entry()
    assert card(fields).data["character_book"] == book(token_budget=50, entries=[right])
    assert len(repairs(fields)) == 3


def test_an_entry_without_what_all_readers_need_gets_it() -> None:
    entries = [{"keys": ["a"]}, {"keys": ["b"]}, "no entry"]
    fields = v2(character_book=entries)
    usual = {"content": "", "extensions": {}, "enabled": True, "insertion_order": 100}
    assert card(fields).data["character_book"]["entries"] == [
        {"keys": ["a"], **usual},
        {"keys": ["b"], **usual},
    ]
    assert sum("and 1 more like it" in repair for repair in repairs(fields)) == len(usual)


def test_entries_may_be_an_object() -> None:
    fields = v2(character_book={"entries": {"0": book_entry()}, "extensions": None})
    assert card(fields).data["character_book"] == {"entries": [book_entry()], "extensions": {}}


def test_a_spec_without_data_is_read_from_the_root() -> None:
    fields = {"spec": "chara_card_v2", "spec_version": "2.0", **v1()}
    assert card(fields) == card(v1())
    assert repairs(fields) == ["data: it is no object; the fields beside it are read"]


@pytest.mark.parametrize("spec", [None, "chara_card_v9", 3])
def test_data_under_an_unknown_spec_is_read(spec: object) -> None:
    fields = {**v2(), "spec": spec}
    assert card(fields) == card(v2())
    assert len(repairs(fields)) == 1


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ([], "an object is expected, not a list"),
        ({}, "no field of a character card is there"),
        ({"temperature": 0.7}, "no field of a character card is there"),
        ({"spec": "chara_card_v2"}, "data is missing"),
        ({"spec": "lorebook_v3", "data": book()}, "this is a lorebook"),
        ({"name": "World", "entries": {}}, "this is a lorebook"),
        ({"data": book()}, "this is a lorebook"),
    ],
)
def test_what_is_no_card_is_refused_with_a_reason(value: object, reason: str) -> None:
    with pytest.raises(BrokenCard, match=reason):
        read(value)


@pytest.mark.parametrize(
    ("value", "named"),
    [(None, "null"), (True, "true or false"), (1.5, "a number"), ("Ada", "a text"), ([], "a list")],
)
def test_what_is_there_in_place_of_an_object_is_named(value: object, named: str) -> None:
    with pytest.raises(BrokenCard, match=f"The card: an object is expected, not {named}"):
        cards.interpret(value, stem="stem", place="The card")


@pytest.mark.parametrize("data", [b"", b" \n", b"\xff\xd8\xff\xe0\0\x10JFIF", b"GIF89a\0\0\0"])
def test_files_of_other_kinds_are_refused_as_such(data: bytes) -> None:
    with pytest.raises(UnsupportedMediaType):
        cards.read(data, stem="stem")
