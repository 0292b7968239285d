"""The whole stack in processes of its own, used over its socket."""

import asyncio
import tempfile
import time
from pathlib import Path

from benchmarks import peer, workflows
from benchmarks.client import Client, Run
from benchmarks.measure import Goal, Result, Sampler, Samples, interleaved
from benchmarks.workflows import Payload
from chalicelib.adapters.clock import SystemClock
from chalicelib.adapters.embedded.database import Database
from chalicelib.adapters.embedded.run_log import EmbeddedRunLog
from tests.local.stack import RunningStack

ENVIRONMENT = {
    "TAVERN_LOG": "warning",
    "TAVERN_NODE_PATHS": str(Path(__file__).parent / "pack"),
}
_LENGTH = 1000
_SLEEPERS, _SLEEP_MS = 10, 200.0
_CHUNKS = 1000
_SOCKETS, _RUNS_EACH = 10, 20


async def results(repeat: int) -> list[Result]:
    """Start a stack and measure runs on it."""
    with (
        tempfile.TemporaryDirectory() as directory,
        RunningStack(Path(directory), ENVIRONMENT) as stack,
    ):
        client = await Client.open(stack.ws_url)
        try:
            found = await _chain(client, Path(directory), repeat)
            found.append(await _one_node(client, repeat))
            found.append(await _sleepers(client, repeat))
            found += await _chunks(client, repeat)
        finally:
            await client.close()
        found.append(await _many(stack.ws_url, max(2, repeat // 3)))
        return found


async def _chain(client: Client, directory: Path, repeat: int) -> list[Result]:
    upstream = peer.chain(_LENGTH)
    work = peer.adding(upstream)
    runs: list[Run] = []

    async def sample_peer() -> float:
        began = time.perf_counter()
        await peer.run(upstream, work)
        return (time.perf_counter() - began) * 1000

    ours, theirs = await interleaved(
        [_ended(client, workflows.sums(_LENGTH), runs), sample_peer], repeat=repeat
    )
    measured = runs[-repeat:]
    frames = Samples([float(len(run.frames)) for run in measured])
    appends = Samples(_appends(directory, measured))
    first = Samples([run.first_node_ms for run in measured])
    name = f"stack: chain of {_LENGTH}"
    return [
        Result(f"{name}, submit to terminal frame", "ms", ours, theirs, goal=Goal(4.0)),
        Result(f"{name}, submit to first NODE_EXECUTING", "ms", first),
        Result(f"{name}, frames", "frames", frames),
        Result(f"{name}, appends to the log", "appends", appends),
    ]


async def _one_node(client: Client, repeat: int) -> Result:
    async def sample() -> float:
        # It sleeps, or its start and the end of the run would come as one message.
        return (await client.run(workflows.sleeping(1, 0.05))).first_node_ms

    (first,) = await interleaved([sample], repeat=repeat)
    return Result("stack: one node, submit to first NODE_EXECUTING", "ms", first)


async def _sleepers(client: Client, repeat: int) -> Result:
    asleep = workflows.sleeping(_SLEEPERS, _SLEEP_MS / 1000)
    ours, nothing = await interleaved(
        [_ended(client, asleep), _ended(client, workflows.empty())], repeat=repeat
    )
    above = [
        (full - bare) / _SLEEP_MS for full, bare in zip(ours.values, nothing.values, strict=True)
    ]
    return Result(
        f"stack: {_SLEEPERS} independent nodes of {_SLEEP_MS:g} ms",
        "ms",
        ours,
        nothing,
        ratios=Samples(above),
        goal=Goal(1.1),
        note=f"the peer is an empty run; the ratio is of what is above it, to {_SLEEP_MS:g} ms",
    )


async def _chunks(client: Client, repeat: int) -> list[Result]:
    runs: list[Run] = []
    payload = workflows.streaming(_CHUNKS)
    (ended,) = await interleaved([_ended(client, payload, runs)], repeat=repeat)
    frames = Samples([float(len(run.frames)) for run in runs[-repeat:]])
    name = f"stack: {_CHUNKS} chunks through two stream nodes"
    return [Result(name, "ms", ended), Result(f"{name}, frames", "frames", frames)]


async def _many(url: str, repeat: int) -> Result:
    """Runs a second when many are submitted at once."""
    count = _SOCKETS * _RUNS_EACH
    clients = [await Client.open(url) for _ in range(_SOCKETS)]

    async def sample() -> float:
        began = time.perf_counter()
        submitted = [client.run_many(workflows.sums(3), _RUNS_EACH) for client in clients]
        runs = await asyncio.gather(*submitted)
        seconds = time.perf_counter() - began
        assert len({run.prompt_id for some in runs for run in some}) == count
        return count / seconds

    try:
        (rates,) = await interleaved([sample], repeat=repeat, warm_up=1)
    finally:
        for client in clients:
            await client.close()
    name = f"stack: {count} runs of 3 nodes at once, from {_SOCKETS} sockets of one user"
    return Result(name, "runs/s", rates)


def _ended(client: Client, payload: Payload, runs: list[Run] | None = None) -> Sampler:
    async def sample() -> float:
        run = await client.run(payload)
        if runs is not None:
            runs.append(run)
        return run.ended_ms

    return sample


def _appends(directory: Path, runs: list[Run]) -> list[float]:
    database = Database(directory / "tavern.db")
    try:
        log = EmbeddedRunLog(database, SystemClock())
        return [float(len(log.load(run.prompt_id)[1])) for run in runs]
    finally:
        database.close()
