"""Zips of strangers: read without trust, a file at a time; and written, always the same.

The standard ``zipfile`` makes an object for each entry before anyone can count them, reads
with many small steps, and does not look for entries that overlap before Python 3.11.8. Here
counts, sizes and places are checked before anything is inflated, and a file is one read.

Nothing is ever written under the name of an entry: names are only compared.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from chalicelib.cards.budget import Budget
from chalicelib.cards.card import BrokenCard, Read, Repair
from chalicelib.cards.files import Files
from chalicelib.cards.limits import MAX_CARD_INFLATED
from chalicelib.cards.zip_directory import MAX_ENTRIES, read_directory
from chalicelib.cards.zip_entries import (
    MAX_RATIO,
    BrokenArchive,
    Entry,
    InMemory,
    Source,
)
from chalicelib.cards.zip_writing import write_zip
from chalicelib.errors import TooLarge

__all__ = [
    "MAX_CARD_INFLATED",
    "MAX_ENTRIES",
    "MAX_INFLATED",
    "MAX_NAME",
    "MAX_RATIO",
    "Archive",
    "BrokenArchive",
    "Entry",
    "InMemory",
    "Source",
    "read",
    "write_archive",
]

MAX_INFLATED = 256 * 1024 * 1024
"""Bytes that all files of an archive together may have."""

MAX_NAME = 512
"""Characters that the name of a file may have, its folders included."""

_NOT_OF_THE_USER = frozenset(("__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini"))
"""What systems add to folders for themselves."""

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Archive:
    """The files of an archive, in the order of its directory.

    Names have ``/`` between their parts. Of several files with one name the last counts, as
    when a newer version was added to an archive. Folders, names that lead out of the
    archive, and what systems add for themselves are left out; ``repairs`` says what.
    ``size`` is what all together have in bytes when they are unpacked.
    """

    files: tuple[Entry, ...]
    repairs: tuple[Repair, ...]
    size: int

    @classmethod
    def open(
        cls,
        source: Source | bytes,
        *,
        at_most: int = MAX_INFLATED,
        max_entries: int = MAX_ENTRIES,
    ) -> "Archive":
        """Read the directory and no more: ``Entry.read`` takes a file when it is wanted.

        ``BrokenArchive`` for what is no archive, or not a whole one; ``TooLarge`` for more
        than ``max_entries`` entries, or more than ``at_most`` bytes when all are inflated.
        """
        entries = read_directory(
            InMemory(source) if isinstance(source, bytes) else source, max_entries
        )
        total = sum(entry.size for entry in entries)
        if total > at_most:
            raise TooLarge(f"The archive unpacks to {total} bytes; at most {at_most} are allowed")
        return cls(*_sorted_out(entries), total)

    def find(self, name: str) -> Entry | None:
        """The file of exactly this name, if there is one."""
        return next((entry for entry in self.files if entry.name == name), None)

    def since(self, index: int) -> Iterator[Entry]:
        """The files from an ``Entry.index`` on: an import that was broken off goes on there."""
        return (entry for entry in self.files if entry.index >= index)


def read(data: bytes, *, stem: str, budget: Budget | None = None) -> Read:
    """The character in an archive: a CHARX or a BYAF.

    Raises what ``Archive.open``, ``Entry.read`` and ``interpret`` do, and ``BrokenCard``
    for an archive of something else. ``TooLarge`` for one that unpacks to more than is left
    of the budget.
    """
    budget = budget or Budget()
    archive = Archive.open(data, at_most=MAX_CARD_INFLATED)
    budget.take_inflated(archive.size)
    if archive.find("card.json") is not None:
        from chalicelib.cards import charx

        return charx.read(archive, stem=stem, budget=budget)
    if archive.find("manifest.json") is not None:
        from chalicelib.cards import byaf

        return byaf.read(archive, stem=stem, budget=budget)
    raise BrokenCard(
        "The archive has neither a card.json, as a CHARX has, nor a manifest.json, as a BYAF has"
    )


def write_archive(files: Mapping[str, bytes]) -> bytes:
    """An archive that ``Archive.open`` takes; the same files make the same bytes.

    Files of another archive stay packed as they are there. See ``write_zip``.
    """
    return write_zip(files.entries if isinstance(files, Files) else files)


def safe_name(name: str) -> str | None:
    """A name with ``/`` between its parts; None for one that could lead out of the archive."""
    name = name.replace("\\", "/")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    joined = "/".join(parts)
    leads_out = ".." in parts or name.startswith("/") or ":" in name[:2]
    if not parts or leads_out or len(joined) > MAX_NAME or _CONTROLS.search(joined):
        return None
    return joined


def _sorted_out(entries: Iterable[Entry]) -> tuple[tuple[Entry, ...], tuple[Repair, ...]]:
    files: dict[str, Entry] = {}
    repairs = []
    for entry in entries:
        if entry.name.endswith(("/", "\\")) and not entry.size:
            continue
        name = safe_name(entry.name)
        if name is None:
            repairs.append(Repair(_shortened(entry.name), "left out: a name that is not allowed"))
        elif not _NOT_OF_THE_USER.isdisjoint(name.split("/")):
            repairs.append(Repair(name, "left out: a system's own file"))
        else:
            if files.pop(name, None) is not None:
                repairs.append(Repair(name, "there twice: the last one was taken"))
            files[name] = replace(entry, name=name)
    return tuple(files.values()), tuple(repairs)


def _shortened(name: str) -> str:
    shown = name if len(name) <= MAX_NAME else f"{name[:MAX_NAME]}…"
    return _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", shown)
