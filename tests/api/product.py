"""The product without processes: HTTP through the local front, sockets and workers by hand."""

import asyncio
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chalicelib import container
from chalicelib.ports import Clock, Queue
from infra.local import events
from infra.local.bodies import Message
from infra.local.events import Client, InvocationContext
from infra.local.front import Front
from infra.local.gateway import Gateway
from infra.local.large_uploads import LargeUploads
from infra.local.product import Handler, Product
from infra.local.threads import Threads
from tests.sockets import SocketsInMemory

ORIGIN = "http://localhost:5573"
_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client gets."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body, which must be strict JSON."""
        return json.loads(self.body, parse_constant=_refuse)


@dataclass(frozen=True, slots=True)
class Ask:
    """A request. ``json`` is sent as a JSON body with its type; ``body`` as it is."""

    method: str
    target: str
    json: Any = None
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class Door:
    """The front of the one-machine stack, on an event loop of its own, without a port.

    One lasts for all tests: each time it is made, the app is wrapped anew.
    """

    def __init__(self) -> None:
        self.product = Product.load("app", "chalicelib.container")
        self._threads = Threads("door", 8)
        gateway = Gateway(self.product.app, self.product.unknown_path)
        uploads = LargeUploads(
            gateway,
            self._threads,
            lambda token: container.uploads().limit(token),
            Path(tempfile.gettempdir()),
        )
        cors = self.product.cors_headers
        self._front = Front(gateway, self._threads, _no_sockets, cors, uploads)
        self._loop = asyncio.new_event_loop()

    def ask(self, *requests: Ask) -> list[Answer]:
        """Send requests, all at once; the answers in the same order."""
        return self._loop.run_until_complete(self._all(requests))

    def close(self) -> None:
        """Let the loop and the threads end."""
        self._threads.close()
        self._loop.close()

    async def _all(self, requests: Sequence[Ask]) -> list[Answer]:
        return await asyncio.gather(*(self._one(request) for request in requests))

    async def _one(self, request: Ask) -> Answer:
        body, headers = request.body, {"host": "localhost:3233", **request.headers}
        if request.json is not None:
            body = json.dumps(request.json).encode()
            headers = {"content-type": "application/json", **headers}
        headers["content-length"] = str(len(body))
        path, _, query = request.target.partition("?")
        scope = {
            "type": "http",
            "method": request.method,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.lower().encode(), text.encode()) for name, text in headers.items()],
            "client": ("127.0.0.1", 50_000),
        }
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        await self._front(scope, receive, send)
        start, *parts = sent
        named = {name.decode(): value.decode("latin-1") for name, value in start["headers"]}
        return Answer(start["status"], named, b"".join(part["body"] for part in parts))


class Tavern:
    """One product with nothing in it yet; its sockets keep what they are sent."""

    def __init__(self, door: Door, sockets: SocketsInMemory) -> None:
        self._door = door
        self._product = door.product
        self._sockets = sockets
        self._clients: dict[str, Client] = {}

    def ask(
        self,
        method: str,
        target: str,
        *,
        json: Any = None,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One HTTP request; ``target`` is the path with its query, as it goes over the wire."""
        return self._door.ask(Ask(method, target, json, body, headers or {}))[0]

    def ask_at_once(self, *requests: Ask) -> list[Answer]:
        """Requests of several clients at the same time."""
        return self._door.ask(*requests)

    def connect(self, name: str = "ada", *, query: str = "", **headers: str) -> int:
        """A client opens ``/ws`` under this connection id; the status that it gets."""
        return int(self.connected(name, query=query, **headers)["statusCode"])

    def connected(self, name: str = "ada", *, query: str = "", **headers: str) -> dict[str, Any]:
        """The same; what the handler says to the gateway."""
        given = [("host", "localhost:3233"), *headers.items()]
        client = Client(name, given, query, "127.0.0.1", "localhost:3233")
        self._clients[name] = client
        context = InvocationContext("ws_connect", _SECONDS)
        answer: dict[str, Any] = self._product.ws_connect(events.connect_event(client), context)
        return answer

    def disconnect(self, name: str = "ada") -> None:
        """A client's socket closes."""
        event = events.disconnect_event(self._clients[name], 1000)
        self._product.ws_disconnect(event, InvocationContext("ws_disconnect", _SECONDS))

    def limit_messages(self, most: int) -> None:
        """Let no larger message to a socket pass."""
        self._sockets.max_message_bytes = most

    def say(self, message: object, name: str = "ada") -> list[dict[str, Any]]:
        """A client sends JSON; the frames that its socket gets before the handler returns."""
        return self.say_text(json.dumps(message), name)

    def say_text(self, text: str, name: str = "ada") -> list[dict[str, Any]]:
        """A client sends a text; the frames that its socket gets meanwhile."""
        before = len(self._sockets.messages[name])
        assert self.status_of(text, name) == 200
        return self._unpacked(self._sockets.messages[name][before:])

    def status_of(self, text: str, name: str = "ada") -> int:
        """A client sends a text; what the handler says to the gateway."""
        event = events.message_event(self._clients[name], text)
        answer = self._product.ws_message(event, InvocationContext("ws_message", _SECONDS))
        return int(answer["statusCode"])

    def frames(self, name: str = "ada") -> list[dict[str, Any]]:
        """All frames that a socket got so far."""
        return self._unpacked(self._sockets.messages[name])

    def messages(self, name: str = "ada") -> list[str]:
        """All messages that a socket got so far, as they came."""
        return list(self._sockets.messages[name])

    def keep_open(self, name: str) -> None:
        """Closing this socket fails from now on."""
        self._sockets.stubborn.add(name)

    def let_close(self, name: str) -> None:
        """It can be closed again."""
        self._sockets.stubborn.discard(name)

    def lose(self, name: str) -> None:
        """A socket is gone, and nobody was told."""
        self._sockets.gone.add(name)

    def submit(self, payload: object, **headers: str) -> str:
        """Submit a workflow over HTTP; its prompt id."""
        answer = self.ask("POST", "/api/prompt", json=payload, headers=headers)
        assert answer.status == 200, answer.body
        return str(answer.json()["promptId"])

    def work(self) -> int:
        """Deliver to one worker until the queue is empty; how many messages."""
        function = self._product.run_execution
        return _deliver(container.queue(), "runs", function, "run_execution", _SECONDS)

    def work_imports(self, *, seconds: float = _SECONDS) -> int:
        """Deliver imports to one worker until their queue is empty; how many messages."""
        function = self._product.import_library
        return _deliver(container.import_queue(), "imports", function, "import_library", seconds)

    def start_anew(self, clock: Clock | None = None) -> None:
        """Forget what was made, as a function's first call finds nothing made."""
        container.close()
        container.use(self._sockets, clock)

    def sweep(self) -> None:
        """What happens once a minute."""
        event = events.schedule_event("sweep")
        self._product.sweep(event, InvocationContext("sweep", _SECONDS))

    def asked(self) -> list[str]:
        """The sockets that we asked whether they are there, in order."""
        return list(self._sockets.asked)

    def closed(self) -> list[str]:
        """The sockets that were closed by us, in order."""
        return list(self._sockets.closed)

    def _unpacked(self, messages: Sequence[str]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for text in messages:
            value = json.loads(text, parse_constant=_refuse)
            found.extend(value if isinstance(value, list) else [value])
        return found


def _deliver(queue: Queue, source: str, function: Handler, name: str, seconds: float) -> int:
    """Invoke a function with each message of its queue, which has so long for each."""
    count = 0
    while (message := queue.receive()) is not None:
        function(events.queue_event(message, source), InvocationContext(name, seconds))
        queue.delete(message.receipt)
        count += 1
    return count


async def _no_sockets(scope: Message, _receive: object, _send: object) -> None:
    raise AssertionError(f"{scope['type']} is not for the door")


def _refuse(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")
