"""WebP, also moving ones: https://www.rfc-editor.org/rfc/rfc9649.html.

A file is a row of chunks. One without extras has a single one; else the first says the
size and what else there is. EXIF (but for which side is up), XMP and unknown chunks go.
"""

import struct
from dataclasses import dataclass

from chalicelib.pictures import orientation
from chalicelib.pictures.reading import (
    Limits,
    Picture,
    Reader,
    Walked,
    check_frames,
    is_profile,
)

SIGNATURE = b"RIFF"
FORM = slice(8, 12)
MEDIA_TYPE = "image/webp"

_MAX_CHUNKS = 5_000
_MAX_FRAME_CHUNKS = 10
# Decoders hold the frame, and twice the picture that it becomes part of, four bytes a pixel.
_PIXEL_MEMORY = 12
_PIXELS = (b"VP8 ", b"VP8L")
_HAS_PROFILE, _HAS_EXIF, _MOVES = 0x20, 0x08, 0x02
_KEPT_FLAGS = 0x10 | _MOVES  # transparency
_EXIF_NAME = b"Exif\0\0"
_KEY_FRAME = b"\x9d\x01\x2a"
_LOSSLESS = 0x2F


@dataclass(frozen=True, slots=True)
class _Chunk:
    kind: bytes
    body: bytes
    position: int


def inspect(data: bytes) -> Picture:
    """The size, from the first chunk."""
    return _size(*_first(data))


def walk(data: bytes, limits: Limits) -> Walked:
    """All parts of the file, to keep those that are seen."""
    outer, first = _first(data)
    picture = _size(outer, first)
    memory = _PIXEL_MEMORY * picture.width * picture.height
    if first.kind in _PIXELS:
        return Walked(_file([_packed(first.kind, first.body)]), memory, orientation.UPRIGHT)
    extended = _Extended(outer, first, picture, limits)
    return Walked(_file(extended.run()), memory, extended.turned)


class _Extended:
    """Goes through the chunks after the head once."""

    def __init__(self, reader: Reader, head: _Chunk, picture: Picture, limits: Limits) -> None:
        self.turned = orientation.UPRIGHT
        self._reader = reader
        self._limits = limits
        self._picture = picture
        self._flags = head.body[0] & _KEPT_FLAGS
        self._moves = bool(self._flags & _MOVES)
        self._profile = b""
        self._exif = b""
        self._animation = b""
        self._pixels: list[bytes] = []
        self._frames = 0

    def run(self) -> list[bytes]:
        still: list[_Chunk] = []
        for chunk in _chunks(self._reader, _MAX_CHUNKS):
            if chunk.kind == b"ICCP" and is_profile(chunk.body):
                self._profile = _packed(b"ICCP", chunk.body)
            elif chunk.kind == b"EXIF":
                self._take_exif(chunk.body)
            elif chunk.kind == b"ANIM" and self._moves and len(chunk.body) == 6:
                self._animation = _packed(b"ANIM", chunk.body)
            elif chunk.kind == b"ANMF" and self._moves:
                self._take_frame(chunk)
            elif chunk.kind in (*_PIXELS, b"ALPH") and not self._moves:
                still.append(chunk)
        if not self._moves:
            width, height = self._picture.width, self._picture.height
            self._pixels += _picture_chunks(self._reader, still, width, height)
        elif not (self._animation and self._pixels):
            raise self._reader.broken("there are no frames")
        return [self._head(), self._profile, self._animation, *self._pixels, self._exif]

    def _take_exif(self, body: bytes) -> None:
        turned = orientation.read(body.removeprefix(_EXIF_NAME))
        if turned != orientation.UPRIGHT:
            self.turned = turned
            self._exif = _packed(b"EXIF", orientation.write(turned))

    def _take_frame(self, chunk: _Chunk) -> None:
        """Where the frame lies, for how long, and its pixels."""
        reader = self._reader
        if len(chunk.body) < 16:
            raise reader.broken("a frame is cut short", chunk.position)
        x, y, width, height = (
            int.from_bytes(chunk.body[at : at + 3], "little") for at in (0, 3, 6, 9)
        )
        width, height = width + 1, height + 1
        if 2 * x + width > self._picture.width or 2 * y + height > self._picture.height:
            raise reader.broken("a frame lies outside of the picture", chunk.position)
        self._frames += 1
        check_frames(self._frames, self._picture, self._limits)
        parts = Reader("WebP", chunk.body, 16)
        inner = _chunks(parts, _MAX_FRAME_CHUNKS, chunk.position + 8)
        pixels = _picture_chunks(reader, inner, width, height)
        self._pixels.append(_packed(b"ANMF", chunk.body[:16] + b"".join(pixels)))

    def _head(self) -> bytes:
        flags = self._flags
        flags |= _HAS_PROFILE if self._profile else 0
        flags |= _HAS_EXIF if self._exif else 0
        sides = (self._picture.width - 1, self._picture.height - 1)
        body = bytes([flags, 0, 0, 0]) + b"".join(side.to_bytes(3, "little") for side in sides)
        return _packed(b"VP8X", body)


def _first(data: bytes) -> tuple[Reader, _Chunk]:
    """The first chunk, and a reader of what is after it, which ends where the file says."""
    size = int.from_bytes(data[4:8], "little")
    if size + 8 > len(data):
        raise Reader("WebP", data).broken("the file is cut short", len(data))
    reader = Reader("WebP", data[: size + 8], 12)
    return reader, _chunk(reader)


def _chunks(reader: Reader, most: int, offset: int = 0) -> list[_Chunk]:
    """All further chunks; ``offset`` is where in the file the reader's first byte is."""
    found: list[_Chunk] = []
    while reader.left:
        if len(found) == most:
            place = reader.position + offset
            raise reader.broken(f"there are more than {most} chunks", place)
        found.append(_chunk(reader, offset))
    return found


def _chunk(reader: Reader, offset: int = 0) -> _Chunk:
    start = reader.position + offset
    kind, length = struct.unpack("<4sI", reader.take(8, "a chunk"))
    body = reader.take(length, "a chunk")
    if length % 2 and reader.left:
        reader.take(1, "a chunk")
    return _Chunk(kind, body, start)


def _size(reader: Reader, first: _Chunk) -> Picture:
    if first.kind == b"VP8X":
        if len(first.body) != 10:
            raise reader.broken("the head has another length", first.position)
        sides = (int.from_bytes(first.body[at : at + 3], "little") + 1 for at in (4, 7))
        return Picture(MEDIA_TYPE, *sides)
    return Picture(MEDIA_TYPE, *_pixel_size(reader, first))


def _picture_chunks(reader: Reader, chunks: list[_Chunk], width: int, height: int) -> list[bytes]:
    """The pixels of one frame, and before them their transparency if that is apart."""
    kinds = [chunk.kind for chunk in chunks if chunk.kind in (*_PIXELS, b"ALPH")]
    if kinds not in ([b"VP8 "], [b"VP8L"], [b"ALPH", b"VP8 "]):
        raise reader.broken("the pixels of a frame are missing, or there are two of them")
    kept = [chunk for chunk in chunks if chunk.kind in kinds]
    if _pixel_size(reader, kept[-1]) != (width, height):
        raise reader.broken("a frame has another size than it says", kept[-1].position)
    return [_packed(chunk.kind, chunk.body) for chunk in kept]


def _pixel_size(reader: Reader, chunk: _Chunk) -> tuple[int, int]:
    """What the packed pixels say of their size (RFC 6386, 9.1, and RFC 9649, 3.4)."""
    body = chunk.body
    if chunk.kind == b"VP8 " and len(body) >= 10 and body[3:6] == _KEY_FRAME and not body[0] & 1:
        first_part = int.from_bytes(body[:3], "little") >> 5
        width, height = (int.from_bytes(body[at : at + 2], "little") & 0x3FFF for at in (6, 8))
        if width and height and 10 + first_part <= len(body):
            return width, height
    if chunk.kind == b"VP8L" and len(body) >= 5 and body[0] == _LOSSLESS:
        bits = int.from_bytes(body[1:5], "little")
        if bits >> 29 == 0:
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    raise reader.broken("the pixels cannot be unpacked", chunk.position)


def _packed(kind: bytes, body: bytes) -> bytes:
    return kind + len(body).to_bytes(4, "little") + body + b"\0" * (len(body) % 2)


def _file(chunks: list[bytes]) -> list[bytes]:
    size = len(b"WEBP") + sum(map(len, chunks))
    return [SIGNATURE + size.to_bytes(4, "little") + b"WEBP", *chunks]
