"""Imports of libraries, as the API offers them."""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chalicelib.cards.archives import Source
from chalicelib.errors import Conflict, NotFound, TavernError
from chalicelib.ports import DocumentStore, Index
from chalicelib.schemas.character_imports import LibraryUpload, UploadedLibrary
from chalicelib.schemas.parsing import parse
from chalicelib.services.imports import report
from chalicelib.services.imports.dispatch import Dispatch
from chalicelib.services.imports.ending import Ending
from chalicelib.services.imports.jobs import Job, Jobs
from chalicelib.services.imports.plan import Plan
from chalicelib.services.imports.report import ReportPage
from chalicelib.services.imports.source import ArchiveGone, StoredArchive
from chalicelib.services.uploads import OfferedUploads, Purpose

MAX_BYTES = 256 * 1024 * 1024
ZIP = "application/zip"
LIBRARY = Purpose(
    "library", MAX_BYTES, (ZIP, "application/x-zip-compressed", "application/octet-stream")
)

_ID_BYTES = 11


@dataclass(frozen=True, slots=True)
class Parts:
    """What imports need."""

    jobs: Jobs
    documents: DocumentStore
    index: Index
    uploads: OfferedUploads
    dispatch: Dispatch
    ending: Ending
    max_request_bytes: int


class Imports:
    """The imports of all users; everyone sees his own. ``max_request_bytes`` fit a request."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.max_request_bytes = parts.max_request_bytes

    def offer(self, uid: str, body: object) -> dict[str, Any]:
        """Where an archive of ``{size, mediaType?}`` can be sent; the errors of an offer."""
        wanted = parse(LibraryUpload, body)
        return self._parts.uploads.offer(uid, LIBRARY, wanted.size, wanted.media_type or ZIP)

    def start(self, uid: str, data: bytes) -> Job:
        """Import an archive; ``BrokenArchive``, ``TooLarge``, ``TooManyRequests``."""
        total = Plan.of(data).total
        job = self._parts.jobs.open(uid, secrets.token_hex(_ID_BYTES), total)
        self._parts.documents.put(job.key, data, content_type=ZIP)
        self._parts.dispatch.send(job)
        return job

    def start_from_upload(self, uid: str, body: object) -> Job:
        """Import the archive that was sent to ``{uploadId}``; asked again it is the same import.

        ``NotFound``, and the errors of ``start``: what is no archive goes.
        """
        upload_id = parse(UploadedLibrary, body).upload_id
        import_id = _id_of(uid, upload_id)
        job = self._parts.jobs.find(uid, import_id)
        if job is None or (job.status == "queued" and job.sent_at is None):
            job = self._take_over(uid, upload_id, import_id)
        self._parts.uploads.forget(uid, upload_id)
        return job

    def list(self, uid: str) -> list[Job]:
        """A user's imports of the last 30 days, the newest first."""
        return self._parts.jobs.of(uid)

    def get(self, uid: str, import_id: str) -> Job:
        """An import; ``NotFound``. One read."""
        return self._parts.jobs.get(uid, import_id)

    def report(self, uid: str, import_id: str, cursor: str | None) -> ReportPage:
        """What became of its files, a page of it; ``NotFound``, ``InvalidInput``."""
        self._parts.jobs.get(uid, import_id)
        return report.page(self._parts.index, uid, import_id, cursor)

    def cancel(self, uid: str, import_id: str) -> Job:
        """End an import; what it has brought stays. ``NotFound``; ``Conflict`` if it has ended."""
        while True:
            job = self._parts.jobs.get(uid, import_id)
            if job.has_ended:
                raise Conflict("The import has ended")
            ended = self._parts.ending.end(job, "cancelled")
            if ended is not None:
                return ended

    def _take_over(self, uid: str, upload_id: str, import_id: str) -> Job:
        sent = self._parts.uploads.sent(uid, LIBRARY, upload_id)
        try:
            source = StoredArchive.of(self._parts.documents, sent)
        except ArchiveGone:
            raise NotFound("Nothing was sent to this upload yet") from None
        total = self._checked(source, lambda: self._parts.uploads.forget(uid, upload_id))
        job = self._parts.jobs.open(uid, import_id, total)
        self._parts.documents.copy(sent, job.key)
        self._parts.dispatch.send(job)
        return job

    def _checked(self, source: Source, forget: Callable[[], None]) -> int:
        """How many files there are to import."""
        try:
            return Plan.of(source).total
        except TavernError:
            forget()
            raise


def _id_of(uid: str, upload_id: str) -> str:
    digest = hashlib.blake2b(f"{uid}/{upload_id}".encode(errors="replace"), digest_size=_ID_BYTES)
    return digest.hexdigest()
