"""A stage in this process: the functions that deploy, over moto, with a meter on them."""

import io
import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from chalicelib import container, logs
from infra.cost import assumptions as assumed
from infra.cost.counting import Meter, metered
from infra.cost.deployed import Deployed, Memory
from infra.cost.units import STORAGE_OVERHEAD_BYTES, Item, item_bytes, socket_messages
from infra.cost.virtual_time import VirtualClock, virtual_loops
from infra.local import events, moto_backend
from infra.local.events import Client, InvocationContext
from infra.local.gateway import Gateway, Request
from infra.local.product import Product

_PACK = Path(__file__).with_name("pack")
_STAGE = "cost"
_HOST = "cost.execute-api.us-east-1.amazonaws.com"
_SECONDS = 900.0
_DAY = 86_400
_LINE = re.compile(r"(?<![\w.-])-?\d+(?:\.\d+)?(?:e-?\d+)?(?![\w-])")
_NUMBER = "0" * 8


class Stage:
    """What clients, the queue and the schedule do to it; everything is metered."""

    def __init__(self, product: Product, meter: Meter, output: io.StringIO) -> None:
        self.meter = meter
        self.memory = Memory.read()
        self._kept = Deployed.read()
        self._product = product
        self._gateway = Gateway(product.app, product.unknown_path)
        self._output = output
        self._clients: dict[str, Client] = {}

    def http(self, method: str, target: str, body: object = None) -> Any:
        """A request through CloudFront and the REST API; the JSON of its answer."""
        content = b"" if body is None else json.dumps(body, separators=(",", ":")).encode()
        headers = [(b"content-type", b"application/json"), (b"host", _HOST.encode())]
        request = Request(method, target, headers, content, "203.0.113.7")
        with self._invoked("api_handler"):
            answer = self._gateway.answer(request)
        if answer.status >= 400:
            raise RuntimeError(f"{method} {target} was answered {answer.status}: {answer.body!r}")
        named = sum(len(name) + len(value) + 4 for name, value in answer.headers)
        meter = self.meter
        meter.add("rest.requests")
        meter.add("cloudfront.requests")
        meter.add("cloudfront.functions")
        meter.add("cloudfront.out_bytes", len(answer.body) + named + assumed.HTTP_BYTES.value)
        meter.add("cloudfront.in_bytes", len(content) + assumed.HTTP_BYTES.value)
        return json.loads(answer.body) if answer.body else None

    def connect(self, name: str, *, batched: bool) -> None:
        """A client opens a socket."""
        query = "frames=batch" if batched else ""
        client = Client(name, [("host", _HOST)], query, "203.0.113.7", _HOST, connected_at=0)
        self._clients[name] = client
        with self._invoked("websocket_connect"):
            context = InvocationContext("ws_connect", _SECONDS)
            answer = self._product.ws_connect(events.connect_event(client), context)
        if answer["statusCode"] != 200:
            raise RuntimeError(f"A socket was refused: {answer}")
        self.meter.add("cloudfront.requests")
        self.meter.add("cloudfront.functions")
        self.meter.add("cloudfront.out_bytes", assumed.HTTP_BYTES.value)
        self.meter.add("cloudfront.in_bytes", assumed.HTTP_BYTES.value)

    def disconnect(self, name: str) -> None:
        """Its socket closes."""
        event = events.disconnect_event(self._clients.pop(name), 1000)
        with self._invoked("websocket_disconnect"):
            self._product.ws_disconnect(event, InvocationContext("ws_disconnect", _SECONDS))

    def say(self, name: str, kind: str, payload: object) -> None:
        """A client sends a message."""
        text = json.dumps({"type": kind, "payload": payload}, separators=(",", ":"))
        event = events.message_event(self._clients[name], text)
        with self._invoked("websocket_message"):
            self._product.ws_message(event, InvocationContext("ws_message", _SECONDS))
        self.meter.add("socket.messages", socket_messages(len(text.encode())))
        self.meter.add("cloudfront.in_bytes", len(text.encode()))

    def work(self) -> int:
        """Deliver to workers until the queue is empty; how many messages.

        ``RuntimeError`` if a run did not end well: its count would mean nothing.
        """
        queue = container.queue()
        count = 0
        while (message := queue.receive()) is not None:
            with self._invoked("run_execution"):
                context = InvocationContext("run_execution", _SECONDS)
                self._product.run_execution(events.queue_event(message, "runs"), context)
            queue.delete(message.receipt)
            count += 1
        for (_, partition, sort), row in self.meter.rows.items():
            if sort == "header" and row["status"]["S"] != "complete":
                raise RuntimeError(f"{partition} is {row['status']['S']}")
        return count

    def sweep(self) -> None:
        """The schedule's minute is over."""
        with self._invoked("sweep"):
            context = InvocationContext("sweep", _SECONDS)
            self._product.sweep(events.schedule_event("sweep"), context)

    def reading(self) -> dict[str, float]:
        """What was used so far, with what it stores for its time."""
        usage = dict(self.meter.usage)
        stored = sum(_byte_months(item) for item in self.meter.rows.values())
        archived = usage.get("stored.runs", 0.0) * self._kept.run_days
        replaced = usage.get("stored.library", 0.0) * self._kept.version_days
        usage["dynamodb.byte_months"] = usage["dynamodb.backup_byte_months"] = stored
        usage["s3.byte_months"] = (archived + replaced) / assumed.DAYS_A_MONTH
        usage["logs.byte_months"] = (
            usage.get("logs.bytes", 0.0) * self._kept.log_days / assumed.DAYS_A_MONTH
        )
        return usage

    @contextmanager
    def _invoked(self, name: str) -> Iterator[None]:
        self._output.seek(0)
        self._output.truncate()
        with redirect_stdout(self._output), self.meter.invocation(self.memory.of(name)):
            yield
        lines = self._output.getvalue().splitlines()
        size = sum(_line_bytes(line) for line in lines)
        self.meter.add("logs.bytes", size + assumed.PLATFORM_LOG_BYTES.value)


@contextmanager
def opened() -> Iterator[Stage]:
    """A stage with nothing in it yet. One at a time, and once in a process: Chalice's
    app is made to fit."""
    clock = VirtualClock()
    output = io.StringIO()
    with moto_backend.running(_STAGE), virtual_loops(clock):
        os.environ.update(
            BACKEND="aws",
            TAVERN_STAGE=_STAGE,
            TAVERN_WORKERS="10",
            TAVERN_NODE_PATHS=str(_PACK),
        )
        container.close()
        meter = Meter(clock)
        with metered(meter):
            product = Product.load("app", "chalicelib.container")
            with redirect_stderr(output):
                logs.configure("INFO")
            try:
                yield Stage(product, meter, output)
            finally:
                container.close()
                logs.configure("WARNING")


def _line_bytes(line: str) -> float:
    """The size of a line; numbers count as eight digits, or it would tell the time of day."""
    return len(_LINE.sub(_NUMBER, line).encode()) + assumed.LOG_LINE_BYTES.value


def _byte_months(item: Item) -> float:
    """What a row with an expiry costs in storage until then; others are a library's few."""
    if "ttl" not in item:
        return 0.0
    days = round((float(item["ttl"]["N"]) - time.time()) / _DAY)
    return (item_bytes(item) + STORAGE_OVERHEAD_BYTES) * days / assumed.DAYS_A_MONTH
