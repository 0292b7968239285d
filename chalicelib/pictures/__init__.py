"""Pictures that strangers upload: what they are, and the same without what is not seen.

Pure functions over bytes. Nothing is decoded: a file's parts are walked, those that make
the picture are kept as they are, and the rest is left out, whatever comes after its
end included. ``docs/decisions/0017-pictures.md`` says why.
"""

from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.errors import TooLarge, UnsupportedMediaType
from chalicelib.pictures import gif, jpeg, png, webp
from chalicelib.pictures.reading import MAX_BYTES, MAX_SIDE, BrokenPicture, Picture

__all__ = [
    "MAX_BYTES",
    "MAX_SIDE",
    "SUFFIXES",
    "BrokenPicture",
    "Picture",
    "clean",
    "inspect",
]

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
    clean: Callable[[bytes], bytes]


_PNG = _Format(png.inspect, png.clean)
_JPEG = _Format(jpeg.inspect, jpeg.clean)
_GIF = _Format(gif.inspect, gif.clean)
_WEBP = _Format(webp.inspect, webp.clean)


def inspect(data: bytes) -> Picture:
    """What a file says that it is: its kind by its first bytes, and its size.

    ``UnsupportedMediaType`` for what is no JPEG, PNG, GIF or WebP, ``TooLarge`` for more
    than ``MAX_SIDE`` pixels across or down, ``BrokenPicture`` where the size cannot be
    read. The rest of the file is not looked at.
    """
    return _format(data).inspect(data)


def clean(data: bytes) -> bytes:
    """The same picture, to the pixel, without metadata and without anything around it.

    What is cleaned stays as it is when it is cleaned again. Raises what ``inspect`` does,
    ``TooLarge`` for more than ``MAX_BYTES`` or too many frames, and ``BrokenPicture`` for
    a file that is not whole.
    """
    if len(data) > MAX_BYTES:
        raise TooLarge(f"The picture has {len(data)} bytes; at most {MAX_BYTES} are allowed")
    return _format(data).clean(data)


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
