"""Cards in pictures: where they may be, what is refused, and that all else stays."""

import base64
import io
import random
import zlib
from itertools import pairwise

import pytest
from PIL import Image

from chalicelib import cards
from chalicelib.cards import BrokenCard, Card, png
from chalicelib.errors import InvalidInput, TooLarge, UnsupportedMediaType
from tests.cards import (
    TEXT_KINDS,
    TextKind,
    all_files,
    as_json,
    book,
    book_entry,
    card_png,
    encoded,
    moving_picture,
    picture,
    text_chunk,
    v1,
    v2,
    v3,
    with_chunks,
)
from tests.unit.pictures.samples import chunk, png_head

ADA = Card(v3()["data"])
AFTER_THE_END = b"PK\x03\x04 what comes after the end"


def read(data: bytes) -> Card:
    found = cards.read(data, stem="stem").card
    assert found is not None
    return found


def repairs(data: bytes) -> list[str]:
    return [str(repair) for repair in cards.read(data, stem="stem").repairs]


def hard_to_pack(mebibytes: int) -> bytes:
    """Letters of which deflate leaves a hundredth."""
    chance = random.Random(7)  # noqa: S311 (the same letters each time)
    return (chance.randbytes(512).hex().encode() + b"A" * 64_512) * (16 * mebibytes)


def named(name: str, keyword: str = "chara", kind: TextKind = "tEXt") -> bytes:
    return text_chunk(keyword, encoded(v2(name=name)), kind)


SIGNATURE = b"\x89PNG\r\n\x1a\n"


def test_a_picture_without_a_card_is_legal() -> None:
    found = cards.read(with_chunks(text_chunk("Comment", b"chara")), stem="stem")
    assert (found.kind, found.card, found.repairs) == ("png", None, ())


@pytest.mark.parametrize("keyword", ["chara", "Chara", "CHARA", "ccv3", "CCV3"])
@pytest.mark.parametrize("kind", TEXT_KINDS)
def test_the_case_of_the_keyword_does_not_matter(keyword: str, kind: TextKind) -> None:
    assert read(with_chunks(named("Grace", keyword, kind))).name == "Grace"


def test_version_3_wins_wherever_it_is() -> None:
    old, new = named("Old"), named("New", "ccv3")
    assert read(with_chunks(old, new)).name == read(with_chunks(new, old)).name == "New"
    assert repairs(with_chunks(old, new)) == []


def test_the_first_of_two_chunks_of_one_keyword_counts_and_that_is_told() -> None:
    twice = with_chunks(named("First"), text_chunk("a", b"b"), named("Second", "CHARA", "zTXt"))
    assert read(twice).name == "First"
    assert len(repairs(twice)) == 1


def test_the_older_card_is_read_where_the_newer_one_is_broken_and_that_is_told() -> None:
    broken = with_chunks(named("Old"), text_chunk("ccv3", b"e30"))
    assert read(broken).name == "Old"
    assert len(repairs(broken)) == 1
    assert "no field of a character card" in repairs(broken)[0]


def test_base64_is_read_with_line_breaks_without_padding_and_safe_for_urls() -> None:
    value = as_json(v1(name="Ada", description="??>>~~ÿÿÿ"))
    while len(value) % 3 != 1:
        value = b" " + value
    plain = base64.b64encode(value)
    lines = b"\r\n".join(plain[at : at + 76] for at in range(0, len(plain), 76)) + b"\n\0"
    safe = base64.urlsafe_b64encode(value)
    expected = read(with_chunks(text_chunk("chara", plain)))
    for other in (lines, safe, plain.rstrip(b"="), safe.rstrip(b"="), plain + b"==", value):
        found = with_chunks(text_chunk("chara", other))
        assert read(found) == expected
        assert bool(repairs(found)) is (other != plain)


def test_a_card_after_a_byte_order_mark_is_read() -> None:
    marked = base64.b64encode(b"\xef\xbb\xbf" + as_json(v2()))
    assert len(repairs(with_chunks(text_chunk("chara", marked)))) == 1


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"e30*", "character 3 of the base64 is none"),
        (b"e30e3", "the base64 is cut short"),
        (b"", "malformed JSON at line 1 column 1"),
        (base64.b64encode(b'{"name":\n}'), "malformed JSON at line 2 column 1"),
        (base64.b64encode(b'{"name":"\xff"}'), "not UTF-8 at byte 9"),
        (base64.b64encode(b"[1]"), "an object is expected, not a list"),
    ],
)
def test_what_is_wrong_with_a_card_is_told_with_its_place(value: bytes, reason: str) -> None:
    with pytest.raises(BrokenCard, match=f"The tEXt chunk chara at byte 33: .*{reason}"):
        read(with_chunks(text_chunk("chara", value), before_pixels=True))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (chunk(b"zTXt", b"chara\0\0not packed"), "cannot be unpacked"),
        (chunk(b"zTXt", b"chara\0\x01" + zlib.compress(b"e30=")), "unknown way"),
        (chunk(b"zTXt", b"chara\0\0" + zlib.compress(b"e30=")[:-4]), "cut short"),
        (chunk(b"zTXt", b"chara\0"), "unknown way"),
        (chunk(b"iTXt", b"chara\0"), "it has no text"),
        (chunk(b"iTXt", b"chara\0\0\0en\0"), "it has no text"),
        (chunk(b"iTXt", b"chara\0\x02\0\0\0e30="), "it has no text"),
    ],
)
def test_a_text_that_cannot_be_unpacked_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(BrokenCard, match=reason):
        read(with_chunks(body))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (picture()[:-12], "the file ends before IEND"),
        (picture()[:-8], "a chunk is cut short|is cut short"),
        (picture()[:60], "the chunk IDAT is cut short"),
        (picture()[:20], "the chunk IHDR is cut short"),
        (SIGNATURE + chunk(b"IHDR", bytes(7)), "the header is missing"),
        (SIGNATURE + chunk(b"IHDR", bytes(14)), "the header is missing"),
        (picture()[:8], "the file ends before IEND"),
        (with_chunks(named("Ada")[:-1] + b"?"), "checksum of the chunk tEXt is wrong"),
        (picture()[:-1] + b"?", "checksum of the chunk IEND is wrong"),
        (with_chunks(b"\0\0\0\0a1b2\0\0\0\0"), "this is not a chunk"),
        (picture()[:8] + picture()[-12:], "the header is missing"),
        (png_head(0, 4) + chunk(b"IEND"), "it has no pixels"),
        (png_head(4, 0) + chunk(b"IEND"), "it has no pixels"),
    ],
)
def test_a_picture_that_is_not_whole_is_refused_with_its_place(data: bytes, reason: str) -> None:
    with pytest.raises(InvalidInput, match=rf"broken at byte \d+: .*({reason})"):
        cards.read(data, stem="stem")


def test_a_packed_text_that_unpacks_to_too_much_is_refused() -> None:
    bomb = chunk(b"zTXt", b"ccv3\0\0" + zlib.compress(bytes(17 * 1024 * 1024)))
    with pytest.raises(TooLarge, match="unpacks to more than 400 times"):
        read(with_chunks(named("Old"), bomb))
    large = chunk(b"zTXt", b"ccv3\0\0" + zlib.compress(hard_to_pack(17)))
    with pytest.raises(TooLarge, match="unpacks to more than 16777216"):
        read(with_chunks(named("Old"), large))


def test_the_most_repetitive_of_cards_that_people_have_is_no_bomb() -> None:
    entries = [book_entry()] * 10_000
    card = v3(character_book=book(entries=entries))
    packed = card_png(card, "ccv3", "zTXt")
    assert len(encoded(card)) > 100 * len(packed)
    assert len(read(packed).data["character_book"]["entries"]) == 10_000


def test_packed_assets_that_unpack_to_too_much_together_are_refused() -> None:
    large = hard_to_pack(12)
    bombs = [text_chunk(f"chara-ext-asset_:{number}", large, "zTXt") for number in range(3)]
    assert len(png.assets(with_chunks(*bombs[:2]))) == 2
    with pytest.raises(TooLarge, match="unpacks to more than"):
        png.assets(with_chunks(*bombs))


def test_the_size_of_the_picture_is_limited_by_its_header() -> None:
    for width, height in ((8_000, 5_000), (40_000_000, 1)):
        whole = png_head(width, height) + chunk(b"IEND")
        assert cards.read(whole, stem="stem").card is None
    with pytest.raises(TooLarge, match="8001 x 5000 pixels"):
        cards.read(png_head(8_001, 5_000) + chunk(b"IEND"), stem="stem")


def test_files_chunks_and_results_are_limited() -> None:
    with pytest.raises(TooLarge, match="more than 20000 chunks"):
        cards.read(with_chunks(chunk(b"tEXt") * 20_000), stem="stem")
    largest = picture() + bytes(32 * 1024 * 1024 - len(picture()))
    assert cards.read(largest, stem="stem").card is None
    with pytest.raises(TooLarge, match="33554433 bytes"):
        cards.read(largest + b"\0", stem="stem")
    with pytest.raises(TooLarge, match="at most 33554432"):
        cards.write_png(largest, ADA)


def test_a_card_that_is_too_large_twice_is_written_once() -> None:
    large = Card({"name": "Ada", "description": "a" * 13_000_000})
    written = cards.write_png(picture(), large)
    assert b"chara\0" not in written
    assert read(written) == large


@pytest.mark.parametrize("name", [name for name, data in all_files().items() if b"IHDR" in data])
def test_writing_a_card_replaces_the_cards_and_nothing_else(name: str) -> None:
    written = cards.write_png(all_files()[name] + AFTER_THE_END, ADA)
    plain = moving_picture() if name == "in a moving picture" else picture()
    after = plain[-12:] + AFTER_THE_END
    assert written.startswith(plain[:-12])
    assert written.endswith(after)
    assert [text for text in (b"chara\0", b"ccv3\0") if written.count(text) != 1] == []
    assert read(written) == ADA


def test_other_chunks_stay_in_their_order_byte_for_byte() -> None:
    others = [
        text_chunk("Comment", b"chara"),
        chunk(b"prVt", b"\0\1"),
        text_chunk("chara-ext-asset_:1", b"AA==", "zTXt"),
        chunk(b"tEXt", b"chara"),
        text_chunk("parameters", b"steps: 20", "iTXt"),
    ]
    old = [named("Old", "Chara"), named("Old", "ccv3", "packed iTXt"), named("Old", kind="zTXt")]
    mixed = with_chunks(others[0], old[0], *others[1:3], old[1], old[2], *others[3:])
    written = cards.write_png(mixed, ADA)
    positions = [written.index(each) for each in others]
    assert all(before < after for before, after in pairwise(positions))
    assert written.startswith(with_chunks(*others)[:-12])
    assert cards.write_png(written, ADA) == written


def test_the_card_is_in_the_file_as_both_versions() -> None:
    with Image.open(io.BytesIO(cards.write_png(picture(), ADA))) as opened:
        opened.load()
        texts = opened.text  # type: ignore[attr-defined]
    assert base64.b64decode(texts["chara"]) == cards.write_json(ADA, version=2)
    assert base64.b64decode(texts["ccv3"]) == cards.write_json(ADA)


def test_a_card_is_written_into_pngs_only() -> None:
    with pytest.raises(UnsupportedMediaType):
        cards.write_png(b"\xff\xd8\xff\xe0", ADA)


def test_embedded_assets_are_read_by_their_path() -> None:
    embedded = card_png(v3(), "ccv3")
    chunks = [
        text_chunk("chara-ext-asset_:Icons/Main", base64.b64encode(b"icon")),
        text_chunk("chara-ext-asset_1", base64.b64encode(b"one"), "zTXt"),
        text_chunk("chara-ext-asset_:1", base64.b64encode(b"another")),
    ]
    assert png.assets(with_chunks(*chunks, of=embedded)) == {"Icons/Main": b"icon", "1": b"one"}
