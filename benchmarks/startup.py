"""How long a stack takes from its spawn to ``ready``, on data that is there already."""

import asyncio
import json
import tempfile
import time
from pathlib import Path

from benchmarks.measure import Goal, Result, interleaved
from benchmarks.stack import ENVIRONMENT
from chalicelib.adapters.clock import SystemClock
from chalicelib.adapters.embedded.database import Database
from chalicelib.adapters.embedded.documents import EmbeddedDocuments
from tests.local.stack import RunningStack

_DOCUMENTS = 10_000
_PER_PROJECT = 100
_REPEAT = 3


async def results(repeat: int) -> list[Result]:
    """Start on many documents, and on none beside it."""
    with tempfile.TemporaryDirectory() as directory:
        full, fresh = Path(directory) / "full", Path(directory) / "fresh"
        full.mkdir()
        _fill(full / "tavern.db")

        async def on(data: Path) -> float:
            stack = RunningStack(data, ENVIRONMENT)
            began = time.perf_counter()
            stack.start()
            seconds = time.perf_counter() - began
            await asyncio.to_thread(stack.terminate)
            return seconds

        ours, theirs = await interleaved(
            [lambda: on(full), lambda: on(fresh)], repeat=min(repeat, _REPEAT), warm_up=1
        )
    return [
        Result(
            f"start: spawn to ready on {_DOCUMENTS} documents", "s", ours, goal=Goal(5, unit="s")
        ),
        Result("start: spawn to ready on none", "s", theirs),
    ]


def _fill(file: Path) -> None:
    """Write a store in memory, where nothing waits for the disk, and copy it."""
    database = Database(None)
    try:
        documents = EmbeddedDocuments(database, SystemClock())
        for number in range(_DOCUMENTS):
            key = f"projects/p{number // _PER_PROJECT}/workflows/w{number}.json"
            nodes = [{"id": str(node), "type": "core:MathOperation"} for node in range(20)]
            body = json.dumps({"id": f"w{number}", "name": f"Workflow {number}", "nodes": nodes})
            documents.put(f"users/default_user/{key}", body.encode())
        database.backup(file)
    finally:
        database.close()
