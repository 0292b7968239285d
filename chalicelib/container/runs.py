"""Runs, from submission to end."""

import uuid
from typing import TYPE_CHECKING

from chalicelib.container.identity import credentials, limits, quotas
from chalicelib.container.parts import clock, part, settings
from chalicelib.container.sockets import connections
from chalicelib.container.stores import (
    MAX_RECEIVES,
    accounts,
    documents,
    index,
    metrics,
    queue,
    run_log,
)
from chalicelib.container.uploads import offered_uploads
from chalicelib.nodes.registry import Registry
from chalicelib.ports import Entry, Put
from chalicelib.services.runs.archive import Archive
from chalicelib.services.runs.dispatch import Dispatch
from chalicelib.services.runs.ending import Ending
from chalicelib.services.runs.sweeper import Sweeper

if TYPE_CHECKING:
    from chalicelib.services.runs.executions import Executions
    from chalicelib.services.runs.runner import Runner


HOT_DAYS = 7
"""How long the rows of an ended run are kept; what it was is in its document after that."""

_GENERATION = ("nodes", "generation")


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
def archive() -> Archive:
    """Runs, hot or not."""
    return Archive(documents(), run_log(), clock(), hot_days=HOT_DAYS)


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
            # The vault is made for the first run that needs it.
            open_credential=lambda uid, credential_id: credentials().open(uid, credential_id),
        )
    )


@part
def sweeper() -> Sweeper:
    """What mends runs that nobody works on."""
    return Sweeper(
        log=run_log(),
        lapsing=(index(), accounts(), offered_uploads()),
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
        limits=Limits(
            concurrent_runs=settings().concurrent_runs,
            queued_runs=limits().queued_runs,
            active_runs=limits().active_runs,
        ),
        own_limits=quotas(),
    )
