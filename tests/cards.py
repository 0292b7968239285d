"""Cards of every shape that people have, made here and from nobody's files."""

import base64
import json
import zlib
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal

from tests.unit.pictures.samples import chunk, gradient, saved

TextKind = Literal["tEXt", "zTXt", "iTXt", "packed iTXt"]
TEXT_KINDS: tuple[TextKind, ...] = ("tEXt", "zTXt", "iTXt", "packed iTXt")

_SIGNATURE_AND_HEADER = 8 + 25
_END = 12

Fields = dict[str, Any]


def v1(**changes: Any) -> Fields:
    """A card of version 1, with what SillyTavern keeps beside it."""
    return {
        "name": "Ada",
        "description": "{{char}} counts. 数える 🧮",
        "personality": "exact",
        "scenario": "An engine of brass",
        "first_mes": "Good day, {{user}}.",
        "mes_example": "<START>\n{{user}}: Why?\n{{char}}: Because.",
        "creatorcomment": "Made of brass",
        "avatar": "none",
        "chat": "Ada - 2026-01-02",
        "create_date": "2026-01-02 @10h 11m 12s 13ms",
        "talkativeness": "0.5",
        "fav": False,
        **changes,
    }


def v2_data(**changes: Any) -> Fields:
    """The fields of version 2, with a lorebook and unknown keys."""
    texts = {name: v1()[name] for name in list(v1())[:6]}
    return {
        **texts,
        "creator_notes": "Made of brass",
        "system_prompt": "",
        "post_history_instructions": "{{original}} Be exact.",
        "alternate_greetings": ["Hello.", "Oh!"],
        "tags": ["history", "mathematics"],
        "creator": "Charles",
        "character_version": "1.2",
        "extensions": {"fav": True, "talkativeness": "0.8", "depth_prompt": {"depth": 4}},
        "character_book": book(),
        "made_with": {"brass": [1, 2.5, None, True]},
        **changes,
    }


def book(**changes: Any) -> Fields:
    """A lorebook with one entry."""
    return {"name": "Engines", "extensions": {}, "entries": [book_entry()], **changes}


def book_entry(**changes: Any) -> Fields:
    """An entry of a lorebook, with a field that nobody knows."""
    return {
        "keys": ["engine", "mill"],
        "content": "It has a store and a mill.",
        "extensions": {},
        "enabled": True,
        "insertion_order": 10,
        "id": 7,
        "sticky": 3,
        **changes,
    }


def v2(*, root: Mapping[str, Any] | None = None, **changes: Any) -> Fields:
    """A card of version 2; ``changes`` are of its data."""
    data = v2_data(**changes)
    return {"spec": "chara_card_v2", "spec_version": "2.0", "data": data, **(root or {})}


def v3(*, root: Mapping[str, Any] | None = None, **changes: Any) -> Fields:
    """A card of version 3; ``changes`` are of its data."""
    data = v2_data(
        group_only_greetings=["All together now."],
        nickname="Countess",
        creator_notes_multilingual={"de": "Aus Messing"},
        source=["https://cards.example/ada"],
        creation_date=1_767_348_672,
        modification_date=0,
        assets=[{"type": "icon", "uri": "ccdefault:", "name": "main", "ext": "png"}],
    )
    root = {"spec": "chara_card_v3", "spec_version": "3.0", **(root or {})}
    return {**root, "data": data | changes}


def gradio(**changes: Any) -> Fields:
    """What text-generation-webui wrote as JSON."""
    return {
        "char_name": "Ada",
        "char_persona": "She counts.",
        "char_greeting": "Good day.",
        "example_dialogue": "<START>",
        "world_scenario": "London",
        **changes,
    }


def as_json(fields: Any) -> bytes:
    """JSON in UTF-8, halves of surrogate pairs as escapes."""
    return json.dumps(fields).encode()


def encoded(fields: Any) -> bytes:
    """Base64 of JSON."""
    return base64.b64encode(json.dumps(fields, ensure_ascii=False).encode())


def text_chunk(keyword: str, value: bytes, kind: TextKind = "tEXt") -> bytes:
    """A chunk with a text, of each kind that a PNG has."""
    name = keyword.encode("latin-1") + b"\0"
    match kind:
        case "tEXt":
            return chunk(b"tEXt", name + value)
        case "zTXt":
            return chunk(b"zTXt", name + b"\0" + zlib.compress(value))
        case "iTXt":
            return chunk(b"iTXt", name + b"\0\0en\0Karte\0" + value)
        case "packed iTXt":
            return chunk(b"iTXt", name + b"\x01\0\0\0" + zlib.compress(value))


@cache
def picture() -> bytes:
    """A small picture without a card."""
    return saved(gradient("RGB"), "PNG")


@cache
def moving_picture() -> bytes:
    """An APNG with three frames."""
    frames = [gradient(turn=turn) for turn in (30, 60)]
    return saved(gradient(), "PNG", save_all=True, append_images=frames, duration=[80, 90, 100])


def with_chunks(*chunks: bytes, before_pixels: bool = False, of: bytes | None = None) -> bytes:
    """A picture with more chunks, before its end or right after its header."""
    plain = picture() if of is None else of
    at = _SIGNATURE_AND_HEADER if before_pixels else len(plain) - _END
    return plain[:at] + b"".join(chunks) + plain[at:]


def card_png(
    fields: Any, keyword: str = "chara", kind: TextKind = "tEXt", *, before_pixels: bool = False
) -> bytes:
    """A picture with one card in it."""
    return with_chunks(text_chunk(keyword, encoded(fields), kind), before_pixels=before_pixels)


@cache
def all_files() -> Mapping[str, bytes]:
    """A right file of every shape, by what is special in it."""
    pngs = {
        f"{keyword} in {kind} {'before' if before else 'after'} the pixels": card_png(
            v2() if keyword == "chara" else v3(), keyword, kind, before_pixels=before
        )
        for keyword in ("chara", "ccv3")
        for kind in TEXT_KINDS
        for before in (True, False)
    }
    both = (text_chunk("chara", encoded(v2())), text_chunk("ccv3", encoded(v3())))
    return pngs | {
        "both keywords": with_chunks(*both),
        "in a moving picture": with_chunks(*both, of=moving_picture()),
        "version 1 in a picture": card_png(v1()),
        "a picture alone": picture(),
        "version 1": as_json(v1()),
        "version 2": as_json(v2()),
        "version 2 with a copy of version 1": as_json(v2(root=v1(name="Old"))),
        "version 3": as_json(v3()),
        "Gradio": as_json(gradio()),
    }
