"""JavaScript regular expressions, translated for the ``regex`` package.

Source: ECMA-262, "RegExp (Regular Expression) Objects" and its Annex B for patterns
without the u flag. Every construct is parsed and written anew, so that nothing means
something else by accident: in ``regex`` ``$`` also stands before a last newline, ``\\d``
takes any script's digits, ``{e<=1}`` is fuzzy matching. What differs is told in
``docs/decisions/0006-javascript-regular-expressions.md``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from chalicelib.nodes.packs.core.js_escapes import PatternError, Reader

MAX_PATTERN = 10_000  # characters
MAX_DEPTH = 50  # groups within groups
# ``regex`` lays a repeated part out as often as it must occur, at about 260 bytes each.
MAX_SIZE = 50_000

_LINE_ENDS: Final = r"\n\r\u2028\u2029"
_WORDS: Final = "A-Za-z0-9_"
_SETS: Final = {
    "d": "0-9",
    "D": r"\x00-\x2f\x3a-\U0010ffff",
    "w": _WORDS,
    "W": r"\x00-\x2f\x3a-\x40\x5b-\x5e\x60\x7b-\U0010ffff",
    "s": r"\t-\r\x20\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff",
    "S": r"\x00-\x08\x0e-\x1f\x21-\x9f\xa1-\u167f\u1681-\u1fff\u200b-\u2027\u202a-\u202e"
    r"\u2030-\u205e\u2060-\u2fff\u3001-\ufefe\uff00-\U0010ffff",
}
# Under i: without the letters outside ASCII that ``regex`` takes for i, s and k.
_FOLDED_NO_WORDS: Final = (
    r"\x00-\x2f\x3a-\x40\x5b-\x5e\x60\x7b-\u012f\u0132-\u017e\u0180-\u2129\u212b-\U0010ffff"
)
_ANYTHING: Final = r"[\x00-\U0010ffff]"
_BOUNDARY: Final = f"(?:(?<=[{_WORDS}])(?![{_WORDS}])|(?<![{_WORDS}])(?=[{_WORDS}]))"
_NO_BOUNDARY: Final = f"(?:(?<=[{_WORDS}])(?=[{_WORDS}])|(?<![{_WORDS}])(?![{_WORDS}]))"
_QUANTIFIER: Final = re.compile(r"(?:([*+?])|\{([0-9]+)(,[0-9]*)?\})(\??)")
_NAME: Final = re.compile(r"((?:[^\W\d]|\$)[\w$\u200c\u200d]*)>")
_PROPERTY: Final = re.compile(r"\{[A-Za-z0-9_]+(?:=[A-Za-z0-9_]+)?\}")
_REFERENCE: Final = re.compile(r"[1-9][0-9]{0,4}")
_UNLIMITED: Final = 2**30


@dataclass(frozen=True, slots=True)
class Translation:
    """A pattern for ``regex``, how many groups it has and the numbers of those with names."""

    source: str
    groups: int
    names: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Piece:
    """A translated part that a quantifier may follow: its text and how large it gets."""

    text: str
    size: int = 1
    repeatable: bool = True
    always_empty: bool = False


@dataclass(frozen=True, slots=True)
class _Atom:
    """A member of a class: ``char`` if it is a single character, else a set."""

    text: str
    char: str | None = None


def translate(pattern: str, flags: str) -> Translation:
    """Parse a JavaScript pattern under its flags (i, m, s and u matter here).

    Without u the pattern must be given in UTF-16 code units, and so must the text it is
    matched with. ``PatternError`` says what is wrong.
    """
    if len(pattern) > MAX_PATTERN:
        raise PatternError(f"longer than {MAX_PATTERN} characters")
    return _Translator(pattern, flags).translation()


class _Translator:
    def __init__(self, pattern: str, flags: str) -> None:
        self._reader = Reader(pattern, unicode="u" in flags)
        self._flags = flags
        self._groups, self._names = _groups_of(pattern)
        self._opened = 0
        self._open: list[int] = []
        self._depth = 0
        self._lookbehinds = 0

    def translation(self) -> Translation:
        whole = self._disjunction()
        if not self._reader.ended:
            self._reader.fail("unmatched )")
        return Translation(whole.text, self._groups, self._names)

    def _disjunction(self) -> _Piece:
        """All up to the end or the bracket that closes the group."""
        texts, size = [], 0
        while not self._reader.ended and self._reader.peek() != ")":
            if self._reader.take("|"):
                texts.append("|")
                continue
            piece = self._quantified(self._term())
            texts.append(piece.text)
            size = _limited(size + piece.size)
        return _Piece("".join(texts), size)

    def _term(self) -> _Piece:
        reader = self._reader
        if (
            reader.peek() == "{"
            and not reader.unicode
            and not _QUANTIFIER.match(reader.pattern, reader.at)
        ):
            return self._literal(reader.next(""))
        char = reader.next("nothing follows")
        if char == "\\":
            return self._escape()
        if char == "(":
            return self._group()
        if char == "[":
            return self._class()
        if char == ".":
            return _Piece(_ANYTHING if "s" in self._flags else f"[^{_LINE_ENDS}]")
        if char in "^$":
            return self._edge(char)
        if char in "*+?{":
            reader.fail("nothing to repeat")
        if char in "}]" and reader.unicode:
            reader.fail(f"lone {char}")
        return self._literal(char)

    def _quantified(self, piece: _Piece) -> _Piece:
        found = self._reader.match(_QUANTIFIER)
        if found is None:
            return piece
        low, high = _bounds(found)
        if not piece.repeatable:
            self._reader.fail("nothing to repeat")
        if low > high:
            self._reader.fail("numbers out of order")
        if piece.always_empty:  # JavaScript undoes a repetition beyond the least that is empty
            high = low
        most = "" if high >= _UNLIMITED else high
        size = _limited(piece.size * (low + 1))
        return _Piece(f"{piece.text}{{{low},{most}}}{found[4]}", size)

    def _edge(self, char: str) -> _Piece:
        if "m" in self._flags:
            text = f"(?<![^{_LINE_ENDS}])" if char == "^" else f"(?![^{_LINE_ENDS}])"
        else:
            text = r"\A" if char == "^" else r"\Z"
        return _Piece(text, repeatable=False)

    def _group(self) -> _Piece:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise PatternError(f"groups nest deeper than {MAX_DEPTH}")
        piece = self._opened_group()
        self._depth -= 1
        return piece

    def _opened_group(self) -> _Piece:
        reader = self._reader
        if reader.peek() != "?":
            return self._capture()
        if reader.take("?:"):
            return self._closed("(?:")
        for look in ("?=", "?!", "?<=", "?<!"):
            if reader.take(look):
                return self._lookaround(look)
        if reader.take("?<") and reader.match(_NAME):
            return self._capture()
        return reader.fail("invalid group")

    def _capture(self) -> _Piece:
        self._opened += 1
        self._open.append(self._opened)
        piece = self._closed("(")
        self._open.pop()
        return piece

    def _lookaround(self, look: str) -> _Piece:
        behind = "<" in look
        self._lookbehinds += behind
        piece = self._closed(f"({look}")
        self._lookbehinds -= behind
        repeatable = not behind and not self._reader.unicode
        return _Piece(f"(?:{piece.text})", piece.size, repeatable, always_empty=True)

    def _closed(self, opening: str) -> _Piece:
        inner = self._disjunction()
        if not self._reader.take(")"):
            self._reader.fail("missing )")
        return _Piece(f"{opening}{inner.text})", inner.size + 1)

    def _escape(self) -> _Piece:
        reader = self._reader
        char = reader.next("\\ at the end")
        if char in "bB":
            text = self._ascii(_BOUNDARY if char == "b" else _NO_BOUNDARY)
            return _Piece(text, 4, repeatable=False)
        if char in "dws":
            return _Piece(self._ascii(f"[{_SETS[char]}]"))
        if char in "DWS":
            return _Piece(self._ascii(f"[^{_SETS[char.lower()]}]"))
        if char in "pP" and reader.unicode:
            return _Piece(self._property(char))
        if char == "k" and (reader.unicode or self._names):
            return self._named_reference()
        if char in "123456789":
            return self._numbered(char)
        return self._literal(reader.escaped(char))

    def _ascii(self, text: str) -> str:
        """Word characters are ASCII; only under i and u their other cases count too."""
        return f"(?-i:{text})" if "i" in self._flags and not self._reader.unicode else text

    def _property(self, char: str) -> str:
        found = self._reader.match(_PROPERTY)
        return f"\\{char}{found[0]}" if found else self._reader.fail("invalid property name")

    def _numbered(self, first: str) -> _Piece:
        """A back-reference, or without u and such a group an octal code."""
        reader = self._reader
        reader.at -= 1
        start = reader.at
        number = reader.match(_REFERENCE)
        if number is not None and int(number[0]) <= self._groups:
            return self._reference(int(number[0]))
        if reader.unicode:
            reader.fail("reference to a group that is not there")
        reader.at = start + 1
        return self._literal(first if first in "89" else reader.escaped(first))

    def _named_reference(self) -> _Piece:
        found = self._reader.match(_NAME) if self._reader.take("<") else None
        if found is None or found[1] not in self._names:
            self._reader.fail("reference to a group that is not there")
        return self._reference(self._names[found[1]])

    def _reference(self, number: int) -> _Piece:
        """In JavaScript a group that has not matched is empty text, not a failure."""
        later = number > self._opened and not self._lookbehinds
        if number in self._open or later:
            return _Piece("(?:)")
        return _Piece(f"(?:(?({number})\\g<{number}>|))", 2)

    def _literal(self, char: str) -> _Piece:
        """A character. Under i ``regex`` takes some letters for another that JavaScript keeps
        apart: Turkic ones for i, and without u the long s and the Kelvin sign for s and k.
        """
        if "i" in self._flags:
            if char in ("iI" if self._reader.unicode else "iIkKsS"):
                return _Piece(f"(?-i:[{char.lower()}{char.upper()}])")
            if char in ("\u0130\u0131" if self._reader.unicode else "\u0130\u0131\u017f\u212a"):
                return _Piece(f"(?-i:{char})")
        return _Piece(_written(char))

    def _class(self) -> _Piece:
        reader = self._reader
        negated = reader.take("^")
        members: list[str] = []
        while not reader.take("]"):
            low = self._class_atom()
            if reader.peek() == "-" and not reader.pattern.startswith("-]", reader.at):
                reader.at += 1
                members.append(self._range(low, self._class_atom()))
            else:
                members.append(low.text)
        if members:
            return _Piece(f"[{'^' if negated else ''}{''.join(members)}]")
        return _Piece(_ANYTHING if negated else "(?:(?!))")

    def _range(self, low: _Atom, high: _Atom) -> str:
        if low.char is None or high.char is None:
            if self._reader.unicode:
                self._reader.fail("a range between sets")
            return f"{low.text}{_written('-')}{high.text}"
        if low.char > high.char:
            self._reader.fail("range out of order")
        return f"{low.text}-{high.text}"

    def _class_atom(self) -> _Atom:
        reader = self._reader
        char = reader.next("missing ]")
        if char != "\\":
            return _Atom(_written(char), char)
        char = reader.next("\\ at the end")
        if char == "W" and "i" in self._flags:
            return _Atom(_FOLDED_NO_WORDS)
        if char in _SETS:
            return _Atom(_SETS[char])
        if char in "pP" and reader.unicode:
            return _Atom(self._property(char))
        text = "\b" if char == "b" else reader.escaped(char, in_class=True)
        return _Atom(_written(text), text)


def _groups_of(pattern: str) -> tuple[int, dict[str, int]]:
    """How many groups capture, and the numbers of those with names."""
    count, names, in_class = 0, dict[str, int](), False
    at = 0
    while at < len(pattern):
        char = pattern[at]
        if char == "\\":
            at += 1
        elif char == "[":
            in_class = True
        elif char == "]":
            in_class = False
        elif char == "(" and not in_class:
            named = pattern[at + 1 : at + 3] == "?<" and pattern[at + 3 : at + 4] not in "=!"
            count += named or pattern[at + 1 : at + 2] != "?"
            found = _NAME.match(pattern, at + 3) if named else None
            if found is not None and names.setdefault(found[1], count) != count:
                raise PatternError(f"two groups have the name {found[1]}")
        at += 1
    return count, names


def _bounds(quantifier: re.Match[str]) -> tuple[int, int]:
    symbol, least, most, _ = quantifier.groups()
    if symbol is not None:
        return {"*": (0, _UNLIMITED), "+": (1, _UNLIMITED), "?": (0, 1)}[symbol]
    low = _count(least)
    if most is None:
        return low, low
    return low, _count(most[1:]) if len(most) > 1 else _UNLIMITED


def _count(digits: str) -> int:
    short = digits.lstrip("0") or "0"
    return int(short) if len(short) < 10 else _UNLIMITED


def _limited(size: int) -> int:
    if size > MAX_SIZE:
        raise PatternError(f"repetitions add up to more than {MAX_SIZE} parts")
    return size


def _written(char: str) -> str:
    """A character as a pattern or a class holds it, with no meaning but itself."""
    if char.isalnum():
        return char
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
