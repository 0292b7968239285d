"""How the stack starts and stops, and how it says why it cannot."""

import os
import socket
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.local.stack import ROOT, TOY, RunningStack, eventually, took

pytestmark = pytest.mark.stack


def refused(data_dir: Path, **environment: str) -> str:
    """Start a stack that cannot start; the one line that it says why."""
    run = subprocess.run(
        [sys.executable, "-m", "infra.local"],
        cwd=ROOT,
        env={
            **os.environ,
            **TOY,
            "TAVERN_PORT": "0",
            "TAVERN_DATA_DIR": str(data_dir),
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr.count("\n") == 1
    return run.stderr


def test_it_says_where_it_is_ready_and_nothing_else(tmp_path: Path) -> None:
    with RunningStack(tmp_path, TOY) as stack, httpx.Client() as client:
        assert client.get(f"{stack.url}/api/hello").status_code == 200
        assert len(stack.workers()) == 2


def test_it_listens_where_it_is_told(tmp_path: Path) -> None:
    with RunningStack(tmp_path, {**TOY, "TAVERN_HOST": "localhost"}) as stack:
        assert stack.url.startswith("http://localhost:")


def test_an_idle_stack_stops_at_once(tmp_path: Path) -> None:
    with RunningStack(tmp_path, TOY) as stack, took(at_most=2.0):
        assert stack.terminate() == 0


def test_a_stop_answers_what_is_in_flight_and_closes_sockets_with_1001(tmp_path: Path) -> None:
    with (
        RunningStack(tmp_path, TOY) as stack,
        ThreadPoolExecutor(1) as threads,
        connect(stack.ws_url) as client,
    ):
        slow = threads.submit(httpx.get, f"{stack.url}/api/slow?seconds=1")
        eventually(lambda: stack.records("slow"))
        assert stack.terminate() == 0
        assert slow.result().json() == {"slept": 1.0}
        with pytest.raises(ConnectionClosed):
            client.recv(timeout=1)
        assert client.protocol.close_code == 1001
        assert len(stack.records("disconnect")) == 1


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"Port {port} is in use" in refused(tmp_path, TAVERN_PORT=str(port))


def test_a_data_directory_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "Cannot use the data directory" in refused(tmp_path / "file")


def test_a_data_directory_that_cannot_be_made() -> None:
    assert "Cannot use the data directory" in refused(Path("/proc/nothing"))


def test_a_data_directory_that_another_instance_uses(tmp_path: Path) -> None:
    with RunningStack(tmp_path, TOY):
        assert "Another instance uses the data directory" in refused(tmp_path)


def test_data_of_a_newer_version(tmp_path: Path) -> None:
    with RunningStack(tmp_path, TOY) as stack:
        stack.terminate()
    database = sqlite3.connect(tmp_path / "toy.db")
    database.execute("PRAGMA user_version=999")
    database.close()
    assert "newer version" in refused(tmp_path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TAVERN_PORT", "x"),
        ("TAVERN_PORT", "65536"),
        ("TAVERN_WORKERS", "-1"),
        ("TAVERN_SWEEP_SECONDS", "0"),
        ("TAVERN_SWEEP_SECONDS", "nan"),
        ("TAVERN_LOG", "loud"),
        ("BACKEND", "other"),
        ("TAVERN_HOST", "no.such.host.invalid"),
        ("TAVERN_HOST", "192.0.2.1"),
    ],
)
def test_a_setting_that_makes_no_sense(tmp_path: Path, name: str, value: str) -> None:
    line = refused(tmp_path, **{name: value})
    assert name in line or value in line


def test_the_lock_of_a_killed_stack_is_free(tmp_path: Path) -> None:
    with RunningStack(tmp_path, TOY) as stack:
        stack.restart()
        assert httpx.get(f"{stack.url}/api/hello").status_code == 200


def test_a_stack_whose_worker_cannot_import_the_product_does_not_start(tmp_path: Path) -> None:
    environment = {**TOY, "TAVERN_CONTAINER": "no.such.module"}
    with pytest.raises(AssertionError, match="did not start"), RunningStack(tmp_path, environment):
        pass


def test_the_hubs_directory_goes_with_the_stack(tmp_path: Path) -> None:
    hubs = tmp_path / "tmp"
    hubs.mkdir()
    with RunningStack(tmp_path / "data", {**TOY, "TMPDIR": str(hubs)}) as stack:
        assert [hub.stat().st_mode & 0o777 for hub in hubs.iterdir()] == [0o700]
        stack.terminate()
        eventually(lambda: not list(hubs.iterdir()))
