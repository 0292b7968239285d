"""Which kind of file it is, by its bytes."""

from typing import Literal

from chalicelib.cards import json_card, png
from chalicelib.cards.budget import Budget
from chalicelib.cards.card import Read
from chalicelib.cards.limits import MAX_FILE_BYTES
from chalicelib.errors import TooLarge, UnsupportedMediaType

FileKind = Literal["png", "archive", "json", "yaml"]

_UTF8_BOM = b"\xef\xbb\xbf"
_ZIP_START = b"PK\x03\x04"
_ZIP_END = b"PK\x05\x06"
_ZIP_END_BYTES = 22 + 65_535  # its own, and the comment after it
_SPACE = b" \t\r\n"


def read(data: bytes, *, stem: str, budget: Budget | None = None) -> Read:
    """The card in a file, whatever the file's name says that it is.

    ``stem``, the file's name without its ending, is the name of a character without one.
    ``budget`` is what all files that come together may cost; without it the file has its own.
    ``BrokenCard`` or ``BrokenPicture`` (both ``InvalidInput``) say what is wrong and where,
    ``TooLarge`` names the limit, ``UnsupportedMediaType`` is for what is no card at all.
    """
    match kind_of(data):
        case "png":
            return png.read(data, stem=stem, budget=budget)
        case "json":
            return json_card.read(data, stem=stem, budget=budget)
        case "archive":
            from chalicelib.cards import archives

            return archives.read(data, stem=stem, budget=budget)
        case "yaml":
            from chalicelib.cards import yaml_card

            return yaml_card.read(data, stem=stem, budget=budget)


def kind_of(data: bytes) -> FileKind:
    """What a file is by its first bytes; YAML is every text that is not JSON.

    ``TooLarge``, and ``UnsupportedMediaType`` for what is no text either.
    """
    if len(data) > MAX_FILE_BYTES:
        raise TooLarge(f"The file has {len(data)} bytes; at most {MAX_FILE_BYTES} are allowed")
    if data.startswith(png.SIGNATURE):
        return "png"
    if _is_archive(data):
        return "archive"
    start = data[:4096].removeprefix(_UTF8_BOM).lstrip(_SPACE)
    if not start or b"\0" in start:
        raise UnsupportedMediaType("A PNG, JSON, YAML, CHARX or BYAF file is expected")
    return "json" if start.startswith((b"{", b"[")) else "yaml"


def _is_archive(data: bytes) -> bool:
    """A zip, which may have other bytes before it."""
    if data.startswith((_ZIP_START, _ZIP_END)):
        return True
    return _ZIP_END in data[-_ZIP_END_BYTES:] and _ZIP_START in data
