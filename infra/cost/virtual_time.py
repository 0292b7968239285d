"""An event loop whose time passes only where the model says that it does.

Group commits, looks and leases depend on how long calls take. Over a test double
they take what the machine happens to need, so two counts would differ. Here a
call of AWS takes exactly what ``assumptions`` says, a sleeping coroutine exactly
as long as it asked for, and everything else no time at all. What is counted is
then the same on every machine, and a run of a minute is counted in a second.
"""

import asyncio
import selectors
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any, TypeVar, TypeVarTuple

_Result = TypeVar("_Result")
_Arguments = TypeVarTuple("_Arguments")


class VirtualClock:
    """The time of one process, in seconds."""

    def __init__(self) -> None:
        self.now = 0.0
        self._job: float | None = None

    def spend(self, seconds: float) -> None:
        """Something takes so long; within a job, the job does."""
        if self._job is None:
            self.now += seconds
        else:
            self._job += seconds

    def measure(self, call: Callable[[], _Result]) -> tuple[_Result, float]:
        """Run a job beside the clock: its result, and how long it takes."""
        outer, self._job = self._job, 0.0
        try:
            result = call()
            return result, self._job
        finally:
            self._job = outer


class VirtualLoop(asyncio.SelectorEventLoop):
    """Runs executors' jobs at once and delivers their results when their time has passed.

    Each executor does one job after the other, as those of a run's commits and
    frames do.
    """

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(_Selector(clock))
        self._virtual = clock
        self._free_at: dict[int, float] = {}

    def time(self) -> float:
        """The virtual time."""
        return self._virtual.now

    def run_in_executor(
        self,
        executor: Executor | None,
        func: Callable[[*_Arguments], _Result],
        *args: *_Arguments,
    ) -> asyncio.Future[_Result]:
        """See the class."""
        future: asyncio.Future[_Result] = self.create_future()
        begins = max(self.time(), self._free_at.get(id(executor), 0.0))
        deliver: Callable[[], None]
        try:
            result, seconds = self._virtual.measure(lambda: func(*args))
            deliver = _unless_done(future, lambda: future.set_result(result))
        except Exception as raised:  # noqa: BLE001 (it is the future's)
            error, seconds = raised, 0.0
            deliver = _unless_done(future, lambda: future.set_exception(error))
        self._free_at[id(executor)] = begins + seconds
        self.call_at(begins + seconds, deliver)
        return future


class _Policy(asyncio.DefaultEventLoopPolicy):
    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self._clock = clock

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        return VirtualLoop(self._clock)


@contextmanager
def virtual_loops(clock: VirtualClock) -> Iterator[None]:
    """``asyncio.run`` goes by the clock meanwhile, in all threads of the process."""
    before = asyncio.get_event_loop_policy()
    asyncio.set_event_loop_policy(_Policy(clock))
    try:
        yield
    finally:
        asyncio.set_event_loop_policy(before)


class _Selector(selectors.SelectSelector):
    """Does not wait: it moves the clock."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("Everything waits, and nothing is left that could happen")
        if not ready and timeout is not None and timeout > 0:
            self._clock.now += timeout
        return ready


def _unless_done(future: asyncio.Future[Any], act: Callable[[], None]) -> Callable[[], None]:
    def deliver() -> None:
        if not future.done():
            act()

    return deliver
