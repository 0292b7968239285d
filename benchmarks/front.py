"""Requests a second through the stack's port, against Chalice's test client in process."""

import os
import socket
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import Goal, Result, interleaved
from benchmarks.stack import ENVIRONMENT
from tests.local.stack import RunningStack

_PATH = "/api/auth/current"
_REQUESTS = 400
_PART = 64 * 1024  # a larger one is a larger piece of memory to take and give back each time
_NOT_MODIFIED = 304
_HEADERS = {"Accept": "*/*", "User-Agent": "benchmark"}


async def results(repeat: int) -> list[Result]:
    """One keep-alive connection, one request after the other."""
    with (
        tempfile.TemporaryDirectory() as directory,
        RunningStack(Path(directory) / "stack", ENVIRONMENT) as stack,
        KeepAlive(stack.address) as connection,
    ):
        # The app in this process reads its settings when it is imported and first used.
        os.environ |= {**ENVIRONMENT, "TAVERN_DATA_DIR": str(Path(directory) / "peer")}
        from chalice.test import Client

        from app import app

        with Client(app) as client:

            async def through_the_front() -> float:
                return rate(lambda: connection.get(_PATH))

            async def in_process() -> float:
                return rate(lambda: client.http.get(_PATH, headers=_HEADERS).status_code)

            ours, theirs = await interleaved([through_the_front, in_process], repeat=repeat)
    goal = Goal(0.25, at_least=True)
    return [Result(f"front: GET {_PATH}, one connection", "req/s", ours, theirs, goal=goal)]


class KeepAlive:
    """An HTTP/1.1 connection that does as little as possible."""

    def __init__(self, address: tuple[str, int], token: str | None = None) -> None:
        self._socket = socket.create_connection(address)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._headers = {"Host": f"{address[0]}:{address[1]}", **_HEADERS}
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token}"

    def __enter__(self) -> "KeepAlive":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def get(self, path: str) -> int:
        """Make a request and read its whole answer; the status."""
        return self.ask(path).status

    def ask(self, path: str, **headers: str) -> "Answered":
        """The same with more headers; all of the answer."""
        lines = [f"GET {path} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in {**self._headers, **headers}.items()]
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode())
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._more()
        head, _, begun = received.partition(b"\r\n\r\n")
        status, body = int(head.split(b" ", 2)[1]), bytearray(begun)
        length = 0 if status == _NOT_MODIFIED else content_length(head)
        while len(body) < length:
            body += self._more()
        return Answered(status, head, body)

    def _more(self) -> bytes:
        part = self._socket.recv(_PART)
        if not part:
            raise ConnectionResetError("The connection was closed")
        return part


@dataclass(frozen=True, slots=True)
class Answered:
    """What came back: ``head`` is the status line and the headers."""

    status: int
    head: bytes
    body: bytes | bytearray


def content_length(head: bytes) -> int:
    """The length that an answer's head announces."""
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise ValueError("The answer has no Content-Length")


def rate(request: Callable[[], int]) -> float:
    """How many a second of a request that must be answered 200."""
    began = time.perf_counter()
    for _ in range(_REQUESTS):
        status = request()
        assert status == 200, f"The answer was {status}"
    return _REQUESTS / (time.perf_counter() - began)
