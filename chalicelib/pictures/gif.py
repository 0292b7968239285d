"""GIF, also moving ones: https://www.w3.org/Graphics/GIF/spec-gif89a.txt.

Kept are the frames, what says how long each is shown, and how often all are. Comments,
texts and what programs add go.
"""

import re
import struct

from chalicelib.pictures.orientation import UPRIGHT
from chalicelib.pictures.reading import Limits, Picture, Reader, Walked, check_frames

SIGNATURES = (b"GIF87a", b"GIF89a")
MEDIA_TYPE = "image/gif"

_EXTENSION, _IMAGE, _TRAILER = 0x21, 0x2C, 0x3B
_CONTROL, _APPLICATION = 0xF9, 0xFF
_CONTROL_BYTES = 6
_LOOP = re.compile(rb"\x0b(NETSCAPE2\.0|ANIMEXTS1\.0)\x03\x01..\x00", re.DOTALL)
_HAS_COLOURS = 0x80
_MAX_EXTENSIONS = 5_000
# A part may have 255 bytes, and all programs make them so: these are 127 MB.
_MAX_PARTS = 500_000


def inspect(data: bytes) -> Picture:
    """The size, from the head."""
    return _head(Reader("GIF", data))[0]


def walk(data: bytes, limits: Limits) -> Walked:
    """All parts of the file, to keep those that are seen."""
    return _Cleaner(data, limits).run()


class _Cleaner:
    """Goes through the blocks once; ``_kept`` is what will be the clean file."""

    def __init__(self, data: bytes, limits: Limits) -> None:
        self._data = data
        self._limits = limits
        self._reader = Reader("GIF", data)
        self._control = b""
        self._frames = 0
        self._extensions = 0
        self._parts_left = _MAX_PARTS

    def run(self) -> Walked:
        reader = self._reader
        self._picture, head = _head(reader)
        self._kept = [head]
        while (kind := reader.byte("the file")) != _TRAILER:
            if kind == _EXTENSION:
                self._extension()
            elif kind == _IMAGE:
                self._frame()
            else:
                raise reader.broken("this is not a block", reader.position - 1)
        if not self._frames:
            raise reader.broken("there are no pixels")
        pieces = [*self._kept, bytes([_TRAILER])]  # what comes after is not of the picture
        return Walked(pieces, 4 * self._picture.width * self._picture.height, UPRIGHT)

    def _extension(self) -> None:
        reader = self._reader
        start = reader.position - 1
        self._extensions += 1
        if self._extensions > _MAX_EXTENSIONS:
            raise reader.broken(f"there are more than {_MAX_EXTENSIONS} extensions", start)
        kind = reader.byte("an extension")
        parts = self._parts("the parts of an extension")
        if kind == _CONTROL:
            if len(parts) != _CONTROL_BYTES or parts[0] != _CONTROL_BYTES - 2:
                raise reader.broken("how a frame is shown has another length", start)
            self._control = bytes([_EXTENSION, _CONTROL]) + parts
        elif kind == _APPLICATION and _LOOP.fullmatch(parts):
            self._kept.append(bytes([_EXTENSION, _APPLICATION]) + parts)

    def _frame(self) -> None:
        reader = self._reader
        start = reader.position - 1
        head = reader.take(9, "a frame")
        x, y, width, height, flags = struct.unpack("<4HB", head)
        picture = self._picture
        if not (width and height) or x + width > picture.width or y + height > picture.height:
            raise reader.broken("a frame lies outside of the picture", start)
        self._frames += 1
        check_frames(self._frames, picture, self._limits)
        colours = reader.take(_colour_bytes(flags), "the colours of a frame")
        code_size = reader.byte("a frame")
        if not 1 <= code_size <= 8:
            raise reader.broken("the pixels cannot be unpacked", start)
        pixels = self._parts("the pixels")
        if len(pixels) == 1:
            raise reader.broken("pixels are missing", start)
        self._kept += [self._control, bytes([_IMAGE]), head, colours, bytes([code_size]), pixels]
        self._control = b""

    def _parts(self, what: str) -> bytes:
        """The parts of up to 255 bytes, each after its length, and the empty one that ends them."""
        reader, data, start = self._reader, self._data, self._reader.position
        position, left = start, self._parts_left
        # Neither by the reader nor into a list: there can be many.
        while position < len(data) and (length := data[position]):
            position += 1 + length
            left -= 1
            if not left:
                raise reader.broken(f"there are more than {_MAX_PARTS} parts", start)
        self._parts_left = left
        if position >= len(data):
            raise reader.broken(f"{what} are cut short", len(data))
        reader.position = position + 1
        return data[start : reader.position]


def _head(reader: Reader) -> tuple[Picture, bytes]:
    """The size, and the head as it is, with the colours of all frames."""
    head = reader.take(13, "the head")
    width, height, flags = struct.unpack("<HHB", head[6:11])
    if not (width and height):
        raise reader.broken("the size is missing", 6)
    return Picture(MEDIA_TYPE, width, height), head + reader.take(
        _colour_bytes(flags), "the colours"
    )


def _colour_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & _HAS_COLOURS else 0
