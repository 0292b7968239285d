"""Which side of a picture is up: the one thing of its EXIF data that is kept.

Cameras store what the sensor saw, and say in tag 274 how to turn it. EXIF is a
TIFF file inside the picture: https://www.cipa.jp/std/documents/e/DC-X008-Translation-2019-E.pdf
(4.6), https://www.itu.int/itudoc/itu-t/com16/tiff-fx/docs/tiff6.pdf (section 2).
"""

import struct
from typing import Literal

UPRIGHT = 1

_TAG = 0x0112
_SHORT = 3
_ENTRY_BYTES = 12
_MAX_ENTRIES = 1000
_ORDERS: dict[bytes, Literal["<", ">"]] = {b"II*\0": "<", b"MM\0*": ">"}


def read(tiff: bytes) -> int:
    """The orientation, 1 to 8; 1 where nothing is said, or nothing that can be read."""
    order = _ORDERS.get(tiff[:4])
    if order is None:
        return UPRIGHT
    try:
        (start,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, start)
        for number in range(min(count, _MAX_ENTRIES)):
            place = start + 2 + number * _ENTRY_BYTES
            tag, kind, values, value = struct.unpack_from(f"{order}HHIH", tiff, place)
            if tag == _TAG:
                said = (kind, values) == (_SHORT, 1) and 1 <= value <= 8
                return int(value) if said else UPRIGHT
    except struct.error:  # an offset that leads out of the data
        return UPRIGHT
    return UPRIGHT


def write(orientation: int) -> bytes:
    """EXIF data, as TIFF, that says this and nothing else."""
    head = struct.pack(">4sIH", b"MM\0*", 8, 1)
    return head + struct.pack(">HHIHHI", _TAG, _SHORT, 1, orientation, 0, 0)
