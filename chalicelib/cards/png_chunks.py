"""The chunks of a PNG as places in the file: https://www.w3.org/TR/png-3/#5Chunk-layout.

Nothing is copied or unpacked, so that all that is not a card can be kept byte for byte.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from chalicelib.cards.limits import MAX_CHUNKS, MAX_PIXELS
from chalicelib.errors import TooLarge, UnsupportedMediaType
from chalicelib.pictures.png import SIGNATURE
from chalicelib.pictures.reading import Reader

_BEFORE, _AFTER = 8, 4  # length and kind before the body, the checksum after it


@dataclass(frozen=True, slots=True)
class Chunk:
    """One chunk: its kind, where its length begins, and where what follows it does."""

    kind: bytes
    start: int
    end: int

    @property
    def body(self) -> slice:
        """Where in the file the body is."""
        return slice(self.start + _BEFORE, self.end - _AFTER)


def chunks(data: bytes) -> Iterator[Chunk]:
    """All chunks from the header to IEND; what comes after that is no chunk.

    ``BrokenPicture`` says what is wrong and where: a checksum, a length, a missing header
    or end. ``TooLarge`` for more pixels or chunks than the limits.
    """
    if not data.startswith(SIGNATURE):
        raise UnsupportedMediaType("A PNG picture is expected")
    reader = Reader("PNG", data, len(SIGNATURE))
    view = memoryview(data)
    for number in range(MAX_CHUNKS):
        chunk = _next(reader, view)
        if number == 0:
            _check_header(reader, chunk, view)
        yield chunk
        if chunk.kind == b"IEND":
            return
    raise TooLarge(f"The PNG picture has more than {MAX_CHUNKS} chunks")


def made(kind: bytes, body: bytes) -> bytes:
    """The bytes of a chunk."""
    checksum = zlib.crc32(body, zlib.crc32(kind))
    return b"".join((len(body).to_bytes(4, "big"), kind, body, checksum.to_bytes(_AFTER, "big")))


def _next(reader: Reader, view: memoryview) -> Chunk:
    start = reader.position
    if not reader.left:
        raise reader.broken("the file ends before IEND")
    length, kind = struct.unpack(">I4s", reader.take(_BEFORE, "a chunk"))
    if not kind.isalpha():
        raise reader.broken("this is not a chunk", start)
    if length + _AFTER > reader.left:
        raise reader.broken(f"the chunk {kind.decode()} is cut short", start)
    chunk = Chunk(kind, start, start + _BEFORE + length + _AFTER)
    reader.position = chunk.end - _AFTER
    checksum = int.from_bytes(reader.take(_AFTER, "a checksum"), "big")
    if zlib.crc32(view[chunk.body], zlib.crc32(kind)) != checksum:
        raise reader.broken(f"the checksum of the chunk {kind.decode()} is wrong", start)
    return chunk


def _check_header(reader: Reader, chunk: Chunk, view: memoryview) -> None:
    body = view[chunk.body]
    if chunk.kind != b"IHDR" or len(body) != 13:
        raise reader.broken("the header is missing", chunk.start)
    width, height = struct.unpack_from(">II", body)
    if not width or not height:
        raise reader.broken("it has no pixels", chunk.start)
    if width * height > MAX_PIXELS:
        raise TooLarge(
            f"The picture has {width} x {height} pixels; at most {MAX_PIXELS} in all are allowed"
        )
