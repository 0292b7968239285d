"""Which format a file has, and what is done with one of any."""

from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.errors import TooLarge, UnsupportedMediaType
from chalicelib.pictures import gif, jpeg, png, webp
from chalicelib.pictures.reading import MAX_MEMORY, Limits, Picture, Walked, check_size

SUFFIXES = {
    jpeg.MEDIA_TYPE: "jpg",
    png.MEDIA_TYPE: "png",
    gif.MEDIA_TYPE: "gif",
    webp.MEDIA_TYPE: "webp",
}
"""How the name of a file of each kind ends."""


@dataclass(frozen=True, slots=True)
class _Format:
    inspect: Callable[[bytes], Picture]
    walk: Callable[[bytes, Limits], Walked]


_PNG = _Format(png.inspect, png.walk)
_JPEG = _Format(jpeg.inspect, jpeg.walk)
_GIF = _Format(gif.inspect, gif.walk)
_WEBP = _Format(webp.inspect, webp.walk)


def inspect(data: bytes, limits: Limits) -> Picture:
    """What a file says that it is: its kind by its first bytes, and its size."""
    return check_size(_format(data).inspect(data), limits)


def walk(data: bytes, limits: Limits) -> tuple[Picture, Walked]:
    """What a file is, and all that makes the picture.

    ``TooLarge`` as well for what takes more than ``MAX_MEMORY`` to unpack.
    """
    if len(data) > limits.bytes:
        raise TooLarge(f"The picture has {len(data)} bytes; at most {limits.bytes} are allowed")
    picture = inspect(data, limits)
    walked = _format(data).walk(data, limits)
    memory = walked.memory + sum(map(len, walked.pieces))
    if memory > MAX_MEMORY:
        raise TooLarge(
            f"The picture of {picture.width} x {picture.height} pixels takes {memory} bytes"
            f" to unpack, as it is stored; at most {MAX_MEMORY} are allowed"
        )
    return picture, walked


def _format(data: bytes) -> _Format:
    if data.startswith(png.SIGNATURE):
        return _PNG
    if data.startswith(jpeg.SIGNATURE):
        return _JPEG
    if data.startswith(gif.SIGNATURES):
        return _GIF
    if data.startswith(webp.SIGNATURE) and data[webp.FORM] == b"WEBP":
        return _WEBP
    raise UnsupportedMediaType("A JPEG, PNG, GIF or WebP picture is expected")
