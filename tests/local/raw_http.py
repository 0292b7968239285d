"""HTTP as bytes, for what client libraries would not send."""

import json
import socket
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True)
class Reply:
    """One response as it came; ``headers`` are lower case, in order."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        """The first header of a name."""
        return dict(reversed(self.headers)).get(name)

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class RawConnection:
    """One connection to a server, to write to and read responses from."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address, timeout=20)
        self._received = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.socket.close()

    def ask(self, request: bytes, *, head: bool = False) -> Reply:
        """Send bytes and read one response."""
        self.socket.sendall(request)
        return self.reply(head=head)

    def get(self, target: str) -> Reply:
        """GET a target that is not quoted or checked."""
        return self.ask(f"GET {target} HTTP/1.1\r\nHost: here\r\n\r\n".encode())

    def reply(self, *, head: bool = False) -> Reply:
        """Read one response."""
        top = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        headers = [
            (name.lower(), value.strip())
            for name, _, value in (line.partition(":") for line in top[1:])
        ]
        length = int(dict(headers).get("content-length", "0"))
        body = b"" if head else self.exactly(length)
        return Reply(int(top[0].split()[1]), headers, body)

    def is_closed(self) -> bool:
        """Whether the server ends the connection, with nothing more to read."""
        return not self._received and self.socket.recv(1) == b""

    def exactly(self, size: int) -> bytes:
        """Read so many bytes."""
        while len(self._received) < size:
            self._more()
        found, self._received = self._received[:size], self._received[size:]
        return found

    def _until(self, end: bytes) -> bytes:
        while end not in self._received:
            self._more()
        found, _, self._received = self._received.partition(end)
        return found

    def _more(self) -> None:
        part = self.socket.recv(1 << 16)
        if not part:
            raise ConnectionResetError(f"closed after {self._received!r}")
        self._received += part
