"""What the readers of all formats share: limits, what can be wrong, and a place in the bytes."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.errors import InvalidInput, TooLarge


@dataclass(frozen=True, slots=True)
class Limits:
    """How large pictures of one use may be.

    ``side`` is the greatest width and height in pixels, ``pixels`` what one frame may
    have, ``moving_pixels`` all frames together: what a viewer has to unpack for one round.
    ``unpacked`` is how many bytes the packed pixels of all frames of a PNG may become,
    which are unpacked and counted; with None they are not.
    """

    bytes: int
    side: int
    pixels: int
    frames: int
    moving_pixels: int
    unpacked: int | None


AVATAR = Limits(
    bytes=5 * 1024 * 1024,
    side=4096,
    pixels=4096 * 4096,
    frames=500,
    moving_pixels=100_000_000,
    unpacked=200_000_000,
)
"""Small, and cleaned."""

CARD = Limits(
    bytes=32 * 1024 * 1024,
    side=16_384,
    pixels=40_000_000,
    frames=2000,
    moving_pixels=1_000_000_000,
    unpacked=None,
)
"""Character cards, which stay byte for byte as they came: only looked through."""

MAX_MEMORY = 208_000_000
"""What a thumbnail may take, in bytes: the file, and what ``Walked`` says."""

MAX_PROFILE_BYTES = 1024 * 1024
"""A colour profile; those of printers are the largest, with half as much."""

_PROFILE_HEADER = 128
_PROFILE_SIGNATURE = slice(36, 40)


class BrokenPicture(InvalidInput):
    """The file is not what its format asks for; the message says what is wrong and where."""


@dataclass(frozen=True, slots=True)
class Picture:
    """What a picture is: its media type, and its size in pixels as it is stored."""

    media_type: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Walked:
    """A whole file: what of it makes the picture, in order.

    ``turned`` is which side is up, as EXIF says it; ``memory`` how many bytes a decoder has in
    memory at once, at most, for the first frame, without the file itself.
    """

    pieces: Sequence[bytes]
    memory: int
    turned: int


class Reader:
    """Takes bytes in order, and says where something is wrong."""

    def __init__(self, kind: str, data: bytes, position: int = 0) -> None:
        self._kind = kind
        self._data = data
        self.position = position

    @property
    def left(self) -> int:
        """How many bytes are still to come."""
        return len(self._data) - self.position

    def take(self, count: int, what: str) -> bytes:
        """The next bytes; ``BrokenPicture`` if there are not so many."""
        if count > self.left:
            raise self.broken(f"{what} is cut short")
        taken = self._data[self.position : self.position + count]
        self.position += count
        return taken

    def byte(self, what: str) -> int:
        """The next byte."""
        if not self.left:
            raise self.broken(f"{what} is cut short")
        self.position += 1
        return self._data[self.position - 1]

    def skip(self, pattern: re.Pattern[bytes]) -> int:
        """Go past what matches a pattern here; how many bytes that were."""
        found = pattern.match(self._data, self.position)
        if found is None:
            return 0
        self.position = found.end()
        return found.end() - found.start()

    def broken(self, message: str, position: int | None = None) -> BrokenPicture:
        """The error to raise for what is wrong at a place, or here."""
        place = self.position if position is None else position
        return BrokenPicture(f"The {self._kind} picture is broken at byte {place}: {message}")


def check_size(picture: Picture, limits: Limits) -> Picture:
    """The same picture; ``TooLarge`` for one with more pixels than a viewer should unpack."""
    size = f"The picture has {picture.width} x {picture.height} pixels"
    if max(picture.width, picture.height) > limits.side:
        raise TooLarge(f"{size}; at most {limits.side} x {limits.side} are allowed")
    if picture.width * picture.height > limits.pixels:
        raise TooLarge(f"{size}; at most {limits.pixels} in all are allowed")
    return picture


def check_frames(frames: int, picture: Picture, limits: Limits) -> None:
    """``TooLarge`` for more frames, or more pixels in all of them, than are allowed."""
    if frames > limits.frames:
        raise TooLarge(f"The picture has more than {limits.frames} frames")
    if frames > 1 and frames * picture.width * picture.height > limits.moving_pixels:
        raise TooLarge(f"All frames together have more than {limits.moving_pixels} pixels")


def is_profile(profile: bytes) -> bool:
    """Whether these bytes are a colour profile and nothing more.

    Its header has its length, and a signature: https://www.color.org/specification/ICC.1-2022-05.pdf
    (7.2).
    """
    return (
        _PROFILE_HEADER < len(profile) <= MAX_PROFILE_BYTES
        and int.from_bytes(profile[:4], "big") == len(profile)
        and profile[_PROFILE_SIGNATURE] == b"acsp"
    )
