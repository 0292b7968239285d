"""The AWS SDK's clients: made when first used, then kept by the process.

A client takes up to half a second to make and may be used by any thread.
Where requests go is botocore's own business: ``AWS_ENDPOINT_URL`` and its
variants redirect them.
"""

import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from boto3 import Session
    from botocore.config import Config
    from types_boto3_apigatewaymanagementapi import ApiGatewayManagementApiClient
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_kms import KMSClient
    from types_boto3_s3 import S3Client
    from types_boto3_sqs import SQSClient

POST_ATTEMPTS = 4
"""How often a message to a socket is tried."""

_CONNECTIONS = 50
_MANAGEMENT_ENDPOINT = "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI"
_Made = TypeVar("_Made")

_made: dict[str, object] = {}
_lock = threading.RLock()


def session() -> "Session":
    """The session that all clients come from; its events reach those made later."""

    def make() -> "Session":
        import boto3

        return boto3.Session()

    return _cached("session", make)


def s3() -> "S3Client":
    """Documents."""
    return _cached("s3", lambda: session().client("s3", config=_config()))


def signing_s3() -> "S3Client":
    """Signs what others send to S3; calls nobody.

    Left to itself, the SDK would sign forms by a method that newer regions do not take,
    and name the bucket's address in us-east-1, which only redirects.
    """

    def make() -> "S3Client":
        from botocore.config import Config

        newest = Config(signature_version="s3v4", s3={"addressing_style": "virtual"})
        return session().client("s3", config=newest)

    return _cached("signing s3", make)


def dynamodb() -> "DynamoDBClient":
    """Rows: they answer in milliseconds, so a slow answer is soon tried again."""
    return _cached("dynamodb", lambda: session().client("dynamodb", config=_config(read_timeout=5)))


def sqs() -> "SQSClient":
    """Queues: a long poll takes up to 20 seconds."""
    return _cached("sqs", lambda: session().client("sqs", config=_config(read_timeout=30)))


def kms() -> "KMSClient":
    """Keys: a run waits for them."""
    return _cached("kms", lambda: session().client("kms", config=_config(read_timeout=5)))


def connections(endpoint: str) -> "ApiGatewayManagementApiClient":
    """Sockets behind an ``https://`` endpoint, unless the environment names another."""
    url = None if os.environ.get(_MANAGEMENT_ENDPOINT) else endpoint
    return _cached(
        f"connections {url}",
        lambda: session().client(
            "apigatewaymanagementapi",
            endpoint_url=url,
            config=_config(read_timeout=5, attempts=POST_ATTEMPTS),
        ),
    )


def forget() -> None:
    """Close and drop all clients; the next use makes new ones."""
    with _lock:
        clients = list(_made.values())
        _made.clear()
    for client in clients:
        if hasattr(client, "close"):
            client.close()


def _config(*, read_timeout: float = 15, attempts: int = 4) -> "Config":
    from botocore.config import Config

    return Config(
        retries={"mode": "standard", "total_max_attempts": attempts},
        connect_timeout=2,
        read_timeout=read_timeout,
        max_pool_connections=_CONNECTIONS,
        tcp_keepalive=True,
    )


def _cached(name: str, make: Callable[[], _Made]) -> _Made:
    made = _made.get(name)
    if made is None:
        with _lock:  # making clients is not thread-safe, using them is
            made = _made.get(name)
            if made is None:
                made = _made[name] = make()
    return made  # type: ignore[return-value]  # what is kept under a name is what it makes
