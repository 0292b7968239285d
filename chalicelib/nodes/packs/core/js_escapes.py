"""Reads a JavaScript pattern character by character, escapes included.

Source: ECMA-262, "CharacterEscape" and its Annex B for patterns without the u flag.
"""

import re
from typing import Final, NoReturn

_CONTROLS: Final = {"f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_SYNTAX: Final = frozenset("^$\\.*+?()[]{}|/")
_OCTAL: Final = re.compile(r"[0-3][0-7]{0,2}|[4-7][0-7]?")
_CONTROL_LETTER: Final = re.compile(r"[A-Za-z]")
_CONTROL_IN_CLASS: Final = re.compile(r"[A-Za-z0-9_]")
_HEX: Final = {2: re.compile(r"[0-9A-Fa-f]{2}"), 4: re.compile(r"[0-9A-Fa-f]{4}")}
_CODE_POINT: Final = re.compile(r"\{0*([0-9A-Fa-f]{1,6})\}")
_LOW_SURROGATE: Final = re.compile(r"\\u([Dd][C-Fc-f][0-9A-Fa-f]{2})")


class PatternError(ValueError):
    """The pattern is not one that JavaScript would take, or it is too large."""


class Reader:
    """A place in a pattern. ``unicode`` is the u flag, which allows no sloppy escapes."""

    def __init__(self, pattern: str, *, unicode: bool) -> None:
        self.pattern = pattern
        self.at = 0
        self.unicode = unicode

    @property
    def ended(self) -> bool:
        """Is there nothing left?"""
        return self.at >= len(self.pattern)

    def peek(self) -> str:
        """The next character, or nothing at the end."""
        return self.pattern[self.at : self.at + 1]

    def take(self, text: str) -> bool:
        """Go past the text if it is next."""
        if not self.pattern.startswith(text, self.at):
            return False
        self.at += len(text)
        return True

    def match(self, expression: re.Pattern[str]) -> re.Match[str] | None:
        """Go past what the expression matches next."""
        found = expression.match(self.pattern, self.at)
        if found is not None:
            self.at = found.end()
        return found

    def next(self, missing: str) -> str:
        """Take one character; ``missing`` is what is wrong if there is none."""
        char = self.peek() or self.fail(missing)
        self.at += 1
        return char

    def fail(self, what: str) -> NoReturn:
        """Refuse the pattern, naming the place."""
        raise PatternError(f"{what}, at character {self.at}")

    def escaped(self, char: str, *, in_class: bool = False) -> str:
        """The one character that an escape stands for; ``char`` came after the backslash."""
        if char in _CONTROLS:
            return _CONTROLS[char]
        if char == "c":
            return self._control(in_class)
        if char in "01234567":
            return self._octal()
        if char == "x" and (code := self.match(_HEX[2])):
            return chr(int(code[0], 16))
        if char == "u" and (text := self._code_point()):
            return text
        return self._identity(char, in_class)

    def _control(self, in_class: bool) -> str:
        wide = in_class and not self.unicode
        found = self.match(_CONTROL_IN_CLASS if wide else _CONTROL_LETTER)
        if found is not None:
            return chr(ord(found[0]) % 32)
        if self.unicode:
            self.fail("invalid control escape")
        self.at -= 1  # the backslash stands for itself, and the c is still to come
        return "\\"

    def _octal(self) -> str:
        """NUL, or without u an octal code of up to three digits."""
        start = self.at - 1
        if self.unicode:
            following = self.peek()
            if self.pattern[start] != "0" or (following and following in "0123456789"):
                self.fail("invalid decimal escape")
            return "\0"
        self.at = start
        digits = self.match(_OCTAL)
        return chr(int(digits[0], 8)) if digits else ""

    def _code_point(self) -> str | None:
        if self.unicode and (found := self.match(_CODE_POINT)):
            code = int(found[1], 16)
            return chr(code) if code <= 0x10FFFF else self.fail("code point above 10FFFF")
        unit = self.match(_HEX[4])
        if unit is None:
            return None
        code = int(unit[0], 16)
        if self.unicode and 0xD800 <= code < 0xDC00 and (low := self.match(_LOW_SURROGATE)):
            code = 0x10000 + ((code - 0xD800) << 10) + (int(low[1], 16) - 0xDC00)
        return chr(code)

    def _identity(self, char: str, in_class: bool) -> str:
        allowed = not self.unicode or char in _SYNTAX or (in_class and char == "-")
        return char if allowed else self.fail(f"invalid escape \\{char}")
