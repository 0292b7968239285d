"""The management API of API Gateway, so that the AWS adapters reach our sockets.

Only as far as they use it: "Use @connections commands in your backend service"
of the API Gateway guide. It listens on the loopback interface, and every path
starts with a secret, or any web page in the user's browser could post to
sockets through it.
"""

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from infra.local.bodies import Message, Receive, Send
from infra.local.sockets import Sockets

MAX_MESSAGE_BYTES = 128 * 1024

_WAIT_SECONDS = 3.0  # less than SDKs wait for an answer: they would send twice

_Reply = tuple[int, dict[str, Any]]


class ManagementApi:
    """An ASGI app over ``Sockets``; ``prefix`` is the secret start of its paths."""

    def __init__(self, sockets: Sockets, prefix: str) -> None:
        self._sockets = sockets
        self._start = f"/{prefix}/@connections/"
        self._methods: dict[str, Callable[[str, Receive], Awaitable[_Reply]]] = {
            "POST": self._post,
            "DELETE": self._delete,
            "GET": self._get,
        }

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        path = unquote(scope["raw_path"].decode("latin-1"))
        start, connection = path[: len(self._start)], path[len(self._start) :]
        method = self._methods.get(scope["method"])
        if not secrets.compare_digest(start.encode(), self._start.encode()) or method is None:
            status, body = 403, {"message": "Forbidden"}
        else:
            status, body = await method(connection, receive)
        text = b"" if status == 204 else json.dumps(body).encode()
        headers = [(b"content-type", b"application/json")]
        if status != 204:
            headers.append((b"content-length", str(len(text)).encode()))
        if status in _ERRORS:
            headers.append((b"x-amzn-errortype", _ERRORS[status]))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": text})

    async def _post(self, connection: str, receive: Receive) -> _Reply:
        body = bytearray()
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > MAX_MESSAGE_BYTES:
                return 413, {"message": "Message too long"}
        try:
            async with asyncio.timeout(_WAIT_SECONDS):
                taken = await self._sockets.post(connection, [body.decode(errors="replace")])
        except TimeoutError:
            return 429, {"message": "Too much waits for this connection"}
        return (200, {}) if taken else _GONE

    async def _delete(self, connection: str, _receive: Receive) -> _Reply:
        return (204, {}) if self._sockets.close(connection) else _GONE

    async def _get(self, connection: str, _receive: Receive) -> _Reply:
        client = self._sockets.client(connection)
        if client is None:
            return _GONE
        connected = datetime.fromtimestamp(client.connected_at / 1000, UTC)
        identity = {"sourceIp": client.address, "userAgent": dict(client.headers).get("user-agent")}
        return 200, {"connectedAt": connected.isoformat(), "identity": identity}


_GONE: _Reply = (410, {"message": "Gone"})
_ERRORS = {
    403: b"ForbiddenException",
    410: b"GoneException",
    429: b"LimitExceededException",
    413: b"PayloadTooLargeException",
}
