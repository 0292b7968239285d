"""Imports as rows: what each is, how far it is, and who works on it.

Index rows, as partition: key:

    {uid}#imports: {importId}            an import, as it stands; kept for 30 days
    {uid}#import#{importId}: {index}     what became of a file (``report``); likewise
    imports: {uid}/{slot}                one that has not ended, for the sweeper; a user
                                         has so many slots as may be open at once

Objects:

    imports/{uid}/{importId}.zip         the archive, until the import has ended

The archive is not below ``users/``: it counts towards nobody's storage, and what a crash
might leave of it goes by a rule of the bucket's lifecycle.
"""

import secrets
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal

from chalicelib.errors import ConditionFailed, NotFound, TooManyRequests
from chalicelib.moments import timestamp
from chalicelib.ports import Clock, Entry, Index, Put, Remove

MAX_OPEN = 5
"""Imports of a user's that have not ended."""

KEPT_DAYS = 30

MAX_KEPT = 200
"""Imports of a user's in that time. Their reports are in no quota of what a user keeps."""

Outcome = Literal["created", "merged", "skipped", "failed"]
Status = Literal["queued", "running", "complete", "error", "cancelled"]

_OPEN = "imports"
_FOLDER = "imports/"
_RETRY_SECONDS = 30
_COUNTS = ("created", "merged", "skipped", "failed")


@dataclass(frozen=True, slots=True)
class Job:
    """An import. Times are epoch seconds.

    ``writer`` is the worker that holds it until ``lease_until``; ``lost`` tells that the
    last one was lost, ``losses`` how many were in all, and ``tries`` how often one was lost
    at the file ``at`` (an index in the archive). ``sent_at`` is when it last went to the
    queue. ``raw`` is the row as it was read.
    """

    uid: str
    id: str
    slot: int
    total: int
    submitted_at: float
    status: Status = "queued"
    created: int = 0
    merged: int = 0
    skipped: int = 0
    failed: int = 0
    started_at: float | None = None
    completed_at: float | None = None
    message: str | None = None
    sent_at: float | None = None
    writer: str | None = None
    lease_until: float = 0.0
    lost: bool = False
    losses: int = 0
    at: int | None = None
    tries: int = 0
    raw: Mapping[str, Any] | None = field(default=None, compare=False)

    @property
    def has_ended(self) -> bool:
        """Is there nothing more to do but to clear away?"""
        return self.status not in ("queued", "running")

    @property
    def key(self) -> str:
        """The key of its archive."""
        return f"{folder(self.uid)}{self.id}.zip"

    @property
    def done(self) -> int:
        """How many files have come to something."""
        return self.created + self.merged + self.skipped + self.failed

    @property
    def expires_at(self) -> int:
        """When its rows go, in epoch seconds."""
        return int(self.submitted_at) + KEPT_DAYS * 24 * 3600

    def is_held(self, now: float) -> bool:
        """Is a worker at it, as far as anybody knows?"""
        return self.writer is not None and self.lease_until > now

    def counting(self, outcomes: Iterable[Outcome]) -> "Job":
        """The same with these outcomes of files, and no others."""
        found = Counter(outcomes)
        return replace(
            self,
            created=found["created"],
            merged=found["merged"],
            skipped=found["skipped"],
            failed=found["failed"],
        )

    def view(self) -> dict[str, Any]:
        """As the API shows it."""
        shown: dict[str, Any] = {**self.progress(), "submittedAt": timestamp(self.submitted_at)}
        for name, moment in (("startedAt", self.started_at), ("completedAt", self.completed_at)):
            if moment is not None:
                shown[name] = timestamp(moment)
        return shown if self.message is None else {**shown, "message": self.message}

    def progress(self) -> dict[str, Any]:
        """As the socket shows it."""
        counts = {name: getattr(self, name) for name in _COUNTS}
        known = {"importId": self.id, "status": self.status}
        return {**known, "total": self.total, "done": self.done, **counts}

    def value(self) -> dict[str, Any]:
        """As its row has it."""
        found = asdict(self)
        for name in ("uid", "id", "raw"):
            del found[name]
        return found

    def entry(self) -> Entry:
        """Its row."""
        return Entry(partition(self.uid), self.id, self.value(), self.expires_at)

    @classmethod
    def read(cls, uid: str, entry: Entry) -> "Job":
        """An import by its row; fields of newer versions are left alone."""
        known = {each.name for each in fields(cls)} - {"uid", "id", "raw"}
        value = {name: found for name, found in entry.value.items() if name in known}
        return cls(uid=uid, id=entry.key, raw=entry.value, **value)


class Jobs:
    """The imports of all users."""

    def __init__(self, index: Index, clock: Clock) -> None:
        self._index = index
        self._clock = clock

    def open(self, uid: str, import_id: str, total: int) -> Job:
        """A new import, queued; the one of this id if there is one already.

        ``TooManyRequests`` if ``MAX_OPEN`` of the user's have not ended, or there were
        ``MAX_KEPT``.
        """
        self._check_room(uid)
        taken = {entry.key for entry in self._index.query(_OPEN, f"{uid}/").entries}
        for slot in range(MAX_OPEN):
            job = Job(uid, import_id, slot, total, self._clock.now())
            open_row = _open_row(job)
            if open_row.key in taken:
                continue
            try:
                self._index.write(Put(job.entry(), if_absent=True), Put(open_row, if_absent=True))
            except ConditionFailed as lost:
                if 0 in lost.positions:
                    return self.get(uid, import_id)
                continue
            return self.get(uid, import_id)
        message = f"At most {MAX_OPEN} imports at once: wait for one to end, or cancel it"
        raise TooManyRequests(message, retry_after=_RETRY_SECONDS)

    def _check_room(self, uid: str) -> None:
        kept = [Job.read(uid, each) for each in self._index.query(partition(uid)).entries]
        if len(kept) < MAX_KEPT:
            return
        free_at = min(job.expires_at for job in kept)
        message = f"At most {MAX_KEPT} imports in {KEPT_DAYS} days"
        raise TooManyRequests(message, retry_after=max(1, free_at - int(self._clock.now())))

    def get(self, uid: str, import_id: str) -> Job:
        """An import of a user's; ``NotFound``. One read."""
        job = self.find(uid, import_id)
        if job is None:
            raise NotFound("No such import")
        return job

    def find(self, uid: str, import_id: str) -> Job | None:
        """An import, if there is one."""
        entry = self._index.get(partition(uid), import_id)
        return None if entry is None else Job.read(uid, entry)

    def of(self, uid: str) -> list[Job]:
        """A user's imports, the newest first."""
        found = [Job.read(uid, entry) for entry in self._index.query(partition(uid)).entries]
        return sorted(found, key=lambda job: job.submitted_at, reverse=True)

    def replace(self, old: Job, new: Job) -> Job | None:
        """Write ``new`` if the row is still what ``old`` was read from; as it is then."""
        entry = new.entry()
        try:
            self._index.write(Put(entry, replacing=old.raw))
        except ConditionFailed:
            return None
        return Job.read(new.uid, entry)

    def opened(self) -> Iterator[tuple[str, str]]:
        """Uid and id of all that were not closed."""
        for entry in self._index.query(_OPEN).entries:
            yield entry.key.rpartition("/")[0], str(entry.value["importId"])

    def close(self, uid: str, import_id: str) -> None:
        """Take it from those that have not ended."""
        for entry in self._index.query(_OPEN, f"{uid}/").entries:
            if entry.value["importId"] == import_id:
                self._index.write(Remove(_OPEN, entry.key))


def partition(uid: str) -> str:
    """The partition of a user's imports."""
    return f"{uid}#imports"


def folder(uid: str) -> str:
    """Where a user's archives wait."""
    return f"{_FOLDER}{uid}/"


def key_of(uid: str, import_id: str) -> str:
    """The key of an import's archive."""
    return f"{folder(uid)}{import_id}.zip"


def opened_of(index: Index, uid: str) -> list[Entry]:
    """The rows of a user's imports that were not closed."""
    return list(index.query(_OPEN, f"{uid}/").entries)


def new_writer() -> str:
    """A name for a worker's turn."""
    return secrets.token_hex(8)


def _open_row(job: Job) -> Entry:
    return Entry(_OPEN, f"{job.uid}/{job.slot}", {"importId": job.id}, job.expires_at)
