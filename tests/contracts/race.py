"""Several threads that do something at the same moment."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from chalicelib.errors import TavernError

Result = TypeVar("Result")


def race(runners: int, act: Callable[[int], Result]) -> list[Result | TavernError]:
    """What each runner, told its number, returned or raised; in their order."""
    gate = threading.Barrier(runners)

    def run(number: int) -> Result | TavernError:
        gate.wait()
        try:
            return act(number)
        except TavernError as error:
            return error

    with ThreadPoolExecutor(runners) as threads:
        return list(threads.map(run, range(runners)))


def winners(outcomes: list[Result | TavernError]) -> list[int]:
    """The numbers of those that raised nothing."""
    return [
        number for number, outcome in enumerate(outcomes) if not isinstance(outcome, TavernError)
    ]
