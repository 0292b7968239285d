"""Counts the calls of AWS's API, at botocore."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from chalicelib.adapters.aws import clients

if TYPE_CHECKING:
    from botocore.model import OperationModel


@contextmanager
def counted_aws_calls() -> Iterator[list[str]]:
    """The calls made through ``chalicelib.adapters.aws.clients``, such as ``s3.PutObject``.

    A call that the SDK tries several times counts once. Clear the list to start over.
    """
    calls: list[str] = []

    def count(model: "OperationModel", **_: object) -> None:
        calls.append(f"{model.service_model.service_name}.{model.name}")

    clients.forget()  # clients take their session's handlers along when they are made
    clients.session().events.register("before-call", count)
    try:
        yield calls
    finally:
        clients.forget()
