"""Small pictures of large ones, by Pillow.

It is given what ``formats.walk`` has found to be whole, without metadata, and with a size
within the limits; and only the readers of our four formats are imported.
``docs/decisions/0021-thumbnails.md`` says what is chosen and why.
"""

import io
import struct
import zlib
from collections.abc import Callable

from PIL import (
    GifImagePlugin,
    Image,
    ImageCms,
    JpegImagePlugin,
    PngImagePlugin,
    WebPImagePlugin,
    _webp,
)

from chalicelib.pictures import formats, orientation
from chalicelib.pictures.reading import BrokenPicture, Limits, Picture

QUALITY = 85

_Size = tuple[int, int]
_Point = tuple[float, float]

# What Pillow raises for files that are wrong. Where there is too little memory is not among it.
_WRONG = (
    *(OSError, EOFError, SyntaxError, ValueError, TypeError, LookupError, RuntimeError),
    *(struct.error, zlib.error),
)
# The last step makes a picture smaller by so much at least: what Pillow's own thumbnails take
# for the best quality at little cost (``reducing_gap`` of ``Image.resize``).
_GAP = 3
_BAND_PIXELS = 250_000
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_Opened = tuple[Image.Image, bytes | None]


def small_webp(data: bytes, size: int, limits: Limits) -> bytes:
    """A WebP with a longest side of ``size`` pixels, or less for what is less itself."""
    image = _upright(data, size, limits, gap=_GAP)
    return _file(image, WebPImagePlugin.WebPImageFile.format, quality=QUALITY, method=4)


def whole_png(data: bytes, size: int, limits: Limits) -> bytes:
    """A PNG, likewise. Larger ones are wanted: they are made in fewer steps, to take no more."""
    image = _upright(data, size, limits, gap=1)
    return _file(image, PngImagePlugin.PngImageFile.format)


def _file(image: Image.Image, kind: str | None, **options: int) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _upright(data: bytes, size: int, limits: Limits, *, gap: int) -> Image.Image:
    """The first frame as it is to be seen, with a longest side of ``size`` pixels or less."""
    picture, turned, file = _bare(data, limits)
    target = _fitting((picture.width, picture.height), size)
    try:
        small, profile = _small(picture, file, target, gap)
    except _WRONG as error:
        raise BrokenPicture("The pixels of the picture cannot be unpacked") from error
    image = _in_srgb(small, profile)
    return image if turned == orientation.UPRIGHT else image.transpose(_TURNS[turned])


def _bare(data: bytes, limits: Limits) -> tuple[Picture, int, bytes]:
    """What it is, which side is up, and the file without metadata.

    In a function of its own, so that the parts are forgotten before there are pixels.
    """
    picture, walked = formats.walk(data, limits)
    return picture, walked.turned, b"".join(walked.pieces)


def _fitting(whole: _Size, size: int) -> _Size:
    """The size of the same shape that fits into a square; never a larger one."""
    scale = min(1.0, size / max(whole))
    return max(1, round(whole[0] * scale)), max(1, round(whole[1] * scale))


def _small(picture: Picture, file: bytes, target: _Size, gap: int) -> _Opened:
    """The first frame, of the target's size, and its colour profile."""
    image, profile = _OPENERS[formats.SUFFIXES[picture.media_type]](file)
    if image.size != (picture.width, picture.height):  # else it could be of any
        raise ValueError("Pillow sees another size")
    covered: _Point = image.size
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        drafted = image.draft(None, (gap * target[0], gap * target[1]))
        if drafted is not None:
            covered = drafted[1][2:]
    factor = max(1, int(min(covered[0] / target[0], covered[1] / target[1]) / gap))
    reduced = _reduced(image, factor)
    box = (0.0, 0.0, covered[0] / factor, covered[1] / factor)
    if reduced.size != target:
        reduced = reduced.resize(target, Image.Resampling.LANCZOS, box)
    return reduced, profile


def _reduced(image: Image.Image, factor: int) -> Image.Image:
    """The picture, so many times smaller in each direction, in a mode to calculate with.

    In bands: another mode of the whole would take as much memory again.
    """
    if factor == 1:
        return _calculable(image)
    rows = factor * max(1, _BAND_PIXELS // (factor * image.width))
    bands = [
        _calculable(image.crop((0, top, image.width, min(top + rows, image.height)))).reduce(factor)
        for top in range(0, image.height, rows)
    ]
    whole = Image.new(bands[0].mode, (bands[0].width, sum(band.height for band in bands)))
    top = 0
    for band in bands:
        whole.paste(band, (0, top))
        top += band.height
    return whole


def _calculable(image: Image.Image) -> Image.Image:
    """In a mode whose numbers may be averaged: grey, colours, inks, or colours times alpha."""
    if image.mode == "I;16":  # Pillow would clip it: the upper bytes are the picture
        return Image.frombytes("L", image.size, image.tobytes()[1::2])
    if image.has_transparency_data:
        whole = image if image.mode == "RGBA" else image.convert("RGBA")
        return whole.convert("RGBa")
    if image.mode == "1":
        return image.convert("L")
    return image if image.mode in ("L", "RGB", "CMYK") else image.convert("RGB")


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """The picture in the colours that all viewers take it to be in, where nothing is said."""
    if image.mode == "RGBa":
        whole = image.convert("RGBA")
        colours = _in_srgb(whole.convert("RGB"), profile)
        colours.putalpha(whole.getchannel("A"))
        return colours
    if profile is not None:
        try:
            own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            change = ImageCms.buildTransform(own, ImageCms.createProfile("sRGB"), image.mode, "RGB")
            return ImageCms.applyTransform(image, change) or image.convert("RGB")
        except (ImageCms.PyCMSError, OSError):  # of other colours than the picture, or none
            return image.convert("RGB")
    return image.convert("RGB")


def _by(reader: Callable[[io.BytesIO], Image.Image]) -> Callable[[bytes], _Opened]:
    def opened(file: bytes) -> _Opened:
        image = reader(io.BytesIO(file))
        return image, image.info.get("icc_profile")

    return opened


def _webp_opened(file: bytes) -> _Opened:
    """By the decoder itself: ``WebPImageFile`` copies the frame, and keeps the decoder's two."""
    decoder = _webp.WebPAnimDecoder(file)
    size, _loop, _background, _frames, mode = decoder.get_info()
    frame = decoder.get_next()
    if frame is None:
        raise ValueError("there is no frame")
    profile = decoder.get_chunk("ICCP")
    del decoder
    return Image.frombuffer(mode, size, frame[0], "raw", mode, 0, 1), profile


_OPENERS: dict[str, Callable[[bytes], _Opened]] = {
    "png": _by(PngImagePlugin.PngImageFile),
    "jpg": _by(JpegImagePlugin.JpegImageFile),
    "gif": _by(GifImagePlugin.GifImageFile),
    "webp": _webp_opened,
}
