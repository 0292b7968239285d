"""Reading and writing cards in megabytes a second, beside Pillow's read of the same files.

Pillow's read is ``Image.open`` and ``load``, after which the texts of all chunks are there:
the least that a reader of cards built on it would cost. It unpacks the pixels, which we never
do, so that a file of one colour (whose pixels cost it little) stands beside one of noise.
"""

import base64
import io
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from PIL import Image, PngImagePlugin

from benchmarks.measure import Goal, Result, Samples, interleaved
from chalicelib import cards

_SIDES = (400, 600)
_FACT = "a fact. "
_LONGEST = 10_700_000
"""Characters of the longest description that was ever reported, in a card of 20 MB."""

_GOAL = Goal(2)
_WRITTEN = Goal(1_000, unit="ms")
_MOST_TEXT = 64 * 1024 * 1024


async def results(repeat: int) -> list[Result]:
    """Common cards, one with a long lorebook, and the largest."""
    PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY = _MOST_TEXT
    files = {
        "a common card of noise": _file(_noise(), _fields(_FACT * 2_000)),
        "a common card of one colour": _file(_plain(), _fields(_FACT * 2_000)),
        "a card with 1,000 entries of lore": _file(_noise(), _fields(_FACT, entries=1_000)),
        "the largest card": _file(_noise(), _fields(_FACT * (_LONGEST // len(_FACT)))),
    }
    measured: list[Result] = []
    for name, data in files.items():
        measured += await _of_file(name, data, repeat)
    return measured


async def _of_file(name: str, data: bytes, repeat: int) -> list[Result]:
    card = cards.read(data, stem="card").card
    assert card is not None
    times = 1 if len(data) > 10_000_000 else 20
    reading, pillow, writing = await interleaved(
        [
            lambda: _seconds(lambda: cards.read(data, stem="card"), times),
            lambda: _seconds(lambda: _pillow(data), times),
            lambda: _seconds(lambda: cards.write_png(data, card), times),
        ],
        repeat=repeat,
    )
    title = f"cards: {{}} {name}, {len(data) / 1e6:.2f} MB"
    ratios = Samples(
        [ours / peer for ours, peer in zip(reading.values, pillow.values, strict=True)]
    )
    return [
        Result(
            title.format("read"),
            "MB/s",
            _speeds(reading, data),
            _speeds(pillow, data),
            ratios,
            _GOAL,
            note="the ratio is of seconds",
        ),
        Result(title.format("write"), "ms", _milliseconds(writing), goal=_WRITTEN),
    ]


async def _seconds(work: Callable[[], object], times: int) -> float:
    began = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - began) / times


def _speeds(seconds: Samples, data: bytes) -> Samples:
    return Samples([len(data) / 1e6 / value for value in seconds.values])


def _milliseconds(seconds: Samples) -> Samples:
    return Samples([value * 1_000 for value in seconds.values])


def _pillow(data: bytes) -> Mapping[str, Any]:
    """The card's fields, as a reader on Pillow would get them."""
    with Image.open(io.BytesIO(data)) as opened:
        opened.load()
        found: Mapping[str, Any] = json.loads(base64.b64decode(opened.info["chara"]))
    return found


def _file(picture: bytes, fields: Mapping[str, Any]) -> bytes:
    """A picture with a card of version 2 at its end, as most are."""
    value = json.dumps({"spec": "chara_card_v2", "spec_version": "2.0", "data": fields})
    info = PngImagePlugin.PngInfo()
    info.add_text("chara", base64.b64encode(value.encode()).decode())
    file = io.BytesIO()
    with Image.open(io.BytesIO(picture)) as opened:
        opened.save(file, "PNG", pnginfo=info)
    return file.getvalue()


def _fields(description: str, *, entries: int = 0) -> Mapping[str, Any]:
    lore = [
        {
            "id": number,
            "keys": [f"key {number}", f"other {number}"],
            "content": _FACT * 40,
            "extensions": {"position": 0, "depth": 4},
            "enabled": True,
            "insertion_order": number,
        }
        for number in range(entries)
    ]
    return {
        "name": "Ada",
        "description": description,
        "first_mes": "Hello.",
        "tags": ["a", "b"],
        "extensions": {"fav": True},
        **({"character_book": {"entries": lore, "extensions": {}}} if entries else {}),
    }


def _noise() -> bytes:
    """Pixels that cannot be packed: as many bytes as a painted portrait has."""
    return _saved(Image.effect_noise(_SIDES, 90).convert("RGB"))


def _plain() -> bytes:
    return _saved(Image.new("RGB", _SIDES, "teal"))


def _saved(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()
