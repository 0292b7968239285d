"""Usernames: what is one, and which of them are the same."""

import re
import unicodedata

MAX_USERNAME_LENGTH = 50
_MAX_RAW_LENGTH = 400
# Joiners that some scripts cannot do without, and marks that choose a glyph: nobody sees them.
_INVISIBLE = {"\u200c", "\u200d", "\u034f", "\u115f", "\u1160", "\u17b4", "\u17b5"} | {
    chr(code) for code in range(0xFE00, 0xFE10)
}
# Who is called like somebody's uid would be taken for him by operators.
_IDENTIFIER = re.compile(r"[a-z0-9]{25}|default_user")
_JOINERS = {"\u200c", "\u200d"}


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
