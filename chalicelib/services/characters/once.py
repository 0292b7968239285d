"""Files that are tried again until they are kept, once: uploads and imports."""

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass

from chalicelib.ports import Change


@dataclass(frozen=True, slots=True)
class Sibling:
    """The picture beside a card, or the card beside a picture: of one name, in one folder.

    ``id`` is the character that it became; None if that is still to come.
    """

    id: str | None


@dataclass(frozen=True, slots=True)
class Once:
    """What makes that a file is kept once, however often that is tried.

    ``id`` is the file's own: that of the character that it becomes. ``changes`` tells what
    else the transaction has to do that lists the character, from that one's id and from
    whether it was there before. A file with a ``sibling`` belongs to nothing else. Those in
    ``apart`` are of other folders: to have a file's name in common with them says nothing.
    """

    id: str
    changes: Callable[[str, bool], Sequence[Change]]
    sibling: Sibling | None = None
    apart: Container[str] = ()
