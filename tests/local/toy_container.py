"""A product small enough to see the stack around it: its container."""

import functools
import json
import os
from pathlib import Path

from chalicelib.adapters.clock import SystemClock
from chalicelib.adapters.embedded.database import Database
from chalicelib.adapters.embedded.publisher import EmbeddedPublisher
from chalicelib.adapters.embedded.queue import EmbeddedQueue
from chalicelib.errors import NotFound


@functools.cache
def database() -> Database:
    return Database(data_dir() / "toy.db")


@functools.cache
def publisher() -> EmbeddedPublisher:
    return EmbeddedPublisher(os.environ.get("TAVERN_HUB", ""))


@functools.cache
def queue() -> EmbeddedQueue:
    return EmbeddedQueue(
        database(),
        SystemClock(),
        "runs",
        visibility_timeout=60,
        max_receives=3,
        dead_letter="dead",
        wake=publisher().wake,
    )


@functools.cache
def dead_letters() -> EmbeddedQueue:
    return EmbeddedQueue(
        database(),
        SystemClock(),
        "dead",
        visibility_timeout=60,
        max_receives=1000,
        dead_letter=None,
    )


@functools.cache
def import_queue() -> EmbeddedQueue:
    return EmbeddedQueue(
        database(),
        SystemClock(),
        "imports",
        visibility_timeout=60,
        max_receives=3,
        dead_letter="imports-dead",
    )


@functools.cache
def dead_imports() -> EmbeddedQueue:
    return EmbeddedQueue(
        database(),
        SystemClock(),
        "imports-dead",
        visibility_timeout=60,
        max_receives=1000,
        dead_letter=None,
    )


class ToyUploads:
    """One offer, of 16 MiB, whose file the toy's route takes."""

    token = "offered"

    def limit(self, token: str) -> int:
        if token != self.token:
            raise NotFound("No such upload")
        return 16 * 1024 * 1024


@functools.cache
def uploads() -> ToyUploads:
    return ToyUploads()


def executions() -> None:
    """The toy has no runs to submit."""


def runner() -> None:
    """The toy's workers need nothing."""


def registry_generation() -> str:
    generation = data_dir() / "generation"
    return generation.read_text() if generation.exists() else ""


def close() -> None:
    if publisher.cache_info().currsize:
        publisher().disconnect()
    if database.cache_info().currsize:
        database().close()


def data_dir() -> Path:
    return Path(os.environ["TAVERN_DATA_DIR"])


def record(**what: object) -> None:
    """Add a line to what the tests read; one write, so that lines stay whole."""
    line = json.dumps({"pid": os.getpid(), **what}) + "\n"
    file = os.open(data_dir() / "records", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(file, line.encode())
    finally:
        os.close(file)
