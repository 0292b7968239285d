"""The README's tour, word for word."""

import json
import re
import subprocess
from collections.abc import Iterator

import pytest

from tests.local.client import Client, is_terminal
from tests.local.stack import ROOT, RunningStack

pytestmark = pytest.mark.stack
README = (ROOT / "README.md").read_text(encoding="utf-8")
TOUR = README.partition("## A tour of one minute")[2].partition("\n## ")[0]
ADDRESS = "http://127.0.0.1:3233"


def blocks(language: str) -> list[str]:
    """The code blocks of the tour in a language."""
    return re.findall(rf"```{language}\n(.*?)```", TOUR, re.DOTALL)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    with RunningStack(tmp_path_factory.mktemp("data")) as running:
        yield running


def shell(script: str, stack: RunningStack, prompt_id: str = "") -> str:
    """Run a block of the README as a reader would, on the stack's own port."""
    script = script.replace(ADDRESS, stack.url).replace("PROMPT_ID", prompt_id)
    done = subprocess.run(
        ["bash", "-ec", script], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout


def test_the_tours_run_is_submitted_and_can_be_asked_about(stack: RunningStack) -> None:
    submit, ask, *_ = blocks("sh")
    prompt_id = json.loads(shell(submit, stack))["promptId"]
    with Client(stack.url) as client:
        client.follow(prompt_id)
    status = json.loads(shell(ask, stack, prompt_id))
    assert status["nodeStatus"]["sum"]["output"] == {"result": 7}


def test_the_line_that_the_tour_pastes_into_the_socket_runs(stack: RunningStack) -> None:
    (line,) = blocks("json")
    with Client(stack.url) as client:
        client.socket.send(line.strip())
        frames = client.hear_until(is_terminal)
    outputs = [frame["payload"]["output"] for frame in frames if "output" in frame["payload"]]
    assert outputs == [{"merged_text": "Hello world"}]


def test_the_tours_project_is_kept(stack: RunningStack) -> None:
    answer = shell(blocks("sh")[-1], stack)
    assert '"error"' not in answer
    assert "First draft" in answer
