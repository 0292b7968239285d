"""How many calls of AWS's API the routes of characters make, counted at botocore.

A request of somebody who signed in makes one more, for his identity.
"""

from collections.abc import Iterator

import pytest

from tests.api.characters import ALL, Shown, added, at, card, grey, listed, put_rows, send
from tests.api.pictures import form, part
from tests.api.product import Answer, Tavern
from tests.aws_calls import counted_aws_calls
from tests.cards import as_json, card_png, v2

ROW, ROWS, LIST = "dynamodb.GetItem", "dynamodb.Query", "dynamodb.TransactWriteItems"
READ, WRITE = "s3.GetObject", "s3.PutObject"
SAVE = [READ, WRITE, LIST]


@pytest.fixture
def ada(aws_tavern: Tavern) -> Shown:
    """A character with a picture, of two versions."""
    entry = added(aws_tavern, card_png(v2()), "Ada.png")
    aws_tavern.ask("PATCH", at(entry), json={"creator": "B"})
    return entry


@pytest.fixture
def calls(ada: Shown) -> Iterator[list[str]]:
    """The calls made since."""
    with counted_aws_calls() as counted:
        yield counted


def test_reads_keep_to_their_budgets(aws_tavern: Tavern, ada: Shown, calls: list[str]) -> None:
    image = f"{ALL}/image/Ada.png"
    etags = {target: aws_tavern.ask("GET", target).headers["etag"] for target in (ALL, image)}
    versions = aws_tavern.ask("GET", at(ada, "/versions")).json()["data"]
    old = at(ada, f"/versions/{versions[-1]['version']}")
    aws_tavern.start_anew()  # a list that was asked for is kept ready
    for target, known, budget in [
        (ALL, None, [ROW, ROWS]),
        (ALL, None, [ROW]),
        (ALL, etags[ALL], [ROW]),
        (f"{ALL}?limit=50&search=ada&tag=history&sort=changed", None, [ROW, ROWS]),
        (f"{ALL}?limit=50", etags[ALL], [ROW]),
        (f"{ALL}/tags", None, [ROWS]),
        (at(ada), None, [READ]),
        (old, None, [READ, READ]),
        (at(ada, "/export?format=json"), None, [READ]),
        (at(ada, "/export?format=png"), None, [READ, READ]),
        (image, None, [ROW, READ]),
        (image, etags[image], [ROW]),
        (f"{image}?size=64", None, [ROW, READ, READ, WRITE]),
        (f"{image}?size=64", None, [ROW, READ]),
    ]:
        calls.clear()
        headers = {} if known is None else {"If-None-Match": known}
        answer = aws_tavern.ask("GET", target, headers=headers)
        assert (answer.status, calls) == (200 if known is None else 304, budget), target


def test_writes_keep_to_their_budgets(aws_tavern: Tavern, ada: Shown, calls: list[str]) -> None:
    etag = aws_tavern.ask("GET", at(ada)).headers["etag"]
    for method, target, body, status, budget in [
        ("PATCH", at(ada), {"creator": "C"}, 200, SAVE),
        ("PATCH", at(ada), {"name": "Countess"}, 200, SAVE),
        ("PUT", at(ada), v2(name="Ada"), 200, SAVE),
        ("DELETE", at(ada), None, 204, SAVE),
        ("POST", f"/api/recycle-bin/character-{ada['id']}/restore", {}, 200, SAVE),
    ]:
        calls.clear()
        assert aws_tavern.ask(method, target, json=body).status == status
        assert calls == budget, (method, target)
    calls.clear()
    stale = aws_tavern.ask("PATCH", at(ada), json={"creator": "D"}, headers={"If-Match": etag})
    assert (stale.status, calls) == (412, [READ])
    calls.clear()
    given = form(part("file", grey(2, 2)))
    assert aws_tavern.ask("PUT", at(ada, "/image"), **given).status == 200
    assert calls == [READ, WRITE, *SAVE]


def test_what_comes_in_keeps_to_its_budget(aws_tavern: Tavern, calls: list[str]) -> None:
    """Look-ups: who lacks it by file, who by name, whether its own name is free."""

    def cost(data: bytes, filename: str) -> tuple[Answer, list[str]]:
        calls.clear()
        return send(aws_tavern, data, filename), [*calls]

    for data, filename, merged, budget in [
        (grey(2, 2), "New.png", False, [ROW, WRITE, ROW, WRITE, LIST]),
        (card_png(v2(name="N")), "Newer.png", False, [ROW, ROWS, WRITE, ROW, WRITE, LIST]),
        (card("Newest"), "Newest.json", False, [ROWS, ROWS, ROW, WRITE, LIST]),
        (as_json(v2()), "Ada.json", True, [ROWS, *SAVE]),
        (card_png(v2(name="Newest")), "x.png", True, [ROW, ROWS, WRITE, READ, ROW, WRITE, LIST]),
        (grey(2, 2), "New.png", False, [ROW, WRITE, ROW, ROWS, WRITE, LIST]),
    ]:
        answer, made = cost(data, filename)
        assert (answer.status, answer.json()["merged"]) == (201, merged), filename
        assert made == budget, filename


def test_a_whole_list_of_a_thousand_is_eight_calls_at_most(aws_tavern: Tavern) -> None:
    """Of the largest rows that there are; a page is one query, of usual rows."""
    text = "数え 🧮 " * 1_000
    largest = card(
        "n" * 500, description=text, creator="c" * 500, creator_notes=text, tags=["t" * 60] * 20
    )
    entry = added(aws_tavern, largest, "largest.json")
    aws_tavern.ask("DELETE", at(entry))
    put_rows("whole/", 1_000, {**entry, "name": ""})
    texts = {"description": "d" * 300, "creatorComment": "c" * 300, "creator": "Byron"}
    usual = {**texts, "tags": ["history"] * 5}
    put_rows("item/", 1_000, {**entry, **usual, "name": ""})
    with counted_aws_calls() as counted:
        assert len(listed(aws_tavern)) == 1_000
    assert counted[0] == ROW
    assert {*counted[1:]} == {ROWS}
    assert len(counted) <= 8
    for query in ("limit=200", "search=nothing"):
        with counted_aws_calls() as counted:
            aws_tavern.ask("GET", f"{ALL}?sort=added&{query}")
        assert counted == [ROW, ROWS]
