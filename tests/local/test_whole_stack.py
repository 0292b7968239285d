"""The product on one machine, as its users meet it."""

import os
import signal
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.builders import edge, node, payload
from tests.local.client import Client, is_terminal
from tests.local.stack import ROOT, RunningStack, eventually

pytestmark = pytest.mark.stack
PACKS = {"TAVERN_NODE_PATHS": str(ROOT / "tests" / "packs")}
SUM = payload([node("n", "core:MathOperation", inputs={"a": 1, "b": 2})])


def test_reloaded_nodes_run_at_once(tmp_path: Path) -> None:
    pack = tmp_path / "packs" / "mine" / "pack.py"
    pack.parent.mkdir(parents=True)
    source = """
from chalicelib.nodes import Node, Output, Pack
pack = Pack(namespace="mine", nodes=[Node(
    type="Say", category="Mine", display_name="Say", description="Says it.",
    outputs={{"text": Output("STRING")}}, run=lambda inputs, context: {{"text": "{word}"}},
)])
"""
    pack.write_text(source.format(word="one"))
    environment = {"TAVERN_NODE_PATHS": str(tmp_path / "packs")}
    with RunningStack(tmp_path / "data", environment) as stack, Client(stack.url) as client:
        for word in ("one", "two", "three"):
            pack.write_text(source.format(word=word))
            answer = client.http.post("/api/nodes/reload")
            assert answer.json()["success"] is True
            client.hear_until(lambda frame: frame["type"] == "NODES_RELOADED")
            prompt_id = client.submit(payload([node("s", "mine:Say")]))
            client.follow(prompt_id)
            output = client.status(prompt_id)["nodeStatus"]["s"]["output"]
            assert output == {"text": word}


def test_200_runs_of_10_sockets_all_end_once_though_all_is_killed_in_the_middle(
    tmp_path: Path,
) -> None:
    """Every run ends once, and its log has no gap, whatever was happening when all died.

    The last runs of each socket wait for a gate, so that there is a middle.
    """
    gate = tmp_path / "gate"
    free = _adding(node("w", "slow:Wait", inputs={"seconds": 0.01, "value": 1}))
    gated = _adding(node("w", "slow:WaitForFile", inputs={"path": str(gate), "value": 1}))
    bodies = [*[free] * 18, *[gated] * 2]
    with RunningStack(tmp_path / "data", PACKS) as stack:
        with ThreadPoolExecutor(10) as sockets:
            accepted = list(
                sockets.map(lambda _: _submit_over_socket(stack.url, bodies), range(10))
            )
        prompt_ids = [prompt_id for ids in accepted for prompt_id in ids]
        assert len(set(prompt_ids)) == 200
        with Client(stack.url) as client:
            eventually(lambda: _ended(client, prompt_ids) >= 10, seconds=60)
        for worker in stack.workers():
            os.kill(worker, signal.SIGKILL)
        gate.touch()
        stack.restart()
        with Client(stack.url, query="?frames=batch") as client:
            for prompt_id in prompt_ids:
                frames = client.follow(prompt_id)
                assert [frame["sequence"] for frame in frames] == list(range(1, len(frames) + 1))
                assert sum(is_terminal(frame) for frame in frames) == 1
                assert frames[-1]["payload"]["status"] == "complete", frames
                assert client.status(prompt_id)["nodeStatus"]["y"]["output"] == {"result": 6}
            assert client.http.get("/api/executions").json() == {"running": [], "pending": []}


def _adding(first: dict[str, Any]) -> dict[str, Any]:
    """A run that adds 2 and 3 to the value of its first node."""
    adding: dict[str, Any] = payload(
        [
            first,
            node("x", "core:MathOperation", inputs={"b": 2}),
            node("y", "core:MathOperation", inputs={"b": 3}),
        ],
        edge("w.value", "x.a"),
        edge("x.result", "y.a"),
    )
    return adding


def _submit_over_socket(url: str, bodies: Sequence[Mapping[str, Any]]) -> list[str]:
    """Submit runs at once; the ids that were acknowledged."""
    with Client(url) as client:
        for body in bodies:
            client.say("PROMPT_REQUEST", body)
        accepted: list[str] = []
        while len(accepted) < len(bodies):
            for frame in client.hear():
                if frame["type"] == "PROMPT_ACCEPTED_RESPONSE":
                    accepted.append(frame["payload"]["promptId"])
        return accepted


def _ended(client: Client, prompt_ids: list[str]) -> int:
    active = client.http.get("/api/executions").json()
    return len(prompt_ids) - len(active["running"]) - len(active["pending"])


def test_what_was_acknowledged_is_there_after_kill_9(tmp_path: Path) -> None:
    with RunningStack(tmp_path / "data") as stack:
        with Client(stack.url) as client:
            prompt_id = client.submit(SUM)
        stack.restart()
        with Client(stack.url) as client:
            assert client.follow(prompt_id)[-1]["payload"]["status"] == "complete"
