"""Where the parts are joined: the one module that knows which adapter stands behind a port.

Every part is made on first use and kept for the life of the process. Imports
happen inside the functions where not every process needs them: of the other
family of adapters, of what only the API uses (pydantic takes longer to import
than a small run takes to run), and of the engine, which only a worker uses.
"""

import threading
import uuid
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from chalicelib.adapters.clock import SystemClock
from chalicelib.nodes.registry import Registry
from chalicelib.ports import (
    Clock,
    DocumentStore,
    Entry,
    Index,
    Metrics,
    Publisher,
    Put,
    Queue,
    RunLog,
)
from chalicelib.services.callers import Callers
from chalicelib.services.connections import Connections
from chalicelib.services.runs.archive import Archive
from chalicelib.services.runs.dispatch import Dispatch
from chalicelib.services.runs.ending import Ending
from chalicelib.services.runs.sweeper import Sweeper
from chalicelib.settings import Settings

if TYPE_CHECKING:
    from chalicelib.adapters.embedded.database import Database
    from chalicelib.services.library.index_repair import IndexRepair
    from chalicelib.services.library.projects import Projects
    from chalicelib.services.library.recycle_bin import RecycleBin
    from chalicelib.services.library.templates import Templates
    from chalicelib.services.library.workflows import Workflows
    from chalicelib.services.operations.runs import RunOperations
    from chalicelib.services.runs.executions import Executions
    from chalicelib.services.runs.runner import Runner

MAX_RECEIVES = 5
_VISIBILITY_SECONDS = 60
_HOT_DAYS = 7
_GENERATION = ("nodes", "generation")
_SHIPPED_TEMPLATES = Path(__file__).parent / "templates"

Part = TypeVar("Part")
_made: dict[str, Any] = {}
_opened: list[Callable[[], None]] = []
_making = threading.RLock()


def part(make: Callable[[], Part]) -> Callable[[], Part]:
    """Make it once, on first use, whatever thread asks."""

    @wraps(make)
    def get() -> Part:
        name = make.__name__
        if name not in _made:
            with _making:
                if name not in _made:
                    _made[name] = make()
        made: Part = _made[name]
        return made

    return get


@part
def settings() -> Settings:
    """What the environment says."""
    return Settings.read()


@part
def clock() -> Clock:
    """The system's time."""
    return SystemClock()


@part
def database() -> "Database":
    """The one file of the embedded family; ``DatabaseUnusable``."""
    from chalicelib.adapters.embedded.database import Database

    directory = settings().data_dir
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    opened = Database(directory / "tavern.db")
    _opened.append(opened.close)
    return opened


@part
def documents() -> DocumentStore:
    """The objects: the truth of projects, workflows and ended runs."""
    if settings().backend == "embedded":
        from chalicelib.adapters.embedded.documents import EmbeddedDocuments

        return EmbeddedDocuments(database(), clock())
    from chalicelib.adapters.aws.documents import S3Documents

    return S3Documents(settings().bucket)


@part
def index() -> Index:
    """The lists."""
    if settings().backend == "embedded":
        from chalicelib.adapters.embedded.index import EmbeddedIndex

        return EmbeddedIndex(database(), clock())
    from chalicelib.adapters.aws.index import DynamoIndex

    return DynamoIndex(settings().resource("library"), clock())


@part
def run_log() -> RunLog:
    """The logs of runs."""
    if settings().backend == "embedded":
        from chalicelib.adapters.embedded.run_log import EmbeddedRunLog

        return EmbeddedRunLog(database(), clock())
    from chalicelib.adapters.aws.run_log import DynamoRunLog

    return DynamoRunLog(settings().resource("executions"), clock())


@part
def queue() -> Queue:
    """Runs on their way to a worker."""
    return _queue("runs", "runs-dead")


@part
def dead_letters() -> Queue:
    """Runs that were tried too often."""
    return _queue("runs-dead", None)


def _queue(name: str, dead_letter: str | None) -> Queue:
    if settings().backend == "embedded":
        from chalicelib.adapters.embedded.publisher import EmbeddedPublisher
        from chalicelib.adapters.embedded.queue import EmbeddedQueue

        hub = publisher()
        return EmbeddedQueue(
            database(),
            clock(),
            name,
            visibility_timeout=_VISIBILITY_SECONDS,
            max_receives=MAX_RECEIVES,
            dead_letter=dead_letter,
            wake=hub.wake if isinstance(hub, EmbeddedPublisher) else None,
        )
    from chalicelib.adapters.aws.queue import SqsQueue

    return SqsQueue(settings().resource(name))


@part
def publisher() -> Publisher:
    """The way to the sockets."""
    if settings().backend == "embedded":
        from chalicelib.adapters.embedded.publisher import EmbeddedPublisher

        hub = EmbeddedPublisher(settings().hub or "")
        _opened.append(hub.disconnect)
        return hub
    from chalicelib.adapters.aws.publisher import GatewayPublisher

    return GatewayPublisher()


@part
def metrics() -> Metrics:
    """Where what is measured goes."""
    if settings().backend == "embedded":
        from chalicelib.adapters.embedded.metrics import LogMetrics

        return LogMetrics()
    from chalicelib.adapters.aws.metrics import EmfMetrics

    return EmfMetrics(settings().stage, clock())


@part
def registry() -> Registry:
    """The node types."""
    return Registry(settings().node_paths)


def registry_generation() -> str:
    """Changes whenever the node packs are reloaded, in any process."""
    entry = index().get(*_GENERATION)
    return "" if entry is None else str(entry.value["token"])


def advance_registry_generation() -> None:
    """Let other processes know that the node packs were reloaded.

    A token, not a count: of two reloads at once each must be seen.
    """
    index().write(Put(Entry(*_GENERATION, {"token": uuid.uuid4().hex})))


@part
def connections() -> Connections:
    """The open sockets."""
    return Connections(index(), publisher(), clock(), metrics())


@part
def callers() -> Callers:
    """Who is calling."""
    return Callers()


@part
def archive() -> Archive:
    """Runs, hot or not."""
    return Archive(documents(), run_log(), clock(), hot_days=_HOT_DAYS)


@part
def dispatch() -> Dispatch:
    """How runs get to workers."""
    return Dispatch(queue(), run_log())


@part
def ending() -> Ending:
    """What is to be done when a run has ended."""
    return Ending(run_log(), archive(), connections(), clock())


@part
def runner() -> "Runner":
    """The worker's part."""
    from chalicelib.services.runs.runner import Parts, Runner

    return Runner(
        Parts(
            log=run_log(),
            documents=documents(),
            dispatch=dispatch(),
            connections=connections(),
            ending=ending(),
            types=registry(),
            clock=clock(),
            metrics=metrics(),
        )
    )


@part
def sweeper() -> Sweeper:
    """What mends runs that nobody works on."""
    return Sweeper(
        log=run_log(),
        index=index(),
        dispatch=dispatch(),
        archive=archive(),
        ending=ending(),
        clock=clock(),
        metrics=metrics(),
        max_attempts=MAX_RECEIVES,
    )


@part
def executions() -> "Executions":
    """Runs, as the API offers them."""
    from chalicelib.services.runs.executions import Executions, Limits

    return Executions(
        log=run_log(),
        documents=documents(),
        dispatch=dispatch(),
        connections=connections(),
        archive=archive(),
        ending=ending(),
        clock=clock(),
        metrics=metrics(),
        limits=Limits(concurrent_runs=settings().concurrent_runs),
    )


@part
def projects() -> "Projects":
    """Projects and their metadata."""
    from chalicelib.services.library.projects import Projects

    return Projects(documents(), index(), clock())


@part
def workflows() -> "Workflows":
    """The workflows of projects."""
    from chalicelib.services.library.workflows import Workflows

    return Workflows(documents(), index(), clock())


@part
def recycle_bin() -> "RecycleBin":
    """What was deleted."""
    from chalicelib.services.library.recycle_bin import RecycleBin

    return RecycleBin(documents(), index(), clock())


@part
def templates() -> "Templates":
    """Global workflows."""
    from chalicelib.services.library.templates import Templates

    folder = settings().templates_dir or _SHIPPED_TEMPLATES
    return Templates(folder, documents() if settings().backend == "aws" else None)


@part
def index_repair() -> "IndexRepair":
    """What rebuilds the lists of projects and workflows."""
    from chalicelib.services.library.index_repair import IndexRepair

    return IndexRepair(documents(), index(), clock())


@part
def run_operations() -> "RunOperations":
    """The runs of all users, for their operator."""
    from chalicelib.services.operations.runs import RunOperations

    return RunOperations(
        log=run_log(),
        queue=queue(),
        dead_letters=dead_letters(),
        dispatch=dispatch(),
        sweeper=sweeper(),
        clock=clock(),
    )


def use(publisher: Publisher) -> None:
    """Send to sockets by this publisher, not by the family's; before the first use of any part."""
    _made["publisher"] = publisher


def close() -> None:
    """Close what is open, and forget all parts."""
    with _making:
        for opened in _opened:
            opened()
        _opened.clear()
        _made.clear()
