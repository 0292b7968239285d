"""uvicorn, run beside the supervisor's other tasks instead of as a program."""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Iterator

import uvicorn

from infra.local.bodies import App
from infra.local.front import FrontProtocol
from infra.local.settings import STOP_SECONDS, CannotStart

MAX_WEBSOCKET_BYTES = 16 * 1024 * 1024

_KEEP_ALIVE_SECONDS = 75
_UNSENT_SECONDS = 60


class Server(uvicorn.Server):  # type: ignore[misc]  # uvicorn is untyped here
    """Serves an ASGI app on a socket, in the running loop."""

    def __init__(self, app: App, listener: socket.socket) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=FrontProtocol,
                ws="websockets-sansio",
                ws_max_size=MAX_WEBSOCKET_BYTES,
                ws_per_message_deflate=False,  # it costs more than the loopback; AWS has none
                lifespan="off",
                interface="asgi3",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=STOP_SECONDS,
            )
        )
        self._listener = listener
        self._up = asyncio.Event()
        self._serving: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Answer connections from now on; ``CannotStart``."""
        self._serving = asyncio.create_task(self.serve(sockets=[self._listener]))
        up = asyncio.create_task(self._up.wait())
        await asyncio.wait({self._serving, up}, return_when=asyncio.FIRST_COMPLETED)
        if not up.done():
            up.cancel()
            try:
                await self._serving
            except OSError as error:
                raise CannotStart(f"Cannot listen: {error.strerror}") from error

    async def stop(self) -> None:
        """Take no more connections, and let the requests in flight be answered."""
        self.should_exit = True
        if self._serving is not None:
            await self._serving

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Called by uvicorn; connections are answered when it returns."""
        await super().startup(sockets=sockets)
        self._up.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the supervisor."""
        yield


def listener(host: str, port: int) -> socket.socket:
    """A socket that is bound, so that nobody else can take the port; ``CannotStart``."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind, protocol)
    except OSError as error:
        raise CannotStart(f"TAVERN_HOST is {host!r}: not an address of this machine") from error
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            # Connections inherit it: one whose client stops reading ends, even half closed.
            bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNSENT_SECONDS * 1000)
        bound.bind(address)
        bound.setblocking(False)
    except OSError as error:
        bound.close()
        if error.errno == errno.EADDRINUSE:
            raise CannotStart(
                f"Port {port} is in use: stop what uses it, or set TAVERN_PORT"
            ) from error
        raise CannotStart(f"Cannot listen on {host} port {port}: {error.strerror}") from error
    return bound


def url(host: str, bound: socket.socket) -> str:
    """Where clients find a listener: the host as it was given, the port as it is."""
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{bound.getsockname()[1]}"
