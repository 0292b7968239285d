"""The directory of a zip: what is in it, and where.

The format: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT (4.3.12, 4.3.16).
Only what the directory lists is in an archive, and only where the directory says. An archive
that others could read in another way (two ends, entries that overlap, counts that differ) is
refused, so that nobody can be shown one thing and store another.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace

from chalicelib.cards.zip_entries import (
    HEADER_SIZE,
    STORED,
    BrokenArchive,
    Entry,
    Place,
    Source,
)
from chalicelib.errors import TooLarge

MAX_ENTRIES = 2_000
"""What an archive may have, if its reader does not say otherwise."""

_MAX_DIRECTORY = 4 * 1024 * 1024

_END = struct.Struct("<4s4H2IH")
_END_SIGNATURE = b"PK\x05\x06"
_MAX_COMMENT = 0xFFFF
_LOCATOR_SIGNATURE = b"PK\x06\x07"
_LOCATOR_SIZE = 20
_RECORD = struct.Struct("<4s6H3I5H2I")
_RECORD_SIGNATURE = b"PK\x01\x02"
_BIG_COUNT, _BIG = 0xFFFF, 0xFFFFFFFF
_UTF8 = 0x0800


def read_directory(source: Source, max_entries: int = MAX_ENTRIES) -> list[Entry]:
    """All entries, in the directory's order: two reads at most, at the end of the source.

    Bytes before the archive are allowed, as before a CHARX that hangs on a picture, whether
    or not its offsets count them. ``BrokenArchive`` for what is no archive, or not a whole
    one; ``TooLarge`` for more than ``max_entries``.
    """
    directory = _Directory.of(source, max_entries)
    return _separate(list(directory.entries(source)), directory.start)


@dataclass(frozen=True, slots=True)
class _Directory:
    data: bytes
    start: int
    count: int
    shift: int
    """How many bytes stand before the archive that its offsets do not count."""

    @classmethod
    def of(cls, source: Source, max_entries: int) -> "_Directory":
        tail_size = min(source.size, _END.size + _MAX_COMMENT)
        tail_start = source.size - tail_size
        tail = source.read(tail_start, tail_size)
        at = _end_of(tail)
        _, disk, first_disk, here, count, size, offset, _ = _END.unpack_from(tail, at)
        if disk or first_disk or here != count:
            raise BrokenArchive("The archive is one part of several; put them together first")
        is_zip64 = tail[max(0, at - _LOCATOR_SIZE) : at].startswith(_LOCATOR_SIGNATURE)
        if is_zip64 or count == _BIG_COUNT or _BIG in (size, offset):
            raise TooLarge("The archive is a Zip64, which only those over 4 GiB have to be")
        if count > max_entries:
            raise TooLarge(
                f"The archive has {count} entries; at most {max_entries} are allowed. "
                "Split it, and bring one part after another"
            )
        if size > _MAX_DIRECTORY:
            raise TooLarge(f"The archive's directory has {size} bytes, more than are allowed")
        start = tail_start + at - size
        if start < offset:
            raise BrokenArchive(f"The archive has no directory at byte {offset}: a part is missing")
        data = tail[at - size : at] if size <= at else source.read(start, size)
        return cls(data, start, count, start - offset)

    def entries(self, source: Source) -> Iterator[Entry]:
        """The entries as they are listed; each ends where the directory starts."""
        at = 0
        for index in range(self.count):
            entry, size = self._entry(index, at, source)
            at += size
            yield entry
        if at != len(self.data):
            raise BrokenArchive(
                f"The archive's directory holds more than the {self.count} entries it counts"
            )

    def _entry(self, index: int, at: int, source: Source) -> tuple[Entry, int]:
        rest = len(self.data) - at
        if rest < _RECORD.size or not self.data.startswith(_RECORD_SIGNATURE, at):
            raise self._broken(index, at)
        fields = _RECORD.unpack_from(self.data, at)
        flags, method, checksum, packed, size = fields[3], fields[4], *fields[7:10]
        record_size = _RECORD.size + sum(fields[10:13])
        if record_size > rest or fields[13]:
            raise self._broken(index, at)
        if _BIG in (packed, size, fields[16]):
            raise TooLarge(f"Entry {index} of the archive has more than 4 GiB")
        begin = at + _RECORD.size
        raw_name = self.data[begin : begin + fields[10]]
        entry = Entry(
            index=index,
            name=_decoded(raw_name, flags, index),
            size=size,
            raw_name=raw_name,
            flags=flags,
            method=method,
            checksum=checksum,
            place=Place(fields[16] + self.shift, self.start, packed),
            source=source,
        )
        return entry, record_size

    def _broken(self, index: int, at: int) -> BrokenArchive:
        return BrokenArchive(
            f"The archive is broken at byte {self.start + at}: "
            f"entry {index} of its directory is not whole"
        )


def _end_of(tail: bytes) -> int:
    """Where the record starts that ends the archive: its comment has to reach to the last byte."""
    ends = []
    at = tail.rfind(_END_SIGNATURE)
    while at >= 0:
        if at + _END.size <= len(tail):
            comment_size = int.from_bytes(tail[at + _END.size - 2 : at + _END.size], "little")
            if at + _END.size + comment_size == len(tail):
                ends.append(at)
        at = tail.rfind(_END_SIGNATURE, 0, at + len(_END_SIGNATURE) - 1)
    if not ends:
        raise BrokenArchive(
            "The archive has no directory at its end: it is cut short, or something follows it"
        )
    if len(ends) > 1:
        raise BrokenArchive("The archive ends twice: nobody can say which one is meant")
    return ends[0]


def _separate(entries: list[Entry], directory_start: int) -> list[Entry]:
    """The entries with the place where each ends; ``BrokenArchive`` if two have one place."""
    ends: dict[int, int] = {}
    end = directory_start
    for entry in sorted(entries, key=lambda one: (one.place.start, one.index), reverse=True):
        start = entry.place.start
        if start + HEADER_SIZE + len(entry.raw_name) + entry.place.packed > end:
            raise BrokenArchive(
                f"{entry.name!r} in the archive, at byte {start}, overlaps with what is "
                f"at byte {end}"
            )
        if entry.method == STORED and entry.place.packed != entry.size:
            raise BrokenArchive(f"{entry.name!r} in the archive has two sizes")
        ends[entry.index] = end
        end = start
    return [replace(entry, place=replace(entry.place, end=ends[entry.index])) for entry in entries]


def _decoded(raw: bytes, flags: int, index: int) -> str:
    """A name as text: UTF-8, else what Windows writes in China, else what DOS wrote.

    Without the flag for UTF-8 a zip does not say which it is.
    """
    for encoding in ("utf-8",) if flags & _UTF8 else ("utf-8", "gb18030", "cp437"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise BrokenArchive(f"Entry {index} of the archive has a name that is not UTF-8")
