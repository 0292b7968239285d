"""Pictures that strangers upload: what they are, the same without what is not seen, and smaller.

Pure functions over bytes. But for thumbnails nothing is decoded: a file's parts are
walked, those that make the picture are kept as they are, and the rest is left out, whatever
comes after its end included. ``docs/decisions/0017-pictures.md`` and
``docs/decisions/0021-thumbnails.md`` say why.
"""

from chalicelib.errors import InvalidInput
from chalicelib.pictures import formats
from chalicelib.pictures.formats import SUFFIXES
from chalicelib.pictures.reading import AVATAR, CARD, BrokenPicture, Limits, Picture
from chalicelib.slots import Slots

__all__ = [
    "AVATAR",
    "CARD",
    "MAX_BYTES",
    "MAX_PNG_SIDE",
    "MAX_SIDE",
    "SUFFIXES",
    "THUMBNAIL_MEDIA_TYPE",
    "THUMBNAIL_SIZES",
    "BrokenPicture",
    "Limits",
    "Picture",
    "as_png",
    "check",
    "clean",
    "inspect",
    "slots",
    "thumbnail",
]

MAX_BYTES = AVATAR.bytes
MAX_SIDE = AVATAR.side

THUMBNAIL_SIZES = (64, 96, 160, 256, 320, 512)
"""The longest sides that thumbnails can have, in pixels."""

THUMBNAIL_MEDIA_TYPE = "image/webp"

MAX_PNG_SIDE = 2048
"""How large a picture is, at most, that is made into a PNG."""

# Up to a second and 250 MB each: a front of many threads does two at once.
slots = Slots("pictures", count=2, seconds=5)
"""Where pictures are cleaned and made smaller: so many at once in a process."""


def inspect(data: bytes, limits: Limits = AVATAR) -> Picture:
    """What a file says that it is: its kind by its first bytes, and its size.

    ``UnsupportedMediaType`` for what is no JPEG, PNG, GIF or WebP, ``TooLarge`` for more
    pixels than allowed, ``BrokenPicture`` where the size cannot be read. The rest of the file
    is not looked at.
    """
    return formats.inspect(data, limits)


def check(data: bytes, limits: Limits = CARD) -> Picture:
    """What a whole file is: all its parts are walked, and nothing is kept.

    Raises what ``inspect`` does, ``TooLarge`` for too many bytes or frames, and for what
    takes too much memory to unpack, and ``BrokenPicture`` for a file that is not whole.
    Packed pixels may still be wrong.
    """
    return formats.walk(data, limits)[0]


def clean(data: bytes, limits: Limits = AVATAR) -> bytes:
    """The same picture, to the pixel, without metadata and without anything around it.

    What is cleaned stays as it is when it is cleaned again. Raises what ``check`` does, and
    ``TooManyRequests`` where too many are worked on at once.
    """
    with slots:
        return b"".join(formats.walk(data, limits)[1].pieces)


def thumbnail(data: bytes, size: int, limits: Limits = CARD) -> bytes:
    """A small still WebP, upright and in sRGB, with its longest side of ``size`` pixels.

    ``size`` is one of ``THUMBNAIL_SIZES``; a picture that is smaller keeps its own. Of a
    moving picture it is the first frame. The same bytes give the same bytes. Raises what
    ``check`` does, ``BrokenPicture`` for pixels that cannot be unpacked, ``InvalidInput``
    for another size, and ``TooManyRequests`` where too many are worked on at once.
    """
    if size not in THUMBNAIL_SIZES:
        expected = ", ".join(map(str, THUMBNAIL_SIZES))
        raise InvalidInput.field("size", f"one of {expected} is expected")
    from chalicelib.pictures.thumbnails import small_webp

    with slots:
        return small_webp(data, size, limits)


def as_png(data: bytes, limits: Limits = CARD) -> bytes:
    """The picture as a PNG; one that is a PNG already stays as it is.

    Upright, in sRGB, of a moving picture the first frame, and with no side longer than
    ``MAX_PNG_SIDE`` pixels. Raises what ``thumbnail`` does.
    """
    if inspect(data, limits).media_type == "image/png":
        return data
    from chalicelib.pictures.thumbnails import whole_png

    with slots:
        return whole_png(data, MAX_PNG_SIDE, limits)
