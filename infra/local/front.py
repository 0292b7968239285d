"""The stack's port: an ASGI app that carries HTTP and WebSockets to the functions."""

import asyncio
import contextlib
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from functools import partial
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from infra.local import gateway
from infra.local.gateway import Answer, Gateway, Headers, Request
from infra.local.threads import Threads

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

MAX_BODY_BYTES = 10 * 1024 * 1024
MAX_TARGET_BYTES = 8 * 1024
MAX_HEAD_BYTES = 64 * 1024

# Read on after a 413, so that a client that sends before it reads gets the answer.
_DRAIN_SECONDS = 5.0
_DRAIN_BYTES = 64 * 1024 * 1024


class Front:
    """Routes what comes in: sockets to ``sockets``, the rest to the gateway."""

    def __init__(self, gateway: Gateway, threads: Threads, sockets: App) -> None:
        self._gateway = gateway
        self._threads = threads
        self._sockets = sockets

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one request or one socket (ASGI)."""
        if scope["type"] == "websocket":
            return await self._sockets(scope, receive, send)
        if len(scope["raw_path"]) + len(scope["query_string"]) > MAX_TARGET_BYTES:
            return await _send(send, gateway.error(414, _TOO_LONG))
        # Chalice would take what follows two slashes for a host's name.
        if b"//" in scope["raw_path"] or not scope["raw_path"].startswith(b"/"):
            answer = self._gateway.unknown_path(scope["method"], scope["headers"])
            return await _send(send, answer)
        try:
            body = await _body(scope["headers"], receive)
        except _BodyTooLarge:
            return await _refuse_body(receive, send)
        except _ClientGone:
            return None
        request = Request(
            method=scope["method"],
            target=_target(scope),
            headers=scope["headers"],
            body=body,
            source_ip=scope["client"][0] if scope["client"] else "",
        )
        answer = await self._threads.run(partial(self._gateway.answer, request))
        return await _send(send, answer)


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


class _BodyTooLarge(Exception):  # noqa: N818 (the names read as what happened)
    """More than ``MAX_BODY_BYTES``, announced or sent."""


class _ClientGone(Exception):  # noqa: N818
    """The client left before its request was whole."""


def _target(scope: Message) -> str:
    path: str = scope["raw_path"].decode("latin-1")
    query: bytes = scope["query_string"]
    if ";" in path:  # Chalice would cut off what it takes for parameters
        path = path.replace(";", "%3B")
    return f"{path}?{query.decode('utf-8', 'replace')}" if query else path


async def _body(headers: Headers, receive: Receive) -> bytes:
    announced = _announced(headers)
    if announced == 0:
        return b""
    if announced is not None and announced > MAX_BODY_BYTES:
        raise _BodyTooLarge
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _ClientGone
        parts.append(message["body"])
        size += len(message["body"])
        if size > MAX_BODY_BYTES:
            raise _BodyTooLarge
        if not message["more_body"]:
            return b"".join(parts)


def _announced(headers: Headers) -> int | None:
    """The body's length, or None for one in chunks; the parser has checked both."""
    length = 0
    for name, value in headers:
        if name == b"transfer-encoding":
            return None
        if name == b"content-length":
            length = int(value)
    return length


async def _send(send: Send, answer: Answer) -> None:
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    await send({"type": "http.response.body", "body": answer.body})


async def _refuse_body(receive: Receive, send: Send) -> None:
    """Answer at once, then read on for a while: to close with unread bytes resets
    the connection, and the client would lose the answer."""
    answer = gateway.error(
        413, f"Body is larger than {MAX_BODY_BYTES // 1024 // 1024} MB", connection="close"
    )
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
