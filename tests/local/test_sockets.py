"""WebSockets through the front, on a real port."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame, Opcode
from websockets.sync.client import ClientConnection, connect

from tests.local.raw_http import RawConnection
from tests.local.stack import RunningStack, eventually, took

pytestmark = pytest.mark.stack


@pytest.fixture
def client(toy: RunningStack) -> Iterator[ClientConnection]:
    with connect(toy.ws_url, max_size=None) as client:
        yield client


def ask(client: ClientConnection, **what: object) -> Any:
    client.send(json.dumps(what))
    return json.loads(client.recv(timeout=20))


def test_a_message_is_answered(client: ClientConnection) -> None:
    assert ask(client, echo="h\u00e9")["echo"] == "h\u00e9"


def test_the_connect_event_has_the_shape_of_api_gateway(toy: RunningStack) -> None:
    headers = {"Authorization": "Bearer t", "Cookie": "a=1", "X-Two": "one"}
    with connect(f"{toy.ws_url}?ticket=1&ticket=2&empty=", additional_headers=headers) as client:
        identifier = ask(client)["id"]
    event = next(
        record["event"]
        for record in toy.records("connect")
        if record["event"]["requestContext"]["connectionId"] == identifier
    )
    assert event["headers"]["Authorization"] == "Bearer t"
    assert event["multiValueHeaders"]["Cookie"] == ["a=1"]
    assert event["queryStringParameters"] == {"ticket": "2", "empty": ""}
    assert event["multiValueQueryStringParameters"] == {"ticket": ["1", "2"], "empty": [""]}
    context = event["requestContext"]
    assert (context["routeKey"], context["eventType"]) == ("$connect", "CONNECT")
    assert context["domainName"] == toy.url.removeprefix("http://")
    assert context["identity"]["sourceIp"] == "127.0.0.1"
    assert abs(context["connectedAt"] - time.time() * 1000) < 60_000
    assert {"stage", "apiId", "requestId", "requestTimeEpoch"} <= context.keys()


@pytest.mark.parametrize(("query", "status"), [("refuse=401", 401), ("fail=1", 500)])
def test_a_connection_that_is_refused_gets_the_status(
    toy: RunningStack, query: str, status: int
) -> None:
    with pytest.raises(InvalidStatus) as refused, connect(f"{toy.ws_url}?{query}"):
        pass
    assert refused.value.response.status_code == status
    assert json.loads(refused.value.response.body or b"")["error"]


def test_a_connection_that_is_refused_gets_what_the_function_says(toy: RunningStack) -> None:
    with pytest.raises(InvalidStatus) as refused, connect(f"{toy.ws_url}?refuse=429"):
        pass
    response = refused.value.response
    assert (response.status_code, json.loads(response.body or b"")) == (429, {"error": "No"})
    assert response.headers["retry-after"] == "30"
    assert response.headers.get_all("content-type") == ["application/json"]


def test_there_are_no_sockets_on_other_paths(toy: RunningStack) -> None:
    with pytest.raises(InvalidStatus) as refused, connect(f"{toy.ws_url}/more"):
        pass
    assert refused.value.response.status_code == 404


def test_messages_of_one_connection_are_handled_in_order(client: ClientConnection) -> None:
    for number in range(50):
        client.send(json.dumps({"echo": number, "sleep": 0.02 if number % 10 == 0 else 0}))
    assert [json.loads(client.recv())["echo"] for _ in range(50)] == list(range(50))


def test_connections_do_not_wait_for_each_other(toy: RunningStack) -> None:
    with connect(toy.ws_url) as slow, connect(toy.ws_url) as quick:
        slow.send(json.dumps({"sleep": 2}))
        with took(at_most=1.0):
            ask(quick, echo=1)


def test_what_is_sent_to_a_connection_arrives_in_order(client: ClientConnection) -> None:
    client.send(json.dumps({"burst": 3000, "size": 100}))
    numbers = [json.loads(client.recv())["number"] for _ in range(3000)]
    assert numbers == list(range(3000))


def test_a_large_message_reaches_the_function(client: ClientConnection) -> None:
    text = json.dumps({"echo": None, "filling": "x" * 15_000_000})
    client.send(text)
    assert json.loads(client.recv(timeout=20))["length"] == len(text)


def test_a_message_in_fragments_is_one(client: ClientConnection) -> None:
    client.send(iter(['{"echo": "a', 'b"}']))
    assert json.loads(client.recv())["echo"] == "ab"


def test_a_message_beyond_all_bounds_ends_its_connection_only(toy: RunningStack) -> None:
    with connect(toy.ws_url) as client:
        with pytest.raises(ConnectionClosed):
            ask(client, filling="x" * 17_000_000)
        assert client.protocol.close_code in (1006, 1009)
    with connect(toy.ws_url) as other:
        assert ask(other, echo=1)["echo"] == 1


def test_a_binary_message_closes_with_1003(client: ClientConnection) -> None:
    client.send(b"\x00\x01")
    with pytest.raises(ConnectionClosed):
        client.recv(timeout=10)
    assert client.protocol.close_code == 1003


def test_a_failing_function_is_an_error_and_the_connection_lives_on(
    client: ClientConnection,
) -> None:
    assert ask(client, fail=True)["type"] == "error"
    assert ask(client, echo=1)["echo"] == 1


def test_a_function_can_close_a_connection(client: ClientConnection) -> None:
    client.send(json.dumps({"close": True}))
    with pytest.raises(ConnectionClosed):
        client.recv(timeout=10)
    assert client.protocol.close_code == 1000


def test_the_end_of_a_connection_is_told_with_its_code(toy: RunningStack) -> None:
    with connect(toy.ws_url) as client:
        identifier = ask(client)["id"]
        client.close(4001)
    eventually(lambda: _ends(toy, identifier))
    assert _ends(toy, identifier) == [4001]


def test_what_was_sent_before_the_client_left_still_counts(toy: RunningStack) -> None:
    mark = f"mark-{time.time_ns()}"
    with connect(toy.ws_url) as client:
        client.send(json.dumps({"sleep": 0.2}))
        client.send(json.dumps({mark: True}))
    eventually(lambda: any(mark in record["asked"] for record in toy.records("message")))


def test_a_connection_that_is_gone_takes_nothing(toy: RunningStack) -> None:
    with connect(toy.ws_url) as gone:
        identifier = ask(gone)["id"]
    eventually(lambda: _ends(toy, identifier))
    with connect(toy.ws_url) as client:
        assert ask(client, post=identifier) == {"taken": False}


def test_a_client_that_reads_late_misses_nothing(toy: RunningStack) -> None:
    with _RawSocket(toy) as late:
        late.send({"burst": 60, "size": 200_000})  # 12 MB
        with connect(toy.ws_url) as other:
            assert ask(other, echo=1)["echo"] == 1
        numbers = [json.loads(late.receive())["number"] for _ in range(60)]
    assert numbers == list(range(60))


def test_too_much_for_a_late_client_waits_instead_of_being_dropped(toy: RunningStack) -> None:
    with _RawSocket(toy) as late:
        late.send({"flood": 30, "size": 1_000_000})
        with connect(toy.ws_url) as other:
            assert ask(other, echo=1)["echo"] == 1
        assert [len(late.receive()) for _ in range(30)] == [1_000_000] * 30
        assert json.loads(late.receive()) == {"taken": 30}


def test_a_flooded_client_that_leaves_counts_as_gone(toy: RunningStack) -> None:
    with _RawSocket(toy) as leaving:
        leaving.send({"flood": 100, "size": 1_000_000})
    eventually(
        lambda: any(record["answer"].get("taken", 100) < 100 for record in toy.records("message"))
    )


def _ends(stack: RunningStack, identifier: str) -> list[int]:
    return [end["code"] for end in stack.records("disconnect") if end["id"] == identifier]


class _RawSocket(RawConnection):
    """A WebSocket client that reads nothing until it is asked to."""

    def __init__(self, stack: RunningStack) -> None:
        super().__init__(stack.address)
        upgrade = self.ask(
            b"GET /ws HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        assert upgrade.status == 101

    def send(self, what: object) -> None:
        """Send JSON as a text message."""
        self.socket.sendall(Frame(Opcode.TEXT, json.dumps(what).encode()).serialize(mask=True))

    def receive(self) -> str:
        """Read one text message."""
        length = self.exactly(2)[1]
        if length > 125:
            length = int.from_bytes(self.exactly(2 if length == 126 else 8))
        return self.exactly(length).decode()
