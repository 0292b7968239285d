"""The functions, invoked with events as AWS's guides print them.

The one-machine stack and the emulator make events of their own. These are the real
services': API Gateway sends bodies as base64, since the REST API takes all types as
binary, and has headers that nobody asked for.
"""

import base64
import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import app
from chalicelib import container
from infra.local.events import InvocationContext
from tests.sockets import SocketsInMemory

DISTRIBUTION = "d111111abcdef8.cloudfront.net"

# https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
REST: dict[str, Any] = {
    "resource": "/api/projects",
    "path": "/api/projects",
    "httpMethod": "POST",
    "headers": {
        "accept": "*/*",
        "CloudFront-Viewer-Country": "DE",
        "content-type": "application/json",
        "Host": "a1b2c3.execute-api.eu-west-1.amazonaws.com",
        "X-Amzn-Trace-Id": "Root=1-5e66d96f-7491f09xmpl79d18acf3d050",
        "X-Forwarded-For": "203.0.113.9, 130.176.1.1",
        "x-forwarded-host": DISTRIBUTION,
        "X-Forwarded-Port": "443",
        "X-Forwarded-Proto": "https",
    },
    "multiValueHeaders": {"accept": ["*/*"], "content-type": ["application/json"]},
    "queryStringParameters": None,
    "multiValueQueryStringParameters": None,
    "pathParameters": None,
    "stageVariables": None,
    "requestContext": {
        "resourceId": "2gxmpl",
        "resourcePath": "/api/projects",
        "httpMethod": "POST",
        "extendedRequestId": "JJbxmplHYosFVYQ=",
        "requestTime": "10/Mar/2020:00:03:59 +0000",
        "path": "/api/api/projects",
        "accountId": "123456789012",
        "protocol": "HTTP/1.1",
        "stage": "api",
        "domainPrefix": "a1b2c3",
        "requestTimeEpoch": 1583798639428,
        "requestId": "77375676-xmpl-4b79-853a-f982474efe18",
        "identity": {
            "cognitoIdentityPoolId": None,
            "accountId": None,
            "sourceIp": "130.176.1.1",
            "user": None,
            "userAgent": "curl/7.64.1",
        },
        "domainName": "a1b2c3.execute-api.eu-west-1.amazonaws.com",
        "apiId": "a1b2c3",
    },
    "body": None,
    "isBase64Encoded": False,
}
# https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-connect-route.html
SOCKET: dict[str, Any] = {
    "requestContext": {
        "routeKey": "$connect",
        "eventType": "CONNECT",
        "extendedRequestId": "HVmaVGKHDoEFahw=",
        "requestTime": "21/Jan/2020:19:10:31 +0000",
        "messageDirection": "IN",
        "stage": "ws",
        "connectedAt": 1579633831113,
        "requestTimeEpoch": 1579633831114,
        "identity": {"userAgent": "Mozilla/5.0", "sourceIp": "203.0.113.9"},
        "requestId": "HVmaVGKHDoEFahw=",
        "domainName": "d4e5f6.execute-api.eu-west-1.amazonaws.com",
        "connectionId": "HVmaVe5ZDoECEHA=",
        "apiId": "d4e5f6",
    },
    "isBase64Encoded": False,
}
HANDSHAKE = {
    "Host": "d4e5f6.execute-api.eu-west-1.amazonaws.com",
    "Origin": f"https://{DISTRIBUTION}",
    "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits",
    "Sec-WebSocket-Key": "u0lHVXmplBQWDEg1+cQWiA==",
    "Sec-WebSocket-Version": "13",
    "X-Forwarded-For": "203.0.113.9",
    "x-forwarded-host": DISTRIBUTION,
    "X-Forwarded-Port": "443",
    "X-Forwarded-Proto": "https",
}
# https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
MESSAGE: dict[str, Any] = {
    "messageId": "059f36b4-87a3-44ab-83d2-661975830a7d",
    "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a...",
    "body": "",
    "attributes": {
        "ApproximateReceiveCount": "1",
        "SentTimestamp": "1545082649183",
        "SenderId": "AIDAIENQZJOLO23YVJ4VO",
        "ApproximateFirstReceiveTimestamp": "1545082649185",
        "MessageGroupId": "default_user",
    },
    "messageAttributes": {},
    "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
    "eventSource": "aws:sqs",
    "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:comfytavern-dev-runs",
    "awsRegion": "eu-west-1",
}
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-run-lambda-schedule.html
SCHEDULE = {
    "version": "0",
    "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
    "detail-type": "Scheduled Event",
    "source": "aws.events",
    "account": "123456789012",
    "time": "2015-10-08T16:53:06Z",
    "region": "eu-west-1",
    "resources": ["arn:aws:events:eu-west-1:123456789012:rule/comfytavern-dev-SweepEvent"],
    "detail": {},
}
GATEWAYS = (REST["headers"]["Host"], HANDSHAKE["Host"])
SUM = {"id": "n", "fullType": "core:MathOperation", "inputs": {"a": 1, "b": 2}}


@pytest.fixture
def sockets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SocketsInMemory]:
    """The product on one SQLite file, without the local front; what its sockets are sent."""
    monkeypatch.setenv("TAVERN_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("AWS_REGION", "eu-west-1")  # as Lambda does
    # On AWS the gateway answers to its own names; here they must be said. Of the distribution
    # the name alone: the origin of its pages is not this one.
    origins = [*(f"https://{name}" for name in GATEWAYS), f"http://{DISTRIBUTION}"]
    monkeypatch.setenv("TAVERN_CORS_ORIGINS", ",".join(origins))
    container.close()
    made = SocketsInMemory()
    container.use(made)
    yield made
    container.close()


def context() -> InvocationContext:
    """What Lambda tells of an invocation."""
    return InvocationContext("function", 600)


def ask(method: str, path: str, body: bytes | None = None, **headers: str) -> dict[str, Any]:
    """Invoke the API's function as API Gateway does; the answer that goes back to it."""
    event = copy.deepcopy(REST)
    event |= {"httpMethod": method, "path": path, "resource": path}
    event["requestContext"] |= {"httpMethod": method, "resourcePath": path}
    event["headers"] |= headers
    event["multiValueHeaders"] = {name: [text] for name, text in event["headers"].items()}
    if body is not None:
        event |= {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
    answer: dict[str, Any] = app.app(event, context())
    return answer


def text_of(answer: dict[str, Any]) -> str:
    """What a client gets of an answer."""
    if answer.get("isBase64Encoded"):
        return base64.b64decode(answer["body"]).decode()
    return str(answer["body"])


def said(answer: dict[str, Any]) -> Any:
    """The JSON that a client gets."""
    return json.loads(text_of(answer))


def socket_event(kind: str, **more: Any) -> dict[str, Any]:
    """An event of a WebSocket API."""
    event = copy.deepcopy(SOCKET) | more
    route = {"CONNECT": "$connect", "MESSAGE": "$default", "DISCONNECT": "$disconnect"}[kind]
    event["requestContext"] |= {"eventType": kind, "routeKey": route}
    return event


def connect(**headers: str) -> int:
    """A socket opens; the status."""
    given = HANDSHAKE | headers
    multi = {name: [value] for name, value in given.items()}
    event = socket_event("CONNECT", headers=given, multiValueHeaders=multi)
    return int(app.ws_connect(event, context())["statusCode"])


@pytest.mark.usefixtures("sockets")
def test_a_json_body_may_come_as_base64() -> None:
    made = ask("POST", "/api/projects", json.dumps({"name": "Märchen"}).encode())
    assert (made["statusCode"], said(made)["name"]) == (201, "Märchen")


@pytest.mark.usefixtures("sockets")
def test_a_broken_body_that_comes_as_base64_is_the_clients_mistake() -> None:
    answers = [ask("POST", "/api/projects", body) for body in (b"{", b"\xff\xfe", b"")]
    assert [answer["statusCode"] for answer in answers] == [400, 400, 400]


@pytest.mark.usefixtures("sockets")
def test_an_answer_in_json_goes_back_as_text() -> None:
    answer = ask("GET", "/api/projects")
    assert (answer["statusCode"], answer.get("isBase64Encoded", False)) == (200, False)
    assert said(answer) == []


@pytest.mark.usefixtures("sockets")
def test_pages_of_the_distributions_address_may_write() -> None:
    body = json.dumps({"name": "Ours"}).encode()
    own = ask("POST", "/api/projects", body, origin=f"https://{DISTRIBUTION}")
    other = ask("POST", "/api/projects", body, origin="https://elsewhere.example")
    assert (own["statusCode"], other["statusCode"]) == (201, 403)


def test_a_socket_opens_speaks_and_closes(sockets: SocketsInMemory) -> None:
    assert connect() == 200
    connection = SOCKET["requestContext"]["connectionId"]
    message = {"type": "PROMPT_REQUEST", "payload": {"nodes": [SUM], "edges": []}}
    event = socket_event("MESSAGE", body=json.dumps(message))
    event["requestContext"]["messageId"] = "HVmaVfXmplDoECEHA="
    assert app.ws_message(event, context())["statusCode"] == 200
    (accepted,) = [json.loads(text) for text in sockets.messages[connection]]
    assert accepted["type"] == "PROMPT_ACCEPTED_RESPONSE"
    record = copy.deepcopy(MESSAGE)
    record["body"] = json.dumps({"promptId": accepted["payload"]["promptId"]})
    app.run_execution({"Records": [record]}, context())
    last = json.loads(sockets.messages[connection][-1])
    assert last["type"] == "SYSTEM_QUEUE_UPDATE"
    gone = {"disconnectStatusCode": 1001, "disconnectReason": "Going away"}
    event = socket_event("DISCONNECT", headers={}, multiValueHeaders={})
    event["requestContext"] |= gone
    assert app.ws_disconnect(event, context())["statusCode"] == 200
    assert container.connections().of_user("default_user") == []


@pytest.mark.usefixtures("sockets")
def test_a_socket_of_a_page_from_elsewhere_is_refused() -> None:
    assert connect(Origin="https://elsewhere.example") == 403


@pytest.mark.usefixtures("sockets")
def test_a_dead_letter_ends_its_run() -> None:
    submitted = ask("POST", "/api/prompt", json.dumps({"nodes": [SUM], "edges": []}).encode())
    record = copy.deepcopy(MESSAGE)
    record["body"] = json.dumps({"promptId": said(submitted)["promptId"]})
    record["eventSourceARN"] += "-dead"
    record["attributes"]["DeadLetterQueueSourceArn"] = MESSAGE["eventSourceARN"]
    app.dead_letter({"Records": [record]}, context())
    run, _ = container.run_log().load(said(submitted)["promptId"])
    assert run.status == "error"


@pytest.mark.usefixtures("sockets")
def test_the_schedule_sweeps() -> None:
    submitted = said(ask("POST", "/api/prompt", b'{"nodes": [], "edges": []}'))["promptId"]
    container.run_log().update(submitted, {"status": "running", "attempts": 99})
    app.sweep(SCHEDULE, context())
    assert container.run_log().header(submitted).status == "error"
