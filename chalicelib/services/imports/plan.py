"""What an import does with an archive: which files it brings, and which are one character."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from chalicelib.cards.archives import Archive
from chalicelib.cards.zip_entries import Entry, Source
from chalicelib.errors import TooLarge
from chalicelib.services.characters import names
from chalicelib.services.imports.report import Line

MAX_ENTRIES = 20_000
"""What may be in an archive altogether: people pack whole folders, with their chats."""

MAX_FILES = 2_000
"""Files in it that characters can be made of."""

MAX_NAMED = 100
"""How many other files a report names, each by itself."""

_LAST = 999_999
_OF_A_SYSTEM = "a system's own file"
_NO_CARD = "It is no picture, and no file of a card"


@dataclass(frozen=True, slots=True)
class Plan:
    """The files to bring, in the order of the archive, and lines for what is left out.

    Each line has its place in the report. ``siblings`` has for a picture the card of its
    name in its folder, and for the card the picture.
    """

    files: Sequence[Entry]
    left_out: Sequence[tuple[int, Line]]
    siblings: Mapping[int, int]

    @classmethod
    def of(cls, source: Source | bytes) -> "Plan":
        """Read an archive's directory; ``BrokenArchive``, ``TooLarge``."""
        archive = Archive.open(source, max_entries=MAX_ENTRIES)
        files = [entry for entry in archive.files if names.ending_of(_last(entry))]
        if len(files) > MAX_FILES:
            raise TooLarge(
                f"The archive has {len(files)} files of characters; at most {MAX_FILES} are "
                "allowed. Split it, and bring one part after another"
            )
        lines = [*_others(archive), *enumerate(_refused(archive), MAX_ENTRIES)]
        named = lines[:MAX_NAMED]
        if len(lines) > MAX_NAMED:
            rest = f"{len(lines) - MAX_NAMED} more files"
            named.append((_LAST, Line(rest, "skipped", error="They are left out like these")))
        return cls(files, named, dict(_siblings(files)))

    @property
    def total(self) -> int:
        """How many lines the report is going to have."""
        return len(self.files) + len(self.left_out)


def _last(entry: Entry) -> str:
    return entry.name.rpartition("/")[2]


def _others(archive: Archive) -> Iterator[tuple[int, Line]]:
    for entry in archive.files:
        if not names.ending_of(_last(entry)):
            yield entry.index, Line(entry.name, "skipped", error=_NO_CARD)


def _refused(archive: Archive) -> Iterator[Line]:
    """What systems add to folders for themselves is nothing that a user misses."""
    for repair in archive.repairs:
        if not repair.what.endswith(_OF_A_SYSTEM):
            yield Line(repair.where, "skipped", error=repair.what)


def _siblings(files: Sequence[Entry]) -> Iterator[tuple[int, int]]:
    """Of several pictures of a name in a folder the first counts, and so with cards."""
    pictures: dict[str, int] = {}
    cards: dict[str, int] = {}
    for entry in files:
        ending = names.ending_of(_last(entry))
        kind = pictures if ending in names.PICTURES else cards if ending in names.CARDS else None
        if kind is not None:
            kind.setdefault(names.stem_of(entry.name), entry.index)
    for name in pictures.keys() & cards.keys():
        yield pictures[name], cards[name]
        yield cards[name], pictures[name]
