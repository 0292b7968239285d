"""Lists of characters: all at once, or a page at a time; no object is read for them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib import json_text
from chalicelib.errors import InvalidInput
from chalicelib.services.characters import names
from chalicelib.services.characters.rows import BY_CHANGE, BY_NAME, WHOLE, entry_in
from chalicelib.services.library import cursors
from chalicelib.services.library.items import HEAD
from chalicelib.services.library.shelf import Shelf

SORTS: Mapping[str, str] = {"name": BY_NAME, "changed": BY_CHANGE, "added": HEAD}
"""The orders of a list, and the rows that are in each; the newest is first in two of them."""

MAX_LIMIT = 200
DEFAULT_LIMIT = 50
MAX_SEARCH = 200

# A query's answer has a megabyte, and a row 1 KB or so.
_LOOKED_AT = 800
_SEARCHED = ("name", "creator", "description")

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Filter:
    """Which entries are wanted."""

    words: Sequence[str]
    tag: str | None
    favorite: bool | None

    @property
    def takes_all(self) -> bool:
        """Is none left out?"""
        return not self.words and self.tag is None and self.favorite is None

    def fits(self, text: str) -> bool:
        """Is it one of them, by its row's JSON?"""
        if self.takes_all:
            return True
        entry: Row = json_text.loads_exact(entry_in(text))
        if self.favorite is not None and entry["favorite"] is not self.favorite:
            return False
        if self.tag is not None and self.tag not in map(names.plain, entry["tags"]):
            return False
        if not self.words:
            return True
        texts = [str(entry[field]) for field in _SEARCHED if field in entry]
        text = names.plain("\n".join([*texts, *entry["tags"]]))
        return all(word in text for word in self.words)


@dataclass(frozen=True, slots=True)
class CharacterPage:
    """Part of a list, each entry as JSON; ``cursor`` is for the next one, None at the end."""

    entries: Sequence[str]
    cursor: str | None


class CharacterList:
    """The lists of all users; everyone sees his own."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def mark(self, uid: str) -> str:
        """Another one whenever a list may have changed. One read."""
        return self._shelf.mark(uid)

    def whole(self, uid: str, before: str = "[", after: str = "]") -> str:
        """All characters by name, as one JSON list, with texts of up to 4,000 characters.

        ``before`` and ``after`` stand around the entries. So it is put together once, for it
        may take a good part of the memory.
        """
        pieces = [before]
        for _, text in self._shelf.index.texts(self._shelf.partition(uid), WHOLE).rows:
            pieces += (entry_in(text), ",")
        pieces[-1:] = [after] if len(pieces) > 1 else [before, after]
        return "".join(pieces)

    def page(
        self,
        uid: str,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        search: str = "",
        tag: str | None = None,
        favorite: bool | None = None,
        sort: str = "name",
        fields: Collection[str] | None = None,
    ) -> CharacterPage:
        """One query's part of the list, with short texts; ``InvalidInput``.

        ``cursor`` is that of the page before. All words of ``search`` are in the name, the
        creator, a tag or the beginning of the description. ``fields`` None stands for all;
        ``id`` is always there. Where some are left out a page may hold fewer than ``limit``,
        or none, though there are more: a query looks at so many and no more.
        """
        limit = DEFAULT_LIMIT if limit is None else limit
        _check(limit, search, sort)
        wanted = _Filter(
            names.plain(search).split(), None if tag is None else names.plain(tag), favorite
        )
        prefix = SORTS[sort]
        after = None if cursor is None else cursors.opened(cursor, prefix)
        partition = self._shelf.partition(uid)
        most = limit if wanted.takes_all else _LOOKED_AT
        found = self._shelf.index.texts(partition, prefix, limit=most, after=after)
        chosen: list[tuple[str, str]] = []
        for key, text in found.rows:
            if wanted.fits(text):
                chosen.append((key, entry_in(text)))
                if len(chosen) == limit:
                    break
        last = found.after
        if len(chosen) == limit and chosen[-1][0] != found.rows[-1][0]:
            last = chosen[-1][0]
        entries = [text for _, text in chosen]
        if fields is not None:
            entries = [_projected(text, fields) for text in entries]
        return CharacterPage(entries, None if last is None else cursors.sealed(last))

    def tags(self, uid: str) -> list[Row]:
        """All tags with how many characters have each, the most frequent first."""
        counts: dict[str, int] = {}
        for _, text in self._shelf.index.texts(self._shelf.partition(uid), BY_NAME).rows:
            for tag in json_text.loads_exact(entry_in(text))["tags"]:
                counts[tag] = counts.get(tag, 0) + 1
        ordered = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
        return [{"tag": tag, "count": count} for tag, count in ordered]


def shortened(entries: Iterable[Row], most: int) -> list[Row]:
    """The entries with long texts cut to so many characters."""
    return [
        {
            key: value[:most] if isinstance(value, str) and len(value) > most else value
            for key, value in entry.items()
        }
        for entry in entries
    ]


def _check(limit: int, search: str, sort: str) -> None:
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidInput.field("limit", f"a whole number from 1 to {MAX_LIMIT} is expected")
    if sort not in SORTS:
        raise InvalidInput.field("sort", f"one of {', '.join(SORTS)} is expected")
    if len(search) > MAX_SEARCH:
        raise InvalidInput.field("search", f"at most {MAX_SEARCH} characters are expected")


def _projected(text: str, fields: Collection[str]) -> str:
    entry = json_text.loads_exact(text)
    kept = {key: value for key, value in entry.items() if key == "id" or key in fields}
    return json_text.dumps(kept)
