"""Lists of characters of 1,000, 5,000 and 20,000 cards, each on a stack of its own.

What a list takes is divided by what an empty request takes beside it on the same stack:
``GET /api/plugins`` with a session, which is answered ``[]`` once it is known who asks.
"""

import json
import re
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks import library
from benchmarks.front import KeepAlive
from benchmarks.measure import Goal, Result, Sampler, Samples, interleaved
from benchmarks.stack import ENVIRONMENT
from tests.local.stack import RunningStack

_SIZES = (1_000, 5_000, 20_000)
_EMPTY = "/api/plugins"
_ALL = "/api/characters"
_FIRST = f"{_ALL}?limit=50"
_PASSWORD = "correct horse battery"  # noqa: S105 (of a stack that is soon gone)
_TURNS = 20
_PAGES = 200
_OK, _NOT_MODIFIED = 200, 304
_ETAG = re.compile(rb'etag: ("[^"]*")', re.IGNORECASE)

_PAGE_GOAL, _WHOLE_GOAL, _CALLS_GOAL = Goal(3), Goal(10), Goal(8, unit="calls")
_FLAT, _FLAT_MEMORY = Goal(1.5), Goal(1.1)


async def results(repeat: int) -> list[Result]:
    """Fill the stores, start the stacks, and measure."""
    with tempfile.TemporaryDirectory() as directory:
        stores = {count: Path(directory) / str(count) for count in _SIZES}
        for store in stores.values():
            store.mkdir()
        began = time.perf_counter()
        library.fill([(count, store / "tavern.db") for count, store in stores.items()])
        filled = Samples([_SIZES[-1] / (time.perf_counter() - began)])
        found = [Result("characters: filling the stores in process", "cards/s", filled)]
        found.append(_calls(stores[_SIZES[0]] / "tavern.db"))
        with ExitStack() as running:
            stacks = [running.enter_context(_stack(count, stores[count])) for count in _SIZES]
            # Before whole lists, which take much more.
            memory = _memory(stacks[0], stacks[-1])
            found += await _pages(stacks, repeat)
            found += await _whole(stacks[0], repeat)
        return found + memory


@dataclass(frozen=True, slots=True)
class _Stack:
    """A stack with so many cards, and a connection to it with a session."""

    count: int
    pid: int
    connection: KeepAlive

    def timed(self, path: str, *, times: int = _TURNS, known: str | None = None) -> Sampler:
        """What a request takes, in milliseconds: the median of so many.

        With an ETag that is ``known`` the answer must be that it is so still.
        """
        headers = {} if known is None else {"If-None-Match": known}
        status = _OK if known is None else _NOT_MODIFIED

        async def sample() -> float:
            taken = []
            for _ in range(times):
                began = time.perf_counter()
                answered = self.connection.ask(path, **headers)
                taken.append(time.perf_counter() - began)
                assert answered.status == status, f"The answer was {answered.status}"
            return statistics.median(taken) * 1000

        return sample

    def late(self) -> str:
        """The path of a page among the last 200 entries."""
        path, cursor = _FIRST, self._cursor(f"{_ALL}?limit=200&fields=id")
        while cursor is not None:
            path = f"{_FIRST}&cursor={cursor}"
            cursor = self._cursor(f"{_ALL}?limit=200&fields=id&cursor={cursor}")
        return path

    def _cursor(self, path: str) -> str | None:
        cursor: str | None = json.loads(self.connection.ask(path).body)["nextCursor"]
        return cursor

    def etag(self) -> str:
        """That of the list."""
        found = _ETAG.search(self.connection.ask(_FIRST).head)
        assert found is not None
        return found[1].decode()


@contextmanager
def _stack(count: int, store: Path) -> Iterator[_Stack]:
    environment = {**ENVIRONMENT, "TAVERN_ACCESS_PASSWORD": _PASSWORD}
    with RunningStack(store, environment) as stack:
        answer = httpx.post(f"{stack.url}/api/auth/login", json={"password": _PASSWORD}, timeout=30)
        answer.raise_for_status()
        with KeepAlive(stack.address, answer.json()["token"]) as connection:
            yield _Stack(count, stack.pid, connection)


async def _pages(stacks: Sequence[_Stack], repeat: int) -> list[Result]:
    """First pages of all, beside each other; other pages of the largest, beside its first."""
    samplers = [each.timed(path) for each in stacks for path in (_FIRST, _EMPTY)]
    taken = await interleaved(samplers, repeat=repeat)
    found = [
        Result(
            _named("first page", each),
            "ms",
            taken[2 * place],
            taken[2 * place + 1],
            goal=_PAGE_GOAL,
        )
        for place, each in enumerate(stacks)
    ]
    least, most = stacks[0], stacks[-1]
    name = f"characters: first page of {most.count} / of {least.count}"
    found.append(Result(name, "ms", taken[-2], taken[0], goal=_FLAT))
    for name, path in _others(most).items():
        ours, empty = await interleaved([most.timed(path), most.timed(_EMPTY)], repeat=repeat)
        found.append(Result(_named(name, most), "ms", ours, empty, goal=_PAGE_GOAL))
    search = f"{_FIRST}&search={library.RARE}"
    ours, theirs = await interleaved(
        [most.timed(search, times=5), least.timed(search, times=5)], repeat=repeat
    )
    name = f"characters: a page of a search in {most.count} / in {least.count}"
    note = "a query looks at 800 cards, of which 8 are found"
    return [*found, Result(name, "ms", ours, theirs, goal=_FLAT, note=note)]


def _others(stack: _Stack) -> Mapping[str, str]:
    return {
        "late page": stack.late(),
        "first page by change": f"{_FIRST}&sort=changed",
        "first page by addition": f"{_FIRST}&sort=added",
    }


async def _whole(stack: _Stack, repeat: int) -> list[Result]:
    size = Samples([len(stack.connection.ask(_ALL).body) / 1e6])
    whole, unchanged, empty = await interleaved(
        [
            stack.timed(_ALL, times=3),
            stack.timed(_ALL, known=stack.etag()),
            stack.timed(_EMPTY),
        ],
        repeat=repeat,
    )
    return [
        Result(_named("whole list", stack), "ms", whole, empty, goal=_WHOLE_GOAL),
        Result(_named("whole list", stack) + ", size", "MB", size),
        Result(_named("whole list", stack) + ", 304", "ms", unchanged, empty, goal=_FLAT),
    ]


def _memory(least: _Stack, most: _Stack) -> list[Result]:
    """What the front holds before and after many first pages, and the most while it made them."""
    small, large = _after_pages(least), _after_pages(most)
    name = f"characters: memory of the front, {{}} {_PAGES} first pages of {most.count}"
    return [
        Result(
            name.format("after / before"),
            "MB",
            Samples([large.after]),
            Samples([large.before]),
            goal=_FLAT_MEMORY,
        ),
        Result(
            name.format("peak during / before"),
            "MB",
            Samples([large.peak]),
            Samples([large.before]),
            goal=_FLAT_MEMORY,
        ),
        Result(
            f"characters: memory of the front after first pages of {most.count} / of {least.count}",
            "MB",
            Samples([large.after]),
            Samples([small.after]),
            goal=_FLAT,
        ),
    ]


@dataclass(frozen=True, slots=True)
class _Held:
    """Resident memory in MB (proc(5))."""

    before: float
    after: float
    peak: float


def _after_pages(stack: _Stack) -> _Held:
    for _ in range(_TURNS):  # each of its threads has connections to the store of its own
        stack.connection.ask(_FIRST)
    before = _resident(stack.pid, "VmRSS")
    Path(f"/proc/{stack.pid}/clear_refs").write_text("5")  # the peak begins anew
    for _ in range(_PAGES):
        stack.connection.ask(_FIRST)
    return _Held(before, _resident(stack.pid, "VmRSS"), _resident(stack.pid, "VmHWM"))


def _resident(pid: int, what: str) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{what}:"))


def _calls(file: Path) -> Result:
    """AWS calls of the whole list, on moto."""
    count = Samples([float(library.calls_of_a_list(file))])
    name = f"characters: whole list of {_SIZES[0]}, AWS calls beside the session's"
    return Result(name, "calls", count, goal=_CALLS_GOAL)


def _named(what: str, stack: _Stack) -> str:
    return f"characters: {what} of {stack.count} / an empty request"
