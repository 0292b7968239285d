"""``make run``, as a user starts and stops it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.local.stack import ROOT, alive, children, eventually

pytestmark = pytest.mark.stack


@contextmanager
def make_run(data_dir: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """``make run`` on a port of its own, in a process group of its own, once it is ready."""
    bin_ = Path(sys.executable).parent
    environment = {name: value for name, value in os.environ.items() if "MAKE" not in name}
    process = subprocess.Popen(
        # This Python's packages are the ones to run with, whatever .venv has.
        ["make", "run", "--old-file=.venv/installed", f"BIN={bin_}", "TAVERN_PORT=0", *arguments],
        cwd=ROOT,
        env={**environment, "TAVERN_DATA_DIR": str(data_dir), "TAVERN_WORKERS": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("ready http://127.0.0.1:")
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def test_a_stopped_stack_is_a_successful_make(tmp_path: Path) -> None:
    with make_run(tmp_path) as make:
        (stack,) = children(make.pid)
        os.kill(stack, signal.SIGTERM)
        assert make.wait(15) == 0


def test_a_stopped_make_stops_the_stack_and_its_workers(tmp_path: Path) -> None:
    with make_run(tmp_path) as make:
        (stack,) = children(make.pid)
        workers = children(stack)
        make.terminate()
        make.wait(15)
        assert workers
        eventually(lambda: not any(map(alive, [stack, *workers])))


def test_ctrl_c_stops_the_stack_and_its_workers(tmp_path: Path) -> None:
    with make_run(tmp_path) as make:
        (stack,) = children(make.pid)
        workers = children(stack)
        os.killpg(make.pid, signal.SIGINT)
        make.wait(15)
        assert workers
        eventually(lambda: not any(map(alive, [stack, *workers])))


def test_a_setting_given_to_make_reaches_the_stack(tmp_path: Path) -> None:
    with make_run(tmp_path, "BACKEND=moto"):
        assert not list(tmp_path.iterdir())  # this backend keeps nothing
