"""The files of a character's archive: packed, until one of them is asked for."""

from collections.abc import Iterator, Mapping

from chalicelib.cards.zip_entries import Entry

_HEAD = 16


class Files(Mapping[str, bytes]):
    """Files by their names, each of them unpacked anew when it is asked for.

    So of an archive that unpacks to many times its size never more than one is in memory.
    """

    def __init__(
        self, entries: Mapping[str, Entry], heads: Mapping[str, bytes] | None = None
    ) -> None:
        """``heads``: how each of them begins, for ``head``."""
        self.entries = entries
        self._heads = heads or {}

    @classmethod
    def checked(cls, entries: Mapping[str, Entry]) -> "Files":
        """All that are given, each unpacked once to see that it is whole, as ``Entry.begins``."""
        return cls(entries, {name: entry.begins(_HEAD) for name, entry in entries.items()})

    def head(self, name: str) -> bytes:
        """How a file begins, in as many bytes as tell its kind; nothing of one that is not there.

        It costs nothing, however often a card asks.
        """
        return self._heads.get(name, b"")

    def without(self, name: str) -> "Files":
        """The others."""
        others = {each: entry for each, entry in self.entries.items() if each != name}
        return Files(others, self._heads)

    def __getitem__(self, name: str) -> bytes:
        """A file's bytes."""
        return self.entries[name].read()

    def __contains__(self, name: object) -> bool:
        """Whether there is such a file; it is not unpacked for that."""
        return name in self.entries

    def __iter__(self) -> Iterator[str]:
        """The names, in the order of the archive."""
        return iter(self.entries)

    def __len__(self) -> int:
        """How many files there are."""
        return len(self.entries)
