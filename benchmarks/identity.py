"""What it costs to know who asks: a session's requests against those of an open stack."""

import tempfile
from pathlib import Path

import httpx

from benchmarks.front import KeepAlive, rate
from benchmarks.measure import Goal, Result, interleaved
from benchmarks.stack import ENVIRONMENT
from tests.local.stack import RunningStack

_PATH = "/api/projects"
_ACCOUNT = {"username": "ada", "password": "correct horse battery"}


async def results(repeat: int) -> list[Result]:
    """One keep-alive connection to each stack, one request after the other."""
    with (
        tempfile.TemporaryDirectory() as directory,
        RunningStack(Path(directory) / "many", {**ENVIRONMENT, "TAVERN_MODE": "MultiUser"}) as many,
        RunningStack(Path(directory) / "open", ENVIRONMENT) as open_,
        KeepAlive(many.address, _register(many.url)) as session,
        KeepAlive(open_.address) as anybody,
    ):

        async def signed_in() -> float:
            return 1000 / rate(lambda: session.get(_PATH))

        async def unknown() -> float:
            return 1000 / rate(lambda: anybody.get(_PATH))

        ours, theirs = await interleaved([signed_in, unknown], repeat=repeat)
    name = f"identity: GET {_PATH} with a session / open"
    return [Result(name, "ms", ours, theirs, goal=Goal(1.3))]


def _register(url: str) -> str:
    answer = httpx.post(f"{url}/api/auth/register", json=_ACCOUNT, timeout=30)
    answer.raise_for_status()
    token: str = answer.json()["token"]
    # A benchmark asks more often than a user may.
    uid = answer.json()["currentUser"]["uid"]
    headers = {"Authorization": f"Bearer {token}"}
    quotas = {"quotas": {"requestsAMinute": 10_000_000}}
    answer = httpx.put(f"{url}/api/admin/users/{uid}/quotas", json=quotas, headers=headers)
    answer.raise_for_status()
    return token
