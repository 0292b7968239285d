"""Submitting runs, listing, reading and interrupting them."""

import hashlib
import json
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

from chalicelib import json_text
from chalicelib.engine import events, graph, validate
from chalicelib.errors import (
    Conflict,
    InvalidInput,
    LogMovedOn,
    NotFound,
    TooLarge,
    TooManyRequests,
)
from chalicelib.ports import (
    Batch,
    Clock,
    Connection,
    DocumentStore,
    Idempotency,
    Metrics,
    Run,
    RunLog,
)
from chalicelib.schemas.executions import ExecutionPayload, as_json, parse_payload
from chalicelib.schemas.parsing import MAX_FIELDS
from chalicelib.services.connections import Connections
from chalicelib.services.frames import batch_events, batch_frames, event_batch, state_of
from chalicelib.services.runs import view as run_view
from chalicelib.services.runs.archive import Archive
from chalicelib.services.runs.dispatch import Dispatch
from chalicelib.services.runs.ending import Ending
from chalicelib.services.runs.spill import Spill
from chalicelib.services.runs.statistics import queue_numbers
from chalicelib.services.tally import Tally

_INLINE_PAYLOAD_BYTES = 16 * 1024
_IDEMPOTENCY_SECONDS = 24 * 3600
# No user's own limit is lower (``accounts/quotas``): below it nobody looks it up.
_FEW_RUNS = 10
_PROMPT_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one user may ask for. ``concurrent_runs`` run at a time; more wait.

    ``active_runs`` wait or run.
    """

    concurrent_runs: int
    queued_runs: int = 1000
    active_runs: int = 1200
    payload_bytes: int = 4 * 1024 * 1024


class OwnLimits(Protocol):
    """Knows which limit a user has."""

    def limit(self, uid: str, name: str) -> int | None: ...


class Executions:
    """The runs of all users; everyone sees his own."""

    def __init__(
        self,
        *,
        log: RunLog,
        documents: DocumentStore,
        dispatch: Dispatch,
        connections: Connections,
        archive: Archive,
        ending: Ending,
        clock: Clock,
        metrics: Metrics,
        limits: Limits,
        own_limits: OwnLimits | None = None,
    ) -> None:
        self._log = log
        self._documents = documents
        self._dispatch = dispatch
        self._connections = connections
        self._archive = archive
        self._ending = ending
        self._clock = clock
        self._metrics = metrics
        self._limits = limits
        self._own_limits = own_limits

    def submit(
        self,
        owner: str,
        body: object,
        *,
        idempotency_key: str | None = None,
        accepted: Callable[[str], None] = lambda _prompt_id: None,
    ) -> str:
        """Queue a workflow and return its prompt id; it is durable then.

        ``accepted`` is called with the prompt id before any event of the run
        can be seen. Raises ``InvalidInput`` (malformed, duplicate ids, cycles),
        ``TooLarge``, ``TooManyRequests``, or ``Conflict`` when the idempotency
        key was used with another body.
        """
        payload = _valid_payload(body)
        text = as_json(payload)
        if len(text) > self._limits.payload_bytes:
            limit = self._limits.payload_bytes
            raise TooLarge(f"The workflow has {len(text)} bytes; at most {limit} are allowed")
        waits = self._check_queue(owner)
        run, payload_key = self._new_run(owner, payload, text)
        claimed = _idempotency(run, idempotency_key, payload, self._clock.now())
        if payload_key is not None:
            self._documents.put(payload_key, text)
        batch = _queued_batch() if waits else None
        existing = self._log.create(run, batch, claimed)
        if existing is not None:
            if payload_key is not None:
                self._documents.purge(payload_key)
            if claimed is None or existing.digest != claimed.digest:
                raise Conflict("This Idempotency-Key was used with another body")
            accepted(existing.prompt_id)
            return existing.prompt_id
        accepted(run.prompt_id)
        if batch is not None:
            self._connections.send_to_user(owner, batch_frames(run.prompt_id, [batch], 0))
        self._dispatch.send(run, published=0 if batch is None else batch.last)
        return run.prompt_id

    def status(self, owner: str, prompt_id: str) -> dict[str, Any]:
        """The PromptStatusResponse of a run, while it lasts and after; ``NotFound``."""
        _check_prompt_id(prompt_id)
        run, batches = self._archive.load(owner, prompt_id)
        state = state_of(run, batches)
        text = run.payload
        if text is None:
            text = self._documents.get(run.payload_key or "").body.decode()
        return run_view.status(run, state, graph.parse(json_text.loads_exact(text)))

    def value(self, owner: str, prompt_id: str, digest: str) -> str:
        """A large value that a run's events refer to, as JSON text; ``NotFound``."""
        _check_prompt_id(prompt_id)
        return Spill(self._documents, owner, prompt_id).read(digest)

    def list(self, owner: str | None) -> dict[str, list[dict[str, Any]]]:
        """Running and pending runs of one owner, or (None) of all."""
        active = self._log.active(owner)
        return {
            "running": [run_view.info(run) for run in active if run.status == "running"],
            "pending": [run_view.info(run) for run in active if run.status != "running"],
        }

    def statistics(self, owner: str) -> dict[str, int]:
        """How many run at a time, and the caller's own running and waiting ones."""
        limit = {"maxConcurrentWorkflows": self._limits.concurrent_runs}
        return limit | queue_numbers(self._log, owner)

    def interrupt(self, owner: str, prompt_id: str) -> None:
        """End a run; ``NotFound`` if it is unknown, over, or someone else's.

        Interrupting only appends. The worker that holds the run meets the
        record and sends the last frames; without one they are sent here.
        """
        _check_prompt_id(prompt_id)
        while True:
            run, batches = self._log.load(prompt_id)
            if run.owner != owner or (state := state_of(run, batches)).ended:
                raise NotFound("No such run is queued or running")
            ended = events.status("interrupted")
            batch = event_batch(state.sequence + 1, ended, f"interrupt-{uuid.uuid4().hex}")
            try:
                self._log.append(prompt_id, batch)
            except LogMovedOn:
                continue
            self._conclude_interrupted(run, batch)
            return

    def follow(self, owner: str, prompt_id: str, connection: Connection, after: int) -> None:
        """Send a socket what a run's log holds past ``after``, and see that the rest follows.

        The wish is noted before the log is read: a run that has not ended by
        then is ended by someone who reads the note first. ``NotFound``.
        """
        _check_prompt_id(prompt_id)
        if self._is_hot(owner, prompt_id):
            self._connections.follow(prompt_id, connection.id, after)
        _, batches = self._archive.load(owner, prompt_id)
        self._connections.send(connection, batch_frames(prompt_id, batches, after))
        position = max((batch.last for batch in batches), default=0)
        if position > after and not _has_ended(batches):
            # Spares the socket most of what it would get from the worker again.
            self._connections.follow(prompt_id, connection.id, position)

    def _conclude_interrupted(self, run: Run, ended: Batch) -> None:
        tally = Tally()
        tally.appended(ended.count, "interrupted")
        held = run.writer is not None and run.lease_until > self._clock.now()
        try:
            if not held:
                self._ending.conclude_from_log(run, "interrupted", ended.last, tally)
        finally:
            self._metrics.report(tally.measurements(), prompt_id=run.prompt_id)

    def _is_hot(self, owner: str, prompt_id: str) -> bool:
        """Is it a run of this owner's that the log still holds?"""
        try:
            return self._log.header(prompt_id).owner == owner
        except NotFound:
            return False

    def _check_queue(self, owner: str) -> bool:
        """Will a new run of this user wait? ``TooManyRequests`` if too many do already."""
        numbers = queue_numbers(self._log, owner)
        active = numbers["runningExecutions"] + numbers["pendingExecutions"]
        for name, counted, most, what in (
            ("queuedRuns", numbers["pendingExecutions"], self._limits.queued_runs, "waiting"),
            ("activeRuns", active, self._limits.active_runs, "waiting or running"),
        ):
            if self._own_limits is not None and counted >= _FEW_RUNS:
                most = self._own_limits.limit(owner, name) or most
            if counted >= most:
                details = {name: [f"at most {most} may be {what}"]}
                raise TooManyRequests(f"{counted} runs are {what} already", details)
        return active >= self._limits.concurrent_runs

    def _new_run(
        self, owner: str, payload: ExecutionPayload, text: bytes
    ) -> tuple[Run, str | None]:
        prompt_id = str(uuid.uuid4())
        inline = len(text) <= _INLINE_PAYLOAD_BYTES
        key = None if inline else f"runs/{owner}/{prompt_id}/payload.json"
        run = Run(
            prompt_id=prompt_id,
            owner=owner,
            status="queued",
            submitted_at=int(self._clock.now() * 1000),
            payload=text.decode() if inline else None,
            payload_key=key,
            workflow_name=_workflow_name(payload),
        )
        return run, key


def _check_prompt_id(prompt_id: str) -> None:
    """``NotFound`` for what we never gave out, before a store has to make sense of it."""
    if not _PROMPT_ID.match(prompt_id):
        raise NotFound("No such run")


def _valid_payload(body: object) -> ExecutionPayload:
    payload = parse_payload(body)
    problems = validate.problems(payload, graph.parse(payload))
    if problems:
        first = next(iter(problems))
        details = dict(islice(problems.items(), MAX_FIELDS))
        raise InvalidInput(f"Node {first}: {problems[first][0]}", details)
    return payload


def _queued_batch() -> Batch:
    return event_batch(1, events.status("queued"), "submit")


def _has_ended(batches: list[Batch]) -> bool:
    return bool(batches) and events.fold(batch_events(batches[-1])[-1:]).ended


def _idempotency(
    run: Run, key: str | None, payload: ExecutionPayload, now: float
) -> Idempotency | None:
    if key is None:
        return None
    if not 1 <= len(key) <= 255 or not key.isascii() or not key.isprintable():
        raise InvalidInput.field("Idempotency-Key", "1 to 255 printable ASCII characters")
    canonical = json.dumps(payload, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    expires_at = int(now) + _IDEMPOTENCY_SECONDS
    return Idempotency(run.owner, key, digest, run.prompt_id, expires_at)


def _workflow_name(payload: ExecutionPayload) -> str | None:
    metadata = payload.get("metadata") or {}
    for key in ("workflowName", "name"):
        name = metadata.get(key)
        if isinstance(name, str) and name.strip():
            return name.strip()[:200]
    return None
