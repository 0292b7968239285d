"""Events and contexts as AWS gives them to functions.

The shapes follow "Working with WebSocket APIs" of the API Gateway guide and
"Using Lambda with Amazon SQS" and "... with EventBridge" of the Lambda guide;
what nobody reads is left out.
"""

import hashlib
import secrets
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from chalicelib.ports import Message

Event = dict[str, Any]

REGION = "us-east-1"
ACCOUNT = "123456789012"
API_ID = "local"
STAGE = "api"


class InvocationContext:
    """The second argument of a function: who is invoked, and until when."""

    def __init__(self, function_name: str, seconds: float, request_id: str | None = None) -> None:
        self.function_name = function_name
        self.function_version = "$LATEST"
        self.invoked_function_arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function_name}"
        self.memory_limit_in_mb = 1024
        self.aws_request_id = request_id or new_id()
        self._lock = threading.Lock()
        self._deadline = time.monotonic() + seconds

    def get_remaining_time_in_millis(self) -> int:
        """How long the invocation may still take; never below 0."""
        return max(0, int((self._deadline - time.monotonic()) * 1000))

    def shorten(self, seconds: float) -> None:
        """Leave the invocation at most so long from now."""
        with self._lock:
            self._deadline = min(self._deadline, time.monotonic() + seconds)


@dataclass(frozen=True, slots=True)
class Client:
    """One WebSocket as its events describe it. Header names are lower case."""

    id: str
    headers: Sequence[tuple[str, str]]
    query: str
    address: str
    domain: str
    connected_at: int = field(default_factory=lambda: int(time.time() * 1000))


def new_id() -> str:
    """An unguessable id, safe in URLs."""
    return secrets.token_urlsafe(12)


def connect_event(client: Client) -> Event:
    """The event of a client that asks to connect."""
    headers = _grouped((name.title(), value) for name, value in client.headers)
    event: Event = {
        "headers": {name: values[-1] for name, values in headers.items()},
        "multiValueHeaders": headers,
        "requestContext": _context(client, "$connect", "CONNECT"),
        "isBase64Encoded": False,
    }
    query = parse_qs(client.query, keep_blank_values=True)
    if query:  # the keys are absent without a query
        event["queryStringParameters"] = {name: values[-1] for name, values in query.items()}
        event["multiValueQueryStringParameters"] = query
    return event


def message_event(client: Client, text: str) -> Event:
    """The event of a text message."""
    context = _context(client, "$default", "MESSAGE")
    return {
        "requestContext": {**context, "messageId": new_id()},
        "body": text,
        "isBase64Encoded": False,
    }


def disconnect_event(client: Client, code: int) -> Event:
    """The event of a connection that has ended; ``code`` is the close code."""
    context = _context(client, "$disconnect", "DISCONNECT")
    return {
        "headers": {},
        "multiValueHeaders": {},
        "requestContext": {
            **context,
            "disconnectStatusCode": code,
            "disconnectReason": "",
        },
        "isBase64Encoded": False,
    }


def queue_event(message: Message, queue_name: str) -> Event:
    """The event of one message of a queue.

    The port does not keep when it was sent; the time of this delivery stands in.
    """
    now = str(int(time.time() * 1000))
    record = {
        "messageId": message.id,
        "receiptHandle": message.receipt,
        "body": message.body,
        "attributes": {
            "ApproximateReceiveCount": str(message.receive_count),
            "ApproximateFirstReceiveTimestamp": now,
            "MessageGroupId": message.group,
            "SentTimestamp": now,
        },
        "messageAttributes": {},
        "md5OfBody": hashlib.md5(message.body.encode(), usedforsecurity=False).hexdigest(),
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue_name}",
        "awsRegion": REGION,
    }
    return {"Records": [record]}


def schedule_event(rule: str) -> Event:
    """The event of a schedule."""
    return {
        "version": "0",
        "id": new_id(),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": REGION,
        "resources": [f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{rule}"],
        "detail": {},
    }


def _context(client: Client, route: str, kind: str) -> Event:
    now = time.time()
    agents = [value for name, value in client.headers if name == "user-agent"]
    return {
        "routeKey": route,
        "eventType": kind,
        "messageDirection": "IN",
        "connectionId": client.id,
        "connectedAt": client.connected_at,
        "requestId": new_id(),
        "extendedRequestId": new_id(),
        "requestTime": datetime.fromtimestamp(now, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "requestTimeEpoch": int(now * 1000),
        "domainName": client.domain,
        "stage": STAGE,
        "apiId": API_ID,
        "identity": {"sourceIp": client.address, "userAgent": agents[-1] if agents else None},
    }


def _grouped(pairs: Any) -> Mapping[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for name, value in pairs:
        grouped.setdefault(name, []).append(value)
    return grouped
