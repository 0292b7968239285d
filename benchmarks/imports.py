"""Importing a library of 1,000 cards: cards a second, and calls of AWS a card.

The stack is one of its own, used over HTTP as a client does; the peer writes the same bytes
to files and syncs each, which is the least that anybody does who keeps a card for good.
Calls are counted at botocore, over moto, where time means nothing.
"""

import os
import tempfile
import time
from itertools import count
from pathlib import Path

import httpx

from benchmarks.measure import Goal, Result, Samples, interleaved
from benchmarks.stack import ENVIRONMENT
from tests.aws_calls import counted_aws_calls
from tests.local.stack import RunningStack, eventually
from tests.unit.imports.depot import picture_of, zipped

_CARDS = 1000
_COUNTED = 100
_SECONDS = 120
_IMPORT = "/api/characters/import"
_CALLS = Goal(7, unit="calls")


async def results(repeat: int) -> list[Result]:
    """On one machine with its peer, and the calls that it is on AWS."""
    turns = count()  # each brings a library of its own: what is there is not brought again
    last = b""
    with (
        tempfile.TemporaryDirectory() as directory,
        RunningStack(Path(directory) / "store", ENVIRONMENT) as stack,
    ):

        async def ours() -> float:
            nonlocal last
            last = zipped(_library(next(turns), _CARDS))
            return _CARDS / _imported(stack.url, last, "created")

        files = _library(next(turns), _CARDS)

        async def theirs() -> float:
            began = time.perf_counter()
            for name, data in files.items():
                _kept(Path(directory) / name, data)
            return _CARDS / (time.perf_counter() - began)

        times = max(1, repeat // 4)
        kept, written = await interleaved([ours, theirs], repeat=times, warm_up=0)
        again = [_CARDS / _imported(stack.url, last, "skipped") for _ in range(times)]
    name = f"import: {_CARDS} cards / as many files"
    calls = Samples([_calls(zipped(_library(next(turns), _COUNTED))) / _COUNTED])
    return [
        Result(name, "cards/s", kept, written),
        Result(f"import: the same {_CARDS} cards again", "cards/s", Samples(again)),
        Result("import: a card on AWS", "calls", calls, goal=_CALLS),
    ]


def _library(turn: int, size: int) -> dict[str, bytes]:
    """So many files of cards."""
    names = [f"{turn}-{number}" for number in range(size)]
    return {f"{name}.png": picture_of(name, place % 256) for place, name in enumerate(names)}


def _imported(url: str, archive: bytes, outcome: str) -> float:
    """Seconds until all of a library is ``created``, or ``skipped``."""
    with httpx.Client(base_url=url, timeout=30) as client:
        began = time.perf_counter()
        form = {"file": ("library.zip", archive, "application/zip")}
        job = client.post(_IMPORT, files=form).raise_for_status().json()["data"]

        def has_ended() -> bool:
            nonlocal job
            job = client.get(f"{_IMPORT}/{job['importId']}").json()["data"]
            assert job["status"] in ("queued", "running", "complete")
            return bool(job["status"] == "complete")

        eventually(has_ended, seconds=_SECONDS)
        assert job[outcome] == job["total"], f"Not all were {outcome}: {job}"
        return time.perf_counter() - began


def _kept(file: Path, data: bytes) -> None:
    """A file, synced."""
    with file.open("wb") as opened:
        opened.write(data)
        opened.flush()
        os.fsync(opened.fileno())


def _calls(archive: bytes) -> int:
    """How often AWS is called for a library."""
    from chalicelib import container
    from chalicelib.services.accounts.users import DEFAULT_USER
    from infra.local import moto_backend

    with moto_backend.running("bench") as names:
        os.environ.update(BACKEND="aws", TAVERN_STAGE="bench", TAVERN_BUCKET=names.bucket)
        container.close()
        try:
            job = container.imports().start(DEFAULT_USER, archive)
            with counted_aws_calls() as calls:
                container.import_worker().work(
                    DEFAULT_USER, job.id, redelivered=False, time_left=lambda: float(_SECONDS)
                )
            assert container.imports().get(DEFAULT_USER, job.id).created == _COUNTED
            return len(calls)
        finally:
            container.close()
            for variable in ("BACKEND", "TAVERN_STAGE", "TAVERN_BUCKET"):
                os.environ.pop(variable, None)
