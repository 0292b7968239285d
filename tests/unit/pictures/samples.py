"""Pictures of every kind, made by a library that the product does not use, and parts of them."""

import io
import struct
import zlib
from collections.abc import Mapping
from functools import cache
from typing import Any

from PIL import Image, ImageCms, ImageSequence

CAMERA = "A camera with a serial number"
COMMENT = b"where it was taken"
WIDTH, HEIGHT = 37, 23
ROTATED = 6
ORIENTATION, MAKE = 0x0112, 0x010F

Frame = tuple[bytes, int | None]


def gradient(mode: str = "RGB", turn: int = 0) -> Image.Image:
    """A picture whose pixels all differ a little."""
    red = Image.radial_gradient("L").rotate(turn).resize((WIDTH, HEIGHT))
    green = Image.linear_gradient("L").resize((WIDTH, HEIGHT))
    return Image.merge("RGB", (red, green, red)).convert(mode)


def exif() -> Image.Exif:
    """What cameras say: how to turn the picture, and too much of themselves."""
    said = Image.Exif()
    said[ORIENTATION] = ROTATED
    said[MAKE] = CAMERA
    return said


@cache
def profile() -> bytes:
    """A colour profile."""
    made: bytes = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return made


def saved(picture: Image.Image, kind: str, **options: Any) -> bytes:
    """The file of a picture."""
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


@cache
def all_kinds() -> Mapping[str, bytes]:
    """A file of each way to store a picture, with all metadata that it can have."""
    described = {"exif": exif(), "icc_profile": profile()}
    frames = [gradient(turn=20 * number) for number in range(4)]
    moving = {"save_all": True, "append_images": frames[1:], "duration": [100, 200, 100, 300]}
    see_through = gradient("RGBA")
    see_through.putalpha(Image.linear_gradient("L").resize((WIDTH, HEIGHT)))
    texts = {"exif": exif(), "xmp": b"<x:xmpmeta>" + COMMENT + b"</x:xmpmeta>"}
    made = {
        f"jpeg {mode}": saved(gradient(mode), "JPEG", comment=COMMENT, **described)
        for mode in ("L", "RGB", "CMYK")
    }
    made |= {
        f"png {mode}": saved(gradient(mode), "PNG", **described)
        for mode in ("1", "L", "LA", "P", "RGB", "RGBA")
    }
    return made | {
        "jpeg progressive": saved(frames[0], "JPEG", progressive=True, **described),
        "jpeg restarts": saved(frames[0], "JPEG", restart_marker_rows=1),
        "png 16 bit": saved(gradient("L").convert("I;16"), "PNG"),
        "png moving": saved(frames[0], "PNG", **moving),
        "png moving later": saved(frames[0], "PNG", default_image=True, **moving),
        "gif": saved(frames[0].convert("P"), "GIF", comment=COMMENT),
        "gif moving": saved(frames[0], "GIF", loop=3, comment=COMMENT, **moving),
        "webp": saved(frames[0], "WEBP", icc_profile=profile(), **texts),
        "webp plain": saved(frames[0], "WEBP"),
        "webp lossless": saved(frames[0], "WEBP", lossless=True, **texts),
        "webp see-through": saved(see_through, "WEBP", **texts),
        "webp moving": saved(frames[0], "WEBP", loop=2, exif=exif(), **moving),
    }


def seen(file: bytes) -> tuple[object, list[Frame]]:
    """What a viewer shows: turned how, repeated how often, and the pixels of each frame."""
    with Image.open(io.BytesIO(file)) as opened:
        about = (opened.size, opened.info.get("loop"), opened.getexif().get(ORIENTATION, 1))
        frames = [
            (frame.convert("RGBA").tobytes(), frame.info.get("duration"))
            for frame in ImageSequence.Iterator(opened)
        ]
    return about, frames


def chunk(kind: bytes, body: bytes = b"") -> bytes:
    """A chunk of PNG."""
    checksum = zlib.crc32(kind + body).to_bytes(4, "big")
    return len(body).to_bytes(4, "big") + kind + body + checksum


def png_head(
    width: int, height: int, *, depth: int = 8, colour: int = 0, interlace: int = 0
) -> bytes:
    """The first bytes of a PNG."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)


def png(*between: bytes, width: int = 1, height: int = 1, pixels: bytes = b"\0\0") -> bytes:
    """A grey PNG, with chunks before its pixels."""
    data = chunk(b"IDAT", zlib.compress(pixels, 9))
    return b"".join([png_head(width, height), *between, data, chunk(b"IEND")])


def segment(code: int, body: bytes) -> bytes:
    """A segment of JPEG."""
    return bytes([0xFF, code]) + (len(body) + 2).to_bytes(2, "big") + body


def jpeg_with(*segments: bytes) -> bytes:
    """A JPEG with segments after its start."""
    plain = saved(gradient(), "JPEG")
    return plain[:2] + b"".join(segments) + plain[2:]


def gif_frame(width: int, height: int, x: int = 0, y: int = 0) -> bytes:
    """A frame of GIF that claims a size; its pixels are two bytes."""
    return b"\x2c" + struct.pack("<4HB", x, y, width, height, 0) + b"\x02\x02\x4c\x01\x00"


def gif(width: int, height: int, *blocks: bytes) -> bytes:
    """A GIF without colours of its own."""
    head = b"GIF89a" + struct.pack("<HHBBB", width, height, 0, 0, 0)
    return b"".join([head, *blocks, b"\x3b"])


def webp(*chunks: tuple[bytes, bytes]) -> bytes:
    """A WebP of these chunks."""
    packed = b"".join(
        kind + len(body).to_bytes(4, "little") + body + b"\0" * (len(body) % 2)
        for kind, body in chunks
    )
    return b"RIFF" + (len(packed) + 4).to_bytes(4, "little") + b"WEBP" + packed


def webp_with(file: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """A WebP with chunks after its own."""
    body = file[8:] + webp(*chunks)[12:]
    return b"RIFF" + len(body).to_bytes(4, "little") + body
