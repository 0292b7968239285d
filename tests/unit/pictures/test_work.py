"""What strangers' files cost: work that is bounded, and counted here, not timed."""

import struct
import sys
import threading
import zlib
from collections.abc import Callable
from dataclasses import replace
from types import FrameType
from typing import Any

import pytest

from chalicelib import pictures
from chalicelib.errors import TooLarge
from chalicelib.pictures import AVATAR, BrokenPicture
from tests.unit.pictures.samples import (
    all_kinds,
    chunk,
    gif,
    gif_frame,
    jpeg_with,
    png_head,
    segment,
    webp,
)

JPEG = all_kinds()["jpeg restarts"]
STILL = (b"VP8L", b"\x2f\0\0\0\0")


def steps(act: Callable[[], object]) -> int:
    """How many lines of Python are run."""
    count = 0

    def trace(_frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        act()
    finally:
        sys.settrace(before)
    return count


def moving_png(*frames: bytes, side: int = 100) -> bytes:
    """A grey moving PNG of whole frames, by their packed pixels; the first is the picture."""
    parts = [chunk(b"acTL", struct.pack(">II", len(frames), 0))]
    sequence = 0
    for number, packed in enumerate(frames):
        control = struct.pack(">5I2HBB", sequence, side, side, 0, 0, 1, 1, 0, 0)
        body = packed if not number else struct.pack(">I", sequence + 1) + packed
        parts += [chunk(b"fcTL", control), chunk(b"fdAT" if number else b"IDAT", body)]
        sequence += 2 if number else 1
    return b"".join([png_head(side, side), *parts, chunk(b"IEND")])


@pytest.mark.parametrize(
    "filled",
    [
        lambda count: JPEG[:2] + b"\xff" * count + JPEG[2:],
        lambda count: JPEG[:-2] + b"\xff\0" * count + JPEG[-2:],
        lambda count: jpeg_with(segment(0xFE, bytes(count))),
        lambda count: gif(1, 1, gif_frame(1, 1)[:-1] + b"\xff" * (count // 256 * 256) + b"\0"),
    ],
    ids=["filling", "stuffing", "comment", "gif"],
)
def test_the_work_grows_with_the_parts_and_not_with_the_bytes(
    filled: Callable[[int], bytes],
) -> None:
    few, many = filled(256 * 2), filled(256 * 40)
    assert pictures.clean(many)
    grown = steps(lambda: pictures.clean(many)) - steps(lambda: pictures.clean(few))
    assert grown <= 4 * (len(many) - len(few)) // 256


@pytest.mark.parametrize(
    "file",
    [
        gif(1, 1, gif_frame(1, 1)[:-1] + b"\1x" * 500_001 + b"\0"),
        webp((b"VP8X", b"\2" + bytes(9)), (b"ANMF", bytes(16) + webp(*[STILL] * 11)[12:])),
        jpeg_with(segment(0xC4, bytes(17) * 9)),
        jpeg_with(segment(0xDB, bytes(65) * 9)),
    ],
    ids=["gif of parts", "webp of parts of a frame", "jpeg of codes", "jpeg of tables"],
)
def test_more_parts_than_any_program_writes_are_refused(file: bytes) -> None:
    with pytest.raises(BrokenPicture, match=r"there are more than|another length"):
        pictures.clean(file)


def test_a_jpeg_of_many_scans_is_refused_the_earlier_the_larger_it_is() -> None:
    size = struct.pack(">HH", 4096, 4096)
    frame = segment(0xC2, b"\x08" + size + b"\x01\x01\x11\x00")
    scan = segment(0xDA, b"\1\1\0\0\x3f\0") + b"\x55"
    for scans, taken in ((35, True), (36, False)):
        file = b"\xff\xd8" + frame + scan * scans + b"\xff\xd9"
        if taken:
            assert pictures.clean(file) == file
        else:
            with pytest.raises(BrokenPicture, match="too many scans for its size"):
                pictures.clean(file)


def test_a_moving_png_is_refused_before_the_frame_is_unpacked_that_is_too_much() -> None:
    """The last frame is no packed pixels at all: whoever looked would say so."""
    packed = zlib.compress(bytes(100 * 101))
    file = moving_png(packed, packed, b"nonsense")
    with pytest.raises(BrokenPicture, match="cannot be unpacked"):
        pictures.clean(file)
    with pytest.raises(TooLarge, match="unpack to more than 30000 bytes"):
        pictures.clean(file, replace(AVATAR, unpacked=30_000))


def test_one_packed_chunk_that_is_repeated_does_not_unpack_without_end() -> None:
    """Less than a kilobyte a frame that is a megabyte; all are told by the size of one."""
    side = 1000
    packed = zlib.compress(bytes(side * (side + 1)), 9)
    first = moving_png(*[packed] * 2, side=side)
    assert pictures.clean(first) == first
    limit = replace(AVATAR, unpacked=3 * side * (side + 1))
    with pytest.raises(TooLarge, match="unpack to more than"):
        pictures.clean(moving_png(*[packed] * 99, side=side), limit)


def test_the_largest_still_picture_may_be_unpacked() -> None:
    """4096 x 4096 pixels of 16 bits with transparency: more than all frames may have is no use."""
    side = AVATAR.side
    assert AVATAR.unpacked is not None
    assert side * (1 + side * 8) <= AVATAR.unpacked


@pytest.mark.parametrize(
    "work",
    [lambda: pictures.clean(JPEG), lambda: pictures.thumbnail(JPEG, 64)],
    ids=["clean", "thumbnail"],
)
def test_who_comes_while_too_many_pictures_are_worked_on_waits(work: Callable[[], bytes]) -> None:
    made: list[bytes] = []
    alone = work()
    waiting = threading.Thread(target=lambda: made.append(work()))
    with pictures.slots, pictures.slots:
        waiting.start()
        waiting.join(timeout=0.2)
        assert waiting.is_alive()
    waiting.join(timeout=20)
    assert made == [alone]
