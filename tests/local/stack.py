"""A one-machine stack in processes of its own, for tests and benchmarks."""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

ROOT = Path(__file__).resolve().parents[2]
TOY = {"TAVERN_APP": "tests.local.toy_app", "TAVERN_CONTAINER": "tests.local.toy_container"}


class RunningStack:
    """``python -m infra.local`` on a port of its own, ready on entry, gone on exit.

    ``environment`` adds to or overrides this process's; the product is the real
    one unless it names another (``TOY``). What the stack logs is in ``log``.
    """

    def __init__(
        self,
        data_dir: Path,
        environment: Mapping[str, str] | None = None,
        *,
        start_seconds: float = 30.0,
    ) -> None:
        self.data_dir = data_dir
        self.url = ""
        self.log: list[str] = []
        self._start_seconds = start_seconds
        self._environment = {
            **os.environ,
            "TAVERN_PORT": "0",
            "TAVERN_WORKERS": "2",
            "TAVERN_DATA_DIR": str(data_dir),
            **(environment or {}),
        }
        self._process: subprocess.Popen[str] | None = None
        self._readers: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None:
            self.kill()

    @property
    def ws_url(self) -> str:
        """Where the stack's WebSockets are."""
        return self.url.replace("http", "ws", 1) + "/ws"

    @property
    def address(self) -> tuple[str, int]:
        """Host and port, for raw sockets."""
        host, _, port = self.url.partition("://")[2].rpartition(":")
        return host, int(port)

    @property
    def pid(self) -> int:
        """The supervisor's process id."""
        return self._running().pid

    def start(self) -> None:
        """Start the stack and wait until it says that it is ready."""
        process = subprocess.Popen(
            [sys.executable, "-m", "infra.local"],
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._process = process
        first_line: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._read(process.stdout, first_line.put)
        self._read(process.stderr, self.log.append)
        try:
            line = first_line.get(timeout=self._start_seconds)
        except queue.Empty:
            line = ""
        ready, _, self.url = line.strip().partition(" ")
        if ready != "ready":
            self.kill()
            raise AssertionError(f"The stack did not start: {line!r} {self.log}")

    def terminate(self, seconds: float = 15.0) -> int:
        """Stop it as an operator would; its exit code."""
        process = self._running()
        process.send_signal(signal.SIGTERM)
        process.wait(seconds)
        return self._gone()

    def kill(self) -> None:
        """End the supervisor with -9, so that the rest is on its own."""
        process = self._running()
        process.kill()
        process.wait(15)
        self._gone()

    def restart(self) -> None:
        """Start it again, on the same data."""
        if self._process is not None:
            self.kill()
        self.start()

    def workers(self) -> list[int]:
        """The process ids of the workers that are alive."""
        return children(self.pid)

    def records(self, what: str) -> list[dict[str, Any]]:
        """What the toy product has noted under a name."""
        file = self.data_dir / "records"
        lines = file.read_text().splitlines() if file.exists() else []
        return [record for line in lines if (record := json.loads(line))["what"] == what]

    def _running(self) -> subprocess.Popen[str]:
        assert self._process is not None, "The stack does not run"
        return self._process

    def _gone(self) -> int:
        process = self._running()
        self._process = None
        for reader in self._readers:
            reader.join()  # workers hold the other end of the log for a moment longer
        self._readers.clear()
        return process.returncode

    def _read(self, pipe: IO[str] | None, take: Callable[[str], None]) -> None:
        assert pipe is not None

        def follow() -> None:
            with pipe:
                for line in pipe:
                    take(line)
                take("")

        reader = threading.Thread(target=follow, daemon=True)
        reader.start()
        self._readers.append(reader)


def children(parent: int) -> list[int]:
    """The process ids of a process's children."""
    return [
        int(status.parent.name)
        for status in Path("/proc").glob("[0-9]*/status")
        if f"\nPPid:\t{parent}\n" in _text(status)
    ]


def alive(pid: int) -> bool:
    """Whether a process runs, and is no zombie."""
    status = _text(Path(f"/proc/{pid}/status"))
    return bool(status) and "\nState:\tZ" not in status


def eventually(true: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait until something is true of another process; fail if it does not come."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"Still not true after {seconds} seconds"
        time.sleep(0.01)


@contextlib.contextmanager
def took(at_most: float) -> Iterator[None]:
    """The block takes no longer than so many seconds."""
    began = time.monotonic()
    yield
    assert time.monotonic() - began <= at_most


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:  # the process ended while we looked
        return ""
