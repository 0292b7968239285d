"""One file in a zip: where it is, and its bytes, checked."""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from chalicelib.errors import InvalidInput, TooLarge

MAX_RATIO = 200
"""How many times larger than in the archive a file may be, once it is over ``_SMALL``."""

STORED, DEFLATED = 0, 8
_ENCRYPTED = 0x0001 | 0x0040 | 0x2000
_SMALL = 64 * 1024
_PIECE = 64 * 1024
_HEADER = struct.Struct("<4s5H3I2H")
HEADER_SIZE = _HEADER.size
_HEADER_SIGNATURE = b"PK\x03\x04"
_MAX_EXTRA = 0xFFFF


class BrokenArchive(InvalidInput):
    """The file is not what a zip has to be; the message says what is wrong and where."""


class Source(Protocol):
    """Bytes that need not be in memory, as of an object in a store."""

    @property
    def size(self) -> int:
        """How many bytes there are."""

    def read(self, start: int, count: int) -> bytes:
        """``count`` bytes from ``start``; it is never asked for what is not there."""


@dataclass(frozen=True, slots=True)
class InMemory:
    """Bytes that are at hand."""

    data: bytes

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return len(self.data)

    def read(self, start: int, count: int) -> bytes:
        """``count`` bytes from ``start``."""
        return self.data[start : start + count]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file's header starts, and where the next thing does; and its packed size."""

    start: int
    end: int
    packed: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A file in an archive, as the directory describes it.

    ``index`` counts all entries of the directory, from 0: it stays the same for the same
    archive, whatever is left out. ``size`` is in bytes, inflated.
    """

    index: int
    name: str
    size: int
    raw_name: bytes
    flags: int
    method: int
    checksum: int
    place: Place
    source: Source

    def read(self, *, at_most: int | None = None) -> bytes:
        """The file's bytes: one read of the source, and checks.

        ``BrokenArchive`` for what is encrypted, compressed otherwise than by deflate, or
        not what the directory says of it; ``TooLarge`` for a bomb, or for more than
        ``at_most`` bytes. It never takes more memory than the directory says, whatever the
        data would unpack to.
        """
        if at_most is not None and self.size > at_most:
            raise TooLarge(
                f"{self.name!r} in the archive has {self.size} bytes; at most {at_most} are allowed"
            )
        return b"".join(self._pieces())

    def begins(self, count: int) -> bytes:
        """The first ``count`` bytes of a file that is looked at whole, piece after piece.

        Raises what ``read`` does, and takes the memory of the packed file.
        """
        head = b""
        for piece in self._pieces():
            head += bytes(piece[: count - len(head)])
        return head

    def packed(self) -> memoryview:
        """The file as it lies in the archive: one read of the source.

        ``BrokenArchive`` where it is not what the directory says; what it unpacks to is
        not looked at.
        """
        place = self.place
        most = HEADER_SIZE + len(self.raw_name) + _MAX_EXTRA + place.packed
        block = self.source.read(place.start, min(place.end - place.start, most))
        if len(block) < HEADER_SIZE or not block.startswith(_HEADER_SIGNATURE):
            raise self._broken(f"its header is not at byte {place.start}")
        fields = _HEADER.unpack_from(block)
        flags, method, name_size, extra_size = fields[2], fields[3], fields[9], fields[10]
        if block[HEADER_SIZE : HEADER_SIZE + name_size] != self.raw_name:
            raise self._broken("its header and the directory name it differently")
        if method != self.method or flags & _ENCRYPTED:
            raise self._broken("its header and the directory store it differently")
        begin = HEADER_SIZE + name_size + extra_size
        if begin + place.packed > len(block):
            raise self._broken(f"it overlaps with what is at byte {place.end}")
        return memoryview(block)[begin : begin + place.packed]

    def _pieces(self) -> Iterator[bytes | memoryview]:
        """The file in pieces; whether it is what the directory says turns out with the last."""
        if self.flags & _ENCRYPTED:
            raise self._broken("it is encrypted")
        if self.method not in (STORED, DEFLATED):
            raise self._broken(f"its compression, number {self.method}, is not supported")
        if is_bomb(self.size, self.place.packed):
            raise TooLarge(
                f"{self.name!r} in the archive unpacks to more than {MAX_RATIO} times its size"
            )
        size = checksum = 0
        packed = self.packed()
        for piece in _slices(packed) if self.method == STORED else self._inflated(packed):
            size += len(piece)
            if size > self.size:
                break
            checksum = zlib.crc32(piece, checksum)
            yield piece
        if size != self.size:
            raise self._broken(f"it does not have the {self.size} bytes that it should")
        if checksum != self.checksum:
            raise self._broken("its checksum is wrong")

    def _inflated(self, packed: memoryview) -> Iterator[bytes]:
        unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
        fed = 0
        for part in _slices(packed):
            fed += len(part)
            rest: bytes | memoryview = part
            piece = bytes(_PIECE)
            # A whole piece may not be all that there is of what was fed.
            while not unpacker.eof and (rest or len(piece) == _PIECE):
                try:
                    piece = unpacker.decompress(rest, _PIECE)
                except zlib.error as error:
                    raise self._broken("its compressed data are damaged") from error
                rest = unpacker.unconsumed_tail
                yield piece
            if unpacker.eof:
                break
        if not unpacker.eof:
            raise self._broken("its compressed data are cut short")
        if unpacker.unused_data or fed < len(packed):
            raise self._broken("something follows its compressed data")

    def _broken(self, message: str) -> BrokenArchive:
        return BrokenArchive(f"{self.name!r} in the archive cannot be read: {message}")


def _slices(data: memoryview) -> Iterator[memoryview]:
    return (data[at : at + _PIECE] for at in range(0, len(data), _PIECE))


def is_bomb(size: int, packed: int) -> bool:
    """Whether that many bytes come from too few; a small file is none at any ratio."""
    return size > max(_SMALL, packed * MAX_RATIO)
