"""Sends to sockets through API Gateway's management API."""

from collections.abc import Sequence
from contextlib import suppress

from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectionError,  # noqa: A004 (botocore's own, the base of its connection errors)
    HTTPClientError,
)

from chalicelib.adapters.aws import clients
from chalicelib.adapters.aws.failures import status_of
from chalicelib.ports import Connection, Delivery

_GONE = 410
_TOO_LARGE = 413
_TOO_MANY = 429
_NO_ANSWER = (ConnectionError, ConnectionClosedError, HTTPClientError)


class GatewayPublisher:
    """A ``Publisher`` for connections whose ``endpoint`` is their gateway's."""

    # https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
    max_message_bytes = 128 * 1024

    def send(self, connection: Connection, messages: Sequence[str]) -> Delivery:
        """Post messages in order; without any, ask if it is there.

        The connection is closed when it does not take a message after the SDK's
        retries, or when a message is larger than the gateway takes.
        """
        if not messages:
            return self._look(connection)
        client = clients.connections(connection.endpoint)
        try:
            for message in messages:
                client.post_to_connection(ConnectionId=connection.id, Data=message.encode())
        except ClientError as error:
            if not _is_the_connections(status_of(error)):
                raise
            if status_of(error) == _GONE:
                return Delivery.GONE
            self._give_up(connection)
            return Delivery.REFUSED
        except _NO_ANSWER:
            self._give_up(connection)
            return Delivery.REFUSED
        return Delivery.TAKEN

    def close(self, connection: Connection) -> None:
        """Close a connection. One that is gone is fine."""
        try:
            clients.connections(connection.endpoint).delete_connection(ConnectionId=connection.id)
        except ClientError as error:
            if status_of(error) != _GONE:
                raise

    def _look(self, connection: Connection) -> Delivery:
        """Who cannot be asked counts as there."""
        try:
            clients.connections(connection.endpoint).get_connection(ConnectionId=connection.id)
        except ClientError as error:
            if not _is_the_connections(status_of(error)):
                raise
            return Delivery.GONE if status_of(error) == _GONE else Delivery.TAKEN
        except _NO_ANSWER:
            return Delivery.TAKEN
        return Delivery.TAKEN

    def _give_up(self, connection: Connection) -> None:
        with suppress(ClientError, *_NO_ANSWER):
            self.close(connection)


def _is_the_connections(status: int) -> bool:
    """Whether a failure is about this connection or a message, not about our rights."""
    return status in (_GONE, _TOO_LARGE, _TOO_MANY) or status >= 500
