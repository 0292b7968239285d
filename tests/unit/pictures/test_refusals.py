"""What is refused, and that it is said what is wrong and where."""

import struct
import time
import tracemalloc
import zlib

import pytest

from chalicelib import pictures
from chalicelib.errors import TooLarge, UnsupportedMediaType
from chalicelib.pictures import MAX_BYTES, BrokenPicture
from chalicelib.pictures.reading import AVATAR
from tests.unit.pictures.samples import (
    all_kinds,
    chunk,
    gif,
    gif_frame,
    jpeg_with,
    png,
    png_head,
    segment,
    webp,
)

KINDS = all_kinds()
PIXELS = chunk(b"IDAT", zlib.compress(b"\0\0"))
END = chunk(b"IEND")
CONTROL = chunk(b"fcTL", struct.pack(">5I2HBB", 0, 1, 1, 0, 0, 1, 1, 0, 0))
JPEG = KINDS["jpeg restarts"]
FRAME = b"\x08\x00\x01\x00\x01\x01\x01\x11\x00"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x89PNG",
        b"<html></html>",
        b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>',
        b"GIF88a",
        b"RIFF\x04\0\0\0WAVE",
        b"BM" + bytes(50),
        b"II*\0" + bytes(50),
        b"\0\0\0\x20ftypavif" + bytes(50),
        b"PK\x03\x04",
        b"%PDF-1.7",
        b" " + png(),
        b"\xef\xbb\xbf" + png(),
    ],
)
def test_what_is_no_picture_is_of_another_kind(data: bytes) -> None:
    for look in (pictures.inspect, pictures.clean):
        with pytest.raises(UnsupportedMediaType, match="JPEG, PNG, GIF or WebP"):
            look(data)


@pytest.mark.parametrize("name", KINDS)
def test_a_picture_that_is_cut_anywhere_is_refused(name: str) -> None:
    whole = KINDS[name]
    for length in range(12, len(whole), 1 + len(whole) // 150):
        with pytest.raises(BrokenPicture, match=r"broken at byte \d+: "):
            pictures.clean(whole[:length])


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (png()[:-1] + b"\0", "byte 55: the checksum of the chunk IEND"),
        (png_head(1, 1) + END, "there are no pixels"),
        (png_head(0, 1) + PIXELS + END, "byte 8: the header is not one"),
        (png_head(1, 1, depth=3) + PIXELS + END, "the header is not one"),
        (png_head(1, 1, colour=5) + PIXELS + END, "the header is not one"),
        (png_head(1, 1, interlace=2) + PIXELS + END, "the header is not one"),
        (png_head(1, 1, colour=3) + PIXELS + END, "the palette is missing"),
        (png_head(1, 1)[:8] + PIXELS + END, "the header is missing"),
        (png(chunk(b"PLTE", bytes(3))), "a grey picture has a palette"),
        (png(chunk(b"PLTE", bytes(4))), "the palette is not one"),
        (png(chunk(b"ABCD")), "the chunk ABCD is unknown"),
        (png(chunk(b"1234")), "this is not a chunk"),
        (png(pixels=b"\0"), "pixels are missing"),
        (png(pixels=b"\0\0\0"), "there is more than the pixels"),
        (png(pixels=bytes(10_000_000)), "there is more than the pixels"),
        (png_head(1, 1) + chunk(b"IDAT", b"nonsense") + END, "cannot be unpacked"),
        (png_head(1, 1) + PIXELS + chunk(b"tEXt", b"a\0b") + PIXELS + END, "in two places"),
        (png_head(1, 1) + PIXELS + PIXELS + END, "there is more than the pixels"),
        (png_head(1, 1) + PIXELS + chunk(b"IEND", b"x"), "the end is not empty"),
        (png(chunk(b"acTL", bytes(8))), "not a single frame"),
        (png(chunk(b"acTL", b"\0\0\0\2" + bytes(4)), CONTROL), "frames are missing"),
        (png(chunk(b"acTL", b"\0\0\0\1" + bytes(4)), CONTROL, CONTROL), "not in order"),
        (png(chunk(b"acTL", b"\0\0\0\1" + bytes(4)), chunk(b"fcTL", bytes(9))), "another length"),
        (png(chunk(b"acTL", b"\0\0\0\1" + bytes(4)), chunk(b"fdAT", bytes(4))), "no beginning"),
        (jpeg_with(segment(0xFE, b"") + b"x"), "byte 6: this is not a segment"),
        (jpeg_with(b"\xff\xe1\0\1"), "byte 4: a segment is shorter than its length"),
        (jpeg_with(b"\xff\xd8"), "a segment"),
        (jpeg_with(segment(0xDC, b"\0\1")), "byte 2: the segment DC is unknown"),
        (jpeg_with(segment(0xC0, FRAME)), "there are two frames"),
        (jpeg_with(segment(0xC3, FRAME)), "of a kind that browsers do not show"),
        (jpeg_with(segment(0xC0, b"\x0c" + FRAME[1:])), "of a kind that browsers do not show"),
        (jpeg_with(segment(0xC0, FRAME[:1] + bytes(4) + FRAME[5:])), "browsers do not show"),
        (jpeg_with(segment(0xC0, FRAME + b"x")), "the frame is not one"),
        (jpeg_with(segment(0xDA, b"\1\1\0\0\x3f\0")), "the size is missing"),
        (jpeg_with(segment(0xDB, bytes(66))), "a table has another length"),
        (jpeg_with(segment(0xC4, bytes(16))), "a table has another length"),
        (jpeg_with(segment(0xDD, bytes(3))), "the restart interval"),
        (b"\xff\xd8" + segment(0xC0, FRAME) + b"\xff\xd9", "there are no pixels"),
        (b"\xff\xd8\xff\xd9", "a segment|there are no pixels|size is missing"),
        (gif(0, 1, gif_frame(1, 1)), "byte 6: the size is missing"),
        (gif(1, 1), "there are no pixels"),
        (gif(1, 1, b"x"), "byte 13: this is not a block"),
        (gif(1, 1, gif_frame(2, 1)), "byte 13: a frame lies outside"),
        (gif(1, 1, gif_frame(1, 1, y=1)), "a frame lies outside"),
        (gif(1, 1, gif_frame(1, 1)[:10] + b"\x0c\0"), "cannot be unpacked"),
        (gif(1, 1, gif_frame(1, 1)[:11] + b"\0"), "pixels are missing"),
        (gif(1, 1, b"\x21\xf9\x03abc\0", gif_frame(1, 1)), "has another length"),
        (gif(1, 1, b"\x21\xf9\0", gif_frame(1, 1)), "has another length"),
        (webp((b"VP8 ", bytes(20))), "byte 12: the pixels cannot be unpacked"),
        (webp((b"VP8L", b"\x2f\0\0\0\xff")), "cannot be unpacked"),
        (webp((b"VP8X", bytes(9))), "the head has another length"),
        (webp((b"VP8X", bytes(10))), "the pixels of a frame are missing"),
        (webp((b"VP8X", bytes(10)), (b"VP8L", b"\x2f\1\0\0\0")), "another size than it says"),
        (webp((b"VP8X", bytes(10)), *[(b"VP8L", b"\x2f\0\0\0\0")] * 2), "two of them"),
        (webp((b"VP8X", b"\2" + bytes(9))), "there are no frames"),
        (webp((b"VP8X", b"\2" + bytes(9)), (b"ANMF", bytes(15))), "a frame is cut short"),
        (webp((b"VP8X", b"\2" + bytes(9)), (b"ANMF", b"\1" + bytes(15))), "lies outside"),
    ],
)
def test_it_is_said_what_is_wrong_and_where(file: bytes, message: str) -> None:
    with pytest.raises(BrokenPicture, match=message):
        pictures.clean(file)


@pytest.mark.parametrize(
    "file",
    [
        png_head(50_000, 50_000) + PIXELS + END,
        png_head(4097, 1) + PIXELS + END,
        png_head(2**31 - 1, 2**31 - 1) + PIXELS + END,
        b"\xff\xd8" + segment(0xC0, b"\x08\xff\xff\xff\xff" + FRAME[5:]) + b"\xff\xd9",
        gif(65_535, 65_535, gif_frame(1, 1)),
        webp((b"VP8X", b"\0\0\0\0" + b"\xff" * 6)),
        webp((b"VP8L", b"\x2f\xff\xff\xff\x0f")),
    ],
)
def test_a_picture_of_too_many_pixels_is_too_large(file: bytes) -> None:
    for look in (pictures.inspect, pictures.clean):
        with pytest.raises(TooLarge, match=r"pixels; at most 4096 x 4096"):
            look(file)


@pytest.mark.parametrize(
    "file",
    [
        gif(1, 1, *[gif_frame(1, 1)] * (AVATAR.frames + 1)),
        gif(4096, 4096, *[gif_frame(1, 1)] * 6),
        png(chunk(b"acTL", struct.pack(">II", 2**32 - 1, 0))),
        webp(
            (b"VP8X", b"\2" + bytes(9)),
            (b"ANIM", bytes(6)),
            *[(b"ANMF", bytes(16) + webp((b"VP8L", b"\x2f\0\0\0\0"))[12:])] * (AVATAR.frames + 1),
        ),
    ],
    ids=["gif of many", "gif of large", "png", "webp"],
)
def test_a_picture_of_too_many_frames_is_too_large(file: bytes) -> None:
    with pytest.raises(TooLarge, match="frames"):
        pictures.clean(file)


def test_a_picture_of_too_many_bytes_is_not_looked_at() -> None:
    with pytest.raises(TooLarge, match=f"at most {MAX_BYTES}"):
        pictures.clean(b"x" * (MAX_BYTES + 1))


@pytest.mark.parametrize(
    "file",
    [
        png(*[chunk(b"tEXt")] * 20_001),
        jpeg_with(*[segment(0xFE, b"")] * 5_001),
        gif(1, 1, *[b"\x21\xfe\0"] * 5_001),
        webp((b"VP8X", bytes(10)), *[(b"junk", b"")] * 5_001),
        JPEG[:-2] + JPEG[JPEG.rindex(b"\xff\xda") : -2] * 101 + b"\xff\xd9",
    ],
    ids=["png", "jpeg", "gif", "webp", "jpeg of many scans"],
)
def test_a_picture_of_too_many_parts_is_refused(file: bytes) -> None:
    with pytest.raises(BrokenPicture, match="there are more than"):
        pictures.clean(file)


def test_packed_pixels_are_counted_in_little_memory() -> None:
    """A colour picture of 16 bits whose pixels are 128 MB, in 130 KB."""
    side = 4096
    packed = zlib.compress(bytes(side * (1 + side * 8)), 9)
    head = png_head(side, side, depth=16, colour=6)
    file = head + chunk(b"IDAT", packed) + END
    tracemalloc.start()
    try:
        pictures.clean(file)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 4 * len(file) + 1_000_000


@pytest.mark.parametrize(
    "file",
    [
        JPEG[:-2] + b"\xff" * (MAX_BYTES - len(JPEG)),
        JPEG[:-2] + b"\xff\0" * ((MAX_BYTES - len(JPEG)) // 2),
        gif(1, 1, b"\x21\xfe" + b"\1x" * (MAX_BYTES // 2 - 40)),
        gif(1, 1, gif_frame(1, 1)[:-1] + b"\1x" * (MAX_BYTES // 2 - 40)),
        webp((b"VP8X", bytes(10)), *[(b"junk", b"")] * 600_000),
    ],
    ids=[
        "jpeg of filling",
        "jpeg of stuffing",
        "gif of comments",
        "gif of parts",
        "webp of chunks",
    ],
)
def test_what_is_slowest_to_walk_takes_no_time_that_grows_with_its_square(file: bytes) -> None:
    started = time.process_time()
    with pytest.raises(BrokenPicture):
        pictures.clean(file)
    assert time.process_time() - started < 30
