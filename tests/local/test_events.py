"""Events as Chalice's own handlers take them."""

import time
from typing import Any

import pytest
from chalice.app import Chalice

from chalicelib.ports import Message
from infra.local import events
from infra.local.events import Client, InvocationContext

CLIENT = Client(
    id="abc=",
    headers=[("host", "here:1"), ("x-two", "1"), ("x-two", "2"), ("user-agent", "tests")],
    query="",
    address="10.0.0.1",
    domain="here:1",
)
CONTEXT = InvocationContext("test", 60)


def invoke(register: Any, event: dict[str, Any]) -> Any:
    """What a Chalice handler of a kind makes of an event."""
    seen: list[Any] = []
    register()(seen.append)(event, CONTEXT)
    return seen[0]


def test_chalice_takes_the_socket_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", events.REGION)
    app = Chalice("test", configure_logs=False)
    app.experimental_feature_flags.add("WEBSOCKETS")
    connected = invoke(app.on_ws_connect, events.connect_event(CLIENT))
    said = invoke(app.on_ws_message, events.message_event(CLIENT, '{"type": "x"}'))
    left = invoke(app.on_ws_disconnect, events.disconnect_event(CLIENT, 1001))
    assert {event.connection_id for event in (connected, said, left)} == {"abc="}
    assert said.json_body == {"type": "x"}
    assert left.to_dict()["requestContext"]["disconnectStatusCode"] == 1001


def test_headers_come_alone_and_as_lists() -> None:
    event = events.connect_event(CLIENT)
    assert event["headers"]["X-Two"] == "2"
    assert event["multiValueHeaders"]["X-Two"] == ["1", "2"]
    assert event["requestContext"]["identity"] == {"sourceIp": "10.0.0.1", "userAgent": "tests"}
    assert "queryStringParameters" not in event


def test_chalice_takes_the_queue_event() -> None:
    app = Chalice("test", configure_logs=False)
    message = Message(id="1", body="b", group="g", receipt="r", receive_count=1)
    (record,) = invoke(lambda: app.on_sqs_message("q"), events.queue_event(message, "q"))
    assert (record.body, record.receipt_handle) == ("b", "r")


def test_chalice_takes_the_schedule_event() -> None:
    app = Chalice("test", configure_logs=False)
    event = invoke(lambda: app.schedule("rate(1 minute)"), events.schedule_event("sweep"))
    assert (event.source, event.detail_type) == ("aws.events", "Scheduled Event")


def test_a_context_counts_down_and_can_be_shortened_but_not_prolonged() -> None:
    context = InvocationContext("test", 900)
    began = time.monotonic()
    assert 899_000 < context.get_remaining_time_in_millis() <= 900_000
    context.shorten(5)
    context.shorten(100)
    assert context.get_remaining_time_in_millis() <= 5_000
    context.shorten(0)
    assert context.get_remaining_time_in_millis() == 0
    assert time.monotonic() - began < 5
