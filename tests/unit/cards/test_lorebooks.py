"""Lorebooks: three shapes in, two out, and nothing that a file had is lost."""

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.cards.card import BrokenCard
from chalicelib.cards.decorators import Decorator, decorators
from chalicelib.cards.limits import MAX_FILE_BYTES
from chalicelib.cards.lorebooks import (
    Lorebook,
    ReadLorebook,
    interpret_lorebook,
    read_lorebook,
    write_lorebook,
    write_world_info,
)
from chalicelib.errors import TooLarge
from tests.unit.cards.archives import json_bytes

WORLD_ENTRY: dict[str, Any] = {
    "uid": 3,
    "key": ["moon", "/lun(a|e)/i"],
    "keysecondary": ["night"],
    "comment": "The moon",
    "content": "@@depth 2\nThe moon is a lantern.",
    "constant": False,
    "selective": True,
    "selectiveLogic": 3,
    "addMemo": True,
    "order": 80,
    "position": 4,
    "disable": True,
    "excludeRecursion": True,
    "probability": 50,
    "useProbability": True,
    "depth": 6,
    "caseSensitive": True,
    "matchWholeWords": None,
    "scanDepth": 9,
    "characterFilter": {"isExclude": False, "names": ["Ada"]},
    "extensions": {"depth": 4, "theirs": [1]},
    "displayIndex": 0,
}
WORLD: dict[str, Any] = {
    "entries": {"3": WORLD_ENTRY, "7": {"uid": 7, "key": [], "content": "", "position": 0}},
    "originalData": {"entries": []},
}
ENTRY: dict[str, Any] = {
    "keys": ["moon"],
    "content": "A lantern.",
    "extensions": {"theirs": 1},
    "enabled": True,
    "insertion_order": 10,
    "use_regex": False,
}
BOOK: dict[str, Any] = {
    "name": "Sky",
    "description": "What is above.",
    "scan_depth": 4,
    "token_budget": 500,
    "recursive_scanning": False,
    "extensions": {"theirs": True},
    "entries": [
        ENTRY,
        {**ENTRY, "id": 4, "position": "after_char", "secondary_keys": ["night"], "priority": 2},
    ],
    "unknown": [1],
}


def read_value(value: Any) -> ReadLorebook:
    """The lorebook in a file with this JSON."""
    return read_lorebook(json_bytes(value), stem="file")


def as_world(book: Lorebook) -> dict[str, Any]:
    """What SillyTavern gets."""
    value: dict[str, Any] = json.loads(write_world_info(book))
    return value


def assert_has_all(world: dict[str, Any], had: dict[str, Any]) -> None:
    """Everything that a world had is in another; nothing is said of what was added."""
    assert world.keys() >= had.keys()
    assert world["entries"].keys() == had["entries"].keys()
    for label, entry in had["entries"].items():
        written = world["entries"][label]
        assert {key: written.get(key, "missing") for key in entry} == entry
    assert {key: world[key] for key in had if key != "entries"} == {
        key: had[key] for key in had if key != "entries"
    }


def test_world_info_becomes_a_book_of_version_3() -> None:
    found = read_value(WORLD)
    assert found.kind == "world_info"
    assert found.repairs == ()
    assert found.book.name == "file"
    entry, other = found.book.entries
    expected = {
        "id": 3,
        "keys": ["moon", "/lun(a|e)/i"],
        "secondary_keys": ["night"],
        "comment": "The moon",
        "content": "@@depth 2\nThe moon is a lantern.",
        "insertion_order": 80,
        "enabled": False,
        "constant": False,
        "selective": True,
        "position": "after_char",
        "case_sensitive": True,
        "use_regex": False,
    }
    assert {key: entry[key] for key in expected} == expected
    assert {key: entry["extensions"][key] for key in ("depth", "exclude_recursion", "theirs")} == {
        "depth": 6,
        "exclude_recursion": True,
        "theirs": [1],
    }
    assert (other["position"], other["enabled"]) == ("before_char", True)


def test_world_info_comes_out_with_all_that_it_had() -> None:
    assert_has_all(as_world(read_value(WORLD).book), WORLD)


def test_a_book_for_silly_tavern_has_all_fields_that_it_expects() -> None:
    world = as_world(read_value({"spec": "lorebook_v3", "data": BOOK}).book)
    assert world["entries"].keys() == {"0", "4"}
    first, second = world["entries"]["0"], world["entries"]["4"]
    expected = {
        "uid": 0,
        "key": ["moon"],
        "keysecondary": [],
        "order": 10,
        "position": 1,
        "disable": False,
        "probability": 100,
        "useProbability": True,
        "depth": 4,
        "selectiveLogic": 0,
        "groupWeight": 100,
        "displayIndex": 0,
        "caseSensitive": None,
        "extensions": {"theirs": 1},
    }
    assert {key: first[key] for key in expected} == expected
    assert (second["uid"], second["displayIndex"], second["position"]) == (4, 1, 1)


def test_what_was_changed_since_counts_more_than_what_was_kept() -> None:
    book = read_value(WORLD).book
    first, second = book.entries
    first.update(enabled=True, keys=["sun"])
    first["extensions"].update(position=2, depth=1, case_sensitive=False)
    del second["extensions"]["position"]
    second["position"] = "after_char"
    world = as_world(book)["entries"]
    names = ("disable", "key", "position", "depth", "caseSensitive")
    assert [world["3"][name] for name in names] == [False, ["sun"], 2, 1, False]
    assert world["7"]["position"] == 1


@pytest.mark.parametrize("said", ["before_char", "after_char", None])
@pytest.mark.parametrize("exact", range(8))
def test_silly_tavern_s_number_of_a_place_counts_more_than_one_of_two_places(
    said: str | None, exact: int
) -> None:
    entry = {**ENTRY, "position": said, "extensions": {"position": exact}}
    world = as_world(read_value({"entries": [entry]}).book)
    assert world["entries"]["0"]["position"] == exact
    again = read_value(world).book
    assert as_world(again)["entries"]["0"]["position"] == exact


@pytest.mark.parametrize(
    ("said", "exact", "expected"),
    [(False, True, True), (True, False, False), (True, None, True), (None, None, None)],
)
def test_silly_tavern_s_own_say_of_case_counts_and_without_it_that_of_version_3(
    said: bool | None, exact: bool | None, expected: bool | None
) -> None:
    entry = {**ENTRY, "case_sensitive": said, "extensions": {"case_sensitive": exact}}
    world = as_world(read_value({"entries": [entry]}).book)
    assert world["entries"]["0"]["caseSensitive"] is expected


def test_what_silly_tavern_keeps_in_extensions_comes_out_under_its_own_names() -> None:
    own: dict[str, Any] = {
        **{"depth": 2, "role": 1, "probability": 30, "useProbability": False},
        **{"selectiveLogic": 3, "exclude_recursion": True, "prevent_recursion": True},
        **{"delay_until_recursion": 2, "group": "g", "group_override": True, "group_weight": 7},
        **{"scan_depth": 5, "match_whole_words": True, "use_group_scoring": False},
        **{"automation_id": "a", "vectorized": True, "sticky": 1, "cooldown": 2, "delay": 3},
        **{"display_index": 9, "triggers": ["normal"], "ignore_budget": True},
    }
    world = as_world(read_value({"entries": [{**ENTRY, "extensions": own}]}).book)
    (found,) = world["entries"].values()
    named = {re.sub(r"_(\w)", lambda part: part[1].upper(), key): own[key] for key in own}
    assert found.items() >= named.items()
    (again,) = read_value(world).book.entries
    assert again["extensions"].items() >= own.items()


def test_a_book_comes_back_from_silly_tavern_with_all_that_it_had() -> None:
    again = interpret_lorebook(as_world(Lorebook(BOOK)), stem="file").book
    for entry, had in zip(again.entries, BOOK["entries"], strict=True):
        assert entry["extensions"].items() >= had["extensions"].items()
        assert {key: entry[key] for key in had if key != "extensions"} == {
            key: had[key] for key in had if key != "extensions"
        }
    assert {key: again.data[key] for key in BOOK if key != "entries"} == {
        key: BOOK[key] for key in BOOK if key != "entries"
    }


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ({"spec": "lorebook_v3", "data": BOOK, "theirs": 1}, "lorebook_v3"),
        ({"data": BOOK}, "lorebook_v3"),
        (BOOK, "character_book"),
    ],
)
def test_what_is_written_is_read_as_the_same_book(value: dict[str, Any], kind: str) -> None:
    found = read_value(value)
    assert found.kind == kind
    assert found.book.data == BOOK
    again = read_lorebook(write_lorebook(found.book), stem="other")
    assert (again.kind, again.book, again.repairs) == ("lorebook_v3", found.book, ())


@pytest.mark.parametrize(
    "value",
    [
        [],
        7,
        {},
        {"spec": "lorebook_v3"},
        {"spec": "lorebook_v3", "data": []},
        {"spec": "chara_card_v3", "data": {"name": "Ada", "entries": []}},
        {"name": "Ada", "description": "x"},
    ],
)
def test_what_is_no_lorebook_is_refused(value: Any) -> None:
    with pytest.raises(BrokenCard):
        read_value(value)


def test_repairs_are_listed() -> None:
    entries = [
        {**ENTRY, "keys": "moon, sun", "secondary_keys": "a, b", "insertion_order": "7"},
        {"key": ["x"], "content": "of another shape"},
        "nothing",
    ]
    found = read_value({"spec": "lorebook_v3", "data": {"entries": entries}})
    first, second = found.book.entries
    assert (first["keys"], first["secondary_keys"]) == (["moon", "sun"], ["a", "b"])
    assert first["insertion_order"] == 7
    assert (second["keys"], second["enabled"]) == (["x"], True)
    assert {repair.where for repair in found.repairs} == {
        "data.entries[1]",
        "data.entries[2]",
        "data.entries[0].keys",
        "data.entries[0].secondary_keys",
        "data.entries[0].insertion_order",
    }


def test_entries_of_a_world_that_are_none_are_left_out() -> None:
    found = read_value({"entries": {"0": None, "1": ENTRY, "x": {"key": ["a"]}}})
    assert [entry["keys"] for entry in found.book.entries] == [["moon"], ["a"]]
    assert [repair.where for repair in found.repairs] == ["entries.0", "entries.1"]
    assert as_world(found.book)["entries"].keys() == {"0", "x"}


def test_a_file_without_a_list_of_entries_is_an_empty_book() -> None:
    found = read_value({"name": "Sky", "entries": "none"})
    assert found.book.data == {"name": "Sky", "entries": [], "extensions": {}}
    assert [repair.where for repair in found.repairs] == ["data.entries"]


def test_a_file_that_is_too_large_is_refused() -> None:
    with pytest.raises(TooLarge, match="at most 33554432"):
        read_lorebook(bytes(MAX_FILE_BYTES + 1), stem="file")


@pytest.mark.parametrize(
    ("keys", "expected"),
    [(["/a|b/i", "/c/"], True), (["/a|b/i", "c"], False), (["/usr/bin"], False), ([], False)],
)
def test_keys_that_are_all_patterns_say_so(keys: list[str], expected: bool) -> None:
    (entry,) = read_value({"entries": {"0": {"key": keys}}}).book.entries
    assert entry["use_regex"] is expected


def test_entries_keep_apart_whatever_their_ids_are() -> None:
    ids: list[Any] = [1, 1, "a", None, True, 0]
    book = read_value({"entries": [{**ENTRY, "id": one} for one in ids]}).book
    assert len(as_world(book)["entries"]) == len(ids)


TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
JSON = st.none() | st.booleans() | st.integers(-99, 99) | TEXT | st.lists(TEXT, max_size=2)
KEYS = st.lists(TEXT, max_size=2)
WORLD_ENTRIES = st.dictionaries(
    st.integers(0, 12).map(str) | TEXT,
    st.fixed_dictionaries(
        {"key": KEYS, "content": TEXT},
        optional={
            "uid": st.integers(0, 12),
            "keysecondary": KEYS,
            "comment": TEXT,
            "disable": st.booleans(),
            "order": st.integers(-9, 999),
            "position": st.integers(0, 7) | st.none(),
            "caseSensitive": st.none() | st.booleans(),
            "probability": JSON,
            "sticky": JSON,
            "displayIndex": st.integers(0, 9),
            "triggers": KEYS,
            "extensions": st.dictionaries(st.sampled_from(["depth", "position", "x"]), JSON),
            "addMemo": st.booleans(),
            "use_regex": st.booleans(),
            "priority": st.integers(),
            "keys": KEYS,
            "enabled": st.booleans(),
            "id": st.integers(0, 12),
            "case_sensitive": st.booleans(),
            "unknown": JSON,
        },
    ),
    max_size=4,
)


@settings(max_examples=40, deadline=None)
@given(
    st.fixed_dictionaries(
        {"entries": WORLD_ENTRIES},
        optional={"name": TEXT.filter(str.strip), "unknown": JSON, "originalData": JSON},
    )
)
def test_any_world_comes_out_with_all_that_it_had(world: dict[str, Any]) -> None:
    found = read_value(world)
    assert_has_all(as_world(found.book), world)
    stored = read_lorebook(write_lorebook(found.book), stem="file").book
    assert_has_all(as_world(stored), world)


@pytest.mark.parametrize(
    ("content", "expected", "rest"),
    [
        ("plain", (), "plain"),
        ("", (), ""),
        ("@@activate", (Decorator("activate"),), ""),
        ("@@depth  4 \r\ntext", (Decorator("depth", "4"),), "text"),
        (
            "@@a 1\n@@@b 2\n@@@c\n@@d\n\n@@not_one",
            (Decorator("a", "1", (Decorator("b", "2"), Decorator("c"))), Decorator("d")),
            "\n@@not_one",
        ),
        ("@@@alone 1\ntext", (Decorator("alone", "1"),), "text"),
        ("@@ no name\ntext", (), "@@ no name\ntext"),
        (" @@depth 1", (), " @@depth 1"),
        ("@@keys a b, c\ntext\n@@depth 1", (Decorator("keys", "a b, c"),), "text\n@@depth 1"),
    ],
)
def test_decorators_are_the_first_lines(
    content: str, expected: tuple[Decorator, ...], rest: str
) -> None:
    assert decorators(content) == (expected, rest)


def test_a_decorator_may_have_many_fallbacks() -> None:
    ((first,), _) = decorators("@@a\n" + "".join(f"@@@b{number}\n" for number in range(9)))
    assert len(first.fallbacks) == 9


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.sampled_from(["@@a 1\n", "@@@b\n", "@@c", "\n", "text", "@", "\r\n"]), max_size=6)
)
def test_no_text_gets_lost_in_decorators(pieces: list[str]) -> None:
    content = "".join(pieces)
    found, rest = decorators(content)
    assert content.endswith(rest)
    lines = content[: len(content) - len(rest)].splitlines()
    assert len(lines) == sum(1 + len(one.fallbacks) for one in found)
