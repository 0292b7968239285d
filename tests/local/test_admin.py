"""The operator's command line over the data of a stack that runs."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.builders import node, payload
from tests.local.client import Client, is_terminal
from tests.local.stack import ROOT, RunningStack, eventually

pytestmark = pytest.mark.stack
PACKS = {"TAVERN_NODE_PATHS": str(ROOT / "tests" / "packs")}
WAIT = payload([node("w", "slow:Wait", inputs={"seconds": 600})])


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    with RunningStack(tmp_path_factory.mktemp("data"), PACKS) as running:
        yield running


def ask(stack: RunningStack, *arguments: str) -> list[dict[str, Any]]:
    """The rows that a command answers."""
    done = subprocess.run(
        [sys.executable, "-m", "infra.admin", *arguments, "--json"],
        cwd=ROOT,
        env={**os.environ, "TAVERN_DATA_DIR": str(stack.data_dir)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_an_operator_ends_a_run_that_hangs_and_who_watches_sees_it(stack: RunningStack) -> None:
    with Client(stack.url) as client:
        client.say("PROMPT_REQUEST", WAIT)
        started = client.hear_until(lambda frame: frame["type"] == "NODE_EXECUTING")
        prompt_id = started[-1]["payload"]["promptId"]
        eventually(lambda: ask(stack, "runs")[0]["phase"] == "working")
        ask(stack, "end", prompt_id, "--reason", "It hangs")
        end = client.hear_until(is_terminal)[-1]["payload"]
    assert (end["status"], end["errorInfo"]) == ("error", {"message": "It hangs"})
    eventually(lambda: not ask(stack, "runs"))


def test_repairing_the_lists_leaves_those_in_order_as_they_were(stack: RunningStack) -> None:
    with Client(stack.url) as client:
        client.http.post("/api/projects", json={"name": "Tales"})
        client.http.post("/api/projects/Tales/workflows", json={"name": "First"})
        before = client.http.get("/api/projects/Tales/workflows").json()
        (repaired,) = ask(stack, "repair")
        assert (repaired["workflows"], repaired["rowsWritten"], repaired["rowsRemoved"]) == (
            1,
            0,
            0,
        )
        assert client.http.get("/api/projects/Tales/workflows").json() == before
