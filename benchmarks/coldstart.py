"""How long a new process of a function imports, beside the least that any Chalice app needs."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from benchmarks.measure import Goal, Result, Sampler, interleaved

_ROOT = Path(__file__).resolve().parents[1]
_SECONDS = 60.0
# The stage's settings; no request leaves the process.
_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "nobody",
    "AWS_SECRET_ACCESS_KEY": "nobody",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "BACKEND": "aws",
    "TAVERN_BUCKET": "documents",
}
_TIMED = """
import time
began = time.perf_counter()
{program}
print((time.perf_counter() - began) * 1000)
"""
_BARE = """
import boto3, chalice.app
boto3.client("dynamodb")
"""
_APP = "import app"
_CLIENT = """
import app
from chalicelib.adapters.aws import clients
clients.dynamodb()
"""
_WORKER = f"""{_CLIENT}
from chalicelib import container
container.runner()
"""
_API = f"""{_CLIENT}
from chalicelib import container
container.executions(), container.workflows()
"""
_NAMES = {
    "import app": _APP,
    "import app, with what a worker's first run needs": _WORKER,
    "import app, with what the API's first request needs": _API,
}


async def results(repeat: int) -> list[Result]:
    """Import in fresh processes, one after the other. Byte code is there, as in the zip."""
    bare, *ours = await interleaved(
        [_sampler(program) for program in (_BARE, *_NAMES.values())], repeat=repeat, warm_up=1
    )
    goal = Goal(1.5)
    return [
        Result(
            f"cold start: {name}", "ms", samples, bare, goal=goal if name == "import app" else None
        )
        for name, samples in zip(_NAMES, ours, strict=True)
    ]


def _sampler(program: str) -> Sampler:
    async def sample() -> float:
        return await asyncio.to_thread(_milliseconds, program)

    return sample


def _milliseconds(program: str) -> float:
    """What a program takes in a process of its own, without the start of Python."""
    done = subprocess.run(
        [sys.executable, "-c", _TIMED.format(program=program)],
        cwd=_ROOT,
        env={**os.environ, **_ENVIRONMENT},
        capture_output=True,
        text=True,
        check=True,
        timeout=_SECONDS,
    )
    return float(done.stdout)
