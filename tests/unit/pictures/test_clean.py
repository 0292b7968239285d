"""A cleaned picture looks as before; all else about it is gone."""

import io
import zlib

import pytest
from PIL import Image

from chalicelib import pictures
from chalicelib.pictures import Picture, orientation
from tests.unit.pictures import samples
from tests.unit.pictures.samples import (
    CAMERA,
    COMMENT,
    HEIGHT,
    WIDTH,
    all_kinds,
    chunk,
    jpeg_with,
    png,
    saved,
    seen,
    segment,
    webp_with,
)

KINDS = all_kinds()
APPENDED = {
    "html": b"<html><script>alert(1)</script></html>",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "zip": b"PK\x03\x04" + bytes(26) + b"PK\x05\x06" + bytes(18),
    "php": b"<?php system($_GET['c']); ?>",
    "another picture": png(),
}


@pytest.mark.parametrize("name", KINDS)
def test_a_cleaned_picture_looks_as_before(name: str) -> None:
    assert seen(pictures.clean(KINDS[name])) == seen(KINDS[name])


@pytest.mark.parametrize("name", KINDS)
def test_what_is_clean_stays_as_it_is(name: str) -> None:
    cleaned = pictures.clean(KINDS[name])
    assert pictures.clean(cleaned) == cleaned


@pytest.mark.parametrize("name", KINDS)
def test_kind_and_size_are_known_without_decoding(name: str) -> None:
    expected = Picture(f"image/{name.split()[0]}", WIDTH, HEIGHT)
    assert pictures.inspect(KINDS[name]) == expected
    assert pictures.inspect(pictures.clean(KINDS[name])) == expected


@pytest.mark.parametrize("name", KINDS)
def test_nothing_is_told_of_camera_and_place(name: str) -> None:
    cleaned = pictures.clean(KINDS[name])
    assert CAMERA.encode() not in cleaned
    assert COMMENT not in cleaned
    assert b"xmp" not in cleaned.lower()


def test_the_samples_do_tell_of_camera_and_place() -> None:
    assert sum(CAMERA.encode() in file for file in KINDS.values()) > 8
    assert sum(COMMENT in file for file in KINDS.values()) > 5


@pytest.mark.parametrize("name", ["jpeg RGB", "jpeg CMYK", "png RGB", "webp"])
def test_colours_stay_what_they_are(name: str) -> None:
    with Image.open(io.BytesIO(pictures.clean(KINDS[name]))) as opened:
        assert opened.info["icc_profile"] == samples.profile()


@pytest.mark.parametrize("what", APPENDED)
@pytest.mark.parametrize("name", ["jpeg RGB", "png RGB", "gif moving", "webp", "webp plain"])
def test_what_comes_after_the_picture_is_dropped(name: str, what: str) -> None:
    assert pictures.clean(KINDS[name] + APPENDED[what]) == pictures.clean(KINDS[name])


@pytest.mark.parametrize("what", APPENDED)
def test_what_hides_in_chunks_that_nobody_sees_is_dropped(what: str) -> None:
    hidden = APPENDED[what]
    plain = saved(samples.gradient(), "WEBP", icc_profile=samples.profile())
    files = [
        png(chunk(b"tEXt", b"Comment\0" + hidden), chunk(b"prVt", hidden), chunk(b"gAMA", hidden)),
        png(chunk(b"iCCP", hidden), chunk(b"eXIf", hidden), chunk(b"tIME", hidden)),
        jpeg_with(
            segment(0xFE, hidden), segment(0xE7, hidden), segment(0xE1, b"Exif\0\0" + hidden)
        ),
        jpeg_with(segment(0xE2, b"ICC_PROFILE\0\1\1" + hidden), segment(0xEE, hidden)),
        samples.gif(1, 1, b"\x21\xfe\x04" + hidden[:4] + b"\0", samples.gif_frame(1, 1)),
        webp_with(plain, (b"junk", hidden), (b"XMP ", hidden), (b"ICCP", hidden)),
    ]
    for file in files:
        assert hidden[:4] not in pictures.clean(file)[8:]


def test_small_pictures_inside_a_picture_are_dropped() -> None:
    thumbnail = segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\2\2" + b"thumb" * 2 + b"xx")
    cleaned = pictures.clean(jpeg_with(thumbnail))
    assert b"thumb" not in cleaned
    assert seen(cleaned) == seen(jpeg_with())


def test_a_second_picture_behind_the_first_is_dropped() -> None:
    two = KINDS["jpeg RGB"] + KINDS["jpeg progressive"]
    assert pictures.clean(two) == pictures.clean(KINDS["jpeg RGB"])


@pytest.mark.parametrize("turned", range(1, 9))
def test_which_side_is_up_is_read_in_both_byte_orders(turned: int) -> None:
    entry = b"\x01\x12\0\x03\0\0\0\x01" + turned.to_bytes(2, "big") + b"\0\0"
    big = b"MM\0*\0\0\0\x08\0\x01" + entry + bytes(4)
    entry = b"\x12\x01\x03\0\x01\0\0\0" + turned.to_bytes(2, "little") + b"\0\0"
    little = b"II*\0\x08\0\0\0\x01\0" + entry + bytes(4)
    assert orientation.read(big) == orientation.read(little) == turned
    assert orientation.read(orientation.write(turned)) == turned


@pytest.mark.parametrize(
    "tiff",
    [
        b"",
        b"II",
        b"II*\0",
        b"II*\0\xff\xff\xff\xff",
        b"MM\0*\0\0\0\x08\xff\xff",
        orientation.write(0),
        orientation.write(9),
        orientation.write(6)[:-8],
    ],
)
def test_where_nothing_sensible_is_said_the_picture_is_upright(tiff: bytes) -> None:
    assert orientation.read(tiff) == orientation.UPRIGHT


@pytest.mark.parametrize(("width", "height"), [(1, 1), (2, 3), (8, 8), (9, 5), (33, 17)])
def test_interlaced_pixels_are_counted_pass_by_pass(width: int, height: int) -> None:
    starts = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4)]
    starts += [(0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    rows = [
        len(range(x, width, across))
        for x, y, across, down in starts
        for _ in range(y, height, down)
        if x < width
    ]
    pixels = b"".join(bytes(1 + columns) for columns in rows)
    data = chunk(b"IDAT", zlib.compress(pixels))
    file = samples.png_head(width, height, interlace=1) + data + chunk(b"IEND")
    assert pictures.clean(file) == file
    assert seen(file)


def test_of_several_profiles_of_a_png_the_first_alone_is_unpacked() -> None:
    """A picture of thousands of them would cost seconds."""
    packed = b"a\0\0" + zlib.compress(samples.profile())
    one = samples.png(samples.chunk(b"iCCP", packed))
    none = samples.png(samples.chunk(b"iCCP", b"a\0\0no profile"), samples.chunk(b"iCCP", packed))
    assert b"iCCP" in pictures.clean(one)
    assert b"iCCP" not in pictures.clean(none)
