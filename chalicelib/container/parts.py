"""What makes a part once, and keeps it."""

import threading
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from chalicelib.adapters.clock import SystemClock
from chalicelib.ports import Clock, Publisher
from chalicelib.settings import Settings

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


def use(publisher: Publisher, clock: Clock | None = None) -> None:
    """Send to sockets by this publisher, not by the family's; before the first use of any part.

    Likewise take the time from a clock of one's own.
    """
    _made["publisher"] = publisher
    if clock is not None:
        _made["clock"] = clock


def close() -> None:
    """Close what is open, and forget all parts."""
    with _making:
        for opened in _opened:
            opened()
        _opened.clear()
        _made.clear()
