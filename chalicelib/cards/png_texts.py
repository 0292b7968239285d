"""Texts of a PNG, in all three kinds: https://www.w3.org/TR/png-3/#11textinfo.

Nothing is unpacked before it is asked for, and then only up to the limits.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from chalicelib.cards.budget import Budget
from chalicelib.cards.card import BrokenCard
from chalicelib.cards.limits import MAX_CHUNK_TEXT, MAX_TEXT_RATIO, SMALL_TEXT
from chalicelib.cards.png_chunks import Chunk
from chalicelib.errors import TooLarge

_KINDS = frozenset((b"tEXt", b"zTXt", b"iTXt"))
_MAX_KEYWORD = 79


@dataclass(frozen=True, slots=True)
class Text:
    """A text chunk: its keyword in small letters, and the packed or plain rest of it."""

    keyword: str
    chunk: Chunk
    rest: memoryview

    @property
    def place(self) -> str:
        """Where it is, for messages."""
        return f"The {self.chunk.kind.decode()} chunk {self.keyword} at byte {self.chunk.start}"


def text_of(data: bytes, chunk: Chunk) -> Text | None:
    """The text in a chunk; None for chunks of other kinds, and without a keyword."""
    if chunk.kind not in _KINDS:
        return None
    body = chunk.body
    end = data.find(b"\0", body.start, min(body.stop, body.start + _MAX_KEYWORD + 1))
    if end < 0:
        return None
    keyword = data[body.start : end].decode("latin-1")
    return Text(keyword.lower(), chunk, memoryview(data)[end + 1 : body.stop])


class Unpacker:
    """Gives the bytes of texts, and counts what all together unpack to."""

    def __init__(self, budget: Budget | None = None) -> None:
        self._budget = budget or Budget()

    def value(self, text: Text) -> bytes:
        """The text itself; ``BrokenCard`` where it cannot be unpacked, ``TooLarge`` for bombs."""
        match text.chunk.kind:
            case b"tEXt":
                return bytes(text.rest)
            case b"zTXt":
                method = bytes(text.rest[:1])
                return self._unpacked(text, text.rest[1:], method)
        packed, method, rest = _international(text)
        return self._unpacked(text, rest, method) if packed else bytes(rest)

    def _unpacked(self, text: Text, packed: memoryview, method: bytes) -> bytes:
        if method != b"\0":
            raise BrokenCard(f"{text.place}: it is packed in an unknown way")
        honest = max(SMALL_TEXT, len(packed) * MAX_TEXT_RATIO)
        allowed = min(MAX_CHUNK_TEXT, self._budget.text, honest)
        stream = zlib.decompressobj()
        try:
            value = stream.decompress(packed, allowed + 1)
        except zlib.error as error:
            raise BrokenCard(f"{text.place}: it cannot be unpacked") from error
        if len(value) > allowed:
            what = f"{MAX_TEXT_RATIO} times its size" if allowed == honest else f"{allowed} bytes"
            raise TooLarge(f"{text.place}: it unpacks to more than {what}")
        if not stream.eof:
            raise BrokenCard(f"{text.place}: the packed text is cut short")
        self._budget.text -= len(value)
        return value


def _international(text: Text) -> tuple[bool, bytes, memoryview]:
    """Of iTXt: whether it is packed, how, and what comes after language and keyword."""
    flags, rest = bytes(text.rest[:2]), bytes(text.rest[2:])
    language, _, rest = rest.partition(b"\0")
    _translated, ended, _value = rest.partition(b"\0")
    if len(flags) < 2 or flags[0] > 1 or not ended:
        raise BrokenCard(f"{text.place}: it has no text")
    skipped = 2 + len(language) + 1 + len(_translated) + 1
    return flags[0] == 1, flags[1:], text.rest[skipped:]


def texts(data: bytes, found: Iterator[Chunk]) -> Iterator[Text]:
    """The texts among chunks, in their order."""
    for chunk in found:
        text = text_of(data, chunk)
        if text is not None:
            yield text
