"""Users' pictures: set from forms and uploads, shown at an address of their own, and attacked."""

import json
import re
import zlib
from typing import Any

import pytest

from chalicelib import container, pictures
from tests.api.hostile import assert_error
from tests.api.pictures import AVATAR, current_url, form, part, picture_form, set_picture, stored
from tests.api.product import Answer, Ask, Tavern
from tests.unit.pictures import samples
from tests.unit.pictures.samples import CAMERA, all_kinds, chunk, gif, gif_frame, png, png_head

KINDS = all_kinds()
ONE, TWO = png(pixels=b"\0\1"), png(pixels=b"\0\2")
UPLOAD = f"{AVATAR}/upload"
EVIL_NAME = 'a"; filename="b'


def refused(tavern: Tavern, data: bytes) -> Answer:
    """The answer to a picture that is not taken."""
    answer = tavern.ask("POST", AVATAR, **picture_form(data))
    assert answer.status in (400, 413, 415), answer
    assert_error(answer.json())
    assert stored() == []
    assert current_url(tavern) is None
    return answer


@pytest.mark.parametrize("name", ["jpeg RGB", "png RGB", "gif moving", "webp moving"])
def test_a_picture_is_shown_at_its_address(either_tavern: Tavern, name: str) -> None:
    answer = either_tavern.ask("POST", AVATAR, **picture_form(KINDS[name]))
    assert answer.status == 200
    url = answer.json()["avatarUrl"]
    assert {**answer.json(), "message": "m"} == {"success": True, "message": "m", "avatarUrl": url}
    shown = either_tavern.ask("GET", url)
    assert shown.status == 200
    assert shown.body == pictures.clean(KINDS[name])
    assert shown.headers["content-type"] == f"image/{name.split()[0]}"
    assert current_url(either_tavern) == url


def test_without_a_picture_there_is_no_address(tavern: Tavern) -> None:
    assert current_url(tavern) is None


def test_a_picture_is_kept_by_caches_and_runs_nothing(tavern: Tavern) -> None:
    shown = tavern.ask("GET", set_picture(tavern, ONE))
    assert shown.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert shown.headers["x-content-type-options"] == "nosniff"
    assert shown.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert shown.headers["content-disposition"] == "inline"
    assert "set-cookie" not in shown.headers


def test_who_has_the_picture_is_not_sent_it_again(tavern: Tavern) -> None:
    url = set_picture(tavern, ONE)
    etag = tavern.ask("GET", url).headers["etag"]
    again = tavern.ask("GET", url, headers={"If-None-Match": etag})
    assert (again.status, again.body) == (304, b"")
    assert again.headers["etag"] == etag
    assert tavern.ask("GET", url, headers={"If-None-Match": '"other"'}).status == 200


def test_head_tells_what_get_would(tavern: Tavern) -> None:
    url = set_picture(tavern, ONE)
    got, told = tavern.ask("GET", url), tavern.ask("HEAD", url)
    same = ("content-type", "content-length", "etag", "cache-control")
    assert [told.headers[name] for name in same] == [got.headers[name] for name in same]


@pytest.mark.parametrize("accept", [None, "image/*", "application/json", "text/html"])
def test_a_picture_is_sent_whatever_the_client_says_that_it_takes(
    tavern: Tavern, accept: str | None
) -> None:
    headers = {} if accept is None else {"Accept": accept}
    shown = tavern.ask("GET", set_picture(tavern, KINDS["webp"]), headers=headers)
    assert (shown.status, shown.headers["content-type"]) == (200, "image/webp")


def test_another_picture_has_another_address_and_the_old_one_is_gone(
    either_tavern: Tavern,
) -> None:
    first = set_picture(either_tavern, ONE)
    second = set_picture(either_tavern, TWO)
    assert first != second
    gone = either_tavern.ask("GET", first)
    assert gone.status == 404
    assert gone.headers["cache-control"] == "no-store"
    assert len(stored()) == 1
    (key,) = stored()
    first_key = key.rpartition("/")[0] + "/" + first.rpartition("/")[2]
    assert container.documents().versions(first_key) == []


def test_the_same_picture_again_changes_nothing(either_tavern: Tavern) -> None:
    first = set_picture(either_tavern, ONE)
    assert set_picture(either_tavern, ONE) == first
    assert len(stored()) == 1


def test_an_old_picture_comes_back_at_a_new_address(tavern: Tavern) -> None:
    """Its old one may be kept somewhere, as what is not there."""
    addresses = [set_picture(tavern, picture) for picture in (ONE, TWO, ONE)]
    assert len(set(addresses)) == 3
    assert [tavern.ask("GET", url).status for url in addresses] == [404, 404, 200]


def test_of_pictures_set_at_once_one_is_shown_and_no_other_is_left(either_tavern: Tavern) -> None:
    asked = []
    for shade in range(6):
        data = picture_form(png(pixels=bytes([0, shade])))
        asked.append(Ask("POST", AVATAR, body=data["body"], headers=data["headers"]))
    answers = either_tavern.ask_at_once(*asked)
    assert {answer.status for answer in answers} <= {200, 409}
    url = current_url(either_tavern)
    assert url in [answer.json().get("avatarUrl") for answer in answers]
    assert either_tavern.ask("GET", str(url)).status == 200
    assert len(stored()) == 1


def test_nothing_is_shown_that_the_camera_said(tavern: Tavern) -> None:
    shown = tavern.ask("GET", set_picture(tavern, KINDS["jpeg RGB"]))
    assert CAMERA.encode() in KINDS["jpeg RGB"]
    assert CAMERA.encode() not in shown.body


@pytest.mark.parametrize(
    "data",
    [
        b"<html><script>alert(1)</script></html>",
        b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
        b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>',
        b"GIF88a<script>alert(1)</script>",
        b"%PDF-1.7",
        b"PK\x03\x04",
        b"\0" * 100,
        b"\xef\xbb\xbf" + ONE,
    ],
)
def test_what_is_no_picture_is_refused_whatever_it_is_called(tavern: Tavern, data: bytes) -> None:
    assert refused(tavern, data).status == 415


@pytest.mark.parametrize(
    "hidden",
    [b"<html><script>alert(1)</script>", b"<svg onload=alert(1)>", b"PK\x05\x06" + bytes(18)],
)
@pytest.mark.parametrize("name", ["jpeg RGB", "png RGB", "gif", "webp"])
def test_of_a_picture_that_is_also_something_else_the_picture_is_left(
    tavern: Tavern, name: str, hidden: bytes
) -> None:
    shown = tavern.ask("GET", set_picture(tavern, KINDS[name] + hidden))
    assert shown.body == pictures.clean(KINDS[name])
    assert hidden not in shown.body


def test_a_script_in_a_text_of_the_picture_is_not_shown(tavern: Tavern) -> None:
    script = b"<script>alert(1)</script>"
    shown = tavern.ask("GET", set_picture(tavern, png(chunk(b"tEXt", b"Title\0" + script))))
    assert script not in shown.body


@pytest.mark.parametrize(
    ("bomb", "status"),
    [
        (png_head(50_000, 50_000) + chunk(b"IDAT", zlib.compress(bytes(10**7))), 413),
        (png(pixels=bytes(10**7)), 400),
        (png(chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(10**7)))), 200),
        (gif(500, 500, *[gif_frame(500, 500)] * 3000), 413),
        (gif(65_535, 65_535, gif_frame(1, 1)), 413),
    ],
    ids=["pixels", "packed", "profile", "frames", "gif"],
)
def test_a_bomb_does_not_go_off(tavern: Tavern, bomb: bytes, status: int) -> None:
    answer = tavern.ask("POST", AVATAR, **picture_form(bomb))
    assert answer.status == status


def test_a_broken_picture_is_refused_with_what_is_wrong_and_where(tavern: Tavern) -> None:
    wrong = bytearray(ONE)
    wrong[45] ^= 1
    assert "checksum of the chunk IDAT" in refused(tavern, bytes(wrong)).json()["error"]
    assert "at byte" in refused(tavern, ONE[:-3]).json()["error"]
    assert refused(tavern, KINDS["jpeg RGB"][:-2]).status == 400
    assert refused(tavern, KINDS["webp"][:-1]).status == 400


def test_a_refused_picture_leaves_the_one_before(tavern: Tavern) -> None:
    url = set_picture(tavern, ONE)
    assert tavern.ask("POST", AVATAR, **picture_form(ONE[:-3])).status == 400
    assert current_url(tavern) == url
    assert tavern.ask("GET", url).status == 200


def test_kind_and_name_are_by_the_bytes_and_not_by_what_is_declared(tavern: Tavern) -> None:
    declared = form(part("avatar", KINDS["webp"], filename="me.svg"))
    url = tavern.ask("POST", AVATAR, **declared).json()["avatarUrl"]
    assert url.endswith(".webp")
    assert tavern.ask("GET", url).headers["content-type"] == "image/webp"


@pytest.mark.parametrize(
    "name",
    [
        "a%0D%0ASet-Cookie: x=y",
        "..%2F..%2Fetc%2Fpasswd",
        "../../../x.html",
        "C:\\\\temp\\\\x.exe",
        EVIL_NAME,
        "\u202egnp.exe",
        "x" * 3000,
        "",
    ],
)
def test_a_files_name_goes_nowhere(tavern: Tavern, name: str) -> None:
    answer = tavern.ask("POST", AVATAR, **form(part("avatar", ONE, filename=name)))
    assert answer.status == 200
    assert re.fullmatch(
        r"/api/users/avatar/default_user/[0-9a-f]{64}-[0-9a-f]{16}\.png",
        answer.json()["avatarUrl"],
    )
    shown = tavern.ask("GET", answer.json()["avatarUrl"])
    assert "set-cookie" not in shown.headers
    assert shown.headers["content-disposition"] == "inline"


@pytest.mark.parametrize(
    "name", ["a\r\nSet-Cookie: x=y", "a\nb", "a\rb", "a\0b"], ids=["head", "lf", "cr", "nul"]
)
def test_a_line_in_a_files_name_is_no_line_of_ours(tavern: Tavern, name: str) -> None:
    answer = tavern.ask("POST", AVATAR, **form(part("avatar", ONE, filename=name)))
    assert answer.status in (200, 400)
    assert "set-cookie" not in answer.headers
    assert "Set-Cookie" not in json.dumps(answer.json())


@pytest.mark.parametrize(
    ("request_", "status", "message"),
    [
        (form(), 400, "avatar: a file is expected"),
        (form(part("file", ONE)), 400, "avatar: a file is expected"),
        (form(part("avatar", ONE), part("avatar", TWO)), 400, "avatar: two files"),
        (form(part("avatar", b"")), 400, "avatar: the file is empty"),
        (form(part("avatar", ONE), close=False), 400, "cannot be read"),
        (form(*[part("other", b"")] * 31, part("avatar", ONE)), 400, "cannot be read"),
        (form(part("avatar", ONE), content_type="multipart/form-data"), 400, "boundary"),
        (form(part("avatar", ONE), content_type="image/png"), 415, "multipart/form-data"),
        (form(part("avatar", ONE), content_type="multipart/mixed; boundary=x"), 415, "multipart"),
        (form(part("avatar", ONE), content_type="application/json"), 415, "multipart"),
        ({"body": ONE, "headers": {"Content-Type": "image/png"}}, 415, "multipart"),
        ({"body": b"", "headers": {}}, 415, "multipart/form-data"),
    ],
)
def test_a_form_that_is_not_as_expected_is_refused_with_a_reason(
    tavern: Tavern, request_: dict[str, Any], status: int, message: str
) -> None:
    answer = tavern.ask("POST", AVATAR, **request_)
    assert (answer.status, stored()) == (status, [])
    assert_error(answer.json())
    assert message in answer.json()["error"]


def test_other_fields_of_the_form_do_not_matter(tavern: Tavern) -> None:
    fields = [part("comment", b"hello", filename=None), part("avatar", ONE, filename=None)]
    assert tavern.ask("POST", AVATAR, **form(*fields)).status == 200


def test_too_large_a_file_is_told_the_limit_and_where_larger_requests_go(tavern: Tavern) -> None:
    answer = refused(tavern, ONE + bytes(pictures.MAX_BYTES))
    assert answer.status == 413
    assert str(pictures.MAX_BYTES) in answer.json()["error"]
    assert f"POST {UPLOAD}" in answer.json()["error"]


def test_a_picture_of_just_the_limit_is_taken(tavern: Tavern) -> None:
    rest = pictures.MAX_BYTES - len(ONE) - 12
    large = png(chunk(b"prVt", bytes(rest)), pixels=b"\0\1")
    assert len(large) == pictures.MAX_BYTES
    assert tavern.ask("POST", AVATAR, **picture_form(large)).status == 200


@pytest.mark.parametrize(
    "path",
    [
        "default_user/../default_user/{name}",
        "default_user/..%2Favatar%2F{name}",
        "default_user%2Favatar/{name}",
        "..%2Fdefault_user/{name}",
        "default_user/{name}%00",
        "default_user/{name}.html",
        "default_user/{name}%0d%0aSet-Cookie:%20a=b",
        "DEFAULT_USER/{name}",
        "somebody/{name}",
        "default_user/project.json",
        "default_user/%2e%2e",
        "default_user",
    ],
)
def test_no_other_address_leads_to_a_picture(either_tavern: Tavern, path: str) -> None:
    name = set_picture(either_tavern, ONE).rpartition("/")[2]
    answer = either_tavern.ask("GET", "/api/users/avatar/" + path.format(name=name))
    assert answer.status == 404
    assert "set-cookie" not in answer.headers


def test_the_kind_in_the_address_is_part_of_it(tavern: Tavern) -> None:
    url = set_picture(tavern, ONE)
    assert tavern.ask("GET", url.replace(".png", ".gif")).status == 404


def test_the_samples_are_what_they_are_called() -> None:
    assert samples.seen(ONE) != samples.seen(TWO)
