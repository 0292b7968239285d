"""Base64 as it is found in cards: with line breaks, without padding, or safe for URLs."""

import binascii
import re

from chalicelib.cards.card import BrokenCard
from chalicelib.cards.notes import Notes

_SPACE = b" \t\r\n\v\f\0"
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_FOREIGN = re.compile(rb"[^A-Za-z0-9+/]")


def decode(value: bytes, *, place: str, notes: Notes) -> bytes:
    """The bytes; ``BrokenCard`` says where something is no base64."""
    try:
        return binascii.a2b_base64(value, strict_mode=True)
    except binascii.Error:
        return _decode_leniently(value, place, notes)


def _decode_leniently(value: bytes, place: str, notes: Notes) -> bytes:
    bare = value.translate(None, _SPACE)
    if len(bare) != len(value):
        notes.add(place, "spaces and line breaks in the base64 were left out")
    plain = bare.translate(_URL_SAFE)
    if plain != bare:
        notes.add(place, "the base64 is the one for URLs")
    digits = plain.rstrip(b"=")
    if foreign := _FOREIGN.search(digits):
        raise BrokenCard(f"{place}: character {foreign.start()} of the base64 is none")
    if len(digits) % 4 == 1:
        raise BrokenCard(f"{place}: the base64 is cut short")
    padding = b"=" * (-len(digits) % 4)
    if len(plain) != len(digits) + len(padding):
        notes.add(place, "the base64 has not the padding that it needs")
    return binascii.a2b_base64(digits + padding)
