"""WebSockets: the table of connections, and the functions that hear of them.

A connection's messages are handled one after the other, those of different
connections at once. What functions send goes through its ``Outbox``.
"""

import asyncio
import contextlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import Any

from infra.local import events
from infra.local.bodies import Message, Receive, Send
from infra.local.events import Client, Event, InvocationContext
from infra.local.outbox import Outbox
from infra.local.product import Handler, Product
from infra.local.threads import Threads

_logger = logging.getLogger(__name__)

PATHS = frozenset({"/ws", "/ws/"})

GOING_AWAY = 1001
UNSUPPORTED_DATA = 1003

_HANDLER_SECONDS = 60.0
_LIFETIME_SECONDS = 2 * 3600.0  # API Gateway's, on which the product may rely
_WAITING_MESSAGES = 64
_LARGE_CHARACTERS = 64 * 1024


@dataclass(slots=True)
class _Socket:
    client: Client
    outbox: Outbox = field(default_factory=Outbox)
    inbox: "asyncio.Queue[str | None]" = field(
        default_factory=lambda: asyncio.Queue(_WAITING_MESSAGES)
    )


class Sockets:
    """Serves ``/ws`` and knows who is connected. Used on the event loop only."""

    def __init__(self, product: Product, threads: Threads, domain: str) -> None:
        self._product = product
        self._threads = threads
        self._domain = domain
        self._table: dict[str, _Socket] = {}
        self._stopping = False
        self._empty = asyncio.Event()
        self._empty.set()

    async def post(self, connection: str, messages: Sequence[str]) -> bool:
        """Send messages in order; False if the connection is gone.

        Waits while too much waits for the client already.
        """
        socket = self._table.get(connection)
        return socket is not None and await socket.outbox.put(messages)

    def close(self, connection: str) -> bool:
        """Close a connection after what was posted to it; False if it is gone."""
        socket = self._table.get(connection)
        if socket is None or socket.outbox.gone:
            return False
        socket.outbox.finish(1000)
        return True

    def client(self, connection: str) -> Client | None:
        """Who is connected, or None if the connection is gone."""
        socket = self._table.get(connection)
        return socket.client if socket and not socket.outbox.gone else None

    async def stop(self, seconds: float) -> None:
        """Take no new connections and close all; waits so long for them to end."""
        self._stopping = True
        for socket in self._table.values():
            socket.outbox.finish(GOING_AWAY)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._empty.wait()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one socket from its upgrade to its end (ASGI)."""
        await receive()  # websocket.connect
        if scope["path"] not in PATHS:
            return await _reject(send, HTTPStatus.NOT_FOUND, "Not found")
        if self._stopping:
            return await _reject(send, HTTPStatus.SERVICE_UNAVAILABLE, "Stopping")
        socket = _Socket(_client(scope, self._domain))
        # Already in the table: what is posted while it connects waits in its outbox.
        self._table[socket.client.id] = socket
        self._empty.clear()
        try:
            await self._serve(socket, receive, send)
        finally:
            socket.outbox.abandon()
            del self._table[socket.client.id]
            if not self._table:
                self._empty.set()

    async def _serve(self, socket: _Socket, receive: Receive, send: Send) -> None:
        answer = await self._invoke(
            self._product.ws_connect, events.connect_event(socket.client), "ws_connect"
        )
        status = answer.get("statusCode", 200)
        if not 200 <= status < 300:
            return await _reject(send, status, answer.get("body"), answer.get("headers"))
        with contextlib.suppress(OSError):  # it left while it was asked in
            await send({"type": "websocket.accept"})
        code = await self._talk(socket, receive, send)
        await self._invoke(
            self._product.ws_disconnect,
            events.disconnect_event(socket.client, code),
            "ws_disconnect",
        )
        return None

    async def _talk(self, socket: _Socket, receive: Receive, send: Send) -> int:
        """Carry messages both ways until the connection ends; its close code."""
        reading = asyncio.create_task(_read(socket, receive))
        writing = asyncio.create_task(
            socket.outbox.deliver(partial(_send_text, send), partial(_send_close, send))
        )
        handling = asyncio.create_task(self._handle(socket))
        try:
            # A client that stalls ends the writing, one that leaves the reading.
            await asyncio.wait(
                {reading, writing},
                timeout=_LIFETIME_SECONDS,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if not writing.done():
                socket.outbox.finish(GOING_AWAY)
            if not reading.done():
                await asyncio.wait({reading}, timeout=1.0)  # for the answer to our close
            socket.outbox.abandon()
            await _cancel(reading)
            await socket.inbox.put(None)
            await handling  # what it sent before it left still counts
            await _cancel(writing)
        finally:
            for task in (reading, writing, handling):
                task.cancel()
        return 1006 if reading.cancelled() else reading.result()

    async def _handle(self, socket: _Socket) -> None:
        while (text := await socket.inbox.get()) is not None:
            event = events.message_event(socket.client, text)
            answer = await self._invoke(self._product.ws_message, event, "ws_message")
            if answer.get("statusCode", 200) >= HTTPStatus.INTERNAL_SERVER_ERROR:
                await socket.outbox.put([_FAILED])
            socket.inbox.task_done()

    async def _invoke(self, handler: Handler, event: Event, name: str) -> dict[str, Any]:
        context = InvocationContext(name, _HANDLER_SECONDS)
        return await self._threads.run(partial(_call, handler, event, context))


_FAILED = json.dumps({"type": "error", "payload": {"message": "Internal server error"}})


def _call(handler: Handler, event: Event, context: InvocationContext) -> dict[str, Any]:
    try:
        answer = handler(event, context)
    except Exception:
        fields = {"function": context.function_name, "requestId": context.aws_request_id}
        _logger.exception("function failed", extra=fields)
        return {"statusCode": 500}
    return answer if isinstance(answer, dict) else {}


async def _read(socket: _Socket, receive: Receive) -> int:
    """Pass messages on until the connection ends; its close code."""
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return int(message.get("code") or 1005)
        text = message.get("text")
        if text is None:
            socket.outbox.finish(UNSUPPORTED_DATA)
        elif not socket.outbox.gone:
            await socket.inbox.put(text)
            if len(text) > _LARGE_CHARACTERS:  # few of these may wait
                await socket.inbox.join()


async def _send_text(send: Send, text: str) -> None:
    try:
        await send({"type": "websocket.send", "text": text})
    except RuntimeError as error:  # uvicorn has closed it in the meantime
        raise ConnectionResetError from error


async def _send_close(send: Send, code: int) -> None:
    try:
        await send({"type": "websocket.close", "code": code})
    except RuntimeError as error:
        raise ConnectionResetError from error


async def _reject(
    send: Send, status: int, body: str | None, named: Mapping[str, str] | None = None
) -> None:
    if not body or not body.startswith("{"):
        body = json.dumps({"error": body or "The connection was refused"})
    given = {name.lower(): value for name, value in (named or {}).items()}
    given = {"content-type": "application/json", **given}
    headers = [(name.encode(), value.encode("latin-1")) for name, value in given.items()]
    with contextlib.suppress(OSError):  # it may have left
        await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": body.encode()})


async def _cancel(task: "asyncio.Task[Any]") -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def _client(scope: Message, domain: str) -> Client:
    return Client(
        id=events.new_id(),
        headers=[(name.decode(), value.decode("latin-1")) for name, value in scope["headers"]],
        query=scope["query_string"].decode("ascii", "replace"),
        address=scope["client"][0] if scope["client"] else "",
        domain=domain,
    )
