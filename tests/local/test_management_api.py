"""The management API as the AWS SDK uses it, over real sockets."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import closing
from typing import Any

import httpx
from chalice.app import Chalice
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from infra.local.front import Front
from infra.local.gateway import Gateway
from infra.local.management_api import ManagementApi
from infra.local.product import Product
from infra.local.server import Server, listener, url
from infra.local.sockets import Sockets
from infra.local.threads import Threads
from tests.local import toy_app, toy_container

Play = Callable[[httpx.AsyncClient, ClientConnection, str], Awaitable[None]]


def with_connection(play: Play) -> None:
    """Play with a client of the API, a connected socket and its id."""

    async def run() -> None:
        seen: list[str] = []

        def accept(event: dict[str, Any], _context: object) -> dict[str, Any]:
            seen.append(event["requestContext"]["connectionId"])
            return {"statusCode": 200}

        threads = Threads("test", 2)
        sockets = Sockets(_product(accept), threads, "here")
        with closing(listener("127.0.0.1", 0)) as outer, closing(listener("127.0.0.1", 0)) as inner:
            gateway = Gateway(Chalice("none", configure_logs=False), toy_app.unknown_path)
            front = Server(Front(gateway, threads, sockets, toy_app.cors_headers), outer)
            api = Server(ManagementApi(sockets, "secret"), inner)
            await front.begin()
            await api.begin()
            async with (
                httpx.AsyncClient(base_url=f"{url('127.0.0.1', inner)}/secret") as client,
                connect(f"{url('127.0.0.1', outer).replace('http', 'ws')}/ws") as socket,
            ):
                await play(client, socket, seen[0])
            await sockets.stop(1.0)
            await asyncio.gather(front.stop(), api.stop())
        threads.close()

    asyncio.run(run())


def test_a_message_is_posted_to_the_socket() -> None:
    async def play(client: httpx.AsyncClient, socket: ClientConnection, name: str) -> None:
        answer = await client.post(f"/@connections/{name}", content="h\u00e9".encode())
        assert answer.status_code == 200
        assert await socket.recv() == "h\u00e9"

    with_connection(play)


def test_a_socket_can_be_looked_at() -> None:
    async def play(client: httpx.AsyncClient, _socket: ClientConnection, name: str) -> None:
        answer = await client.get(f"/@connections/{name}")
        assert answer.json()["identity"]["sourceIp"] == "127.0.0.1"

    with_connection(play)


def test_a_socket_can_be_closed_once() -> None:
    async def play(client: httpx.AsyncClient, socket: ClientConnection, name: str) -> None:
        assert (await client.delete(f"/@connections/{name}")).status_code == 204
        assert (await client.delete(f"/@connections/{name}")).status_code == 410
        try:
            await socket.recv()
        except ConnectionClosed:
            assert socket.close_code == 1000

    with_connection(play)


def test_a_socket_that_is_gone_is_a_gone_exception() -> None:
    async def play(client: httpx.AsyncClient, _socket: ClientConnection, _name: str) -> None:
        for answer in (await client.post("/@connections/x"), await client.get("/@connections/x")):
            assert answer.status_code == 410
            assert answer.headers["x-amzn-errortype"] == "GoneException"

    with_connection(play)


def test_a_message_may_have_128_kilobytes() -> None:
    async def play(client: httpx.AsyncClient, socket: ClientConnection, name: str) -> None:
        path = f"/@connections/{name}"
        assert (await client.post(path, content=b"a" * 131072)).status_code == 200
        assert len(await socket.recv()) == 131072
        answer = await client.post(path, content=b"a" * 131073)
        assert answer.status_code == 413
        assert answer.headers["x-amzn-errortype"] == "PayloadTooLargeException"

    with_connection(play)


def test_without_the_secret_nothing_is_allowed() -> None:
    async def play(client: httpx.AsyncClient, _socket: ClientConnection, name: str) -> None:
        root = str(client.base_url).removesuffix("/secret/")
        for path in (f"/@connections/{name}", f"/other/@connections/{name}", "/"):
            assert (await client.post(root + path)).status_code == 403

    with_connection(play)


def _product(accept: Callable[[dict[str, Any], object], dict[str, Any]]) -> Product:
    def ignore(_event: dict[str, Any], _context: object) -> dict[str, Any]:
        return json.loads("{}")  # type: ignore[no-any-return]

    return Product(
        app=None,
        unknown_path=toy_app.unknown_path,
        cors_headers=toy_app.cors_headers,
        ws_connect=accept,
        ws_message=ignore,
        ws_disconnect=ignore,
        run_execution=ignore,
        sweep=ignore,
        dead_letter=ignore,
        import_library=ignore,
        dead_import=ignore,
        container=toy_container,
    )
