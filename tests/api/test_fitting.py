"""JSON that is too large for a function's answer."""

import gzip
import json
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from chalicelib import container
from chalicelib.api.fitting import accepts_gzip, fit
from chalicelib.api.http import Call, Reply
from chalicelib.services.large_answers import LAMBDA_BYTES, LargeAnswers
from tests.api.characters import ALL, added, at, card, put_rows
from tests.api.product import Tavern
from tests.builders import edge, node, payload
from tests.unit.pictures.samples import chunk, png

TEXTS = [f"{number} " * 50 for number in range(200)]
BODY = {"data": TEXTS}
SIZE = len(json.dumps(BODY, separators=(",", ":")))
PACKED = {"Accept-Encoding": "gzip, br"}


class Link:
    """Downloads that say what is downloaded."""

    def link(self, key: str, *, media_type: str, name: str | None, seconds: int) -> str:
        """An address with the key in it."""
        return f"https://bucket.example/{key}"


def asked(tavern: Tavern, most: int, headers: dict[str, str] | None = None, *cuts: Any) -> Reply:
    """What the answer is when so many bytes fit it."""
    request: Any = SimpleNamespace(headers={"host": "localhost", **(headers or {})})
    reply = Reply(BODY, 200, {"ETag": '"1"', "Cache-Control": "private"})
    answers = LargeAnswers(
        container.documents(), Link(), container.accounts(), container.clock(), most
    )
    return fit(Call(request), reply, cuts, answers)


def test_what_fits_is_sent_as_it_is(tavern: Tavern) -> None:
    for headers in ({}, PACKED):
        reply = asked(tavern, 2 * SIZE, headers)
        assert json.loads(reply.body) == BODY
        assert reply.headers == {"ETag": '"1"', "Cache-Control": "private"}


def test_what_just_fits_is_sent_as_bytes(tavern: Tavern) -> None:
    """As a text its quotes would be escaped once more on the way."""
    reply = asked(tavern, SIZE)
    assert isinstance(reply.body, bytes)
    assert (json.loads(reply.body), reply.content_type) == (BODY, "application/json")
    assert reply.headers["ETag"] == '"1"'


def test_who_takes_gzip_gets_it_packed_and_whole(tavern: Tavern) -> None:
    reply = asked(tavern, SIZE // 4, PACKED, lambda: {"data": []})
    assert json.loads(gzip.decompress(reply.body)) == BODY
    assert reply.headers == {
        "ETag": 'W/"1"',
        "Cache-Control": "private",
        "Content-Encoding": "gzip",
        "Vary": "Origin, Accept-Encoding",
    }


def test_who_does_not_gets_the_first_shorter_one_that_fits(tavern: Tavern) -> None:
    cuts = [lambda most=most: {"data": [text[:most] for text in TEXTS]} for most in (90, 20, 5)]
    reply = asked(tavern, 6_000, {}, *cuts)
    assert json.loads(reply.body) == {"data": [text[:20] for text in TEXTS]}
    packed = asked(tavern, 400, PACKED, *cuts, lambda: {"data": []})
    assert json.loads(gzip.decompress(packed.body)) == {"data": []}


def test_what_cannot_be_cut_is_fetched_from_the_store(tavern: Tavern) -> None:
    reply = asked(tavern, 100, {})
    assert (reply.status, reply.body) == (303, None)
    key = reply.headers["Location"].removeprefix("https://bucket.example/")
    assert key.startswith("uploads/default_user/made-")
    assert json.loads(container.documents().get(key).body) == BODY


@pytest.mark.parametrize(
    ("header", "accepts"),
    [
        ("gzip", True),
        ("br, GZIP ;q=0.5", True),
        ("*", True),
        ("deflate, br;q=1.0", False),
        ("gzip;q=0", False),
        ("gzip; q=0.000, br", False),
        ("xgzip, gzipped", False),
        ("", False),
        ("gzip;q=" + "9" * 5_000, True),
    ],
)
def test_who_takes_gzip(header: str, accepts: bool) -> None:
    assert accepts_gzip(header) is accepts


def test_a_card_that_is_too_large_for_an_answer_is_packed_or_fetched(aws_tavern: Tavern) -> None:
    entry = added(aws_tavern, card(), "Ada.json")
    for number in range(2):
        change = {f"own{number}": f"{number}" * 3_000_000}
        assert aws_tavern.ask("PATCH", at(entry), json=change, headers=PACKED).status == 200
    packed = aws_tavern.ask("GET", at(entry), headers=PACKED)
    assert (packed.status, packed.headers["content-encoding"]) == (200, "gzip")
    found = json.loads(gzip.decompress(packed.body))["data"]["card"]["data"]
    assert (len(found["own0"]), len(found["own1"])) == (3_000_000, 3_000_000)
    known = {**PACKED, "If-None-Match": packed.headers["etag"]}
    assert aws_tavern.ask("GET", at(entry), headers=known).status == 304
    plain = aws_tavern.ask("GET", at(entry))
    assert (plain.status, plain.body) == (303, b"")
    signed = urlsplit(plain.headers["location"])
    assert {"X-Amz-Signature", "X-Amz-Expires"} <= parse_qs(signed.query).keys()
    exported = aws_tavern.ask("GET", at(entry, "/export?format=json"))
    assert exported.status == 303
    assert aws_tavern.ask("GET", f"{ALL}?limit=1").status == 200


def test_a_picture_that_is_too_large_for_an_answer_is_fetched_as_is_a_part_of_it(
    aws_tavern: Tavern,
) -> None:
    """A part as large as all would be refused on its way: a function's answer has 6 MB."""
    data = png(chunk(b"noTe", bytes(4_500_000)))
    kept = container.characters().receive("default_user", "Ada.png", data)
    path = f"{ALL}/image/{kept.item.state['imageName']}"
    for asked in ({}, {"Range": "bytes=0-"}, {"Range": "bytes=-4450000"}):
        answer = aws_tavern.ask("GET", path, headers=asked)
        assert (answer.status, answer.body) == (307, b""), asked
        assert "X-Amz-Signature" in answer.headers["location"]
    small = aws_tavern.ask("GET", path, headers={"Range": "bytes=1-3"})
    assert (small.status, small.body) == (206, b"PNG")
    beyond = aws_tavern.ask("GET", path, headers={"Range": f"bytes={len(data)}-"})
    assert (beyond.status, beyond.headers["content-range"]) == (416, f"bytes */{len(data)}")


def test_who_asks_for_the_headers_of_a_large_file_gets_them_here(aws_tavern: Tavern) -> None:
    """A link is signed for GET alone."""
    data = png(chunk(b"noTe", bytes(4_500_000)))
    kept = container.characters().receive("default_user", "Ada.png", data)
    for path, redirected in ((f"{ALL}/image/Ada.png", 307), (f"{ALL}/{kept.item.id}/export", 303)):
        assert aws_tavern.ask("GET", path).status == redirected
        asked = aws_tavern.ask("HEAD", path)
        assert (asked.status, asked.body) == (200, b"")
        assert asked.headers["content-type"] == "image/png"
        assert "content-disposition" in asked.headers


def test_a_whole_list_is_packed_or_cut_until_it_fits(aws_tavern: Tavern) -> None:
    entry = {"tags": [], "favorite": False, "imageName": None, "description": "数x" * 1_600}
    put_rows("whole/", 800, entry)
    packed = aws_tavern.ask("GET", ALL, headers=PACKED)
    assert packed.headers["vary"] == "Origin, Accept-Encoding"
    whole = json.loads(gzip.decompress(packed.body))["data"]
    assert (len(whole), whole[0]["description"]) == (800, entry["description"])
    cut = aws_tavern.ask("GET", ALL)
    assert (cut.status, len(cut.body) < 4_400_000) == (200, True)
    assert [each["name"] for each in cut.json()["data"]] == [each["name"] for each in whole]
    assert {len(each["description"]) for each in cut.json()["data"]} == {1_000}


def test_a_lorebook_that_is_too_large_for_an_answer_is_packed_cut_or_fetched(
    aws_tavern: Tavern,
) -> None:
    """A body of a request has 5 MB; its quotes are escaped once more in an answer."""
    book = {"name": "Quotes", "entries": [{"keys": ["ink"], "content": '"' * 2_400_000}]}
    made = aws_tavern.ask("POST", "/api/lorebooks", json=book)
    assert made.status == 201, "what is new is told, without the entries"
    kept = json.loads(made.body)["data"]
    assert (kept["name"], "book" in kept) == ("Quotes", False)
    path = f"/api/lorebooks/{kept['id']}"
    assert aws_tavern.ask("GET", path).status == 303
    packed = aws_tavern.ask("GET", path, headers=PACKED)
    assert packed.status == 200
    found = json.loads(gzip.decompress(packed.body))["data"]["book"]["data"]
    assert found["entries"][0]["content"] == '"' * 2_400_000
    entry = added(aws_tavern, card(), "Ada.json")
    attached = {"lorebookId": kept["id"]}
    answer = aws_tavern.ask("PUT", at(entry, "/lorebook"), json=attached, headers=PACKED)
    assert (answer.status, answer.headers["content-encoding"]) == (200, "gzip")
    assert aws_tavern.ask("GET", at(entry, "/lorebook")).status == 303


def test_a_value_of_a_run_that_is_too_large_for_an_answer_is_packed_or_fetched(
    aws_tavern: Tavern,
) -> None:
    """A node makes more of what came in."""
    nodes = [
        node("once", "core:TextMerge", inputs={"text_inputs": ["x" * 2_500_000]}),
        node("again", "core:TextMerge"),
        node("twice", "core:TextMerge", inputs={"separator": ""}),
    ]
    edges = [
        edge("once.merged_text", "again.text_inputs"),
        edge("once.merged_text", "twice.text_inputs"),
        edge("again.merged_text", "twice.text_inputs"),
    ]
    prompt_id = aws_tavern.submit(payload(nodes, *edges))
    aws_tavern.work()
    found = aws_tavern.ask("GET", f"/api/prompt/{prompt_id}").json()
    (reference,) = [value["$ref"] for value in found["nodeStatus"]["twice"]["output"].values()]
    assert reference["bytes"] > LAMBDA_BYTES
    packed = aws_tavern.ask("GET", reference["url"], headers=PACKED)
    assert (packed.status, packed.headers["content-encoding"]) == (200, "gzip")
    assert "immutable" in packed.headers["cache-control"]
    assert len(json.loads(gzip.decompress(packed.body))) > 5_000_000 - 10
    assert aws_tavern.ask("GET", reference["url"]).status == 303
