"""JPEG: https://www.w3.org/Graphics/JPEG/itu-t81.pdf (annex B).

A file is a row of segments. Kept are those that make the picture, which must be exactly
as long as their tables, and of the rest: that it is JFIF, how Adobe's programs
stored the colours, the colour profile, and which side is up.
"""

import re
from collections.abc import Callable

from chalicelib.pictures import orientation
from chalicelib.pictures.reading import Limits, Picture, Reader, Walked, is_profile

SIGNATURE = b"\xff\xd8\xff"
MEDIA_TYPE = "image/jpeg"

_MAX_SEGMENTS = 5_000
_MAX_SCANS = 100
_MAX_SCANNED_PIXELS = 600_000_000
"""A viewer unpacks the whole picture again for each scan. Cameras and editors make ten."""

# Decoders make it smaller as they unpack it: less than 4096 x 4096 pixels for what we make.
_DRAFT_BYTES = 4096 * 4096 * 4
_MAX_TABLES = 8  # in a segment: there are four places for each kind of Huffman table

_START, _END = b"\xff\xd8", b"\xff\xd9"
_FRAMES = (0xC0, 0xC1, 0xC2)  # baseline, extended, progressive: what browsers show
_HUFFMAN, _END_CODE, _SCAN, _QUANTIZATION, _RESTART = 0xC4, 0xD9, 0xDA, 0xDB, 0xDD
_JFIF, _EXIF, _PROFILE, _ADOBE, _COMMENT = 0xE0, 0xE1, 0xE2, 0xEE, 0xFE
_APPLICATIONS = range(0xE0, 0xF0)
_OTHER_FRAMES = {0xC3, *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0)}
_EXIF_NAME = b"Exif\0\0"
_PROFILE_NAME = b"ICC_PROFILE\0"
_JFIF_BYTES = 12
_ADOBE_BYTES = 12
_PART = 65_000
_FILLING = re.compile(rb"\xff+")
# Inside packed pixels a marker is 0xFF and neither 0 (which stands for 0xFF itself)
# nor a restart; 0xFF again is only filling.
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]", re.DOTALL)


def inspect(data: bytes) -> Picture:
    """The size, from the frame's segment."""
    reader = Reader("JPEG", data, len(_START))
    for _ in range(_MAX_SEGMENTS):
        start = reader.position
        code = _marker(reader)
        if code in (_SCAN, _END_CODE):
            raise reader.broken("the size is missing", start)
        body = _body(reader)
        if code in _FRAMES or code in _OTHER_FRAMES:
            return _frame(reader, code, body)
    raise _too_many(reader)


def walk(data: bytes, _limits: Limits) -> Walked:
    """All parts of the file, to keep those that are seen."""
    return _Cleaner(data).run()


class _Cleaner:
    """Goes through the segments once; ``_kept`` is what will be the clean file."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._reader = Reader("JPEG", data, len(_START))
        self._jfif = b""
        self._adobe = b""
        self._turned = orientation.UPRIGHT
        self._profile: list[bytes] = []
        self._components: frozenset[int] | None = None
        self._pixels = 0
        self._coefficients = 0
        self._scans = 0
        self._kept: list[bytes] = []
        self._takers: dict[int, Callable[[bytes], None]] = {
            _JFIF: self._take_jfif,
            _EXIF: self._take_exif,
            _PROFILE: self._take_profile,
            _ADOBE: self._take_adobe,
        }

    def run(self) -> Walked:
        for _ in range(_MAX_SEGMENTS):
            start = self._reader.position
            code = _marker(self._reader)
            if code == _END_CODE:
                return self._end()
            self._take(code, _body(self._reader), start)
        raise _too_many(self._reader)

    def _take(self, code: int, body: bytes, start: int) -> None:
        reader = self._reader
        if code in _APPLICATIONS or code == _COMMENT:
            if code in self._takers:
                self._takers[code](body)
            return
        if code in _FRAMES or code in _OTHER_FRAMES:
            picture = _frame(reader, code, body)
            if self._components is not None:
                raise reader.broken("there are two frames", start)
            self._components = frozenset(body[6::3])
            self._pixels = picture.width * picture.height
            self._coefficients = _coefficients(picture, body[7::3])
        elif code == _SCAN:
            self._take_scan(body, start)
            return
        elif code == _RESTART:
            if len(body) != 2:
                raise reader.broken("the restart interval has another length", start)
        elif code == _QUANTIZATION:
            _check_tables(reader, body, _quantization_bytes, start)
        elif code == _HUFFMAN:
            _check_tables(reader, body, _huffman_bytes, start)
        else:
            raise reader.broken(f"the segment {code:02X} is unknown", start)
        self._keep(code, body)

    def _take_jfif(self, body: bytes) -> None:
        """Without the small picture that may be in it."""
        if body.startswith(b"JFIF\0") and len(body) >= _JFIF_BYTES:
            self._jfif = self._jfif or body[:_JFIF_BYTES] + b"\0\0"

    def _take_exif(self, body: bytes) -> None:
        if body.startswith(_EXIF_NAME) and self._turned == orientation.UPRIGHT:
            self._turned = orientation.read(body[len(_EXIF_NAME) :])

    def _take_profile(self, body: bytes) -> None:
        if body.startswith(_PROFILE_NAME):
            self._profile.append(body[len(_PROFILE_NAME) :])

    def _take_adobe(self, body: bytes) -> None:
        if body.startswith(b"Adobe") and len(body) >= _ADOBE_BYTES:
            self._adobe = body[:_ADOBE_BYTES]

    def _take_scan(self, body: bytes, start: int) -> None:
        """The head of a scan, and its packed pixels up to the next marker."""
        reader = self._reader
        if self._components is None:
            raise reader.broken("the size is missing", start)
        named = frozenset(body[1:-3:2])
        if not body or len(body) != 4 + 2 * body[0] or not named <= self._components:
            raise reader.broken("the head of a scan is not one", start)
        self._scans += 1
        if self._scans > _MAX_SCANS:
            raise reader.broken(f"there are more than {_MAX_SCANS} scans", start)
        if self._scans > 1 and self._scans * self._pixels > _MAX_SCANNED_PIXELS:
            raise reader.broken("there are too many scans for its size", start)
        found = _NEXT_MARKER.search(self._data, reader.position)
        if found is None:
            raise reader.broken("the pixels are cut short", len(self._data))
        self._keep(_SCAN, body)
        self._kept.append(self._data[reader.position : found.start()])
        reader.position = found.start()

    def _end(self) -> Walked:
        """What comes after the end is no part of the picture."""
        if not self._scans:
            raise self._reader.broken("there are no pixels")
        head: list[bytes] = [_START]
        if self._jfif:
            head.append(_segment(_JFIF, self._jfif))
        if self._turned != orientation.UPRIGHT:
            head.append(_segment(_EXIF, _EXIF_NAME + orientation.write(self._turned)))
        if self._adobe:
            head.append(_segment(_ADOBE, self._adobe))
        # Of one scan a decoder has some rows at once; of several, all numbers of the picture.
        memory = _DRAFT_BYTES + (2 * self._coefficients if self._scans > 1 else 0)
        pieces = [*head, *self._profile_segments(), *self._kept, _END]
        return Walked(pieces, memory, self._turned)

    def _profile_segments(self) -> list[bytes]:
        """The colour profile, which comes in numbered parts; none if one is missing."""
        parts = self._profile
        numbers = [tuple(part[:2]) for part in parts]
        if numbers != [(number, len(parts)) for number in range(1, len(parts) + 1)]:
            return []
        profile = b"".join(part[2:] for part in parts)
        if not is_profile(profile):
            return []
        cut = [profile[at : at + _PART] for at in range(0, len(profile), _PART)]
        return [
            _segment(_PROFILE, _PROFILE_NAME + bytes([number, len(cut)]) + part)
            for number, part in enumerate(cut, 1)
        ]

    def _keep(self, code: int, body: bytes) -> None:
        self._kept.append(_segment(code, body))


def _marker(reader: Reader) -> int:
    """The code of the next marker; any number of 0xFF may come before it."""
    if not reader.skip(_FILLING):
        what = "this is not a segment" if reader.left else "a segment is cut short"
        raise reader.broken(what)
    return reader.byte("a segment")


def _body(reader: Reader) -> bytes:
    start = reader.position
    length = int.from_bytes(reader.take(2, "a segment"), "big")
    if length < 2:
        raise reader.broken("a segment is shorter than its length", start)
    return reader.take(length - 2, "a segment")


def _segment(code: int, body: bytes) -> bytes:
    return bytes([0xFF, code]) + (len(body) + 2).to_bytes(2, "big") + body


def _frame(reader: Reader, code: int, body: bytes) -> Picture:
    if code in _OTHER_FRAMES:
        raise reader.broken("it is of a kind that browsers do not show")
    if len(body) < 6 or len(body) != 6 + 3 * body[5] or body[5] not in (1, 3, 4):
        raise reader.broken("the frame is not one")
    height, width = int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
    samplings = {(factor >> 4, factor & 15) for factor in body[7::3]}
    usual = all(1 <= across <= 4 and 1 <= down <= 4 for across, down in samplings)
    if body[0] != 8 or not (width and height and usual) or len({*body[6::3]}) != body[5]:
        raise reader.broken("it is of a kind that browsers do not show")
    return Picture(MEDIA_TYPE, width, height)


def _coefficients(picture: Picture, samplings: bytes) -> int:
    """How many numbers stand for the pixels: of each component as many as it is fine."""
    across = max(factor >> 4 for factor in samplings)
    down = max(factor & 15 for factor in samplings)
    # In whole blocks of the coarsest component (A.1.1, A.2.4).
    width, height = _filled(picture.width, 8 * across), _filled(picture.height, 8 * down)
    parts = sum((factor >> 4) * (factor & 15) for factor in samplings)
    return width * height * parts // (across * down)


def _filled(length: int, block: int) -> int:
    return (length + block - 1) // block * block


def _check_tables(
    reader: Reader, body: bytes, size: Callable[[bytes, int], int], start: int
) -> None:
    """A segment is a row of tables, to its last byte; ``size`` gives that of the one at a place."""
    position = 0
    for _ in range(_MAX_TABLES):
        if position < len(body):
            position += size(body, position)
    if not body or position != len(body):
        raise reader.broken("a table has another length than its segment", start)


def _quantization_bytes(body: bytes, position: int) -> int:
    return 1 + 64 * (1 + (body[position] >> 4))


def _huffman_bytes(body: bytes, position: int) -> int:
    return 17 + sum(body[position + 1 : position + 17])


def _too_many(reader: Reader) -> Exception:
    return reader.broken(f"there are more than {_MAX_SEGMENTS} segments")
