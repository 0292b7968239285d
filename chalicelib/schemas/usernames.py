"""Usernames: what is one, and which of them are the same."""

import re
import unicodedata

MAX_USERNAME_LENGTH = 50
_MAX_RAW_LENGTH = 400
_JOINERS = {"\u200c", "\u200d"}
_GLYPH_CHOOSERS = {chr(code) for code in range(0xFE00, 0xFE10)}
# Letters and marks of Unicode's Default_Ignorable_Code_Point; NFKC makes the first of
# the fillers U+3164 and U+FFA0.
# https://www.unicode.org/Public/UCD/latest/ucd/DerivedCoreProperties.txt
_IGNORABLE = {"\u1160", "\u115f", "\u034f", "\u17b4", "\u17b5"}
_BLANK = (
    _IGNORABLE
    | {"\u180b", "\u180c", "\u180d", "\u180f"}
    | {chr(code) for code in range(0xE0100, 0xE01F0)}
    # Drawn as a blank: a space of Ogham, Braille's, a filler of Khitan, a note without a head.
    | {"\u1680", "\u2800", "\U00016fe4", "\U0001d159"}
)
# What readers do not see: some scripts and emoji need the latter two, and old names may hold
# the first.
_INVISIBLE = _IGNORABLE | _JOINERS | _GLYPH_CHOOSERS
# Who is called like somebody's uid would be taken for him by operators.
_IDENTIFIER = re.compile(r"[a-z0-9]{25}|default_user")


def cleaned(text: str) -> str:
    """A username in its normal form (NFKC); ``ValueError`` says what is wrong with it.

    >>> cleaned("  \uff21da ")
    'Ada'
    """
    name = unicodedata.normalize("NFKC", text[:_MAX_RAW_LENGTH]).strip()
    if not folded(name):
        raise ValueError("must not be blank")
    if len(name) > MAX_USERNAME_LENGTH or len(text) > _MAX_RAW_LENGTH:
        raise ValueError(f"must have at most {MAX_USERNAME_LENGTH} characters")
    if not all(map(_is_allowed, name)):
        raise ValueError("must not hold control characters")
    if not _BLANK.isdisjoint(name):
        raise ValueError("must not hold characters that look like nothing")
    if _IDENTIFIER.fullmatch(folded(name)):
        raise ValueError("must not look like a user's id")
    return name


def folded(name: str) -> str:
    """The same for names that readers would take for the same: case and what is unseen go.

    >>> folded("Stra\u00dfe") == folded("STRASSE")
    True
    """
    text = unicodedata.normalize("NFKC", name).casefold()
    seen = "".join(mark for mark in text if mark not in _INVISIBLE)
    return unicodedata.normalize("NFKC", seen).strip()


def _is_allowed(mark: str) -> bool:
    """Neither control, nor format (they turn the text around), nor unassigned, nor a new line."""
    category = unicodedata.category(mark)
    return mark in _JOINERS or not (category.startswith("C") or category in ("Zl", "Zp"))
