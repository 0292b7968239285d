"""Whose a socket is, on a real port, from signing in to being shut out."""

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from chalicelib.services.connections import MAX_CONNECTIONS
from tests.builders import node, payload
from tests.local.stack import RunningStack, eventually

pytestmark = pytest.mark.stack
PASSWORD = "correct horse battery"
SUM = payload([node("n", "core:MathOperation", inputs={"a": 1, "b": 2})])


def signed_in(stack: RunningStack, route: str) -> tuple[str, httpx.Client]:
    """A token, and a client that shows it."""
    body = {"username": "ada", "password": PASSWORD}
    answer = httpx.post(f"{stack.url}/api/auth/{route}", json=body, timeout=30)
    assert answer.status_code in (200, 201), answer.text
    token = str(answer.json()["token"])
    headers = {"Authorization": f"Bearer {token}"}
    return token, httpx.Client(base_url=stack.url, headers=headers, timeout=30)


def refusal(address: str, **headers: str) -> int:
    """The status that a socket is refused with."""
    with (
        pytest.raises(InvalidStatus) as refused,
        connect(address, additional_headers=headers),
    ):
        pass
    return int(refused.value.response.status_code)


def frames_of_a_run(socket: ClientConnection) -> list[str]:
    """Submit over a socket; the types of the frames up to the last."""
    socket.send(json.dumps({"type": "PROMPT_REQUEST", "payload": SUM}))
    found: list[dict[str, Any]] = []
    while not found or found[-1]["type"] != "SYSTEM_QUEUE_UPDATE":
        found.append(json.loads(socket.recv(timeout=30)))
    return [frame["type"] for frame in found]


@pytest.mark.parametrize("backend", ["embedded", "moto"])
def test_a_ticket_opens_one_socket_that_ends_with_its_session_and_is_in_no_log(
    tmp_path: Path, backend: str
) -> None:
    environment = {
        "BACKEND": backend,
        "TAVERN_MODE": "MultiUser",
        "TAVERN_LOG": "debug",
        "TAVERN_SWEEP_SECONDS": "3600",
    }
    with RunningStack(tmp_path / "data", environment) as stack:
        token, http = signed_in(stack, "register")
        _, elsewhere = signed_in(stack, "login")
        assert refusal(stack.ws_url) == 401
        ticket = str(http.post("/api/auth/ws-ticket").json()["ticket"])
        address = f"{stack.ws_url}?ticket={ticket}"
        assert refusal(address, Origin="https://evil.example") == 403
        with connect(address) as socket:
            assert refusal(address) == 401
            assert "NODE_COMPLETE" in frames_of_a_run(socket)
            sessions = elsewhere.get("/api/auth/sessions").json()
            (other,) = [session["id"] for session in sessions if not session["current"]]
            assert elsewhere.delete(f"/api/auth/sessions/{other}").status_code == 204
            with pytest.raises(ConnectionClosed):
                socket.recv(timeout=30)
        assert refusal(stack.ws_url, Authorization=f"Bearer {token}") == 401
        http.close()
        elsewhere.close()
        stack.terminate()
        assert stack.log
        assert ticket[20:] not in "".join(stack.log)
        assert token[20:] not in "".join(stack.log)


def test_a_socket_too_many_is_refused_until_another_closes(tmp_path: Path) -> None:
    environment = {"TAVERN_ACCESS_PASSWORD": PASSWORD}
    with RunningStack(tmp_path / "data", environment) as stack, ExitStack() as others:
        token, http = signed_in(stack, "login")
        http.close()
        shown = {"Authorization": f"Bearer {token}"}
        with connect(stack.ws_url, additional_headers=shown):
            for _ in range(MAX_CONNECTIONS - 1):
                others.enter_context(connect(stack.ws_url, additional_headers=shown))
            assert refusal(stack.ws_url, **shown) == 429
        eventually(lambda: can_connect(stack.ws_url, **shown))


def can_connect(address: str, **headers: str) -> bool:
    """Whether a socket is let in."""
    try:
        with connect(address, additional_headers=headers):
            return True
    except InvalidStatus:
        return False
