"""What pictures of each use may be, and that files of cards are looked through and no more."""

import struct
import zlib

import pytest

from chalicelib import pictures
from chalicelib.errors import TooLarge
from chalicelib.pictures import AVATAR, CARD, BrokenPicture, Picture
from tests.unit.pictures.samples import all_kinds, chunk, gif, gif_frame, png_head, segment, webp

KINDS = all_kinds()
NONSENSE = chunk(b"IDAT", b"nonsense") + chunk(b"IEND")


def lossless(width: int, height: int) -> bytes:
    """A WebP that claims a size."""
    bits = (width - 1) | (height - 1) << 14
    return webp((b"VP8L", b"\x2f" + struct.pack("<I", bits)))


def jpeg(width: int, height: int, *, components: int, scans: int) -> bytes:
    """A JPEG that claims a size, and has no pixels to speak of."""
    named = range(1, components + 1)
    parts = b"".join(bytes([number, 0x11, 0]) for number in named)
    frame = struct.pack(">BHHB", 8, height, width, components) + parts
    head = bytes([components]) + b"".join(bytes([number, 0]) for number in named) + b"\0\x3f\0"
    scan = segment(0xDA, head) + b"\x55"
    return b"\xff\xd8" + segment(0xC2, frame) + scan * scans + b"\xff\xd9"


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_is_known_and_walked_to_its_end(name: str) -> None:
    file = KINDS[name]
    assert pictures.check(file) == pictures.inspect(file)
    for length in (len(file) - 1, len(file) // 2):
        with pytest.raises(BrokenPicture, match=r"broken at byte \d+: "):
            pictures.check(file[:length])


def test_a_card_may_be_larger_than_an_avatar() -> None:
    tall = png_head(2500, 16_000) + NONSENSE
    assert pictures.check(tall) == Picture("image/png", 2500, 16_000)
    with pytest.raises(TooLarge, match="at most 4096 x 4096"):
        pictures.check(tall, AVATAR)
    assert pictures.inspect(tall, CARD).height == 16_000


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (png_head(16_385, 1) + NONSENSE, "16385 x 1 pixels; at most 16384 x 16384"),
        (png_head(6400, 6400) + NONSENSE, "6400 x 6400 pixels; at most 40000000 in all"),
        (gif(16_385, 1, gif_frame(1, 1)), "at most 16384 x 16384"),
        (gif(1000, 1000, *[gif_frame(1, 1)] * 1001), "more than 1000000000 pixels"),
        (jpeg(6400, 6400, components=3, scans=1), "at most 40000000 in all"),
        (jpeg(6000, 6000, components=3, scans=2), "takes 283[0-9]{6} bytes to unpack"),
        (lossless(6000, 6000), "takes 432[0-9]{6} bytes to unpack"),
        (b"\xff\xd8\xff" + bytes(CARD.bytes), "at most 33554432 are allowed"),
    ],
)
def test_what_would_take_too_much_to_unpack_is_refused_before_it_is(
    file: bytes, message: str
) -> None:
    for look in (pictures.check, lambda data: pictures.thumbnail(data, 64)):
        with pytest.raises(TooLarge, match=message):
            look(file)


@pytest.mark.parametrize(
    "file",
    [
        jpeg(6000, 6000, components=3, scans=1),
        jpeg(4096, 4096, components=3, scans=10),
        lossless(4096, 4096),
        png_head(6324, 6324, colour=6) + NONSENSE,
    ],
    ids=["jpeg", "jpeg of many scans", "webp", "png"],
)
def test_what_is_as_large_as_it_may_be_is_taken(file: bytes) -> None:
    assert pictures.check(file).width >= 4096


def test_packed_pixels_of_cards_are_not_unpacked_and_their_checksums_are_compared() -> None:
    bomb = zlib.compress(bytes(1_000_000), 9)
    file = png_head(10, 10) + chunk(b"tEXt", b"chara\0e30=") + chunk(b"IDAT", bomb)
    assert pictures.check(file + chunk(b"IEND")) == Picture("image/png", 10, 10)
    with pytest.raises(BrokenPicture, match="byte 33: the checksum of the chunk tEXt is wrong"):
        pictures.check(file.replace(b"chara", b"charb") + chunk(b"IEND"))
