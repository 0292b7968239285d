"""A worker's turn at a run: claim it, run what is left, tell the watchers, hand over."""

import asyncio
import logging
import uuid
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from chalicelib import json_text
from chalicelib.engine import events, graph
from chalicelib.engine.definitions import NodeTypes
from chalicelib.engine.events import RunState
from chalicelib.engine.node_run import Settings
from chalicelib.engine.plan import make_plan
from chalicelib.engine.run import Execution
from chalicelib.errors import LogMovedOn, NewerFormat, NotFound
from chalicelib.ports import Clock, DocumentStore, Metrics, Run, RunLog
from chalicelib.services.connections import Connections
from chalicelib.services.frames import batch_frames, event_batch, state_of
from chalicelib.services.runs.broadcast import RunBroadcast
from chalicelib.services.runs.dispatch import Dispatch
from chalicelib.services.runs.ending import Ending
from chalicelib.services.runs.journal import Commit, RunJournal
from chalicelib.services.runs.node_times import TimedJournal
from chalicelib.services.runs.secrets import OpenCredential, RunSecrets, none_stored
from chalicelib.services.runs.spill import Spill
from chalicelib.services.tally import Tally

_logger = logging.getLogger(__name__)
_LEASE_SECONDS = 30.0
_HEARTBEAT_SECONDS = 10.0
_LOOK_SECONDS = 0.5
_NODE_THREADS = 64
# How late a deferred message may come before the sweeper sends another.
_DEFERRED_GRACE_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Parts:
    """What a runner works with."""

    log: RunLog
    documents: DocumentStore
    dispatch: Dispatch
    connections: Connections
    ending: Ending
    types: NodeTypes
    clock: Clock
    metrics: Metrics
    open_credential: OpenCredential = none_stored


@dataclass(frozen=True, slots=True)
class _Claim:
    """A run that is ours: its state with our claim in it, and frames that nobody may have got."""

    run: Run
    state: RunState
    writer: str
    unsent: list[str]


class Runner:
    """Takes runs from messages, one at a time."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        # Left-over threads of cancelled nodes must not hold up the end of a run,
        # so the pool outlives the runs.
        self._threads = ThreadPoolExecutor(_NODE_THREADS, thread_name_prefix="node")

    def run(
        self,
        prompt_id: str,
        *,
        redelivered: bool,
        time_left: Callable[[], float],
        published: int = 0,
        deferred: int = 0,
    ) -> None:
        """Bring a run on while there is time left (seconds), then hand it over.

        ``time_left`` is asked twice a second: whoever stops a worker may shorten
        it. ``redelivered`` means that an earlier delivery of the same message was
        not finished: its worker is gone, whatever its lease says. ``published``
        is what the message says of it; the header may not know yet. A run that only
        a newer version can read is left to one; ``deferred`` is how often it was.
        """
        tally = Tally()
        try:
            claim = self._claim(
                prompt_id, tally, redelivered=redelivered, published=published, deferred=deferred
            )
            if claim is not None:
                asyncio.run(_Turn(self._parts, self._threads, time_left, claim, tally).take())
        finally:
            self._parts.metrics.report(tally.measurements(), prompt_id=prompt_id)

    def _claim(
        self, prompt_id: str, tally: Tally, *, redelivered: bool, published: int, deferred: int
    ) -> _Claim | None:
        parts = self._parts
        while True:
            try:
                run, batches = parts.log.load(prompt_id)
            except NotFound:
                _logger.warning("A message names a run that is gone", extra={"run": prompt_id})
                return None
            run = replace(run, published=max(run.published, published))
            held = run.writer is not None and run.lease_until > parts.clock.now()
            try:
                state = state_of(run, batches)
            except NewerFormat:
                if redelivered or not held:
                    self._defer(run, deferred)
                return None
            if state.ended:
                parts.ending.conclude_from_log(run, state.status, state.sequence, tally)
                return None
            if held and not redelivered:
                return None
            writer = uuid.uuid4().hex
            running = events.status("running")
            batch = event_batch(state.sequence + 1, running, writer)
            try:
                parts.log.append(prompt_id, batch)
            except LogMovedOn:
                tally.append_conflicts += 1
                continue
            tally.appended(batch.count)
            if state.status == "queued":  # nobody has claimed it before
                tally.started(submitted_at=run.submitted_at, now=parts.clock.now())
            unsent = batch_frames(prompt_id, [*batches, batch], run.published)
            return _Claim(run, events.fold([running], state), writer, unsent)

    def _defer(self, run: Run, deferred: int) -> None:
        """Leave a run to a worker of a newer version, and see that the sweeper does, too."""
        if run.expires_at is not None:  # it has ended, and nothing is left to do
            return
        parts = self._parts
        seconds = parts.dispatch.send_later(run, published=run.published, deferred=deferred)
        until = parts.clock.now() + seconds + _DEFERRED_GRACE_SECONDS
        parts.log.update(run.prompt_id, {"writer": None, "lease_until": until})
        fields = {"run": run.prompt_id, "seconds": seconds}
        _logger.warning("A run is left to a newer version", extra=fields)


class _Turn:
    """One worker's turn at one run, on an event loop of its own."""

    def __init__(
        self,
        parts: Parts,
        threads: Executor,
        time_left: Callable[[], float],
        claim: _Claim,
        tally: Tally,
    ) -> None:
        self._parts = parts
        self._threads = threads
        self._time_left = time_left
        self._claim = claim
        self._tally = tally
        self._run = run = claim.run
        # One thread commits, one publishes: each keeps its order, neither waits for the other.
        self._committing = ThreadPoolExecutor(1, thread_name_prefix="commit")
        self._publishing = ThreadPoolExecutor(1, thread_name_prefix="publish")
        self._publications: list[asyncio.Future[None]] = []
        self._spill = Spill(parts.documents, run.owner, run.prompt_id)
        self._broadcast = RunBroadcast(parts.connections, parts.log, run, tally)

    async def take(self) -> None:
        """Run to the end, while there is time, or until the run is someone else's.

        Raises what the stores raise; the message is delivered again then.
        """
        with self._committing, self._publishing:
            self._start_lease()
            self._publish(self._open)
            journal = RunJournal(
                self._parts.log,
                self._spill,
                self._committing,
                prompt_id=self._run.prompt_id,
                writer=self._claim.writer,
                sequence=self._claim.state.sequence,
                tally=self._tally,
                on_commit=self._on_commit,
            )
            ended = await self._work(journal)
            await asyncio.gather(*self._publications)
            if not ended:
                loop = asyncio.get_running_loop()
                await loop.run_in_executor(self._publishing, self._leave)

    async def _work(self, journal: RunJournal) -> bool:
        """Run and watch until one of them is over; did the run end by us?"""
        running = asyncio.create_task(self._execute(journal))
        watching = asyncio.create_task(self._watch(journal))
        try:
            over, _ = await asyncio.wait(
                {running, watching, journal.lost}, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            running.cancel()
            watching.cancel()
            await asyncio.wait({running, watching})
        await journal.drain()
        for task in over:
            task.result()
        return running in over

    async def _execute(self, journal: RunJournal) -> None:
        state = self._claim.state
        payload = self._payload()
        if state.nodes:
            await asyncio.to_thread(self._spill.restore, state)
        plan = make_plan(graph.parse(payload), self._parts.types)
        run = self._run
        secrets = RunSecrets(run.owner, self._parts.open_credential)
        settings = Settings(run.owner, run.prompt_id, secrets.credential, secrets.redaction)
        timed = TimedJournal(journal)
        try:
            await Execution(plan, state, timed, self._threads, settings).run()
        finally:
            self._tally.node_seconds = timed.seconds()
        await journal.drain()
        if journal.lost.done():
            await asyncio.Event().wait()  # the end is not ours: be cancelled

    def _payload(self) -> Any:
        text = self._run.payload
        if text is None:
            text = self._parts.documents.get(self._run.payload_key or "").body.decode()
        return json_text.loads_exact(text)

    async def _watch(self, journal: RunJournal) -> None:
        """Keep the lease, see who is there and who else writes; returns when time is up."""
        loop = asyncio.get_running_loop()
        heartbeat_at = loop.time() + _HEARTBEAT_SECONDS
        while self._time_left() > 0:
            await asyncio.sleep(_LOOK_SECONDS)
            await loop.run_in_executor(self._publishing, self._broadcast.look)
            if await loop.run_in_executor(self._committing, self._overtaken, journal):
                return
            if loop.time() >= heartbeat_at:
                heartbeat_at += _HEARTBEAT_SECONDS
                await loop.run_in_executor(self._publishing, self._heartbeat)

    def _overtaken(self, journal: RunJournal) -> bool:
        tail = self._parts.log.tail(self._run.prompt_id, journal.committed)
        return any(batch.writer != self._claim.writer for batch in tail)

    def _start_lease(self) -> None:
        now = self._parts.clock.now()
        changes: dict[str, Any] = {
            "status": "running",
            "writer": self._claim.writer,
            "lease_until": now + _LEASE_SECONDS,
            "attempts": self._run.attempts + 1,
        }
        if self._run.started_at is None:
            changes["started_at"] = int(now * 1000)
        self._parts.log.update(self._run.prompt_id, changes)

    def _heartbeat(self) -> None:
        lease = self._parts.clock.now() + _LEASE_SECONDS
        changes = {"lease_until": lease, "published": self._broadcast.published}
        self._parts.log.update(self._run.prompt_id, changes)

    def _open(self) -> None:
        """Look who is there; send what a lost worker may not have sent, and our claim."""
        self._broadcast.look()
        self._broadcast.send(self._run.published + 1, self._claim.unsent)

    def _on_commit(self, commit: Commit) -> None:
        if commit.ending is None:
            self._publish(self._broadcast.send, commit.first, commit.frames)
        else:
            self._publish(
                self._parts.ending.conclude,
                self._run,
                commit.ending,
                self._broadcast,
                commit.first,
                commit.frames,
            )

    def _publish(self, call: Callable[..., None], *arguments: Any) -> None:
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(self._publishing, call, *arguments)
        self._publications = [item for item in self._publications if not _succeeded(item)]
        self._publications.append(future)

    def _leave(self) -> None:
        """Conclude a run that was interrupted, hand over one that has not ended."""
        run, batches = self._parts.log.load(self._run.prompt_id)
        try:
            state = state_of(run, batches)
        except NewerFormat:
            # A newer worker took it over, or a newer API ended it: a newer worker will see which.
            self._parts.dispatch.send_later(run, published=self._broadcast.published)
            return
        if state.ended:
            ending = self._parts.ending
            ending.conclude_from_log(
                run, state.status, state.sequence, self._tally, self._broadcast
            )
        elif batches[-1].writer == self._claim.writer:
            self._parts.dispatch.hand_over(run, published=self._broadcast.published)


def _succeeded(future: "asyncio.Future[None]") -> bool:
    return future.done() and not future.cancelled() and future.exception() is None
