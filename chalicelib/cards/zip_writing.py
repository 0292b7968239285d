"""Zips, written: the same files make the same bytes.

The format: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT (4.3.7, 4.3.12, 4.3.16).
The standard ``zipfile`` cannot take over what is packed already.
"""

import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.cards.zip_entries import DEFLATED, STORED, Entry, is_bomb

_HEADER = struct.Struct("<4s5H3I2H")
_RECORD = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_VERSION = 20
_MADE_BY = 3 << 8 | _VERSION  # Unix: the attributes are its own
_PLAIN_FILE = 0o100644 << 16
_UTF8 = 0x0800
_FIRST_DATE = 1 << 5 | 1  # 1980-01-01
_SAMPLE = 4096


def write_zip(files: Mapping[str, bytes | Entry]) -> bytes:
    """An archive of the files, sorted by name and dated 1980.

    Those of another archive are taken over as they are packed there: they were read before,
    and are right. Of the others, what hardly gets smaller, or so much that it would look
    like a bomb, is stored as it is.
    """
    written: list[bytes | memoryview] = []
    records: list[bytes] = []
    at = 0
    for name, file in sorted(files.items()):
        packed = _Packed.taken_over(file) if isinstance(file, Entry) else _Packed.of(file)
        flags, raw = _spelled(name)
        about = (flags, packed.method, 0, _FIRST_DATE, packed.checksum, len(packed.data))
        header = _HEADER.pack(b"PK\x03\x04", _VERSION, *about, packed.size, len(raw), 0)
        rest = (packed.size, len(raw), 0, 0, 0, 0, _PLAIN_FILE, at)
        records.append(_RECORD.pack(b"PK\x01\x02", _MADE_BY, _VERSION, *about, *rest) + raw)
        written += (header, raw, packed.data)
        at += len(header) + len(raw) + len(packed.data)
    directory = b"".join(records)
    count = len(records)
    end = _END.pack(b"PK\x05\x06", 0, 0, count, count, len(directory), at, 0)
    return b"".join((*written, directory, end))


@dataclass(frozen=True, slots=True)
class _Packed:
    """A file as it lies in an archive; ``size`` is what it has when it is unpacked."""

    data: bytes | memoryview
    method: int
    checksum: int
    size: int

    @classmethod
    def of(cls, data: bytes) -> "_Packed":
        packed = _deflated(data)
        if packed is None:
            return cls(data, STORED, zlib.crc32(data), len(data))
        return cls(packed, DEFLATED, zlib.crc32(data), len(data))

    @classmethod
    def taken_over(cls, entry: Entry) -> "_Packed":
        return cls(entry.packed(), entry.method, entry.checksum, entry.size)


def _deflated(data: bytes) -> bytes | None:
    """The data packed; None where they are better stored."""
    sample = data[:_SAMPLE]
    if len(zlib.compress(sample)) > len(sample) * 0.9:
        return None
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    packed = packer.compress(data) + packer.flush()
    return None if is_bomb(len(data), len(packed)) else packed


def _spelled(name: str) -> tuple[int, bytes]:
    """The flags of a file, and its name."""
    return (0 if name.isascii() else _UTF8), name.encode()
