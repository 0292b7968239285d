"""A copy of the data, taken while the stack runs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.builders import node, payload
from tests.local.client import Client
from tests.local.stack import ROOT, RunningStack

pytestmark = pytest.mark.stack


def backup(data_dir: Path, target: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "infra.local.backup", str(target)],
        cwd=ROOT,
        env={**os.environ, "TAVERN_DATA_DIR": str(data_dir)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_copy_taken_while_the_stack_runs_holds_what_was_there(tmp_path: Path) -> None:
    restored = tmp_path / "restored"
    restored.mkdir()
    with RunningStack(tmp_path / "data") as stack:
        with Client(stack.url) as client:
            prompt_id = client.submit(payload([node("n", "core:RandomNumber")]))
            client.follow(prompt_id)
            before = client.status(prompt_id)
        assert backup(tmp_path / "data", restored / "tavern.db").returncode == 0
    with RunningStack(restored) as stack, Client(stack.url) as client:
        assert client.status(prompt_id) == before


def test_a_copy_never_overwrites_and_needs_something_to_copy(tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    assert backup(tmp_path, target).returncode == 2
    target.write_text("mine")
    assert backup(tmp_path, target).returncode == 2
    assert target.read_text() == "mine"
