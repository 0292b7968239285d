"""The stack's port: an ASGI app that carries HTTP and WebSockets to the functions."""

import asyncio
import contextlib
import dataclasses
import sys

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from infra.local import gateway
from infra.local.bodies import (
    MAX_BODY_BYTES,
    App,
    BodyRefused,
    ClientGone,
    Message,
    Receive,
    Send,
    announced,
)
from infra.local.gateway import Answer, CorsHeaders, Gateway, Request, origin_of
from infra.local.large_uploads import LargeUploads
from infra.local.threads import Threads
from infra.local.waiting import Waiting

MAX_TARGET_BYTES = 8 * 1024
MAX_HEAD_BYTES = 64 * 1024

# Read on after a 413, so that a client that sends before it reads gets the answer.
_DRAIN_SECONDS = 5.0
_DRAIN_BYTES = 64 * 1024 * 1024


class Front:
    """Routes what comes in: sockets to ``sockets``, the rest to the gateway.

    ``cors_headers`` gives, for an origin, what lets its pages read an answer that is not
    the app's. ``uploads`` takes the bodies that are larger than others may be; None takes none.
    """

    def __init__(
        self,
        gateway: Gateway,
        threads: Threads,
        sockets: App,
        cors_headers: CorsHeaders,
        uploads: LargeUploads | None = None,
    ) -> None:
        self._gateway = gateway
        self._sockets = sockets
        self._cors_headers = cors_headers
        self._uploads = uploads
        self._waiting = Waiting(threads, None if uploads is None else uploads.folder)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one request or one socket (ASGI)."""
        if scope["type"] == "websocket":
            return await self._sockets(scope, receive, send)
        try:
            answer = await self._answer(scope, receive)
        except BodyRefused as refusal:
            return await _refuse(receive, send, self._readable(scope, refusal.answer))
        except ClientGone:
            return None
        return await _send(send, self._readable(scope, answer))

    async def _answer(self, scope: Message, receive: Receive) -> Answer:
        if len(scope["raw_path"]) + len(scope["query_string"]) > MAX_TARGET_BYTES:
            return gateway.error(414, _TOO_LONG)
        # Chalice would take what follows two slashes for a host's name.
        if b"//" in scope["raw_path"] or not scope["raw_path"].startswith(b"/"):
            return self._gateway.unknown_path(scope["method"], scope["headers"])
        length = announced(scope["headers"])
        is_large = length is None or length > MAX_BODY_BYTES
        if is_large and self._uploads is not None and self._uploads.serves(scope):
            return await self._uploads.answer(_request(scope), receive)
        return await self._waiting.answer(_request(scope), receive, self._gateway.answer)

    def _readable(self, scope: Message, answer: Answer) -> Answer:
        """The same, for pages of allowed origins to read; the app's answers are so already."""
        if any(name == b"vary" for name, _ in answer.headers):
            return answer
        cors = self._cors_headers(origin_of(scope["headers"]))
        more = [(name.lower().encode(), value.encode("latin-1")) for name, value in cors.items()]
        return dataclasses.replace(answer, headers=[*answer.headers, *more])


class FrontProtocol(HttpToolsProtocol):  # type: ignore[misc]  # uvicorn is untyped here
    """uvicorn's HTTP/1.1, with a bound on headers and errors in our shape.

    The parser itself takes headers of any size and keeps them.
    """

    _parsed = 0  # heads and bodies
    _in_head = True
    _head_bytes = 0

    def data_received(self, data: bytes) -> None:
        """Take what came, unless the head of the request grows too large."""
        parsed = self._parsed
        super().data_received(data)
        if not self._in_head or self._parsed != parsed:
            return  # of a head that only begins here the next data will tell
        self._head_bytes += len(data)
        if self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self._refuse(gateway.error(431, "Request headers are too large"))

    def on_headers_complete(self) -> None:
        """The head is read."""
        self._in_head, self._head_bytes = False, 0
        self._parsed += 1
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request is read; another may follow on the connection."""
        self._in_head = True
        self._parsed += 1
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP, which is also where unknown methods end."""
        if isinstance(sys.exception(), httptools.HttpParserInvalidMethodError):
            self._refuse(gateway.error(405, "Method not allowed", allow=_METHODS))
        else:
            self._refuse(gateway.error(400, msg))

    def _refuse(self, answer: Answer) -> None:
        lines = [b"HTTP/1.1 %d \r\nconnection: close\r\n" % answer.status]
        lines += [b"%b: %b\r\n" % header for header in answer.headers]
        self.transport.write(b"".join([*lines, b"\r\n", answer.body]))
        self.transport.close()


_TOO_LONG = f"URL is longer than {MAX_TARGET_BYTES} bytes"
_METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"


def _request(scope: Message) -> Request:
    return Request(
        method=scope["method"],
        target=_target(scope),
        headers=scope["headers"],
        body=b"",  # it is still to come
        source_ip=scope["client"][0] if scope["client"] else "",
    )


def _target(scope: Message) -> str:
    path: str = scope["raw_path"].decode("latin-1")
    query: bytes = scope["query_string"]
    if ";" in path:  # Chalice would cut off what it takes for parameters
        path = path.replace(";", "%3B")
    return f"{path}?{query.decode('utf-8', 'replace')}" if query else path


async def _send(send: Send, answer: Answer) -> None:
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    await send({"type": "http.response.body", "body": answer.body})


async def _refuse(receive: Receive, send: Send, answer: Answer) -> None:
    """Answer at once, then read on for a while: to close with unread bytes resets
    the connection, and the client would lose the answer."""
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    await send({"type": "http.response.body", "body": answer.body, "more_body": True})
    drained = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_DRAIN_SECONDS):
            while drained < _DRAIN_BYTES:
                message = await receive()
                if not message.get("more_body"):
                    break
                drained += len(message["body"])
    await send({"type": "http.response.body", "body": b""})
