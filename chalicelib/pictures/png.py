"""PNG, also moving ones: https://www.w3.org/TR/png-3/.

All chunks have a checksum, which is compared. What changes nothing that is seen (texts,
times, what viewers do not know) goes. The packed pixels are unpacked piece by piece, to
see that they are as many as the size says; none are kept.
"""

import struct
import zlib
from dataclasses import dataclass

from chalicelib.errors import TooLarge
from chalicelib.pictures import orientation
from chalicelib.pictures.reading import (
    MAX_PROFILE_BYTES,
    Limits,
    Picture,
    Reader,
    Walked,
    check_frames,
    is_profile,
)

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MEDIA_TYPE = "image/png"

_MAX_CHUNKS = 20_000
_PIECE = 64 * 1024
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_PALETTE = 3
# Where each pass of an interlaced picture begins, and how far apart its pixels are:
# x, y, step of x, step of y (section 8.1).
_PASSES = (
    *((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4)),
    *((0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)),
)
# What else is kept, as it is seen: colours and transparency. With other lengths than
# these the chunks say nothing, and could hide something.
_LENGTHS = {
    b"gAMA": range(4, 5),
    b"cHRM": range(32, 33),
    b"sRGB": range(1, 2),
    b"cICP": range(4, 5),
    b"mDCV": range(24, 25),
    b"cLLI": range(8, 9),
    b"sBIT": range(1, 5),
    b"pHYs": range(9, 10),
    b"tRNS": range(1, 257),
    b"bKGD": range(1, 7),
}


@dataclass(frozen=True, slots=True)
class _Header:
    width: int
    height: int
    depth: int
    colour: int
    interlaced: bool

    @property
    def picture(self) -> Picture:
        return Picture(MEDIA_TYPE, self.width, self.height)

    def unpacked(self, width: int, height: int) -> int:
        """How many bytes the pixels of an area have, with the filter of each row."""
        bits = self.depth * _SAMPLES[self.colour]
        if not self.interlaced:
            return height * (1 + (width * bits + 7) // 8)
        total = 0
        for x, y, across, down in _PASSES:
            columns = (width - x + across - 1) // across
            rows = (height - y + down - 1) // down
            if columns > 0 and rows > 0:
                total += rows * (1 + (columns * bits + 7) // 8)
        return total


def inspect(data: bytes) -> Picture:
    """The size, from the first chunk."""
    reader = Reader("PNG", data, len(SIGNATURE))
    return _header(reader, *_chunk(reader)).picture


def walk(data: bytes, limits: Limits) -> Walked:
    """All parts of the file, to keep those that are seen."""
    return _Cleaner(data, limits).run()


class _Pixels:
    """Unpacks what comes of one frame, counts it, and forgets it; or lets it pass."""

    def __init__(self, expected: int, *, counted: bool) -> None:
        self._expected = expected
        self._counted = counted
        self._stream = zlib.decompressobj()
        self._count = 0

    def take(self, packed: bytes, reader: Reader) -> None:
        while self._counted:
            try:
                piece = self._stream.decompress(packed, _PIECE)
            except zlib.error as error:
                raise reader.broken("the pixels cannot be unpacked") from error
            self._count += len(piece)
            if self._count > self._expected or self._stream.unused_data:
                raise reader.broken("there is more than the pixels")
            packed = self._stream.unconsumed_tail
            if not packed and len(piece) < _PIECE:
                return

    def end(self, reader: Reader) -> None:
        if self._counted and not (self._stream.eof and self._count == self._expected):
            raise reader.broken("pixels are missing")


class _Cleaner:
    """Goes through the chunks once; ``_kept`` is what will be the clean file."""

    def __init__(self, data: bytes, limits: Limits) -> None:
        self._limits = limits
        self._reader = Reader("PNG", data, len(SIGNATURE))
        self._kept = [SIGNATURE]
        self._seen: set[bytes] = set()
        self._previous = b""
        self._frames = 0  # as announced
        self._profile_seen = False
        self._frames_seen = 0
        self._sequence = 0
        self._pixels: _Pixels | None = None
        self._unpacked = 0
        self._turned = orientation.UPRIGHT

    def run(self) -> Walked:
        reader = self._reader
        kind, body = _chunk(reader)
        self._header = _header(reader, kind, body)
        self._keep(kind, body)
        for _ in range(_MAX_CHUNKS):
            kind, body = _chunk(reader)
            if kind == b"IEND":
                return self._end(body)
            self._take(kind, body)
            self._seen.add(kind)
            self._previous = kind
        raise reader.broken(f"there are more than {_MAX_CHUNKS} chunks")

    def _take(self, kind: bytes, body: bytes) -> None:
        match kind:
            case b"PLTE":
                self._palette(body)
            case b"IDAT":
                self._data(body)
            case b"acTL":
                self._announce(body)
            case b"fcTL" | b"fdAT" if self._frames:
                self._frame(kind, body)
            case b"eXIf":
                self._orientation(body)
            case b"iCCP":
                self._profile(body)
            case _ if kind in _LENGTHS:
                if len(body) in _LENGTHS[kind] and kind not in self._seen:
                    self._keep(kind, body)
            case _ if not kind[0] & 0x20:  # a capital: who does not know it cannot show the rest
                raise self._reader.broken(f"the chunk {kind.decode()} is unknown")

    def _palette(self, body: bytes) -> None:
        colours, rest = divmod(len(body), 3)
        if rest or not 1 <= colours <= 256 or self._seen & {b"PLTE", b"IDAT"}:
            raise self._reader.broken("the palette is not one")
        if self._header.colour in (0, 4):
            raise self._reader.broken("a grey picture has a palette")
        self._keep(b"PLTE", body)

    def _data(self, body: bytes) -> None:
        reader = self._reader
        if b"IDAT" not in self._seen:
            if self._header.colour == _PALETTE and b"PLTE" not in self._seen:
                raise reader.broken("the palette is missing")
            self._pixels = self._frame_pixels(self._header.width, self._header.height)
        elif self._previous != b"IDAT":
            raise reader.broken("the pixels are in two places")
        assert self._pixels is not None  # noqa: S101 (made with the first of them)
        self._pixels.take(body, reader)
        self._keep(b"IDAT", body)

    def _announce(self, body: bytes) -> None:
        if len(body) != 8 or self._seen & {b"acTL", b"IDAT"}:
            raise self._reader.broken("the number of frames is not one")
        self._frames = int.from_bytes(body[:4], "big")
        if not self._frames:
            raise self._reader.broken("there is not a single frame")
        check_frames(self._frames, self._header.picture, self._limits)
        self._keep(b"acTL", body)

    def _frame(self, kind: bytes, body: bytes) -> None:
        """``fcTL`` begins a frame, ``fdAT`` is part of one; both are numbered."""
        reader = self._reader
        sequence, rest = int.from_bytes(body[:4], "big"), body[4:]
        if len(body) < 4 or sequence != self._sequence:
            raise reader.broken("the frames are not in order")
        self._sequence += 1
        if kind == b"fdAT":
            if self._pixels is None or b"IDAT" not in self._seen or not self._frames_seen:
                raise reader.broken("a frame has no beginning")
            self._pixels.take(rest, reader)
        else:
            self._begin_frame(rest)
        self._keep(kind, body)

    def _begin_frame(self, rest: bytes) -> None:
        reader = self._reader
        if len(rest) != 22:
            raise reader.broken("the beginning of a frame has another length")
        width, height, x, y = struct.unpack_from(">4I", rest)
        whole = (self._header.width, self._header.height)
        if not (width and height and x + width <= whole[0] and y + height <= whole[1]):
            raise reader.broken("a frame lies outside of the picture")
        self._frames_seen += 1
        if b"IDAT" not in self._seen:  # the frame is the picture itself
            if (width, height) != whole or self._frames_seen > 1:
                raise reader.broken("the first frame is not the whole picture")
            return
        self._end_pixels()
        self._pixels = self._frame_pixels(width, height)

    def _frame_pixels(self, width: int, height: int) -> _Pixels:
        """What counts the pixels of a frame; ``TooLarge``, before they are unpacked."""
        most = self._limits.unpacked
        expected = self._header.unpacked(width, height)
        self._unpacked += expected
        if most is not None and self._unpacked > most:
            raise TooLarge(f"All frames together unpack to more than {most} bytes")
        return _Pixels(expected, counted=most is not None)

    def _orientation(self, body: bytes) -> None:
        turned = orientation.read(body)
        if turned != orientation.UPRIGHT and b"eXIf" not in self._seen:
            self._turned = turned
            self._keep(b"eXIf", orientation.write(turned))

    def _profile(self, body: bytes) -> None:
        """A colour profile under a name that says nothing, packed anew.

        The first alone is unpacked: a picture of thousands would cost seconds.
        """
        if self._profile_seen or b"IDAT" in self._seen:
            return
        self._profile_seen = True
        _name, _, packed = body.partition(b"\0")
        stream = zlib.decompressobj()
        try:
            profile = stream.decompress(packed[1:], MAX_PROFILE_BYTES + 1)
        except zlib.error:
            return
        if is_profile(profile):
            self._keep(b"iCCP", b"ICC\0\0" + zlib.compress(profile, 9))

    def _end_pixels(self) -> None:
        if self._pixels is None:
            raise self._reader.broken("there are no pixels")
        self._pixels.end(self._reader)

    def _end(self, body: bytes) -> Walked:
        """What comes after the last chunk is no part of the picture."""
        if body:
            raise self._reader.broken("the end is not empty")
        self._end_pixels()
        if self._frames != self._frames_seen:
            raise self._reader.broken("frames are missing")
        self._keep(b"IEND", b"")
        return Walked(self._kept, 4 * self._header.width * self._header.height, self._turned)

    def _keep(self, kind: bytes, body: bytes) -> None:
        checksum = zlib.crc32(body, zlib.crc32(kind))
        self._kept += [len(body).to_bytes(4, "big"), kind, body, checksum.to_bytes(4, "big")]


def _chunk(reader: Reader) -> tuple[bytes, bytes]:
    """The next chunk: its kind and its body."""
    start = reader.position
    length, kind = struct.unpack(">I4s", reader.take(8, "a chunk"))
    if not kind.isalpha():
        raise reader.broken("this is not a chunk", start)
    name = kind.decode()
    body = reader.take(length, f"the chunk {name}")
    checksum = int.from_bytes(reader.take(4, f"the chunk {name}"), "big")
    if zlib.crc32(body, zlib.crc32(kind)) != checksum:
        raise reader.broken(f"the checksum of the chunk {name} is wrong", start)
    return kind, body


def _header(reader: Reader, kind: bytes, body: bytes) -> _Header:
    if kind != b"IHDR" or len(body) != 13:
        raise reader.broken("the header is missing", len(SIGNATURE))
    width, height, depth, colour, packing, filtering, interlace = struct.unpack(">IIBBBBB", body)
    known = depth in _DEPTHS.get(colour, ()) and (packing, filtering) == (0, 0)
    if not (width and height and known and interlace in (0, 1)):
        raise reader.broken("the header is not one", len(SIGNATURE))
    return _Header(width, height, depth, colour, interlace == 1)
