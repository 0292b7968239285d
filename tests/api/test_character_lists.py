"""Lists of characters: whole and in pages, searched, sorted, cut, and known to the caller."""

import base64
from typing import Any

import pytest

from tests.api.characters import ALL, added, at, card, listed, put_rows
from tests.api.hostile import assert_error
from tests.api.product import Tavern
from tests.unit.pictures.samples import png

CARDS: list[dict[str, Any]] = [
    {"name": "Ada", "creator": "Byron", "tags": ["Maths", "history"]},
    {"name": "ＢＯＢ", "description": "Likes tea", "tags": ["history"]},
    {"name": "carol", "description": "Likes coffee", "tags": [], "extensions": {"fav": True}},
    {"name": "Émile", "creator": "Zola", "tags": ["HISTORY", "tea"]},
    {"name": "数", "description": "Straße", "tags": ["数学"]},
]


@pytest.fixture
def library(tavern: Tavern) -> Tavern:
    """With a few characters."""
    for number, fields in enumerate(CARDS):
        added(tavern, card(**{"description": "", **fields}), f"{number}.json")
    return tavern


def paged(tavern: Tavern, query: str, limit: int = 2) -> list[dict[str, Any]]:
    """All pages of a list, joined."""
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        answer = tavern.ask("GET", f"{ALL}?limit={limit}&{query}{cursor}")
        assert answer.status == 200, answer.body
        page = answer.json()
        assert page.keys() == {"success", "data", "nextCursor"}
        assert len(page["data"]) <= limit
        found += page["data"]
        if page["nextCursor"] is None:
            return found
        cursor = f"&cursor={page['nextCursor']}"


def names(entries: list[dict[str, Any]]) -> list[str]:
    """What those are called."""
    return [each["name"] for each in entries]


def test_nothing_is_an_empty_list(either_tavern: Tavern) -> None:
    assert either_tavern.ask("GET", ALL).json() == {"success": True, "data": []}
    assert listed(either_tavern, "?limit=5") == []
    assert either_tavern.ask("GET", f"{ALL}/tags").json()["data"] == []


def test_pages_in_each_order_give_the_whole_list_once(either_tavern: Tavern) -> None:
    for number, fields in enumerate(CARDS):
        added(either_tavern, card(**fields), f"{number}.json")
    first = next(each for each in listed(either_tavern) if each["name"] == "Ada")
    either_tavern.ask("PATCH", at(first), json={"creator": "Charles"})
    by_name = ["Ada", "ＢＯＢ", "carol", "Émile", "数"]
    assert names(listed(either_tavern)) == by_name
    assert names(paged(either_tavern, "sort=name")) == by_name
    assert names(paged(either_tavern, "sort=added")) == [each["name"] for each in CARDS[::-1]]
    changed = names(paged(either_tavern, "sort=changed"))
    assert (changed[0], sorted(changed)) == ("Ada", sorted(by_name))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("search=ada", ["Ada"]),
        ("search=bob", ["ＢＯＢ"]),
        ("search=LIKES%20tea", ["ＢＯＢ"]),
        ("search=tea", ["ＢＯＢ", "Émile"]),
        ("search=zola", ["Émile"]),
        ("search=strasse", ["数"]),
        ("search=%E6%95%B0", ["数"]),
        ("search=nothing", []),
        ("search=%20", ["Ada", "ＢＯＢ", "carol", "Émile", "数"]),
        ("tag=history", ["Ada", "ＢＯＢ", "Émile"]),
        ("tag=hist", []),
        ("tag=MATHS&search=byron", ["Ada"]),
        ("favorite=true", ["carol"]),
        ("favorite=false&tag=tea", ["Émile"]),
    ],
)
def test_a_list_is_searched(library: Tavern, query: str, expected: list[str]) -> None:
    assert names(paged(library, query)) == expected
    assert names(paged(library, query, limit=200)) == expected


def test_a_search_that_looks_at_much_goes_on_where_it_ended(tavern: Tavern) -> None:
    put_rows("name/", 1_000, {"tags": [], "favorite": False, "imageName": None})
    added(tavern, card("last", tags=["last"]), "last.json")
    first = tavern.ask("GET", f"{ALL}?tag=last&limit=5").json()
    assert (first["data"], first["nextCursor"] is None) == ([], False)
    assert names(paged(tavern, "tag=last")) == ["last"]
    assert names(paged(tavern, "search=c0999")) == ["C0999"]


def test_tags_are_counted(library: Tavern) -> None:
    counted = library.ask("GET", f"{ALL}/tags").json()["data"]
    assert counted[0] == {"tag": "history", "count": 2}
    assert {each["tag"]: each["count"] for each in counted[1:]} == {
        **{"Maths": 1, "HISTORY": 1},
        **{"tea": 1, "数学": 1},
    }


def test_fields_are_chosen(library: Tavern) -> None:
    found = listed(library, "?fields=name,%20tags")
    assert [each.keys() for each in found] == [{"id", "name", "tags"}] * 5
    assert [each.keys() for each in listed(library, "?fields=")] == [{"id"}] * 5


@pytest.mark.parametrize("name", ["search", "tag", "favorite", "sort", "limit", "cursor"])
def test_a_parameter_that_is_empty_asks_for_nothing(library: Tavern, name: str) -> None:
    page = library.ask("GET", f"{ALL}?sort=changed&{name}=").json()
    order = "" if name == "sort" else "sort=changed&"  # the last one counts
    assert page == library.ask("GET", f"{ALL}?{order}limit=50").json()
    assert len(page["data"]) == 5


HOSTILE = [
    ("limit=0", "limit"),
    ("limit=-1", "limit"),
    ("limit=201", "limit"),
    ("limit=1.5", "limit"),
    ("limit=x", "limit"),
    ("limit=%D9%A3", "limit"),
    ("limit=99999999999999999999", "limit"),
    ("sort=size", "sort"),
    ("sort=NAME", "sort"),
    ("favorite=1", "favorite"),
    ("search=" + "x" * 201, "search"),
    ("cursor=x", "cursor"),
    ("cursor=%00", "cursor"),
    ("cursor=%F0%9F%92%A9", "cursor"),
    ("cursor=bmFtZQ", "cursor"),
    ("cursor=" + "a" * 3_000, "cursor"),
    ("cursor=" + base64.urlsafe_b64encode(b"image/Ada.png").decode(), "cursor"),
    ("cursor=" + base64.urlsafe_b64encode(b"name/\xff").decode(), "cursor"),
    ("cursor=" + base64.urlsafe_b64encode(b"name/" + b"a" * 1_100).decode(), "cursor"),
]


def test_a_hostile_value_is_a_400_that_names_it(aws_tavern: Tavern) -> None:
    for query, field in HOSTILE:
        answer = aws_tavern.ask("GET", f"{ALL}?{query}")
        assert (answer.status, [*answer.json()["details"]]) == (400, [field]), query
        assert_error(answer.json(), success_flag=True)


def test_a_cursor_of_another_order_is_none_of_this_one(library: Tavern) -> None:
    for one, other in (("name", "changed"), ("changed", "added"), ("added", "name")):
        cursor = library.ask("GET", f"{ALL}?limit=1&sort={one}").json()["nextCursor"]
        answer = library.ask("GET", f"{ALL}?limit=1&sort={other}&cursor={cursor}")
        assert (answer.status, [*answer.json()["details"]]) == (400, ["cursor"])


def test_a_page_goes_on_past_what_was_deleted_meanwhile(library: Tavern) -> None:
    page = library.ask("GET", f"{ALL}?limit=2").json()
    for entry in page["data"]:
        library.ask("DELETE", at(entry))
    rest = library.ask("GET", f"{ALL}?limit=5&cursor={page['nextCursor']}").json()
    assert names(rest["data"]) == ["carol", "Émile", "数"]


def test_whatever_changes_a_list_changes_its_etag(tavern: Tavern) -> None:
    known: list[str] = []

    def etag() -> str:
        return tavern.ask("GET", ALL).headers["etag"]

    known.append(etag())
    entry = added(tavern, png(), "Ada.png")
    known.append(etag())
    tavern.ask("PATCH", at(entry), json={"creator": "B"})
    known.append(etag())
    added(tavern, card("Ada"), "Ada.json")
    known.append(etag())
    tavern.ask("POST", at(entry, "/duplicate"))
    known.append(etag())
    tavern.ask("DELETE", at(entry))
    known.append(etag())
    tavern.ask("POST", f"/api/recycle-bin/character-{entry['id']}/restore")
    known.append(etag())
    assert len({*known}) == len(known)
    assert etag() == known[-1]
    for query in ("", "?limit=1", "?search=x"):
        for header in (known[-1], f'"x", {known[-1]}', f"W/{known[-1]}", "*"):
            answer = tavern.ask("GET", ALL + query, headers={"If-None-Match": header})
            assert (answer.status, answer.body, answer.headers["etag"]) == (304, b"", known[-1])
        past = {"If-None-Match": ", ".join(known[:-1])}
        assert tavern.ask("GET", ALL + query, headers=past).status == 200
