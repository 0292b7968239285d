"""CHARX: the card, its picture and its files come in, and go out as they were."""

import json
import zipfile
from collections.abc import Mapping
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.cards.archives import BrokenArchive
from chalicelib.cards.card import BrokenCard, Card, Read
from chalicelib.cards.charx import write_charx
from chalicelib.cards.reading import read
from chalicelib.errors import InvalidInput
from tests.unit.cards.archives import CARD_V3, RECORD, a_charx, json_bytes, patched, picture, zipped

PNG, JPEG, WEBP = picture("PNG"), picture("JPEG"), picture("WEBP")
ROOM, HELLO = "assets/background/images/room.webp", "assets/other/audio/hello.ogg"


def a_card(**fields: Any) -> Card:
    """A card with a name, and whatever else a test is about."""
    return Card({"name": "Ada", **fields})


def icon(uri: str, **fields: Any) -> dict[str, Any]:
    """A main icon."""
    return {"type": "icon", "uri": uri, "name": "main", "ext": "png", **fields}


def card_inside(charx: bytes) -> dict[str, Any]:
    """What other programs read."""
    with zipfile.ZipFile(BytesIO(charx)) as archive:
        value: dict[str, Any] = json.loads(archive.read("card.json"))
        return value


def files_inside(charx: bytes) -> set[str]:
    """The names that other programs see."""
    with zipfile.ZipFile(BytesIO(charx)) as archive:
        return set(archive.namelist())


def parts(found: Read) -> tuple[Card | None, bytes | None, Mapping[str, bytes]]:
    """What has to survive."""
    return found.card, found.picture, found.assets


def test_a_charx_gives_its_card_its_picture_and_its_files() -> None:
    found = read(a_charx(), stem="file")
    assert found.kind == "charx"
    assert found.card is not None
    assert found.card.data["assets"] == CARD_V3["data"]["assets"]
    assert found.picture == PNG
    assert found.assets.keys() == {ROOM, HELLO}
    assert found.assets[ROOM] == WEBP
    assert found.repairs == ()


def test_what_came_in_goes_out_the_same() -> None:
    found = read(a_charx(more={"notes/empty": b"", "x_module.json": b"{}"}), stem="file")
    assert found.card is not None
    written = write_charx(found.card, found.picture, found.assets)
    assert parts(read(written, stem="file")) == parts(found)
    assert card_inside(written)["data"]["assets"] == CARD_V3["data"]["assets"]
    assert files_inside(written) == files_inside(
        a_charx(more={"notes/empty": b"", "x_module.json": b"{}"})
    )
    assert write_charx(found.card, found.picture, found.assets) == written


@pytest.mark.parametrize(
    "assets",
    [
        {},
        {"assets": []},
        {"assets": [icon("ccdefault:")]},
        {"assets": [icon("ccdefault:", ext="unknown", x="kept")]},
        {"assets": [{"type": "icon", "name": "main"}]},
        {"assets": [icon("https://example.org/a.png")]},
        {"assets": [icon("embeded://assets/icon/images/a.png")]},
        {"assets": [icon("embedded://a.jpeg")]},
        {"assets": [icon("embeded://../../a.png")]},
        {"assets": [icon("embeded://card.json")]},
        {"assets": [icon("ccdefault:", name="other"), icon("ccdefault:")]},
        {"assets": [{"type": "emotion", "uri": "embeded://happy.png", "name": "happy"}]},
    ],
)
@pytest.mark.parametrize("image", [None, PNG, JPEG, WEBP], ids=["none", "png", "jpeg", "webp"])
def test_a_card_with_any_icon_is_read_as_it_was_written(
    assets: dict[str, Any], image: bytes | None
) -> None:
    files = {"happy.png": PNG, "assets/icon/images/main.png": WEBP}
    written = write_charx(a_card(**assets), image, files)
    found = read(written, stem="file")
    assert parts(found) == (a_card(**assets), image, files)
    if image is not None:
        named = card_inside(written)["data"]["assets"]
        main = [asset for asset in named if asset["type"] == "icon" and asset["name"] == "main"]
        path = main[0]["uri"].partition("://")[2]
        with zipfile.ZipFile(BytesIO(written)) as archive:
            assert archive.read(path) == image


def test_other_programs_find_the_picture_where_ours_has_its_own() -> None:
    named = card_inside(write_charx(a_card(), JPEG))["data"]["assets"]
    assert [(asset["type"], asset["name"], asset["ext"]) for asset in named] == [
        ("icon", "main", "jpg")
    ]
    assert named[0]["uri"] == "embeded://assets/icon/images/main.jpg"


def test_a_new_picture_takes_the_place_of_the_old_one() -> None:
    found = read(a_charx(), stem="file")
    assert found.card is not None
    for new in (picture("PNG", "red"), JPEG):
        written = write_charx(found.card, new, found.assets)
        assert parts(read(written, stem="file")) == (found.card, new, found.assets)
        assert len(files_inside(written)) == len(found.assets) + 2


def test_an_icon_that_others_use_too_stays_among_the_files() -> None:
    uri = "embeded://face.png"
    assets = [icon(uri), {"type": "emotion", "uri": uri, "name": "calm", "ext": "png"}]
    value = {"spec": "chara_card_v3", "data": {"name": "Ada", "assets": assets}}
    found = read(zipped({"card.json": json_bytes(value), "face.png": PNG}), stem="file")
    assert (found.picture, found.assets) == (PNG, {"face.png": PNG})


def test_an_icon_without_a_file_is_repaired_with_another_icon() -> None:
    assets = [icon("ccdefault:"), icon("embeded://smile.png", name="smile"), icon("embeded://no")]
    value = {"spec": "chara_card_v3", "data": {"name": "Ada", "assets": assets}}
    found = read(zipped({"card.json": json_bytes(value), "smile.png": PNG}), stem="file")
    assert (found.picture, found.assets) == (PNG, {"smile.png": PNG})
    assert [str(repair) for repair in found.repairs] == [
        "data.assets[2].uri: it names a file that is not in the archive"
    ]


def test_a_main_icon_that_is_no_picture_is_a_file_like_others() -> None:
    value = {"spec": "chara_card_v3", "data": {"name": "Ada", "assets": [icon("embeded://a.svg")]}}
    found = read(zipped({"card.json": json_bytes(value), "a.svg": b"<svg/>"}), stem="file")
    assert (found.picture, found.assets) == (None, {"a.svg": b"<svg/>"})


def test_a_charx_behind_a_picture_is_read() -> None:
    glued = JPEG + a_charx()
    assert parts(read(glued, stem="file")) == parts(read(a_charx(), stem="file"))


def test_a_file_that_is_damaged_is_named() -> None:
    with pytest.raises(BrokenArchive, match=r"'card\.json' .* checksum"):
        read(patched(a_charx(), RECORD, 16, "<I", 1), stem="file")
    with pytest.raises(BrokenCard, match=r"card\.json: malformed JSON at line 1"):
        read(zipped({"card.json": b"{]"}), stem="file")
    with pytest.raises(BrokenCard, match=r"neither a card\.json"):
        read(zipped({"Card.json": b"{}"}), stem="file")


@pytest.mark.parametrize("name", ["../a", "card.json", "/a", "a//b", "a\\b", ""])
def test_a_name_that_archives_must_not_have_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be the name"):
        write_charx(a_card(), None, {name: b"x"})


def test_a_picture_of_another_kind_is_refused() -> None:
    with pytest.raises(InvalidInput, match="JPEG, PNG, GIF or WebP"):
        write_charx(a_card(), b"BM")


TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)
ASSETS = st.lists(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["icon", "background", "x_y"]), "uri": TEXT | st.just("a")},
        optional={"name": st.sampled_from(["main", "b"]), "ext": TEXT, "x": JSON},
    ),
    max_size=3,
)


@settings(max_examples=40, deadline=None)
@given(
    fields=st.fixed_dictionaries(
        {"name": TEXT.filter(str.strip), "description": TEXT},
        optional={"assets": ASSETS, "tags": st.lists(TEXT, max_size=2), "x_more": JSON},
    ),
    others=st.dictionaries(st.sampled_from(["create_date", "x"]), JSON, max_size=2),
    image=st.sampled_from([None, PNG, JPEG]),
)
def test_any_card_is_read_as_it_was_written(
    fields: dict[str, Any], others: dict[str, Any], image: bytes | None
) -> None:
    card = Card(fields, others)
    files = {"assets/other/code/a.lua": b"return 1"}
    assert parts(read(write_charx(card, image, files), stem="file")) == (card, image, files)
