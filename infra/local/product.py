"""What the stack invokes of the product, found by the modules' names."""

import importlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, cast

from chalice.app import Chalice

from chalicelib.ports import Queue
from infra.local.events import Event, InvocationContext
from infra.local.gateway import CorsHeaders, UnknownPath

Handler = Callable[[Event, InvocationContext], Any]


class LocalQueue(Queue, Protocol):
    """A queue of the embedded family, which can be told what processes know."""

    def notify(self) -> None:
        """A message was queued by another process: a waiting receive looks again."""
        ...

    def release_all(self) -> int:
        """Give back all messages in flight; nobody may be working on one."""
        ...


class Offers(Protocol):
    """What the front asks of uploads."""

    def limit(self, token: str) -> int:
        """How many bytes a file may have that comes to an offer's path; ``NotFound``."""
        ...


class Container(Protocol):
    """The parts of ``chalicelib.container`` that the stack uses."""

    def queue(self) -> Queue:
        """The queue of runs."""
        ...

    def dead_letters(self) -> Queue:
        """Where messages end that were received too often."""
        ...

    def import_queue(self) -> Queue:
        """The queue of imports."""
        ...

    def dead_imports(self) -> Queue:
        """Where messages of imports end that were received too often."""
        ...

    def uploads(self) -> Offers:
        """The way of files that are too large for a request."""
        ...

    def executions(self) -> object:
        """What the front needs to submit a run; made early, or the first would wait for it."""
        ...

    def runner(self) -> object:
        """What a worker needs to run it; likewise."""
        ...

    def registry_generation(self) -> str:
        """Changes whenever the node packs are reloaded, in any process."""
        ...

    def close(self) -> None:
        """Close what is open."""
        ...


@dataclass(frozen=True, slots=True)
class Product:
    """The functions that deploy, and the container behind them."""

    app: Chalice
    unknown_path: UnknownPath
    cors_headers: CorsHeaders
    ws_connect: Handler
    ws_message: Handler
    ws_disconnect: Handler
    run_execution: Handler
    sweep: Handler
    dead_letter: Handler
    import_library: Handler
    dead_import: Handler
    container: Container

    @classmethod
    def load(cls, app: str, container: str) -> "Product":
        """Import the product; takes a moment the first time."""
        # Lambda always says where it is, and Chalice asks before every socket's event.
        os.environ.setdefault("AWS_REGION", "us-east-1")
        module = importlib.import_module(app)
        return cls(
            app=module.app,
            unknown_path=module.unknown_path,
            cors_headers=module.cors_headers,
            ws_connect=module.ws_connect,
            ws_message=module.ws_message,
            ws_disconnect=module.ws_disconnect,
            run_execution=module.run_execution,
            sweep=module.sweep,
            dead_letter=module.dead_letter,
            import_library=module.import_library,
            dead_import=module.dead_import,
            container=cast(Container, importlib.import_module(container)),
        )
