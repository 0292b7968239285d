"""A worker process's end of its connection to the hub."""

import contextlib
import logging
import os
import socket
import threading
from collections.abc import Callable
from typing import Any

from chalicelib.adapters.embedded.publisher import connect, pack, read

_logger = logging.getLogger(__name__)


class HubLink:
    """Tells the supervisor what this worker holds, and hears from it.

    When the hub is gone, so is the supervisor: then the process ends at once,
    like in a crash, so that it does not work on what another stack will take.
    """

    def __init__(self, address: str) -> None:
        self._socket = connect(address)
        self._socket.settimeout(None)
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._closing = False
        self._on_stop: list[Callable[[], None]] = []

    @property
    def stopping(self) -> bool:
        """Whether the worker should take no more messages."""
        return self._stop.is_set()

    def wait_for_start(self) -> None:
        """Say hello, and wait until the supervisor lets the worker begin."""
        self._tell("hello", os.getpid())
        while (message := self._next()) != ["start"]:
            if message is None:
                os._exit(1)

    def listen(self, on_wake: Callable[[], None]) -> None:
        """Hear, in a thread of its own, of queued messages and of the stop."""
        self.on_stop(on_wake)  # an idle worker should notice at once
        threading.Thread(target=self._listen, args=(on_wake,), name="hub", daemon=True).start()

    def hold(self, receipt: str | None) -> None:
        """Report the message that is worked on, or None."""
        self._tell("hold", receipt)

    def pause(self, seconds: float) -> None:
        """Sleep, but not past the stop."""
        if seconds:
            self._stop.wait(seconds)

    def on_stop(self, callback: Callable[[], None]) -> None:
        """Call this in any thread once the worker should stop."""
        self._on_stop.append(callback)

    def stop(self) -> None:
        """Take no more messages."""
        self._stop.set()
        for callback in self._on_stop:
            callback()

    def timed_out(self) -> None:
        """End the process, as Lambda would: the supervisor gives the message back."""
        _logger.error("run_execution took too long and was ended")
        os._exit(1)

    def close(self) -> None:
        """Drop the connection."""
        self._closing = True
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # or the listening thread would not see it
        self._socket.close()

    def _tell(self, *message: object) -> None:
        with self._lock:
            self._socket.sendall(pack(list(message)))

    def _listen(self, on_wake: Callable[[], None]) -> None:
        while (message := self._next()) is not None:
            if message == ["wake"]:
                on_wake()
            elif message == ["stop"]:
                self.stop()
        if not self._closing:
            os._exit(1)

    def _next(self) -> list[Any] | None:
        """The next message, or None when the hub is gone."""
        try:
            return read(self._socket)
        except OSError:
            return None
