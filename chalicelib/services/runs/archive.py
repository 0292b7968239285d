"""What remains of a run: its header and log as one document, after the hot rows expire."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any, TypeVar

from chalicelib import json_text
from chalicelib.errors import NewerFormat, NotFound
from chalicelib.ports import Batch, Clock, DocumentStore, Run, RunLog

VERSION = 1
"""Of the archived document. Runs and their batches in it have formats of their own."""

_FIRST_FORMAT = 1
_Row = TypeVar("_Row", Run, Batch)


class Archive:
    """Finds runs in the log, or in the archive once the log has let them go."""

    def __init__(
        self, documents: DocumentStore, log: RunLog, clock: Clock, *, hot_days: int
    ) -> None:
        self._documents = documents
        self._log = log
        self._clock = clock
        self._hot_seconds = hot_days * 86_400

    def store(self, prompt_id: str, *, published: int) -> None:
        """Write an ended run's document and let its hot rows expire."""
        run, batches = self._log.load(prompt_id)
        if run.expires_at is not None:
            return
        document = {
            "version": VERSION,
            "run": asdict(run),
            "batches": [asdict(item) for item in batches],
        }
        self._documents.put(_key(run.owner, prompt_id), json_text.dumps_exact(document).encode())
        expires_at = int(self._clock.now()) + self._hot_seconds
        self._log.update(prompt_id, {"expires_at": expires_at, "published": published})

    def load(self, owner: str, prompt_id: str) -> tuple[Run, list[Batch]]:
        """A run of this owner's with its log; ``NotFound`` for anyone else's, ``NewerFormat``."""
        try:
            run, batches = self._log.load(prompt_id)
        except NotFound:
            return _read(self._documents.get(_key(owner, prompt_id)).body)
        if run.owner != owner:
            raise NotFound("No such run")
        return run, batches

    def forget_expired(self) -> int:
        """Drop the hot rows that are past their time; how many."""
        return self._log.expire(self._clock.now())


def _read(body: bytes) -> tuple[Run, list[Batch]]:
    document = json_text.loads_exact(body.decode())
    if document["version"] > VERSION:
        raise NewerFormat("run")
    return _row(Run, document["run"]), [_row(Batch, item) for item in document["batches"]]


def _row(kind: type[_Row], stored: Mapping[str, Any]) -> _Row:
    """A stored row: without the fields that this version does not know."""
    known = {field.name: stored[field.name] for field in fields(kind) if field.name in stored}
    return kind(**{"format": _FIRST_FORMAT, **known})


def _key(owner: str, prompt_id: str) -> str:
    return f"runs/{owner}/{prompt_id}/run.json"
