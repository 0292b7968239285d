"""What the files of characters are called.

A picture's file name is its address, so it is one character's only.
"""

import re
import unicodedata
from collections.abc import Container
from itertools import count

from chalicelib.errors import InvalidInput

MAX_NAME = 200
"""Characters that a file's name may have."""

_MAX_BYTES = 600  # the key of a row has a kilobyte
_MAX_FOLDED = 80
_NEVER = frozenset("/\\\x00")
_DOTS = re.compile(r"\.{2,}")
PICTURES = ("png", "apng", "jpg", "jpeg", "gif", "webp")
CARDS = ("json", "yaml", "yml")
"""Endings of files that are one part of a character; archives are all of one."""

_ENDINGS = (*PICTURES, *CARDS, "charx", "byaf")


def file_name(given: str | None) -> str:
    """A name that a file can have here, near to the one that it came with.

    All of them are addresses: ``checked`` takes them.

    >>> file_name("../.hidden/Ada.png"), file_name("Oh...my.png"), file_name(None)
    ('Ada.png', 'Oh.my.png', 'character')
    """
    last = (given or "").replace("\\", "/").rpartition("/")[2]
    shown = "".join(mark for mark in last if mark.isprintable())
    single = _DOTS.sub(".", unicodedata.normalize("NFC", shown))
    name = single.strip().lstrip(". ")
    stem = stem_of(name)
    ending = name[len(stem) :]
    return _trimmed(stem, room=len(ending)) + ending or "character"


def stem_of(name: str) -> str:
    """A file's name without its ending, if that is one of a picture or a card.

    >>> stem_of("Ada v1.2.png"), stem_of("Ada v1.2")
    ('Ada v1.2', 'Ada v1.2')
    """
    ending = ending_of(name)
    return name[: -len(ending) - 1] if ending else name


def ending_of(name: str) -> str:
    """The ending of a file's name in lower case, if it is one of a picture or a card, else "".

    >>> ending_of("Ada.PNG"), ending_of("notes.txt"), ending_of(".png")
    ('png', '', '')
    """
    stem, _, ending = name.rpartition(".")
    found = ending.lower()
    return found if stem and found in _ENDINGS else ""


def with_ending(name: str, ending: str) -> str:
    """The name with another ending."""
    return f"{_trimmed(stem_of(name), room=len(ending) + 1)}.{ending}"


def free(name: str, taken: Container[str]) -> str:
    """The name, or the first of "Ada (2).png", "Ada (3).png" ... that is not taken."""
    found = name
    stem = stem_of(name)
    ending = name[len(stem) :]
    numbers = count(2)
    while found in taken:
        number = f" ({next(numbers)})"
        found = _cut(stem, room=len(number) + len(ending)) + number + ending
    return found


def checked(name: str) -> str:
    """A name in an address; ``InvalidInput`` for one that no file has."""
    if not name or name.startswith(".") or ".." in name or _NEVER & set(name):
        raise InvalidInput.field("imageName", "the name of a picture is expected, not a path")
    return name


def folded(name: str) -> str:
    """How names are sorted and found: without regard to case, and to how they are written.

    >>> folded("ＡＤＡ / Lovelace")
    'ada   lovelace'
    """
    cut = plain(name[: 4 * _MAX_FOLDED]).replace("/", " ")[:_MAX_FOLDED]
    return cut.strip().encode(errors="replace").decode()


def plain(text: str) -> str:
    """How texts are compared."""
    return text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).casefold()


def _trimmed(stem: str, room: int) -> str:
    """A stem before an ending: no two dots meet."""
    return _cut(stem, room).rstrip(". ")


def _cut(name: str, room: int = 0) -> str:
    cut = name[: MAX_NAME - room].encode(errors="replace")[: _MAX_BYTES - room]
    return cut.decode(errors="ignore").strip()
