"""Thumbnails look like the picture, are small, and are made of what is harmless alone."""

import io
import json
import random
import struct
import subprocess
import sys
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageDraw, ImageStat

from chalicelib import pictures
from chalicelib.errors import InvalidInput, TooLarge, UnsupportedMediaType
from chalicelib.pictures import BrokenPicture
from tests.unit.pictures import samples
from tests.unit.pictures.samples import ORIENTATION, all_kinds, chunk, png_head, saved
from tests.unit.pictures.test_fuzz import changed

KINDS = all_kinds()
REFUSALS = (BrokenPicture, TooLarge, UnsupportedMediaType)
ROUNDS = 40
# WebP is lossy: of 255.
NEAR = 6
# How a camera stores a picture that has to be turned like this to be upright.
STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
PEAK = """
import json, sys
from pathlib import Path
from chalicelib import pictures
def loaded():
    return sorted(name.partition(".")[2] for name in sys.modules if name.startswith("PIL."))
def peak():
    (line,) = [l for l in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in l]
    return int(line.split()[1]) * 1024
small, large = (Path(name).read_bytes() for name in sys.argv[1:])
lazily = loaded() == []
pictures.thumbnail(small, 64)
before = peak()
pictures.thumbnail(large, 512)
print(json.dumps([lazily, peak() - before]))
"""


def opened(file: bytes) -> Image.Image:
    """What a thumbnail shows."""
    image = Image.open(io.BytesIO(file))
    assert image.format == "WEBP"
    image.load()
    return image


def small(picture: Image.Image, kind: str = "PNG", size: int = 64, **options: Any) -> Image.Image:
    """The thumbnail of a picture that is stored as a kind of file."""
    return opened(pictures.thumbnail(saved(picture, kind, **options), size))


def difference(one: Image.Image, other: Image.Image) -> float:
    """How much two pictures differ on average, of 255."""
    assert one.size == other.size
    parts = ImageStat.Stat(ImageChops.difference(one.convert("RGB"), other.convert("RGB"))).mean
    return max(parts)


def scene(width: int = 600, height: int = 400) -> Image.Image:
    """A picture with another colour in each corner, and soft in between."""
    corners = Image.new("RGB", (2, 2))
    corners.putdata([(255, 40, 40), (40, 255, 40), (40, 40, 255), (250, 250, 60)])
    return corners.resize((width, height), Image.Resampling.BICUBIC)


@pytest.mark.parametrize("name", sorted(KINDS.keys() - {"png 16 bit"}))  # which Pillow would clip
def test_every_kind_has_a_thumbnail_that_is_upright_and_looks_alike(name: str) -> None:
    original = Image.open(io.BytesIO(KINDS[name]))
    turned = original.getexif().get(ORIENTATION) == samples.ROTATED
    expected = original.convert("RGB")
    if turned:
        expected = expected.transpose(Image.Transpose.ROTATE_270)
    made = opened(pictures.thumbnail(KINDS[name], 64))
    assert made.mode == ("RGBA" if name == "webp see-through" else "RGB")
    assert difference(made, expected) < 16  # dithered ones have a lot of detail


@pytest.mark.parametrize("size", pictures.THUMBNAIL_SIZES)
def test_the_longest_side_is_as_long_as_asked_for(size: int) -> None:
    assert small(scene(900, 300), size=size).size == (size, round(size / 3))
    assert small(scene(300, 900), "JPEG", size=size).size == (round(size / 3), size)


def test_a_smaller_picture_is_not_made_larger() -> None:
    assert small(scene(40, 20), size=64).size == (40, 20)
    assert small(scene(64, 64), size=64).size == (64, 64)


def test_a_very_long_picture_is_a_pixel_high_at_least() -> None:
    assert small(scene(4000, 3)).size == (64, 1)
    assert small(scene(3, 4000), "JPEG").size == (1, 64)


def test_a_size_that_is_not_offered_is_refused_before_anything_is_read() -> None:
    with pytest.raises(InvalidInput, match="size: one of 64, 96, "):
        pictures.thumbnail(b"no picture", 65)


@pytest.mark.parametrize(
    ("kind", "options"), [("PNG", {}), ("JPEG", {"quality": 95}), ("WEBP", {})]
)
def test_a_large_picture_looks_like_the_whole_of_it(kind: str, options: dict[str, Any]) -> None:
    """It is made smaller in bands, and JPEG as it is unpacked."""
    large = scene(1700, 1101)
    for top in range(0, 1101, 110):
        large.paste("black", (0, top, 1700, top + 40))
    expected = large.resize((160, 104), Image.Resampling.LANCZOS)
    made = small(large, kind, 160, **options)
    # WebP has fewer colours than lights; these alone tell where the edges are.
    assert difference(made.convert("L"), expected.convert("L")) < NEAR / 2


@pytest.mark.parametrize("turned", STORED)
def test_what_the_camera_stored_lying_down_is_upright(turned: int) -> None:
    said = Image.Exif()
    said[ORIENTATION] = turned
    how = STORED[turned]
    stored = scene() if how is None else scene().transpose(how)
    for kind in ("JPEG", "PNG", "WEBP"):
        made = small(stored, kind, exif=said)
        assert difference(made, scene().resize((64, 43))) < NEAR


def test_colours_of_what_is_not_seen_do_not_shine_through_at_the_edges() -> None:
    seen = Image.new("L", (600, 400), 0)
    ImageDraw.Draw(seen).ellipse((50, 50, 550, 350), fill=255)
    white, red = (Image.new("RGB", seen.size, colour) for colour in ("white", "red"))
    loud = Image.composite(white, red, seen)
    loud.putalpha(seen)
    made = small(loud)
    assert made.mode == "RGBA"
    on_white = Image.alpha_composite(Image.new("RGBA", made.size, "white"), made)
    assert difference(on_white, Image.new("RGB", made.size, "white")) < 1


def test_transparency_of_palettes_and_single_colours_stays() -> None:
    half = Image.new("RGB", (400, 400), "blue")
    half.paste("red", (0, 0, 200, 400))
    palette = half.quantize(4)
    index = palette.getpixel((0, 0))
    for made in (
        small(palette, "PNG", transparency=index),
        small(palette, "GIF", transparency=index),
        small(half, "PNG", transparency=(255, 0, 0)),
        small(half.convert("L"), "PNG", transparency=half.convert("L").getpixel((0, 0))),
    ):
        alpha = made.getchannel("A")
        assert (alpha.getpixel((10, 32)), alpha.getpixel((54, 32))) == (0, 255)


def test_grey_of_16_bits_is_not_clipped() -> None:
    row = b"\0" + b"".join(struct.pack(">H", step * 256) for step in range(256))
    file = png_head(256, 64, depth=16) + chunk(b"IDAT", zlib.compress(row * 64)) + chunk(b"IEND")
    made = opened(pictures.thumbnail(file, 64))
    expected = Image.linear_gradient("L").rotate(90).resize(made.size)
    assert difference(made, expected) < NEAR


def test_colours_are_those_that_the_profile_means() -> None:
    """In this one red and green have changed places (ICC.1, 9.2: the tags of their primaries)."""
    swapped = bytearray(samples.profile())
    red, green = swapped.index(b"rXYZ"), swapped.index(b"gXYZ")
    swapped[red : red + 4], swapped[green : green + 4] = b"gXYZ", b"rXYZ"
    picture = Image.new("RGB", (100, 100), (200, 0, 0))
    for kind in ("PNG", "JPEG", "WEBP"):
        pixel = small(picture, kind, icc_profile=bytes(swapped)).getpixel((32, 32))
        assert isinstance(pixel, tuple)
        assert pixel[1] > 150 > 100 > pixel[0]


def test_a_profile_of_other_colours_than_the_pictures_is_passed_over() -> None:
    grey = Image.new("L", (100, 100), 200)
    assert difference(small(grey, icc_profile=samples.profile()), Image.new("L", (64, 64), 200)) < 2


def test_inks_become_colours() -> None:
    made = small(scene().convert("CMYK"), "JPEG", quality=95)
    assert difference(made, scene().resize(made.size)) < 2 * NEAR


def test_of_a_moving_picture_the_first_frame_is_shown() -> None:
    frames = [Image.new("RGB", (80, 80), colour) for colour in ("#c02020", "#20c020", "#2020c0")]
    moving: dict[str, Any] = {"save_all": True, "append_images": frames[1:], "duration": 100}
    for kind in ("GIF", "WEBP", "PNG"):
        assert difference(small(frames[0], kind, **moving), frames[0].resize((64, 64))) < NEAR


@pytest.mark.parametrize("name", ["jpeg RGB", "png RGBA", "gif moving", "webp see-through"])
def test_the_same_picture_has_the_same_thumbnail(name: str) -> None:
    """Its address may hold a hash of it. What is not seen has no part in it."""
    made = pictures.thumbnail(KINDS[name], 64)
    assert pictures.thumbnail(KINDS[name], 64) == made
    assert pictures.thumbnail(pictures.clean(KINDS[name]), 64) == made


def test_nothing_but_the_pixels_is_in_a_thumbnail() -> None:
    for file in KINDS.values():
        made = pictures.thumbnail(file, 64)
        assert pictures.clean(made) == made
        assert b"EXIF" not in made
        assert b"ICCP" not in made


@pytest.mark.parametrize("name", KINDS)
def test_a_changed_file_has_a_thumbnail_or_is_refused(name: str) -> None:
    chance = random.Random(name)  # noqa: S311 (the same files each time)
    for _ in range(ROUNDS):
        with suppress(*REFUSALS):
            assert max(opened(pictures.thumbnail(changed(KINDS[name], chance), 64)).size) <= 64


@pytest.mark.parametrize(
    "packed",
    [b"nonsense", zlib.compress(bytes(50)), zlib.compress(bytes(10_100))[:-20], b""],
    ids=["nonsense", "too few", "cut", "none"],
)
def test_pixels_that_cannot_be_unpacked_are_broken_and_no_internals_are_told(
    packed: bytes,
) -> None:
    file = png_head(100, 100) + chunk(b"IDAT", packed) + chunk(b"IEND")
    assert pictures.check(file).width == 100
    with pytest.raises(BrokenPicture, match=r"^The pixels of the picture cannot be unpacked$"):
        pictures.thumbnail(file, 64)


def test_texts_of_any_size_do_not_matter() -> None:
    """Cards carry theirs in the picture: Pillow alone refuses packed texts of a megabyte."""
    text = chunk(b"zTXt", b"chara\0\0" + zlib.compress(bytes(3_000_000)))
    file = samples.png(text, width=2, height=2, pixels=bytes(6))
    assert opened(pictures.thumbnail(file, 64)).size == (2, 2)


def test_it_takes_little_more_memory_than_the_pixels_and_pillow_only_with_the_first(
    tmp_path: Path,
) -> None:
    width, height = 5000, 4000
    packed = zlib.compress(bytes(height * (1 + width * 4)), 1)
    large = png_head(width, height, colour=6) + chunk(b"IDAT", packed) + chunk(b"IEND")
    (tmp_path / "large").write_bytes(large)
    (tmp_path / "small").write_bytes(KINDS["png RGBA"])
    done = subprocess.run(
        [sys.executable, "-c", PEAK, str(tmp_path / "small"), str(tmp_path / "large")],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    lazily, taken = json.loads(done.stdout)
    assert lazily
    assert 4 * width * height < taken < 4 * width * height + 40_000_000


def test_a_png_of_any_picture_is_upright_and_not_too_large() -> None:
    turned = Image.Exif()
    turned[ORIENTATION] = samples.ROTATED
    file = saved(scene(3000, 600), "JPEG", exif=turned)
    made = Image.open(io.BytesIO(pictures.as_png(file)))
    assert (made.format, made.size) == ("PNG", (410, pictures.MAX_PNG_SIDE))
    assert pictures.as_png(KINDS["png 16 bit"]) == KINDS["png 16 bit"]
