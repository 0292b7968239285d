"""The publisher on API Gateway's management API, against a server that plays it."""

import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

import pytest
from botocore.exceptions import ClientError

from chalicelib.adapters.aws import clients
from chalicelib.adapters.aws.publisher import GatewayPublisher
from chalicelib.ports import Connection, Delivery

CONNECTION_ID = "L0SM9cOFvHcCIhw="
OK = (200, "")
GONE = (410, "GoneException")
TOO_LARGE = (413, "PayloadTooLargeException")
THROTTLED = (429, "LimitExceededException")
FORBIDDEN = (403, "ForbiddenException")
BROKEN = (500, "InternalServerError")


class Gateway(ThreadingHTTPServer):
    """Records requests and gives the answers of a script; then 200."""

    daemon_threads = False  # closing the server waits for them

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[tuple[str, str, str]] = []
        self.script: list[tuple[int, str]] = []

    @property
    def endpoint(self) -> str:
        """Where the management API is, a stage included."""
        return f"http://127.0.0.1:{self.server_port}/api"

    def said(self, *answers: tuple[int, str]) -> None:
        """What the next requests are answered."""
        self.script.extend(answers)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Gateway

    def do_POST(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its name above)
        """Silence."""

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        self.server.requests.append((self.command, unquote(self.path), body))
        status, error = self.server.script.pop(0) if self.server.script else OK
        self.send_response(status)
        if error:
            self.send_header("x-amzn-ErrorType", error)
        self.send_header("Content-Length", "0")
        self.end_headers()


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI", raising=False)
    clients.forget()
    with Gateway() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        clients.forget()
        server.shutdown()
        thread.join()


def send(gateway: Gateway, messages: Sequence[str]) -> Delivery:
    return GatewayPublisher().send(Connection(CONNECTION_ID, gateway.endpoint), messages)


def posted(body: str) -> tuple[str, str, str]:
    return "POST", f"/api/@connections/{CONNECTION_ID}", body


CLOSED = ("DELETE", f"/api/@connections/{CONNECTION_ID}", "")


def test_messages_are_posted_one_by_one_in_order(gateway: Gateway) -> None:
    assert send(gateway, ["one", '{"two":"é🐉"}', "three"]) is Delivery.TAKEN
    assert gateway.requests == [posted("one"), posted('{"two":"é🐉"}'), posted("three")]


@pytest.mark.parametrize(
    ("answer", "found"),
    [(OK, Delivery.TAKEN), (GONE, Delivery.GONE), (BROKEN, Delivery.TAKEN)],
    ids=["there", "gone", "broken"],
)
def test_without_messages_the_connection_is_asked_for_and_left_alone(
    gateway: Gateway, answer: tuple[int, str], found: Delivery
) -> None:
    gateway.said(*[answer] * clients.POST_ATTEMPTS)
    assert send(gateway, []) is found
    assert set(gateway.requests) == {("GET", f"/api/@connections/{CONNECTION_ID}", "")}


def test_a_gone_connection_is_told_and_gets_no_more(gateway: Gateway) -> None:
    gateway.said(OK, GONE)
    assert send(gateway, ["one", "two", "three"]) is Delivery.GONE
    assert gateway.requests == [posted("one"), posted("two")]


@pytest.mark.parametrize("hiccup", [THROTTLED, BROKEN], ids=["throttled", "broken"])
def test_a_message_is_tried_again(gateway: Gateway, hiccup: tuple[int, str]) -> None:
    gateway.said(hiccup, OK)
    assert send(gateway, ["one", "two"]) is Delivery.TAKEN
    assert gateway.requests == [posted("one"), posted("one"), posted("two")]


def test_a_message_that_is_too_large_closes_the_connection(gateway: Gateway) -> None:
    gateway.said(TOO_LARGE)
    assert send(gateway, ["one", "two"]) is Delivery.REFUSED
    assert gateway.requests == [posted("one"), CLOSED]


def test_a_connection_that_takes_nothing_is_closed_never_skipped(gateway: Gateway) -> None:
    gateway.said(*[THROTTLED] * clients.POST_ATTEMPTS)
    assert send(gateway, ["one", "two"]) is Delivery.REFUSED
    assert gateway.requests == [*[posted("one")] * clients.POST_ATTEMPTS, CLOSED]


def test_a_connection_that_cannot_even_be_closed_is_given_up(gateway: Gateway) -> None:
    gateway.said(TOO_LARGE, FORBIDDEN)
    assert send(gateway, ["one"]) is Delivery.REFUSED


def test_missing_rights_are_no_fault_of_the_connection(gateway: Gateway) -> None:
    gateway.said(FORBIDDEN)
    with pytest.raises(ClientError, match="Forbidden"):
        send(gateway, ["one"])


def test_closing_asks_the_gateway(gateway: Gateway) -> None:
    GatewayPublisher().close(Connection(CONNECTION_ID, gateway.endpoint))
    assert gateway.requests == [CLOSED]


def test_closing_a_gone_connection_is_fine(gateway: Gateway) -> None:
    gateway.said(GONE)
    GatewayPublisher().close(Connection(CONNECTION_ID, gateway.endpoint))
    assert gateway.requests == [CLOSED]


def test_a_gateway_that_is_not_there_takes_nothing(gateway: Gateway) -> None:
    with Gateway() as stopped:
        endpoint = stopped.endpoint
    assert GatewayPublisher().send(Connection(CONNECTION_ID, endpoint), ["one"]) is Delivery.REFUSED


def test_the_environment_may_name_another_endpoint(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI", gateway.endpoint)
    elsewhere = Connection(CONNECTION_ID, "https://abc.execute-api.us-east-1.amazonaws.com/api")
    assert GatewayPublisher().send(elsewhere, ["one"]) is Delivery.TAKEN
    assert gateway.requests == [posted("one")]
