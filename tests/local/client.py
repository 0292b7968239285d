"""A client of the running stack: HTTP and one socket."""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

import httpx
from websockets.sync.client import ClientConnection, connect

Frame = dict[str, Any]


class Client:
    """Speaks to a stack as a browser or a script does; a context manager."""

    def __init__(self, url: str, *, query: str = "", token: str | None = None) -> None:
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self.http = httpx.Client(base_url=url, timeout=30, headers=self._headers)
        self._address = f"{url.replace('http', 'ws', 1)}/ws{query}"
        self._open = ExitStack()
        self._socket: ClientConnection | None = None

    def __enter__(self) -> Self:
        self._socket = self._open.enter_context(
            connect(self._address, max_size=None, additional_headers=self._headers)
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()
        self.http.close()

    @property
    def socket(self) -> ClientConnection:
        """The open socket."""
        assert self._socket is not None, "The client is not connected"
        return self._socket

    def say(self, kind: str, payload: object) -> None:
        """Send a message."""
        self.socket.send(json.dumps({"type": kind, "payload": payload}))

    def hear(self, timeout: float = 30) -> list[Frame]:
        """The frames of the next message."""
        value = json.loads(self.socket.recv(timeout=timeout))
        return value if isinstance(value, list) else [value]

    def hear_until(self, enough: Callable[[Frame], bool], timeout: float = 30) -> list[Frame]:
        """All frames up to one that is enough."""
        frames: list[Frame] = []
        while not frames or not enough(frames[-1]):
            frames.extend(self.hear(timeout))
        return frames

    def submit(self, payload: Mapping[str, Any]) -> str:
        """Submit over HTTP."""
        answer = self.http.post("/api/prompt", json=payload)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["promptId"])

    def status(self, prompt_id: str) -> dict[str, Any]:
        """A run's state."""
        found: dict[str, Any] = self.http.get(f"/api/prompt/{prompt_id}").json()
        return found

    def follow(self, prompt_id: str, after: int = 0, *, timeout: float = 30) -> list[Frame]:
        """A run's frames from a sequence on, to its end, each once and in order."""
        self.say("FOLLOW_RUN", {"promptId": prompt_id, "afterSequence": after})
        seen: dict[int, Frame] = {}
        while not _whole(seen, after):
            for frame in self.hear(timeout):
                if frame["payload"].get("promptId") == prompt_id and "sequence" in frame:
                    seen[frame["sequence"]] = frame
        return [seen[number] for number in sorted(seen) if number > after]


def is_queue_update(frame: Frame) -> bool:
    """The last frame of a run, or an error."""
    return frame["type"] in ("SYSTEM_QUEUE_UPDATE", "error")


def is_terminal(frame: Frame) -> bool:
    """A run's last event."""
    return frame["payload"].get("status") in ("complete", "error", "interrupted")


def _whole(seen: Mapping[int, Frame], after: int) -> bool:
    last = max(seen, default=0)
    wanted: Sequence[int] = range(after + 1, last + 1)
    return bool(seen) and is_terminal(seen[last]) and all(number in seen for number in wanted)
