"""The product's services over the embedded family in memory, joined as the container does."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.adapters.embedded.database import Database
from chalicelib.adapters.embedded.documents import EmbeddedDocuments
from chalicelib.adapters.embedded.index import EmbeddedIndex
from chalicelib.adapters.embedded.queue import EmbeddedQueue
from chalicelib.adapters.embedded.run_log import EmbeddedRunLog
from chalicelib.engine.definitions import Context, Inputs, NodeTypes
from chalicelib.ports import Connection, DocumentStore, Index, Message, Queue, RunLog
from chalicelib.services.callers import Caller
from chalicelib.services.connections import Connections
from chalicelib.services.runs.archive import Archive
from chalicelib.services.runs.dispatch import Dispatch, deferred_of, prompt_id_of, published_of
from chalicelib.services.runs.ending import Ending
from chalicelib.services.runs.executions import Executions, Limits
from chalicelib.services.runs.runner import Parts, Runner
from chalicelib.services.runs.sweeper import Sweeper
from tests.clock import ManualClock
from tests.metrics import MetricsInMemory
from tests.sockets import SocketsInMemory

ADA = "ada"
PLENTY = 840.0


class Gate:
    """A node that waits to be let through, and gives on its input ``a``."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.open = threading.Event()

    def code(self, inputs: Inputs, _context: Context) -> dict[str, Any]:
        """Says that it was entered, and waits."""
        self.entered.set()
        assert self.open.wait(timeout=30)
        return {"out": inputs.get("a", 0)}


@dataclass
class World:
    """Everything a run meets on its way."""

    clock: ManualClock
    log: RunLog
    documents: DocumentStore
    index: Index
    queue: Queue
    sockets: SocketsInMemory
    connections: Connections
    archive: Archive
    ending: Ending
    dispatch: Dispatch
    executions: Executions
    sweeper: Sweeper
    types: NodeTypes
    metrics: MetricsInMemory

    def runner(self) -> Runner:
        """A worker of its own."""
        return Runner(
            Parts(
                log=self.log,
                documents=self.documents,
                dispatch=self.dispatch,
                connections=self.connections,
                ending=self.ending,
                types=self.types,
                clock=self.clock,
                metrics=self.metrics,
            )
        )

    def connect(self, connection_id: str, uid: str = ADA, *, batched: bool = False) -> Connection:
        """A socket of a user's opens."""
        connection = Connection(connection_id, "https://example/api", batched=batched)
        self.connections.register(Caller(uid, uid, is_admin=False), connection)
        return connection

    def submit(self, body: Mapping[str, Any], uid: str = ADA) -> str:
        """Submit a workflow over HTTP."""
        return self.executions.submit(uid, dict(body))

    def work(self, *, seconds: float = PLENTY) -> int:
        """Deliver messages to one worker until none is visible; how many."""
        runner = self.runner()
        count = 0
        while (message := self.queue.receive()) is not None:
            self.deliver(message, runner, seconds=seconds)
            count += 1
        return count

    def deliver(self, message: Message, runner: Runner, *, seconds: float = PLENTY) -> None:
        """One delivery, as the event source makes it."""
        runner.run(
            prompt_id_of(message.body),
            redelivered=message.receive_count > 1,
            time_left=lambda: seconds,
            published=published_of(message.body),
            deferred=deferred_of(message.body),
        )
        self.queue.delete(message.receipt)


def make_world(types: NodeTypes, database: Database, **limits: int) -> World:
    """A world on a database; the caller closes that."""
    clock = ManualClock()
    log = EmbeddedRunLog(database, clock)
    documents = EmbeddedDocuments(database, clock)
    index = EmbeddedIndex(database, clock)
    queue = EmbeddedQueue(
        database, clock, "runs", visibility_timeout=60, max_receives=5, dead_letter="dead"
    )
    return join_world(types, clock, log, documents, index, queue, **limits)


def join_world(
    types: NodeTypes,
    clock: ManualClock,
    log: RunLog,
    documents: DocumentStore,
    index: Index,
    queue: Queue,
    **limits: int,
) -> World:
    """A world over any family of adapters."""
    sockets = SocketsInMemory()
    metrics = MetricsInMemory()
    connections = Connections(index, sockets, clock, metrics)
    archive = Archive(documents, log, clock, hot_days=7)
    ending = Ending(log, archive, connections, clock)
    dispatch = Dispatch(queue, log)
    executions = Executions(
        log=log,
        documents=documents,
        dispatch=dispatch,
        connections=connections,
        archive=archive,
        ending=ending,
        clock=clock,
        metrics=metrics,
        limits=Limits(**{"concurrent_runs": 2, **limits}),
    )
    sweeper = Sweeper(
        log=log,
        lapsing=[index],
        dispatch=dispatch,
        archive=archive,
        ending=ending,
        clock=clock,
        metrics=metrics,
        max_attempts=5,
    )
    return World(
        clock,
        log,
        documents,
        index,
        queue,
        sockets,
        connections,
        archive,
        ending,
        dispatch,
        executions,
        sweeper,
        types,
        metrics,
    )
