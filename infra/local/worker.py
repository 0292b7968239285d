"""A worker: takes messages from a queue and invokes a function with them.

It does what SQS and Lambda do around a function: one message at a time, hidden
from others as long as the function runs, deleted when it returns, given back
with backoff when it raises. ``python -m infra.local.worker`` is one for
``run_execution`` in a process of its own, which the supervisor starts; others
live in threads (``crew``).
"""

import contextlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Protocol

from chalicelib.adapters.embedded.publisher import HubUnavailable
from chalicelib.ports import Message, Queue
from infra.local import logs, tuning
from infra.local.events import InvocationContext, queue_event
from infra.local.link import HubLink
from infra.local.product import Handler, LocalQueue, Product
from infra.local.settings import HUB_ADDRESS, STOP_SECONDS, VISIBILITY_SECONDS, Settings

_logger = logging.getLogger(__name__)

FUNCTION_SECONDS = 900.0

_IDLE_SECONDS = 0.5

_MAX_BACKOFF_SECONDS = 300


class Link(Protocol):
    """How a worker and its supervisor hear of each other."""

    @property
    def stopping(self) -> bool:
        """Whether the worker should take no more messages."""
        ...

    def hold(self, receipt: str | None) -> None:
        """The worker works on this message; None when it is done with it."""
        ...

    def pause(self, seconds: float) -> None:
        """Sleep, but not past the stop."""
        ...

    def on_stop(self, callback: Callable[[], None]) -> None:
        """What to call, in any thread, once the worker should stop."""
        ...

    def timed_out(self) -> None:
        """The function runs longer than it may."""
        ...


class Worker:
    """Works until its link says stop, or until the code it has loaded is stale.

    ``name`` is the function's. ``idle_pause`` is how many seconds to leave
    between looks at an empty queue that costs much to ask.
    """

    def __init__(
        self,
        queue: Queue,
        function: Handler,
        name: str,
        link: Link,
        *,
        is_stale: Callable[[], bool] = lambda: False,
        idle_pause: float = 0.0,
        function_seconds: float = FUNCTION_SECONDS,
        visibility_seconds: int = VISIBILITY_SECONDS,
    ) -> None:
        self._queue = queue
        self._function = function
        self._name = name
        self._link = link
        self._is_stale = is_stale
        self._idle_pause = idle_pause
        self._function_seconds = function_seconds
        self._visibility_seconds = visibility_seconds
        self._context: InvocationContext | None = None
        link.on_stop(self._hurry)

    def run(self) -> None:
        """Take messages, one after the other."""
        idle_seconds = 0.0 if self._idle_pause else _IDLE_SECONDS
        while not self._link.stopping and not self._is_stale():
            message = self._queue.receive(wait=idle_seconds)
            if message is None:
                self._link.pause(self._idle_pause)
            elif not self._take(message):
                return

    def _take(self, message: Message) -> bool:
        self._link.hold(message.receipt)
        # Looked at again: the node packs may have changed while it waited.
        fresh = not (self._link.stopping or self._is_stale())
        if fresh:
            self._work(message)
        else:
            self._queue.extend(message.receipt, 0)
        # Not in a ``finally``: what ends this process ends its hold, and the message goes on.
        self._link.hold(None)
        return fresh

    def _work(self, message: Message) -> None:
        context = InvocationContext(self._name, self._function_seconds)
        self._context = context
        try:
            with self._hidden(message, context):
                self._function(queue_event(message, f"{self._name}-queue"), context)
        except Exception:
            delay = backoff(message.receive_count)
            fields = {"messageId": message.id, "retryInSeconds": delay}
            _logger.exception(f"{self._name} failed", extra=fields)
            self._queue.extend(message.receipt, delay)
        else:
            self._queue.delete(message.receipt)
        finally:
            self._context = None

    @contextlib.contextmanager
    def _hidden(self, message: Message, context: InvocationContext) -> Iterator[None]:
        """Keep the message hidden until the block is left or its time is over."""
        done = threading.Event()

        def keep() -> None:
            pause = self._visibility_seconds / 3
            while not done.wait(min(pause, context.get_remaining_time_in_millis() / 1000)):
                if context.get_remaining_time_in_millis() == 0:
                    return self._link.timed_out()
                try:
                    self._queue.extend(message.receipt, self._visibility_seconds)
                except Exception:  # the next try is soon enough
                    _logger.exception("a message's time could not be extended")
            return None

        keeper = threading.Thread(target=keep, name="visibility", daemon=True)
        keeper.start()
        try:
            yield
        finally:
            done.set()
            keeper.join()

    def _hurry(self) -> None:
        """Let the function see its deadline near, at which it hands over."""
        context = self._context
        if context is not None:
            context.shorten(STOP_SECONDS)


def backoff(receive_count: int) -> int:
    """Seconds until a failed message is tried again: 1, 2, 4, ... up to five minutes."""
    return int(min(_MAX_BACKOFF_SECONDS, 2 ** min(receive_count - 1, 16)))


def generation_watch(product: Product) -> Callable[[], bool]:
    """Tells whether the node packs were reloaded since now, in any process."""
    loaded = product.container.registry_generation()
    return lambda: product.container.registry_generation() != loaded


def main() -> int:
    """Be a worker process; the exit code."""
    settings = Settings.read(os.environ)
    logs.configure(settings.log_level)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the supervisor too
    product = Product.load(settings.app, settings.container)
    logs.configure(settings.log_level)  # again: the product has done so for itself
    link = HubLink(os.environ.get(HUB_ADDRESS, ""))
    signal.signal(signal.SIGTERM, lambda *_: link.stop())
    link.wait_for_start()
    queue = product.container.queue()
    link.listen(_notify(queue))
    # Before the node packs are loaded: a reload in between must make this worker stale.
    stale = generation_watch(product)
    product.container.runner()
    tuning.keep_what_is_loaded()
    tuning.switch_threads_often()
    Worker(queue, product.run_execution, "run_execution", link, is_stale=stale).run()
    product.container.close()
    link.close()
    return 0


def _notify(queue: Queue) -> Callable[[], None]:
    local: LocalQueue = queue  # type: ignore[assignment]  # workers are of the embedded family
    return local.notify


if __name__ == "__main__":
    try:
        sys.exit(main())
    except HubUnavailable:  # the supervisor went while we imported
        sys.exit(1)
    except Exception:
        _logger.exception("a worker cannot run")
        sys.exit(1)
