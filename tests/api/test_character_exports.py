"""Characters as files: what is in them, and what they are called."""

import base64
import io
import json
import zipfile
from typing import Any
from urllib.parse import unquote

import pytest

from chalicelib import pictures
from tests.api.characters import ALL, added, at, card, grey, shown
from tests.api.hostile import assert_error
from tests.api.product import Answer, Tavern
from tests.cards import as_json, card_png, moving_picture, v3
from tests.unit.imports.depot import zipped
from tests.unit.pictures.samples import all_kinds, png

FORMATS = {"png": "image/png", "json": "application/json", "charx": "application/zip"}


def exported(tavern: Tavern, entry: dict[str, Any], form: str) -> Answer:
    """A file that must be given."""
    answer = tavern.ask("GET", at(entry, f"/export?format={form}"))
    assert answer.status == 200, answer.body
    return answer


def cards_in(data: bytes) -> dict[str, Any]:
    """The cards in a PNG, by their keywords."""
    found: dict[str, Any] = {}
    at_byte = 8
    while at_byte < len(data):
        length, kind = int.from_bytes(data[at_byte : at_byte + 4]), data[at_byte + 4 : at_byte + 8]
        content = data[at_byte + 8 : at_byte + 8 + length]
        if kind == b"tEXt":
            keyword, _, text = content.partition(b"\0")
            assert keyword.decode() not in found
            found[keyword.decode()] = json.loads(base64.b64decode(text))
        at_byte += 12 + length
    return found


def files_in(data: bytes) -> dict[str, bytes]:
    """The files of an archive."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_every_format_brings_the_card_back(either_tavern: Tavern) -> None:
    entry = added(either_tavern, card_png(v3(), "ccv3"), "Ada.png")
    whole = shown(either_tavern, entry)["card"]
    for form, media_type in FORMATS.items():
        file = exported(either_tavern, entry, form)
        assert file.headers["content-type"] == media_type
        assert file.headers["x-content-type-options"] == "nosniff"
        again = added(either_tavern, file.body, f"again.{form}")
        if form == "charx":  # its assets say where the picture is
            whole["data"].pop("assets")
        found = shown(either_tavern, again)["card"]
        assert {**found["data"], **whole["data"]} == found["data"]
    bare = either_tavern.ask("GET", at(entry, "/export"))
    assert bare.headers["content-type"] == "image/png"


def test_the_head_of_an_export_is_that_of_the_file(either_tavern: Tavern) -> None:
    entry = added(either_tavern, card_png(v3(), "ccv3"), "Ada.png")
    whole = exported(either_tavern, entry, "png")
    head = either_tavern.ask("HEAD", at(entry, "/export?format=png"))
    assert head.status == 200
    same = ("content-type", "content-disposition", "content-length")
    assert [head.headers[name] for name in same] == [whole.headers[name] for name in same]


def test_a_picture_has_both_cards_in_it_and_all_its_other_bytes(tavern: Tavern) -> None:
    plain = moving_picture()
    entry = added(tavern, plain, "Ada.png")
    tavern.ask("PUT", at(entry), json=v3())
    file = exported(tavern, entry, "png").body
    found = cards_in(file)
    assert {*found} == {"chara", "ccv3"}
    assert (found["chara"]["spec"], found["ccv3"]["spec"]) == ("chara_card_v2", "chara_card_v3")
    assert found["ccv3"]["data"]["nickname"] == "Countess"
    assert file.startswith(plain[:-12])
    assert file.endswith(plain[-12:])
    assert tavern.ask("GET", f"{ALL}/image/Ada.png").body == plain


@pytest.mark.parametrize("name", ["jpeg RGB", "webp", "gif"])
def test_a_picture_of_another_kind_becomes_a_png(tavern: Tavern, name: str) -> None:
    entry = added(tavern, all_kinds()[name], f"Ada.{name.partition(' ')[0]}")
    file = exported(tavern, entry, "png").body
    assert file.startswith(pictures.as_png(all_kinds()[name])[:-12])
    assert cards_in(file)["ccv3"]["data"]["name"] == "Ada"
    assert all_kinds()[name] in files_in(exported(tavern, entry, "charx").body).values()


def test_without_a_picture_there_is_no_png_to_export(tavern: Tavern) -> None:
    entry = added(tavern, card(), "Ada.json")
    answer = tavern.ask("GET", at(entry, "/export?format=png"))
    assert answer.status == 409
    assert_error(answer.json(), success_flag=True)
    assert "json" in answer.json()["error"]
    for form in ("json", "charx"):
        exported(tavern, entry, form)


def test_the_other_files_of_an_archive_come_along(tavern: Tavern) -> None:
    files = {
        "card.json": as_json(v3()),
        "assets/icon/images/main.png": grey(3, 3),
        "assets/emotion/images/glad.png": png(),
    }
    entry = added(tavern, zipped(files), "Ada.charx")
    file = exported(tavern, entry, "charx").body
    again = added(tavern, file, "Again.charx")
    assert again["id"] != entry["id"]
    for data in (file, exported(tavern, again, "charx").body):
        assert files_in(data)["assets/emotion/images/glad.png"] == png()


@pytest.mark.parametrize(
    ("name", "plain", "exact"),
    [
        ("Ada", "Ada.json", "Ada.json"),
        ("数 🧮", "_ _.json", "数 🧮.json"),
        ('a"b\\c', "a_b-c.json", 'a"b-c.json'),
        ("AC/DC", "AC-DC.json", "AC-DC.json"),
        ("../../etc/passwd", "-.-etc-passwd.json", None),
        ("a\r\nSet-Cookie: b=c", "aSet-Cookie: b=c.json", None),
        ("50%", "50_.json", "50%.json"),
        ("...", "character.json", None),
        ("x" * 1_000, "x" * 195 + ".json", None),
        ("Ada.json", "Ada.json", None),
        ("a;b=c", "a;b=c.json", None),
        ("\x00\u202e\ud7ff!", None, None),
    ],
)
def test_a_file_is_called_as_the_character(
    tavern: Tavern, name: str, plain: str | None, exact: str | None
) -> None:
    entry = added(tavern, card(name), "whatever.json")
    answer = exported(tavern, entry, "json")
    header = answer.headers["content-disposition"]
    assert "set-cookie" not in answer.headers
    assert header.isascii()
    assert header.isprintable()
    quoted, _, encoded = header.removeprefix('attachment; filename="').partition('"; ')
    told = unquote(encoded.removeprefix("filename*=UTF-8''"))
    assert not {*quoted} & {'"', "\\", "/"}
    assert "/" not in told
    if plain is not None:
        assert quoted == plain
    if exact is not None:
        assert (quoted, told) == (plain, exact)
    assert told.endswith(".json")


@pytest.mark.parametrize("form", ["exe", "PNG", "png,json", "%00", "x" * 3_000])
def test_a_format_that_there_is_not_is_a_400(tavern: Tavern, form: str) -> None:
    entry = added(tavern, png(), "Ada.png")
    answer = tavern.ask("GET", at(entry, f"/export?format={form}"))
    assert (answer.status, [*answer.json()["details"]]) == (400, ["format"])
