"""What the readers of all formats share: limits, what can be wrong, and a place in the bytes."""

from dataclasses import dataclass

from chalicelib.errors import InvalidInput, TooLarge

MAX_BYTES = 5 * 1024 * 1024
MAX_SIDE = 4096
"""The greatest width and height in pixels."""

MAX_FRAMES = 500
MAX_MOVING_PIXELS = 100_000_000
"""All frames of a moving picture together: what a viewer has to unpack for one round."""

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

    def broken(self, message: str, position: int | None = None) -> BrokenPicture:
        """The error to raise for what is wrong at a place, or here."""
        place = self.position if position is None else position
        return BrokenPicture(f"The {self._kind} picture is broken at byte {place}: {message}")


def check_size(picture: Picture) -> Picture:
    """The same picture; ``TooLarge`` for one with more pixels than a viewer should unpack."""
    if not 0 < max(picture.width, picture.height) <= MAX_SIDE:
        size = f"{picture.width} x {picture.height}"
        raise TooLarge(
            f"The picture has {size} pixels; at most {MAX_SIDE} x {MAX_SIDE} are allowed"
        )
    return picture


def check_frames(frames: int, picture: Picture) -> None:
    """``TooLarge`` for more frames, or more pixels in all of them, than are allowed."""
    if frames > MAX_FRAMES:
        raise TooLarge(f"The picture has more than {MAX_FRAMES} frames")
    if frames > 1 and frames * picture.width * picture.height > MAX_MOVING_PIXELS:
        raise TooLarge(f"All frames together have more than {MAX_MOVING_PIXELS} pixels")


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
