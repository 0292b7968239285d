"""Pictures of characters over HTTP: whole, in parts, small, known to the caller, changed."""

import pytest

from chalicelib import container
from tests.api.characters import ALL, added, at, card, grey, replace_image, send, shown
from tests.api.hostile import assert_error
from tests.api.pictures import form, part
from tests.api.product import Answer, Tavern
from tests.cards import card_png, v2
from tests.unit.pictures.samples import all_kinds, png

IMAGE = f"{ALL}/image/Ada.png"
DATA = grey(40, 30)
SIZE = len(DATA)


@pytest.fixture
def ada(either_tavern: Tavern) -> Tavern:
    """With a picture called Ada.png."""
    added(either_tavern, DATA, "Ada.png")
    return either_tavern


def image(tavern: Tavern, method: str = "GET", **headers: str) -> Answer:
    """Ask for the picture."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return tavern.ask(method, IMAGE, headers=named)


def test_a_picture_says_what_it_is_and_runs_nothing(ada: Tavern) -> None:
    answer = image(ada)
    assert (answer.status, answer.body) == (200, DATA)
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["cache-control"] == "private, no-cache"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["accept-ranges"] == "bytes"
    digest = answer.headers["etag"].strip('"')
    exact = ada.ask("GET", f"{IMAGE}?v={digest}")
    assert "immutable" in exact.headers["cache-control"]
    assert "immutable" not in ada.ask("GET", f"{IMAGE}?v=x").headers["cache-control"]
    for accept in ("image/avif,image/webp", "text/html", "application/json", ""):
        assert image(ada, accept=accept).body == DATA


def test_without_the_right_hash_no_cache_gives_a_picture_to_the_next_who_signs_in(
    ada: Tavern,
) -> None:
    digest = image(ada).headers["etag"].strip('"')
    for query in ("", "?v=x", "?size=64&v=x", "?size=64"):
        for headers in ({}, {"If-None-Match": "*"}):
            answer = ada.ask("GET", IMAGE + query, headers=headers)
            assert answer.status == (304 if headers else 200)
            assert answer.headers["cache-control"] == "private, no-cache", query
            assert answer.headers["vary"] == "Origin, Cookie, Authorization"
    exact = ada.ask("GET", f"{IMAGE}?size=64&v={digest}")
    assert exact.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert exact.headers["vary"] == "Origin, Cookie, Authorization"


def test_the_head_of_a_picture_is_that_of_the_picture(ada: Tavern) -> None:
    whole, head = image(ada), image(ada, "HEAD")
    assert head.status == 200
    same = ("etag", "content-type", "cache-control", "accept-ranges", "content-length")
    assert [head.headers[name] for name in same] == [whole.headers[name] for name in same]
    assert whole.headers["content-length"] == str(SIZE)
    assert ada.ask("HEAD", f"{ALL}/image/other.png").status == 404


def test_what_the_caller_has_is_not_sent_again(ada: Tavern) -> None:
    etag = image(ada).headers["etag"]
    for known in (etag, f"W/{etag}", f'"x",{etag} , "y"', "*"):
        for method in ("GET", "HEAD"):
            answer = image(ada, method, if_none_match=known)
            assert (answer.status, answer.body, answer.headers["etag"]) == (304, b"", etag)
    for other in ('"x"', '"x", "y"', "", etag[:-2] + '"'):
        assert image(ada, if_none_match=other).status == 200


def test_parts_of_a_picture(ada: Tavern) -> None:
    etag = image(ada).headers["etag"]
    for asked, start, end in [
        ("bytes=0-0", 0, 1),
        ("bytes=2-5", 2, 6),
        ("Bytes = 2 - 5", 2, 6),
        (f"bytes=5-{10**17}", 5, SIZE),
        ("bytes=5-", 5, SIZE),
        ("bytes=-5", SIZE - 5, SIZE),
        (f"bytes=-{SIZE + 9}", 0, SIZE),
    ]:
        answer = image(ada, range=asked)
        assert (answer.status, answer.body) == (206, DATA[start:end]), asked
        assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{SIZE}"
        assert answer.headers["etag"] == etag
    assert image(ada, range="bytes=0-1", if_range=etag).status == 206
    assert image(ada, range="bytes=0-1", if_none_match=etag).status == 304


def test_what_asks_for_no_part_gets_all(ada: Tavern) -> None:
    etag = image(ada).headers["etag"]
    for asked in (
        *("bytes=5-2", "bytes=-", "bytes=", "bytes", "items=0-1", "bytes=0-1,3-4", "bytes=a-b"),
        *("bytes=--1", "bytes=0x1-2", "bytes=1-" + "9" * 40, "\u0665", ""),
    ):
        answer = image(ada, range=asked.encode("utf-8").decode("latin-1"))
        assert (answer.status, answer.body) == (200, DATA), asked
    for condition in ('"x"', f"W/{etag}", "Sat, 01 Jan 2022 00:00:00 GMT", "*"):
        assert image(ada, range="bytes=0-1", if_range=condition).status == 200


def test_a_part_that_is_not_there_is_a_416_that_says_how_much_is(ada: Tavern) -> None:
    for asked in (f"bytes={SIZE}-", f"bytes={SIZE}-{SIZE + 5}", "bytes=999999999-", "bytes=-0"):
        answer = image(ada, range=asked)
        assert (answer.status, answer.body) == (416, b"")
        assert answer.headers["content-range"] == f"bytes */{SIZE}"


def test_no_other_name_finds_a_picture(tavern: Tavern) -> None:
    added(tavern, DATA, "Ada.png")
    for name in ("ada.png", "Ada", "Ada.PNG", "Ada.png%20", "Ada%2Epng%2Fx", "item", "x" * 5_000):
        answer = tavern.ask("GET", f"{ALL}/image/{name}")
        assert answer.status in (400, 404), name
    for name in ("..", "%2e%2e%2fAda.png", ".Ada.png", "Ada.png%00", "a%5CAda.png", "a%2FAda.png"):
        answer = tavern.ask("GET", f"{ALL}/image/{name}")
        assert answer.status in (400, 404), name
        assert_error(answer.json(), success_flag=answer.json().keys() != {"error"})


def test_thumbnails_are_small_and_of_every_kind(tavern: Tavern) -> None:
    for name, data in all_kinds().items():
        kind = name.partition(" ")[0]
        entry = added(tavern, data, f"{name}.{kind}".replace(" ", "-"))
        answer = tavern.ask("GET", f"{ALL}/image/{entry['imageName']}?size=64")
        assert (answer.status, answer.headers["content-type"]) == (200, "image/webp"), name


@pytest.mark.parametrize("size", ["0", "161", "-64", "64px", "", "99999999", "%D9%A3"])
def test_a_size_that_is_not_offered_is_a_400(tavern: Tavern, size: str) -> None:
    added(tavern, DATA, "Ada.png")
    answer = tavern.ask("GET", f"{IMAGE}?size={size}")
    assert (answer.status, [*answer.json()["details"]]) == (400, ["size"])


def test_another_picture_has_another_address_and_another_thumbnail(either_tavern: Tavern) -> None:
    entry = added(either_tavern, card_png(v2()), "Ada.png")
    etags = {either_tavern.ask("GET", f"{IMAGE}{query}").headers["etag"] for query in QUERIES}
    changed = replace_image(either_tavern, entry, all_kinds()["webp"])
    assert changed.status == 200, changed.body
    again = changed.json()["data"]
    assert (again["name"], again["imageName"]) == ("Ada", "Ada.png")
    assert again["imageHash"] != entry["imageHash"]
    answer = image(either_tavern)
    assert (answer.body, answer.headers["content-type"]) == (all_kinds()["webp"], "image/webp")
    for query in QUERIES:
        assert either_tavern.ask("GET", f"{IMAGE}{query}").headers["etag"] not in etags
    assert shown(either_tavern, entry)["card"]["data"]["creator"] == "Charles"


QUERIES = ("", "?size=64")


def test_a_picture_replaces_none_unless_it_is_one(tavern: Tavern) -> None:
    entry = added(tavern, DATA, "Ada.png")
    for data, status in ((card(), 415), (b"", 400), (DATA[:-30], 400), (b"\0" * 9, 415)):
        answer = replace_image(tavern, entry, data)
        assert answer.status == status, answer.body
        assert_error(answer.json(), success_flag=True)
    assert tavern.ask("PUT", at(entry, "/image"), json={}).status == 415
    two = form(part("file", DATA), part("file", DATA))
    assert tavern.ask("PUT", at(entry, "/image"), **two).status == 400
    assert image(tavern).body == DATA
    folder = f"users/default_user/characters/{entry['id']}/images/"
    assert len([*container.documents().history(folder)]) == 1


def test_the_name_of_a_file_cannot_add_headers(tavern: Tavern) -> None:
    answer = send(tavern, png(), "a\r\nSet-Cookie: b=c\r\n\r\n.png")
    assert answer.status in (201, 400, 415)
    assert "set-cookie" not in answer.headers
