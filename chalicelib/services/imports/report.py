"""What became of each file of an import: a row a file, the truth of what is done.

The row of a file that was kept is written in the very transaction that lists its
character, and only if it is not there: so no file is kept twice, whoever tries.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from chalicelib.errors import InvalidInput
from chalicelib.ports import Entry, Index
from chalicelib.services.imports.jobs import Job, Outcome

PAGE = 200

_MAX_FILE, _MAX_TEXT, _MAX_NAME = 200, 300, 100
_MAX_REPAIRS = 10
_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Line:
    """What became of a file. ``id`` and ``name`` are the character's."""

    file: str
    status: Outcome
    id: str | None = None
    name: str | None = None
    repairs: Sequence[str] = ()
    error: str | None = None

    def value(self) -> dict[str, Any]:
        """As it is kept and shown: without what is not there, no longer than a row takes."""
        shown: dict[str, Any] = {"file": _storable(self.file, _MAX_FILE), "status": self.status}
        if self.id is not None:
            shown["id"] = self.id
        if self.name is not None:
            shown["name"] = _storable(self.name, _MAX_NAME)
        if self.repairs:
            shown["repairs"] = [_storable(each, _MAX_TEXT) for each in self.repairs[:_MAX_REPAIRS]]
        if self.error is not None:
            shown["error"] = _storable(self.error, _MAX_TEXT)
        return shown

    def entry(self, job: Job, index: int) -> Entry:
        """Its row; ``index`` counts the files of the archive."""
        key = f"{index:0{_DIGITS}d}"
        return Entry(partition(job.uid, job.id), key, self.value(), job.expires_at)


class Done(NamedTuple):
    """What became of a file, and the character that it became."""

    outcome: Outcome
    id: str | None


@dataclass(frozen=True, slots=True)
class ReportPage:
    """Some lines in the order of the archive; ``cursor`` asks for what follows."""

    lines: Sequence[dict[str, Any]]
    cursor: str | None


def page(index: Index, uid: str, import_id: str, cursor: str | None) -> ReportPage:
    """The next lines of a report; ``InvalidInput`` for what is no cursor."""
    if cursor is not None and not (cursor.isascii() and cursor.isdigit() and len(cursor) == 6):
        raise InvalidInput.field("cursor", "that of another answer is expected")
    found = index.query(partition(uid, import_id), limit=PAGE, after=cursor)
    return ReportPage([dict(entry.value) for entry in found.entries], found.after)


def done(index: Index, job: Job) -> dict[int, Done]:
    """What became of the files that something has become of, by their indexes."""
    found = index.query(partition(job.uid, job.id)).entries
    return {int(entry.key): Done(entry.value["status"], entry.value.get("id")) for entry in found}


def partition(uid: str, import_id: str) -> str:
    """The partition of an import's report."""
    return f"{uid}#import#{import_id}"


def _storable(text: str, most: int) -> str:
    return text[:most].encode(errors="replace").decode()
