"""The README's tour, word for word."""

import json
import re
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.local.client import Client, Frame, is_terminal
from tests.local.stack import ROOT, RunningStack
from tests.unit.pictures.samples import png

pytestmark = pytest.mark.stack
README = (ROOT / "README.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return README.partition(f"## {title}")[2].partition("\n## ")[0]


TOUR = section("A tour of one minute")
ADDRESS = "http://127.0.0.1:3233"


def blocks(language: str, text: str = TOUR) -> list[str]:
    """The code blocks of the tour, or another section, in a language."""
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    with RunningStack(tmp_path_factory.mktemp("data")) as running:
        yield running


def shell(script: str, stack: RunningStack, where: Path = ROOT, **ids: str) -> str:
    """Run a block of the README as a reader would, on the stack's own port.

    ``ids`` are what the reader puts in place of names such as ``PROMPT_ID``.
    """
    script = script.replace(ADDRESS, stack.url)
    for name, value in ids.items():
        script = script.replace(name, value)
    done = subprocess.run(
        ["bash", "-ec", script], cwd=where, capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout


def test_the_tours_run_is_submitted_and_can_be_asked_about(stack: RunningStack) -> None:
    submit, ask, *_ = blocks("sh")
    prompt_id = json.loads(shell(submit, stack))["promptId"]
    with Client(stack.url) as client:
        client.follow(prompt_id)
    status = json.loads(shell(ask, stack, PROMPT_ID=prompt_id))
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


def test_characters_are_brought_as_the_readme_says(stack: RunningStack, tmp_path: Path) -> None:
    (tmp_path / "Seraphina.png").write_bytes(png())
    with zipfile.ZipFile(tmp_path / "library.zip", "w") as library:
        library.writestr("Ada.png", png())
    script, ask, _ = blocks("sh", section("Bring characters"))
    with Client(stack.url) as client:
        answers = shell_lines(script, stack, tmp_path)
        client.hear_until(is_import_ended)
    assert [answer["success"] for answer in answers] == [True, True, True]
    assert [entry["imageName"] for entry in answers[1]["data"]] == ["Seraphina.png"]
    import_id = answers[2]["data"]["importId"]
    status, report = shell_lines(ask, stack, tmp_path, IMPORT_ID=import_id)
    assert (status["data"]["status"], status["data"]["created"]) == ("complete", 1)
    assert [line["file"] for line in report["data"]] == ["Ada.png"]


def test_a_library_that_is_too_large_for_a_request_is_brought_as_the_readme_says(
    stack: RunningStack, tmp_path: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "library.zip", "w") as library:
        library.writestr("Grace.png", png())
        library.writestr("padding.bin", bytes(30 * 1024 * 1024))
    (*_, send) = blocks("sh", section("Bring characters"))
    with Client(stack.url) as client:
        started = json.loads(shell(send, stack, tmp_path))["data"]
        (*_, last) = client.hear_until(is_import_ended)
    assert last["payload"]["importId"] == started["importId"]
    counts = {"total": 2, "created": 1, "skipped": 1, "status": "complete"}
    assert counts.items() <= last["payload"].items()


def is_import_ended(frame: Frame) -> bool:
    """The last frame of an import."""
    return frame["payload"].get("importId") is not None and is_terminal(frame)


def shell_lines(script: str, stack: RunningStack, where: Path, **ids: str) -> list[Any]:
    """What each line of a block answers."""
    lines = script.strip().splitlines()
    return [json.loads(shell(line, stack, where, **ids)) for line in lines]
