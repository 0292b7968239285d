"""What CloudFront does in front of a stage, by the distribution in its template.

The emulator has no data plane for distributions. This stands in: it takes each
request by the first behaviour whose path fits, lets the behaviour's viewer-request
function change it, and sends it to the behaviour's origin. It caches nothing.
"""

import asyncio
import json
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from http.cookiejar import DefaultCookiePolicy
from types import TracebackType
from typing import Any, Self

import dukpy
import httpx
import uvicorn
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

# Of one hop, not of the message: https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1
_HOP = {
    *("connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding"),
    *("upgrade", "host", "content-length", "content-encoding"),
}


@dataclass(frozen=True)
class Request:
    """What a viewer-request function sees and changes; header names in lower case."""

    method: str
    uri: str
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Behavior:
    """One behaviour: paths, what is done to a request first, and where it goes."""

    paths: str
    origin: str
    script: str

    def change(self, request: Request) -> Request:
        """What the viewer-request function makes of a request.

        https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/functions-event-structure.html
        """
        headers = {name: {"value": value} for name, value in request.headers.items()}
        event = {"request": {"method": request.method, "uri": request.uri, "headers": headers}}
        changed = dukpy.evaljs(f"{self.script}; handler(dukpy['event'])", event=event)
        changed_headers = {name: item["value"] for name, item in changed["headers"].items()}
        return Request(changed["method"], changed["uri"], changed_headers)


def behaviors(
    template: Mapping[str, Any], addresses: Mapping[str, tuple[str, str]]
) -> Iterator[Behavior]:
    """The behaviours of the template's distribution, in the order in which they count."""
    resources = template["Resources"]
    config = resources["Distribution"]["Properties"]["DistributionConfig"]
    origins = {
        origin["Id"]: address + origin.get("OriginPath", "") + suffix
        for origin in config["Origins"]
        for name, (address, suffix) in addresses.items()
        if name in json.dumps(origin["DomainName"])
    }
    for behavior in [
        *config["CacheBehaviors"],
        {"PathPattern": "*"} | config["DefaultCacheBehavior"],
    ]:
        (association,) = behavior["FunctionAssociations"]
        assert association["EventType"] == "viewer-request"
        script = resources[association["FunctionARN"]["Fn::GetAtt"][0]]
        yield Behavior(
            behavior["PathPattern"],
            origins[behavior["TargetOriginId"]],
            script["Properties"]["FunctionCode"],
        )


class Edge:
    """A public address on this machine; a context manager, ``url`` is the address."""

    def __init__(self, behaviors: list[Behavior]) -> None:
        self._behaviors = behaviors
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        config = uvicorn.Config(
            self._serve,
            interface="asgi3",
            log_level="error",
            lifespan="off",
            ws="websockets-sansio",
            ws_max_size=2**24,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._http: httpx.AsyncClient

    @classmethod
    def of(cls, template: Mapping[str, Any], addresses: Mapping[str, tuple[str, str]]) -> Self:
        """The edge of a template.

        ``addresses`` has what comes before and after an origin's path, by the name of the
        resource that the origin refers to.
        """
        return cls(list(behaviors(template, addresses)))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        self._listening.close()

    def _run(self) -> None:
        asyncio.run(self._main())

    async def _main(self) -> None:
        limits = httpx.Limits(max_connections=50)
        async with httpx.AsyncClient(timeout=60, limits=limits) as self._http:
            # What one viewer was sent is not to go with the next one's requests.
            self._http.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
            await self._server.serve(sockets=[self._listening])

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
        # CloudFront hands paths on as they came.
        path = scope["raw_path"].decode("latin-1")
        request = Request(scope.get("method", "GET"), path, headers)
        behavior = next(item for item in self._behaviors if fnmatchcase(path, item.paths))
        changed = behavior.change(request)
        query = scope["query_string"].decode()
        target = behavior.origin + changed.uri + (f"?{query}" if query else "")
        onward = [(name, value) for name, value in changed.headers.items() if name not in _HOP]
        if scope["type"] == "websocket":
            await _socket(target, onward, receive, send)
        else:
            await self._request(changed.method, target, onward, receive, send)

    async def _request(
        self, method: str, target: str, headers: list[tuple[str, str]], receive: Receive, send: Send
    ) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        answer = await self._http.request(method, target, headers=headers, content=body)
        kept = [
            (name.lower().encode(), value.encode("latin-1"))
            for name, value in answer.headers.multi_items()
            if name.lower() not in _HOP
        ]
        start = {"type": "http.response.start", "status": answer.status_code, "headers": kept}
        await send(start)
        await send({"type": "http.response.body", "body": answer.content})


async def _socket(
    target: str, headers: list[tuple[str, str]], receive: Receive, send: Send
) -> None:
    await receive()  # websocket.connect
    kept = [(name, value) for name, value in headers if not name.startswith("sec-websocket")]
    try:
        origin = await connect(
            target.replace("http", "ws", 1), additional_headers=kept, max_size=None, proxy=None
        )
    except InvalidStatus:
        await send({"type": "websocket.close"})  # before the accept: refused with 403
        return
    async with origin:
        await send({"type": "websocket.accept"})
        both = {
            asyncio.create_task(_from_viewer(origin, receive)),
            asyncio.create_task(_from_origin(origin, send)),
        }
        _, left = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        for task in left:
            task.cancel()
        await asyncio.gather(*both, return_exceptions=True)


async def _from_viewer(origin: ClientConnection, receive: Receive) -> None:
    while (message := await receive())["type"] == "websocket.receive":
        text = message.get("text")
        await origin.send(message["bytes"] if text is None else text)


async def _from_origin(origin: ClientConnection, send: Send) -> None:
    with suppress(ConnectionClosed):
        async for message in origin:
            kind = "text" if isinstance(message, str) else "bytes"
            await send({"type": "websocket.send", kind: message})
    with suppress(RuntimeError):  # the viewer was faster
        await send({"type": "websocket.close", "code": origin.close_code or 1006})
