"""Archives for tests: made by the standard library or by hand, and changed at random."""

import io
import json
import random
import struct
import zipfile
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from PIL import Image

from chalicelib.cards.archives import write_archive

END = b"PK\x05\x06"
RECORD = b"PK\x01\x02"
HEADER = b"PK\x03\x04"
INTERESTING = (0, 1, 0x7F, 0x80, 0xFE, 0xFF)
LARGE = (0, 1, 7, 8, 0x7FFF_FFFF, 0xFFFF_FFFE, 0xFFFF_FFFF)


def zipped(
    files: Mapping[str, bytes] | Sequence[tuple[str, bytes]],
    method: int = zipfile.ZIP_DEFLATED,
    comment: bytes = b"",
) -> bytes:
    """An archive as most programs write one; a sequence may have a name twice."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", method) as archive:
        for name, data in files.items() if isinstance(files, Mapping) else files:
            archive.writestr(zipfile.ZipInfo(name), data, method)
        archive.comment = comment
    return written.getvalue()


def patched(archive: bytes, signature: bytes, offset: int, layout: str, value: int) -> bytes:
    """An archive with one field of the first record of a kind set to another value."""
    changed = bytearray(archive)
    struct.pack_into(layout, changed, archive.index(signature) + offset, value)
    return bytes(changed)


@cache
def picture(kind: str = "PNG", color: str = "teal") -> bytes:
    """A small picture."""
    file = io.BytesIO()
    Image.new("RGB", (6, 8), color).save(file, kind)
    return file.getvalue()


def json_bytes(value: Any) -> bytes:
    """JSON as other programs write it."""
    return json.dumps(value, indent=2).encode()


CARD_V3: Mapping[str, Any] = {
    "spec": "chara_card_v3",
    "spec_version": "3.0",
    "data": {
        "name": "Ada",
        "description": "A mathematician.",
        "tags": ["history"],
        "assets": [
            {
                "type": "icon",
                "uri": "embeded://assets/icon/images/ada.png",
                "name": "main",
                "ext": "png",
            },
            {
                "type": "background",
                "uri": "embeded://assets/background/images/room.webp",
                "name": "room",
                "ext": "webp",
            },
        ],
    },
}


def a_charx(card: Mapping[str, Any] = CARD_V3, more: Mapping[str, bytes] | None = None) -> bytes:
    """A CHARX with an icon, a background and a sound that the card does not name."""
    files = {
        "card.json": json_bytes(card),
        "assets/icon/images/ada.png": picture(),
        "assets/background/images/room.webp": picture("WEBP"),
        "assets/other/audio/hello.ogg": b"OggS" + bytes(range(200)),
    }
    return zipped(files | dict(more or {}))


MANIFEST: Mapping[str, Any] = {
    "schemaVersion": 1,
    "createdAt": "2025-03-21T12:00:00Z",
    "author": {"name": "Grace", "backyardURL": "https://backyard.example/user/grace"},
    "characters": ["characters/c1/character.json"],
    "scenarios": ["scenarios/one.json", "scenarios/two.json"],
}
BACKYARD_CHARACTER: Mapping[str, Any] = {
    "schemaVersion": 1,
    "id": "c1",
    "name": "Ada",
    "displayName": "Ada Lovelace",
    "isNSFW": False,
    "persona": "{character} teaches {user}.",
    "createdAt": "2025-03-21T12:00:00Z",
    "updatedAt": "2025-03-22T12:00:00Z",
    "loreItems": [{"key": "engine, mill", "value": "The engine of {character}."}],
    "images": [
        {"path": "images/ada.png", "label": "Portrait"},
        {"path": "images/happy.jpg", "label": "Happy"},
    ],
}
SCENARIOS: Sequence[Mapping[str, Any]] = (
    {
        "schemaVersion": 1,
        "title": "At tea",
        "narrative": "{user} visits {character}.",
        "formattingInstructions": "Write as {character}.",
        "firstMessages": [{"characterID": "c1", "text": "Good day, {user}!"}],
        "exampleMessages": [{"characterID": "c1", "text": "#{user}: Why?\n#{character}: Numbers."}],
        "temperature": 0.7,
        "messages": [],
    },
    {"schemaVersion": 1, "firstMessages": [{"characterID": "c1", "text": "You again, {user}?"}]},
)


def a_byaf(
    manifest: Mapping[str, Any] = MANIFEST,
    character: Mapping[str, Any] = BACKYARD_CHARACTER,
    scenarios: Sequence[Mapping[str, Any]] = SCENARIOS,
) -> bytes:
    """A BYAF with two scenarios and two pictures."""
    return zipped(
        {
            "manifest.json": json_bytes(manifest),
            "characters/c1/character.json": json_bytes(character),
            "characters/c1/images/ada.png": picture(),
            "characters/c1/images/happy.jpg": picture("JPEG"),
            **{
                path: json_bytes(scenario)
                for path, scenario in zip(MANIFEST["scenarios"], scenarios, strict=False)
            },
        }
    )


A_YAML = b"""name: Ada
context: |
  Ada is a mathematician.
  She writes programs.
greeting: 'Good day, {{user}}!'
tags: [history, "1843"]
"""


@cache
def seeds() -> tuple[bytes, ...]:
    """A file of each kind that ``mutated_archive`` starts from."""
    return (
        a_charx(),
        picture("JPEG") + a_charx(),
        a_byaf(),
        write_archive({"card.json": json_bytes(CARD_V3), "assets/icon/images/main.png": picture()}),
        zipped({"a/card.png": picture(), "b.json": json_bytes(CARD_V3)}, comment=b"my library"),
        A_YAML,
    )


def mutated_archive(seed: int) -> bytes:
    """An archive or YAML file with something wrong: the same for the same seed."""
    chance = random.Random(seed)  # noqa: S311 (the same files each time)
    start = chance.choice(seeds())
    data = bytearray(start)
    for _ in range(chance.choice((1, 1, 2, 4))):
        if data:
            chance.choice(_MUTATIONS)(data, chance)
    return bytes(data)


def _a_field(data: bytearray, chance: random.Random) -> None:
    """A count, size, offset, checksum, method or flag of a record gets another value."""
    signature, places = chance.choice(_FIELDS)
    found = [at for at in range(len(data)) if data.startswith(signature, at)]
    if not found:
        return
    offset, layout = chance.choice(places)
    at = chance.choice(found) + offset
    size = struct.calcsize(layout)
    if at + size > len(data):
        return
    (old,) = struct.unpack_from(layout, data, at)
    new = chance.choice((*LARGE, len(data), old + 1, old - 1, old * 2, chance.randrange(1 << 32)))
    struct.pack_into(layout, data, at, new % (1 << (8 * size)))


def _a_byte(data: bytearray, chance: random.Random) -> None:
    data[chance.randrange(len(data))] = chance.choice(INTERESTING)


def _a_bit(data: bytearray, chance: random.Random) -> None:
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _cut(data: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(data))
    del data[at : at + chance.choice((1, 10, 1000, len(data)))]


def _repeat(data: bytearray, chance: random.Random) -> None:
    at, to = chance.randrange(len(data)), chance.randrange(len(data))
    data[to:to] = data[at : at + 200]


def _splice(data: bytearray, chance: random.Random) -> None:
    other = chance.choice(seeds())
    data[chance.randrange(len(data)) :] = other[chance.randrange(len(other)) :]


def _nest(data: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(data))
    data[at:at] = chance.choice((b"[", b"{", b"- ", b"&a [", b"*a", b"? ", b"!!python/x ")) * 300


_FIELDS = (
    (END, ((4, "<H"), (8, "<H"), (10, "<H"), (12, "<I"), (16, "<I"), (20, "<H"))),
    (
        RECORD,
        (
            *((8, "<H"), (10, "<H"), (16, "<I"), (20, "<I"), (24, "<I")),
            *((28, "<H"), (30, "<H"), (32, "<H"), (34, "<H"), (42, "<I")),
        ),
    ),
    (HEADER, ((6, "<H"), (8, "<H"), (14, "<I"), (18, "<I"), (26, "<H"), (28, "<H"))),
)
_MUTATIONS = (_a_field, _a_field, _a_field, _a_byte, _a_bit, _cut, _repeat, _splice, _nest)
