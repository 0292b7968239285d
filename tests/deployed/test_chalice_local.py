"""``chalice local`` serves the HTTP half, and takes the routes as they are."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from infra.package import ROOT
from tests.local.stack import eventually


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of ``chalice local --stage local``."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    program = Path(sys.executable).with_name("chalice")
    process = subprocess.Popen(
        [program, "local", "--stage", "local", "--no-autoreload", "--port", str(port)],
        cwd=ROOT,
        env={**os.environ, "TAVERN_DATA_DIR": str(tmp_path_factory.mktemp("data"))},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        try:
            eventually(lambda: accepts(port), seconds=30)
            yield client
        finally:
            process.terminate()
            process.wait(10)


def accepts(port: int) -> bool:
    """Whether something listens there."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def test_it_knows_who_is_calling(server: httpx.Client) -> None:
    answer = server.get("/api/auth/current")
    assert answer.json()["currentUser"]["uid"] == "default_user"


def test_a_run_that_is_submitted_waits_for_a_worker(server: httpx.Client) -> None:
    submitted = server.post("/api/prompt", json={"nodes": [], "edges": []})
    status = server.get(f"/api/prompt/{submitted.json()['promptId']}")
    assert (submitted.status_code, status.json()["status"]) == (200, "queued")


def test_a_method_that_a_path_does_not_have_is_405(server: httpx.Client) -> None:
    answer = server.put("/api/prompt", json={})
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST, OPTIONS")


def test_a_thing_that_is_not_there_is_404(server: httpx.Client) -> None:
    answer = server.get("/api/prompt/nothing")
    assert (answer.status_code, list(answer.json())) == (404, ["error"])
