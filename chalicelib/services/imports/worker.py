"""The worker's part of an import: keep file after file, each once."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from chalicelib.cards.archives import Entry
from chalicelib.cards.limits import MAX_FILE_BYTES
from chalicelib.errors import ConditionFailed, Conflict, TavernError, TooLarge
from chalicelib.ports import Clock, DocumentStore, Index, Put
from chalicelib.services.characters.characters import Characters, Kept
from chalicelib.services.characters.incoming import Incoming
from chalicelib.services.characters.once import Once, Sibling
from chalicelib.services.characters.sources import source
from chalicelib.services.imports import report
from chalicelib.services.imports.dispatch import Dispatch
from chalicelib.services.imports.ending import Ending
from chalicelib.services.imports.jobs import Job, Jobs, Outcome, Status, new_writer
from chalicelib.services.imports.plan import Plan
from chalicelib.services.imports.report import Done, Line
from chalicelib.services.imports.source import ArchiveGone, StoredArchive
from chalicelib.services.library import items

_logger = logging.getLogger(__name__)

MAX_TRIES = 3
"""How often a worker may be lost at a file before that is left out."""

MAX_LOSSES = 20
"""How often one may be lost at an import."""

BUSY_TRIES = 5
"""How often a file is tried while others hold rows of its user's, each time for some seconds."""

LEASE_SECONDS = 120.0
_NOTE_SECONDS = 1.0
_NOTE_FILES = 10  # so many may still come after a cancel
_TELL_SECONDS = 0.5
_OURS = "It cannot be read, and that is a mistake of the server's; its log says more"
_THERE = "It is there already, under this name and byte for byte"
_GONE = "The archive is not there any more: send it again"

TimeLeft = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Parts:
    """What a worker needs."""

    jobs: Jobs
    characters: Characters
    documents: DocumentStore
    index: Index
    dispatch: Dispatch
    ending: Ending
    clock: Clock


class ImportWorker:
    """Brings on imports, in any number of turns.

    What is done is what the report says; the numbers of the import's own row are a copy.
    That row is also the lock: who finds that it has changed lets go.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def work(self, uid: str, import_id: str, *, redelivered: bool, time_left: TimeLeft) -> None:
        """Bring on an import until it has ended, or ``time_left`` (seconds) is over.

        ``redelivered`` says that whoever had the message before is lost.
        """
        taken = False
        while not taken:  # the row may change meanwhile: who sends the message notes that
            job = self._parts.jobs.find(uid, import_id)
            if job is None:
                return
            if job.has_ended:
                self._parts.ending.clear_away(uid, import_id)
                return
            if job.is_held(self._parts.clock.now()) and not redelivered:
                return
            taken = self._take(job, time_left)

    def _take(self, job: Job, time_left: TimeLeft) -> bool:
        """Bring on an import that nobody holds; False if its row has changed meanwhile."""
        parts = self._parts
        try:
            source = StoredArchive.of(parts.documents, job.key)
            plan = Plan.of(source)
        except ArchiveGone:
            return parts.ending.end(job, "error", _GONE) is not None
        except TavernError as error:
            return parts.ending.end(job, "error", error.message) is not None
        done = report.done(parts.index, job)
        left = [entry for entry in plan.files if entry.index not in done]
        left_out = [line for line in plan.left_out if line[0] not in done]
        total = len(done) + len(left) + len(left_out)
        claimed = self._claim(job, left[0].index if left else None, total, done)
        if claimed is None:
            return False
        if claimed.losses > MAX_LOSSES:
            message = f"It was given up: its worker was lost {MAX_LOSSES} times"
            return parts.ending.end(replace(claimed, writer=None), "error", message) is not None
        turn = _Turn(parts, claimed, time_left, plan.siblings, done)
        try:
            turn.bring_on(left, left_out)
        except (_LostError, ArchiveGone):
            turn.let_go()
        return True

    def _claim(
        self, job: Job, first: int | None, total: int, done: Mapping[int, Done]
    ) -> Job | None:
        """Make it ours, if it is still as it was read; its numbers are right then."""
        now = self._parts.clock.now()
        newly_lost = job.writer is not None
        was_lost = job.lost or newly_lost
        again = was_lost and job.at == first
        claimed = replace(
            job.counting(each.outcome for each in done.values()),
            status="running",
            total=total,
            started_at=job.started_at or now,
            writer=new_writer(),
            lease_until=now + LEASE_SECONDS,
            lost=False,
            losses=job.losses + newly_lost,
            at=first,
            tries=job.tries + 1 if again else 1,
        )
        return self._parts.jobs.replace(job, claimed)


class _LostError(Exception):
    """Another worker has the import, or it has ended."""


class _Turn:
    """One worker's time with an import."""

    def __init__(
        self,
        parts: Parts,
        job: Job,
        time_left: TimeLeft,
        siblings: Mapping[int, int],
        done: Mapping[int, Done],
    ) -> None:
        self._parts = parts
        self._job = job
        self._written = job
        self._time_left = time_left
        self._noted = self._told = parts.clock.now()
        self._unnoted = 0
        self._siblings = siblings
        self._became: dict[int, str | None] = {}
        self._characters: set[str] = set()
        for index, each in done.items():
            self._remember(index, each.id)
        self._there = parts.characters.made_of(job.uid)

    def bring_on(self, left: list[Entry], left_out: list[tuple[int, Line]]) -> None:
        """Keep what is left; ``_LostError``, ``ArchiveGone``."""
        self._parts.ending.tell(self._job)
        for index, line in left_out:
            self._report(index, line)
        for entry in left:
            if self._time_left() <= 0:
                self._note()
                self._parts.dispatch.hand_over(self._written)
                return
            problem = self._keep(entry)
            if problem is not None:
                self._end("error", problem)
                return
            self._go_on()
        self._end("complete")

    def let_go(self) -> None:
        """It was cancelled, mostly: have its row tell what was done, and that nobody is at it."""
        job = self._job
        now = self._parts.jobs.find(job.uid, job.id)
        if now is None or now.writer != job.writer:
            return
        done = report.done(self._parts.index, job).values()
        counted = now.counting(each.outcome for each in done)
        self._parts.jobs.replace(now, replace(counted, writer=None))

    def _keep(self, entry: Entry) -> str | None:
        """Keep one file; why nothing more can be kept, if that is so."""
        refused = self._refused(entry)
        if refused is not None:
            self._report(entry.index, refused)
            return None
        try:
            data = entry.read()  # that the store fails is no fault of the file's: it is raised
        except TavernError as error:
            self._report(entry.index, Line(entry.name, "failed", error=error.message))
            return None
        known_by = source(entry.name, data)
        there = self._there.get(known_by)
        if there is not None:
            self._report(entry.index, Line(entry.name, "skipped", there, error=_THERE))
            return None
        incoming = _read(entry, data, known_by)
        if isinstance(incoming, Line):
            self._report(entry.index, incoming)
            return None
        repairs = [str(repair) for repair in incoming.repairs]
        name = incoming.filled().name

        def line(character_id: str, was_there: bool) -> Line:
            outcome: Outcome = "merged" if was_there else "created"
            return Line(entry.name, outcome, character_id, name, repairs)

        def changes(character_id: str, was_there: bool) -> tuple[Put]:
            made = line(character_id, was_there).entry(self._job, entry.index)
            return (Put(made, if_absent=True),)

        seed = f"{self._job.id}/{entry.index}"
        once = Once(
            items.new_id(self._job.submitted_at, seed),
            changes,
            sibling=self._sibling(entry),
            apart=self._characters,
        )
        try:
            kept = self._added(incoming, once)
        except ConditionFailed:
            self._count_what_another_did(entry.index)
        except TooLarge as error:
            self._report(entry.index, Line(entry.name, "failed", error=error.message))
            return error.message
        except TavernError as error:
            self._report(entry.index, Line(entry.name, "failed", error=error.message))
        else:
            self._there[known_by] = kept.item.id
            self._remember(entry.index, kept.item.id)
            self._count("merged" if kept.merged else "created")
        return None

    def _added(self, incoming: Incoming, once: Once) -> Kept:
        """Keep it. All that is written for a user meets at one row: what it waits for passes."""
        for _ in range(BUSY_TRIES - 1):
            try:
                return self._parts.characters.add(self._job.uid, incoming, once=once)
            except ConditionFailed:
                raise
            except Conflict:
                continue
        return self._parts.characters.add(self._job.uid, incoming, once=once)

    def _refused(self, entry: Entry) -> Line | None:
        """What becomes of a file that is not even read."""
        if entry.size > MAX_FILE_BYTES:
            error = f"The file has {entry.size} bytes; at most {MAX_FILE_BYTES} are allowed"
            return Line(entry.name, "failed", error=error)
        if entry.index == self._job.at and self._job.tries > MAX_TRIES:
            error = f"It was given up: the worker was lost at this file {MAX_TRIES} times"
            return Line(entry.name, "failed", error=error)
        return None

    def _sibling(self, entry: Entry) -> Sibling | None:
        """What is known of the file that belongs to this one; None if it has none to wait for."""
        index = self._siblings.get(entry.index)
        if index is None:
            return None
        if index not in self._became:
            return Sibling(None)
        became = self._became[index]
        return None if became is None else Sibling(became)

    def _report(self, index: int, line: Line) -> None:
        try:
            made = line.entry(self._job, index)
            self._parts.index.write(Put(made, if_absent=True))
        except ConditionFailed:
            self._count_what_another_did(index)
        else:
            self._remember(index, line.id)
            self._count(line.status)

    def _count_what_another_did(self, index: int) -> None:
        """Another worker was faster: one that was taken for lost, or has taken us for lost."""
        self._note()
        found = report.done(self._parts.index, self._job).get(index)
        if found is None:
            raise _LostError
        self._remember(index, found.id)
        self._count(found.outcome)

    def _remember(self, index: int, character_id: str | None) -> None:
        """What a file became: its sibling belongs to that, files of other folders do not."""
        self._became[index] = character_id
        if character_id is not None:
            self._characters.add(character_id)

    def _count(self, outcome: Outcome) -> None:
        self._unnoted += 1
        self._job = replace(self._job, **{outcome: getattr(self._job, outcome) + 1})

    def _go_on(self) -> None:
        """Note and tell how far it is, now and then."""
        now = self._parts.clock.now()
        if now - self._noted >= _NOTE_SECONDS or self._unnoted >= _NOTE_FILES:
            self._note()
        if now - self._told >= _TELL_SECONDS:
            self._parts.ending.tell(self._job)
            self._told = now

    def _note(self) -> None:
        """Write the numbers, and keep the lease; ``_LostError`` if the row has changed."""
        now = self._parts.clock.now()
        self._job = replace(self._job, lease_until=now + LEASE_SECONDS)
        written = self._parts.jobs.replace(self._written, self._job)
        if written is None:
            raise _LostError
        self._written = self._job = written
        self._noted, self._unnoted = now, 0

    def _end(self, status: Status, message: str | None = None) -> None:
        job = replace(self._job, raw=self._written.raw, writer=None)
        ended = self._parts.ending.end(job, status, message)
        if ended is None:
            raise _LostError
        told = {"status": ended.status, "files": ended.done, "failed": ended.failed}
        _logger.info("An import has ended", extra={"importId": ended.id, **told})


def _read(entry: Entry, data: bytes, known_by: str) -> Incoming | Line:
    """What is in a file; for one that cannot be read, what is wrong with it."""
    try:
        return Incoming.read(entry.name, data, known_by=known_by)
    except TavernError as error:
        return Line(entry.name, "failed", error=error.message)
    except Exception:  # a mistake of ours in one file is not to cost the others
        _logger.exception("A file of an import cannot be read", extra={"index": entry.index})
        return Line(entry.name, "failed", error=_OURS)
