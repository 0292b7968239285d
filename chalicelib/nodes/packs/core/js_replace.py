"""What ``String.prototype.replace`` does with matches. Source: ECMA-262, GetSubstitution."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, Protocol

MAX_RESULT = 10_000_000  # characters

_REFERENCE: Final = re.compile(r"\$(?:([$&`'])|([0-9]{1,2})|<([^>]*)>)")
_ASTRAL: Final = re.compile("[\U00010000-\U0010ffff]")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class Found(Protocol):
    """A match, as ``re`` and ``regex`` give it."""

    def span(self) -> tuple[int, int]:
        """Where it starts and ends."""
        ...

    def group(self, number: int, /) -> str | None:
        """What a group matched."""
        ...


class ResultTooLong(Exception):  # noqa: N818 (the name reads as what happened)
    """The result has more than ``MAX_RESULT`` characters."""


Part = str | int  # text as it is, or the number of a group
BEFORE, AFTER = -1, -2  # in the place of a group: the text around the match
_SYMBOLS: Final[Mapping[str, Part]] = {"$": "$", "&": 0, "`": BEFORE, "'": AFTER}


def parts_of(template: str, groups: int, names: Mapping[str, int]) -> list[Part]:
    """Split a replacement at its references: ``$1 $10 $& $` $' $$ $<name>``."""
    parts: list[Part] = []
    end = 0
    for reference in _REFERENCE.finditer(template):
        parts.append(template[end : reference.start()])
        parts.extend(_referred(reference, groups, names))
        end = reference.end()
    parts.append(template[end:])
    return [part for part in parts if part != ""]


def substitute(text: str, matches: Iterable[Found], parts: Sequence[Part]) -> str:
    """The text with each match replaced; ``ResultTooLong`` before it gets too large."""
    pieces: list[str] = []
    end = size = 0
    for match in matches:
        start, stop = match.span()
        for piece in _pieces(text, match, start, stop, text[end:start], parts):
            pieces.append(piece)
            size += len(piece)
            if size > MAX_RESULT:
                raise ResultTooLong
        end = stop
    pieces.append(text[end:])
    if size + len(pieces[-1]) > MAX_RESULT:
        raise ResultTooLong
    return "".join(pieces)


def to_code_units(text: str) -> str:
    """Characters beyond U+FFFF as two surrogates each, which is how JavaScript counts."""
    return _ASTRAL.sub(_halves, text)


def from_code_units(text: str) -> str:
    """Surrogate pairs as characters again; a half alone becomes U+FFFD."""
    if not _SURROGATE.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _referred(reference: re.Match[str], groups: int, names: Mapping[str, int]) -> Iterator[Part]:
    symbol, digits, name = reference.groups()
    if symbol is not None:
        yield _SYMBOLS[symbol]
    elif digits is not None:
        # Two digits if there is such a group, else one and the other as text.
        for length in range(len(digits), 0, -1):
            if 1 <= int(digits[:length]) <= groups:
                yield int(digits[:length])
                yield digits[length:]
                return
        yield reference[0]
    elif names:
        if name in names:
            yield names[name]
    else:
        yield reference[0]


def _pieces(
    text: str, match: Found, start: int, stop: int, before: str, parts: Sequence[Part]
) -> Iterator[str]:
    yield before
    for part in parts:
        if isinstance(part, str):
            yield part
        elif part == BEFORE:
            yield text[:start]
        elif part == AFTER:
            yield text[stop:]
        else:
            yield match.group(part) or ""


def _halves(astral: re.Match[str]) -> str:
    code = ord(astral[0]) - 0x10000
    return chr(0xD800 + (code >> 10)) + chr(0xDC00 + (code & 0x3FF))
